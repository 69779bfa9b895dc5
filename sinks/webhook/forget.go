package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"mekong/pipeline"
)

// forgetSize is how many keys go in one request.
const forgetSize = 500

// Forget posts the keys to forget.url, in parts: {"keys": […]}. Only an answer of
// success means that they are erased. Without that address nobody can be asked, and
// the error says so: claiming that a person was forgotten would be a lie.
func (s *Sink) Forget(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	if s.forget == nil {
		return errors.New("webhook: it can only be told to store: ask the destination to erase these rows by hand, or set forget.url")
	}
	for part := range slices.Chunk(keys, forgetSize) {
		body, err := json.Marshal(map[string][]string{"keys": part})
		if err != nil {
			return errors.New("webhook: the keys cannot be written as JSON")
		}
		if err := s.post(ctx, s.forget, "", body, false); err != nil {
			if pipeline.IsPermanent(err) {
				return errors.New("webhook: forget.url does not take the list of keys")
			}
			return err
		}
	}
	return nil
}
