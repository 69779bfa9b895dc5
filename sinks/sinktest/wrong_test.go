package sinktest

import (
	"context"
	"maps"
	"slices"

	"mekong/pipeline"
)

// wrong is a Memory with one defect. A nil function leaves Memory's own.
type wrong struct {
	*Memory
	write  func(m *Memory, ctx context.Context, batch []pipeline.Record) []pipeline.Outcome
	forget func(m *Memory, ctx context.Context, keys []string) error
	check  func(m *Memory, ctx context.Context) []pipeline.Finding
	close  func() error
}

func (w wrong) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	if w.write != nil {
		return w.write(w.Memory, ctx, batch)
	}
	return w.Memory.Write(ctx, batch)
}

func (w wrong) Forget(ctx context.Context, keys []string) error {
	if w.forget != nil {
		return w.forget(w.Memory, ctx, keys)
	}
	return w.Memory.Forget(ctx, keys)
}

func (w wrong) Check(ctx context.Context) []pipeline.Finding {
	if w.check != nil {
		return w.check(w.Memory, ctx)
	}
	return w.Memory.Check(ctx)
}

func (w wrong) Close() error {
	if w.close != nil {
		return w.close()
	}
	return w.Memory.Close()
}

type wrongHarness struct {
	MemoryHarness
	sink wrong
}

func (h wrongHarness) Sink() pipeline.Sink { return h.sink }
func (h wrongHarness) Secrets() []string   { return []string{"s3cr3t-t0ken"} }

// each rewrites every record before Memory sees it.
func each(f func(r pipeline.Record) pipeline.Record) func(*Memory, context.Context, []pipeline.Record) []pipeline.Outcome {
	return func(m *Memory, ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
		batch = slices.Clone(batch)
		for i := range batch {
			batch[i] = f(batch[i])
		}
		return m.Write(ctx, batch)
	}
}

// values rewrites every value before Memory sees it.
func values(f func(v any) any) func(*Memory, context.Context, []pipeline.Record) []pipeline.Outcome {
	return each(func(r pipeline.Record) pipeline.Record {
		r.Fields = maps.Clone(r.Fields)
		for k, v := range r.Fields {
			r.Fields[k] = f(v)
		}
		return r
	})
}

// outcomes rewrites what Memory answers.
func outcomes(f func(out []pipeline.Outcome) []pipeline.Outcome) func(*Memory, context.Context, []pipeline.Record) []pipeline.Outcome {
	return func(m *Memory, ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
		return f(m.Write(ctx, batch))
	}
}

// errs rewrites every error that Memory answers.
func errs(f func(err error) error) func(*Memory, context.Context, []pipeline.Record) []pipeline.Outcome {
	return outcomes(func(out []pipeline.Outcome) []pipeline.Outcome {
		for i := range out {
			if out[i].Err != nil {
				out[i].Err = f(out[i].Err)
			}
		}
		return out
	})
}

func held(err error) bool {
	_, ok := pipeline.IsHold(err)
	return ok
}
