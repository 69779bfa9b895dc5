package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"mekong/pipeline/bus"
	"mekong/pipeline/receipt"
	"mekong/pipeline/trace"
)

// history is everything that TRACE says of some records and deliveries, by their ID.
type history map[string][]receipt.Fact

// historySlack is how much earlier than the first delivery the stream is read: clocks
// of several machines differ.
const historySlack = time.Minute

// history reads TRACE from when the first delivery came. The index of leads knows how
// it stands at each destination; what came before that is only there.
func (g *gathering) history(ctx context.Context) (history, error) {
	h := history{}
	var since time.Time
	for _, p := range g.paths {
		h[p.ID] = nil
		for _, t := range p.Records {
			h[t.ID] = nil
		}
		if at := receivedAt(p); since.IsZero() || at.Before(since) {
			since = at
		}
	}
	if len(h) == 0 {
		return h, nil
	}
	b := g.r.app.Bus
	after, err := traceSince(ctx, b, since.Add(-historySlack))
	if err != nil {
		return nil, err
	}
	op := &Operator{app: g.r.app}
	for {
		entries, err := b.SettlementsAfter(ctx, after, 500)
		if err != nil || len(entries) == 0 {
			return h, err
		}
		for _, e := range entries {
			after = e.Seq
			for _, s := range e.Value.Settled {
				if id := h.of(s.ID); id != "" && s.State != bus.Made {
					h.add(g, id, op.sinkOf(e.Value.Stage), e.Value, s)
				}
			}
		}
	}
}

// traceSince is the sequence behind which everything of TRACE was stored at a time or
// later. It asks for a few messages, wherever that is.
func traceSince(ctx context.Context, b *bus.Bus, since time.Time) (uint64, error) {
	e, err := b.Extent(ctx, bus.LogTrace)
	if err != nil || e.First > e.Last {
		return 0, err
	}
	low, high := e.First-1, e.Last // all up to low is older; nothing behind high is
	for low < high {
		mid := low + (high-low)/2
		at, ok, err := b.NextStored(ctx, bus.LogTrace, mid)
		if err != nil {
			return 0, err
		}
		if ok && at.Before(since) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, nil
}

// of is the ID, of those wanted, that something settled is about; "" if it is none.
// What was sent through a stage again has something behind its ID.
func (h history) of(settled string) string {
	if _, ok := h[settled]; ok {
		return settled
	}
	for rest := settled; ; {
		i := strings.LastIndexByte(rest, ':')
		if i <= 0 {
			return ""
		}
		rest = rest[:i]
		if _, ok := h[rest]; ok && isRerun(settled[i+1:]) {
			return rest
		}
	}
}

// isRerun reports whether that is what stands behind the ID of a message that was sent
// again: r and the number of a grave, or the name of a run and of a sink.
func isRerun(tail string) bool {
	run, sink, replayed := strings.Cut(tail, ":")
	if replayed {
		return sink != "" && len(run) == 26 && strings.Trim(run, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
	}
	n, ok := strings.CutPrefix(run, "r")
	return ok && n != "" && strings.Trim(n, "0123456789") == ""
}

func (h history) add(g *gathering, id, sink string, s bus.Settlement, e bus.Settled) {
	f := g.outcome(id, sink, receipt.State(e.State), s.At)
	f.Outcome.Took, f.Outcome.Attempts, f.Outcome.Ref, f.Outcome.Why = s.Took, e.Attempts, e.Ref, e.Reason
	same := func(have receipt.Fact) bool { return have.At.Equal(f.At) && *have.Outcome == *f.Outcome }
	if !slices.ContainsFunc(h[id], same) { // it may have been written down twice
		h[id] = append(h[id], f)
	}
}

func (g *gathering) outcome(id, sink string, state receipt.State, at time.Time) receipt.Fact {
	o := &receipt.Outcome{Record: id, Sink: sink, State: state}
	if conf, ok := g.r.app.config.Sinks[sink]; ok {
		o.Type = blockOf(conf)
	}
	return receipt.Fact{At: g.zoned(at), Outcome: o}
}

// outcomes are those of a delivery and of what was made of it, the oldest first and
// what waits last. Where TRACE no longer has anything, the index may.
func (h history) outcomes(g *gathering, p trace.Path) []receipt.Fact {
	out := slices.Clone(h[p.ID])
	var waiting []receipt.Fact
	add := func(id string, steps []trace.Step) {
		for _, s := range steps {
			sink := g.sinkName(s.Sink)
			at := func(f receipt.Fact) bool { return f.Outcome.Sink == sink }
			f := g.outcome(id, sink, receipt.State(s.State), s.At)
			f.Outcome.Took, f.Outcome.Attempts, f.Outcome.Ref, f.Outcome.Why = s.Took, s.Attempts, s.Ref, s.Why
			switch last := lastOf(h[id], at); {
			case s.State != trace.Waiting && last == "":
				out = append(out, f)
			case s.State == trace.Waiting && (last == "" || last == receipt.Unburied || last == receipt.Replayed):
				f.At = time.Time{}
				waiting = append(waiting, f)
			}
		}
	}
	if p.Step != nil {
		add(p.ID, []trace.Step{*p.Step})
	}
	for _, t := range p.Records {
		if t.ID != p.ID {
			out = append(out, h[t.ID]...)
		}
		add(t.ID, t.Steps)
	}
	slices.SortStableFunc(out, func(a, b receipt.Fact) int { return a.At.Compare(b.At) })
	out = append(out, waiting...)
	for i := range out {
		out[i].Lead = p.ID
	}
	return out
}

// sinkName is the name in the configuration of what the index calls a sink.
func (g *gathering) sinkName(indexed string) string {
	if indexed == TransformStage {
		return receipt.TransformStage
	}
	if _, ok := g.r.app.config.Sinks[indexed]; ok {
		return indexed
	}
	return (&Operator{app: g.r.app}).sinkOf("sink-" + indexed)
}

// lastOf is the state of the last outcome of a kind; "": there is none.
func lastOf(facts []receipt.Fact, of func(receipt.Fact) bool) receipt.State {
	for _, f := range slices.Backward(facts) {
		if of(f) {
			return f.Outcome.State
		}
	}
	return ""
}
