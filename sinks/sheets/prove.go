package sheets

import (
	"context"

	"mekong/pipeline"
)

// Prove writes one marked row, looks at it and removes it again, and says how that
// went. Unlike [Sink.Check] it makes the sink's own columns where they are not there.
func (s *Sink) Prove(ctx context.Context) []pipeline.Finding {
	now := s.now()
	key := "mekong-doctor-" + now.UTC().Format("20060102T150405.000")
	r := pipeline.Record{ID: key, Key: key, Kind: "proof", Occurred: now, Received: now}
	out := s.Write(ctx, []pipeline.Record{r})[0]
	if out.Err != nil {
		f := s.diagnose(out.Err)
		f.What = "a row could not be written: " + f.What
		if e := As(out.Err); e != nil && e.Ambiguous {
			f.What += "; if it was written after all, its key begins with mekong-doctor"
			f.Fix += "; then delete that row"
		}
		return []pipeline.Finding{f}
	}
	if err := s.Forget(ctx, []string{key}); err != nil {
		f := s.diagnose(err)
		f.Level = pipeline.Warn
		f.What = "a row was written, and could not be removed: " + f.What
		f.Fix += "; then delete the row by hand: " + out.Ref
		return []pipeline.Finding{f}
	}
	return []pipeline.Finding{{Level: pipeline.OK, Setting: s.setting("spreadsheet"), What: "a row was written, seen in the answer, and removed again"}}
}
