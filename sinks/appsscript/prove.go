package appsscript

import (
	"context"
	"crypto/rand"
	"errors"

	"mekong/pipeline"
)

// Prove lets the script write one marked row, look at it and remove it, and says how
// that went. Unlike [Sink.Check] it makes the script's own columns where they are not
// there.
func (s *Sink) Prove(ctx context.Context) []pipeline.Finding {
	var a *answer
	batch := rand.Text()
	err := s.alone(ctx, func(*doubt) error {
		payload, err := ascii(s.request("prove"))
		if err != nil {
			return err
		}
		// Not by ask: a proof that was lost is none, and nothing waits for it.
		a, err = s.call(ctx, batch, payload)
		return err
	})
	const key = "00-mekong-doctor-…"
	ok := pipeline.Finding{Level: pipeline.OK, Setting: s.setting("url"), What: "a row was written, looked at and removed again"}
	var f *failure
	switch {
	case err != nil:
		found := s.finding(err)
		if errors.As(err, &f) && f.doubtful {
			found.Fix += "; if a row with the key " + key + " is in the sheet, delete it"
		}
		return []pipeline.Finding{found}
	case !a.Seen:
		ok.Level, ok.What = pipeline.Fail, "a row was written, and its key did not stay what it was"
		ok.Fix = "see whether a formula or a script of somebody else's changes the key column"
	case a.Erased < 1:
		ok.Level, ok.What, ok.Fix = pipeline.Warn, "a row was written, and could not be removed", "delete the row with the key "+key+" by hand"
	}
	return []pipeline.Finding{ok}
}
