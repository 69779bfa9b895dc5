package appsscript

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
)

// forgetSize is how many keys go in one call.
const forgetSize = 500

// Forget deletes the rows of keys.
func (s *Sink) Forget(ctx context.Context, keys []string) error {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k == "" || len(k) > maxKey })
	if len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	return s.alone(ctx, func(*doubt) error {
		for part := range slices.Chunk(keys, forgetSize) {
			q := s.request("forget")
			q.Keys = part
			payload, err := ascii(q)
			if err != nil {
				return errors.New("appsscript: the keys cannot be written as JSON")
			}
			if _, err := s.ask(ctx, rand.Text(), payload); err != nil {
				return err
			}
		}
		return nil
	})
}
