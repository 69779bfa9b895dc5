package webhook

import (
	"cmp"
	"context"
	"slices"

	"mekong/pipeline"
)

// Write posts each record, or the batch as a list, in the order in which they
// happened: a receiver that knows nothing of versions then ends with the newest of a
// batch. What the destination refuses as a whole is not offered the rest.
func (s *Sink) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	out := make([]pipeline.Outcome, len(batch))
	var good []pipeline.Record
	var at []int // their places in batch
	for _, i := range inOrder(batch) {
		if _, err := s.encode(batch[i]); err != nil {
			out[i].Err = pipeline.Permanent(err)
			continue
		}
		good, at = append(good, batch[i]), append(at, i)
	}
	var results []pipeline.Outcome
	if s.conf.List {
		results = pipeline.Split(ctx, good, s.postList)
	} else {
		results = s.postEach(ctx, good)
	}
	for i, o := range results {
		out[at[i]] = o
	}
	return out
}

// inOrder is the places of batch's records, oldest record first.
func inOrder(batch []pipeline.Record) []int {
	places := make([]int, len(batch))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(i, j int) int {
		a, b := batch[i], batch[j]
		return cmp.Or(a.Occurred.Compare(b.Occurred), a.Received.Compare(b.Received), cmp.Compare(a.ID, b.ID))
	})
	return places
}

func (s *Sink) postEach(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	out := make([]pipeline.Outcome, len(batch))
	for i, r := range batch {
		body, err := s.encode(r)
		if err != nil {
			out[i].Err = pipeline.Permanent(err)
			continue
		}
		err = s.post(ctx, s.url, r.ID, body, true)
		if _, held := pipeline.IsHold(err); held || ctx.Err() != nil && err != nil {
			for j := i; j < len(batch); j++ {
				out[j].Err = err
			}
			return out
		}
		out[i].Err = err
	}
	return out
}

// postList sends records as one list, which the receiver takes as a whole or not.
func (s *Sink) postList(ctx context.Context, part []pipeline.Record) ([]string, error) {
	texts := make([][]byte, len(part))
	for i, r := range part { // anew for each part: that costs nothing beside a request
		text, err := s.encode(r)
		if err != nil {
			return nil, pipeline.Permanent(err)
		}
		texts[i] = text
	}
	body, err := encodeList(texts)
	if err != nil {
		return nil, pipeline.Permanent(err) // fewer at once may go through
	}
	return nil, s.post(ctx, s.url, listID(part), body, true)
}
