package larkchat

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"mekong/pipeline"
)

// errKept is what Forget answers.
var errKept = errors.New("larkchat: what was posted into a group cannot be erased from here: delete the messages in the group by hand")

// Forget refuses: a custom bot cannot take back what it posted, and which message of
// an app's bot is about whom is not kept.
func (s *Sink) Forget(_ context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return errKept
}

// item is a record that is to be told, and where it stands in the batch.
type item struct {
	notice
	key, mark string // mark: the record and what it says
	places    []int  // of the record, and of those that follow it without being told
}

// Write posts the records that were not told yet, as few messages as they fit in.
func (s *Sink) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	select {
	case <-s.writing:
		defer func() { s.writing <- struct{}{} }()
	case <-ctx.Done():
		return pipeline.Outcomes(len(batch), ctx.Err())
	}
	out := make([]pipeline.Outcome, len(batch))
	items := s.items(batch, out)
	for len(items) > 0 {
		n := s.fitting(items)
		err := s.send(ctx, items[:n], out)
		_, held := pipeline.IsHold(err)
		if items = items[n:]; held || ctx.Err() != nil {
			// The destination is in the way, or the caller goes: nothing more is tried.
			if err == nil {
				err = ctx.Err()
			}
			settle(out, items, "", err)
			break
		}
	}
	return out
}

// items is what is to be told, oldest first. Records that are not are settled in out.
func (s *Sink) items(batch []pipeline.Record, out []pipeline.Outcome) []*item {
	order := make([]int, len(batch))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := batch[i], batch[j]
		return cmp.Or(a.Occurred.Compare(b.Occurred), a.Received.Compare(b.Received), cmp.Compare(a.ID, b.ID))
	})
	var items []*item
	same := map[string]*item{}
	for _, i := range order {
		r := batch[i]
		n, err := s.notice(r)
		if err != nil {
			out[i].Err = pipeline.Permanent(err)
			continue
		}
		it := &item{notice: n, key: "key\x00" + r.Key, mark: "record\x00" + mark(r.ID, n), places: []int{i}}
		group := it.mark
		if !s.conf.Updates {
			group = it.key
		}
		switch first := same[group]; {
		case s.told.has(group):
		case first != nil:
			first.places = append(first.places, i)
		default:
			same[group] = it
			items = append(items, it)
		}
	}
	return items
}

// send posts items as one message. One that is refused for its content is taken apart.
func (s *Sink) send(ctx context.Context, items []*item, out []pipeline.Outcome) error {
	if err := ctx.Err(); err != nil {
		settle(out, items, "", err)
		return err
	}
	marks := make([]string, len(items))
	notices := make([]notice, len(items))
	for i, it := range items {
		marks[i], notices[i] = it.mark, it.notice
	}
	ref, err := s.poster.post(ctx, s.message(notices), mark(s.name, marks))
	if pipeline.IsPermanent(err) && len(items) > 1 {
		half := len(items) / 2
		for i, part := range [][]*item{items[:half], items[half:]} {
			err = s.send(ctx, part, out)
			if _, held := pipeline.IsHold(err); (held || ctx.Err() != nil) && err != nil {
				if i == 0 {
					settle(out, items[half:], "", err)
				}
				return err
			}
		}
		return nil
	}
	settle(out, items, ref, err)
	if err == nil {
		for _, it := range items {
			s.told.add(it.key)
			s.told.add(it.mark)
		}
	}
	return err
}

func settle(out []pipeline.Outcome, items []*item, ref string, err error) {
	for _, it := range items {
		for _, i := range it.places {
			out[i] = pipeline.Outcome{Ref: ref, Err: err}
		}
	}
}
