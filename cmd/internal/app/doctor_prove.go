package app

import (
	"context"
	"slices"

	"mekong/pipeline"
	"mekong/sinks"
)

// prove writes one row and removes it, where the adapter knows how and nothing that
// was found before says that it would be in vain.
func prove(ctx context.Context, s sinks.Opened, setting string, found []pipeline.Finding) []pipeline.Finding {
	bad := slices.ContainsFunc(found, func(f pipeline.Finding) bool { return f.Level == pipeline.Fail })
	switch {
	case bad:
		return []pipeline.Finding{{Level: pipeline.Warn, Setting: setting, What: "nothing was written for proof: it would fail", Fix: "mend what is told above first"}}
	case s.Prove == nil:
		return []pipeline.Finding{{Setting: setting, What: "this kind of sink cannot be proved by writing; what was found by reading stands"}}
	}
	return s.Prove(ctx)
}
