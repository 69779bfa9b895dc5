package sinktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mekong/pipeline"
)

func wrongCare() []defect {
	return []defect{
		{"one bad record spoils the batch", "a bad record stands alone", func() wrong {
			return wrong{write: func(m *Memory, ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
				for _, r := range batch {
					if _, bad := r.Fields[MemoryBad]; bad {
						return pipeline.Outcomes(len(batch), pipeline.Permanent(errors.New("bad batch")))
					}
				}
				return m.Write(ctx, batch)
			}}
		}},
		{"a bad record is said to be stored", "only bad records", func() wrong {
			return wrong{write: outcomes(func(out []pipeline.Outcome) []pipeline.Outcome {
				for i := range out {
					if pipeline.IsPermanent(out[i].Err) {
						out[i].Err = nil
					}
				}
				return out
			})}
		}},
		{"outcomes are out of order", "a bad record stands alone", func() wrong {
			return wrong{write: outcomes(func(out []pipeline.Outcome) []pipeline.Outcome { slices.Reverse(out); return out })}
		}},
		{"outcomes are too few", "a later record merges", func() wrong {
			return wrong{write: outcomes(func(out []pipeline.Outcome) []pipeline.Outcome { return out[:max(0, len(out)-1)] })}
		}},
		{"an outage counts as an attempt", "an outage is the destination's fault", func() wrong {
			return wrong{write: errs(func(err error) error {
				if held(err) {
					return errors.New("failed")
				}
				return err
			})}
		}},
		{"missing rights bury", "missing rights are the destination's fault", func() wrong {
			return wrong{write: errs(func(err error) error {
				if held(err) {
					return pipeline.Permanent(errors.New("refused"))
				}
				return err
			})}
		}},
		{"Retry-After is ignored", "throttling is the destination's fault", func() wrong {
			return wrong{write: errs(func(err error) error {
				if wait, ok := pipeline.IsHold(err); ok && wait > 0 {
					return pipeline.Hold(errors.New("slow down"), 0)
				}
				return err
			})}
		}},
		{"a stale token is a failure", "a stale token costs nothing", func() wrong {
			return wrong{write: func(m *Memory, ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
				m.mu.Lock()
				stale := m.fault == StaleToken
				m.mu.Unlock()
				if stale {
					m.Clear()
					return pipeline.Outcomes(len(batch), pipeline.Hold(errors.New("token refused"), 0))
				}
				return m.Write(ctx, batch)
			}}
		}},
		{"a lost reply doubles", "a lost reply ends as one row", func() wrong {
			return wrong{write: each(func(r pipeline.Record) pipeline.Record {
				if r.Again {
					r.Key += " (2)"
				}
				return r
			})}
		}},
		{"a shutdown is a Hold", "a context that has ended is no verdict", func() wrong {
			return wrong{write: errs(func(err error) error {
				if errors.Is(err, context.Canceled) {
					return pipeline.Hold(err, 0)
				}
				return err
			})}
		}},
		{"the context is not heard", "a context that ends returns soon and is no verdict", func() wrong {
			return wrong{write: func(m *Memory, _ context.Context, batch []pipeline.Record) []pipeline.Outcome {
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				defer cancel()
				return m.Write(ctx, batch)
			}}
		}},
		{"a secret is in an error", "missing rights are the destination's fault", func() wrong {
			return wrong{write: errs(func(err error) error { return pipeline.Hold(fmt.Errorf("s3cr3t-t0ken refused: %w", err), 0) })}
		}},
		{"a secret is in an error's depths", "missing rights are the destination's fault", func() wrong {
			return wrong{write: errs(func(error) error { return pipeline.Hold(quiet{"s3cr3t-t0ken"}, 0) })}
		}},
		{"a value is in an error", "a bad record stands alone", func() wrong {
			return wrong{write: func(m *Memory, ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
				out := m.Write(ctx, batch)
				for i := range out {
					if out[i].Err != nil {
						out[i].Err = pipeline.Permanent(fmt.Errorf("refused: %v", batch[i].Fields))
					}
				}
				return out
			}}
		}},
		{"Check is content whatever happens", "Check names a broken setting", func() wrong {
			return wrong{check: func(*Memory, context.Context) []pipeline.Finding {
				return []pipeline.Finding{{Level: pipeline.OK, What: "all is well"}}
			}}
		}},
		{"Check says nothing", "Check is content with a healthy destination", func() wrong {
			return wrong{check: func(*Memory, context.Context) []pipeline.Finding { return nil }}
		}},
		{"Check gives no fix", "Check names a broken setting", func() wrong {
			return wrong{check: func(m *Memory, ctx context.Context) []pipeline.Finding {
				found := m.Check(ctx)
				found[0].Fix = ""
				return found
			}}
		}},
		{"Check shows a secret", "Check only reads", func() wrong {
			return wrong{check: func(*Memory, context.Context) []pipeline.Finding {
				return []pipeline.Finding{{Level: pipeline.OK, What: "token s3cr3t-t0ken works"}}
			}}
		}},
		{"Check writes", "Check only reads", func() wrong {
			return wrong{check: func(m *Memory, ctx context.Context) []pipeline.Finding {
				m.Write(ctx, []pipeline.Record{lone("probe", nil)})
				return m.Check(ctx)
			}}
		}},
		{"Forget forgets nothing", "Forget forgets", func() wrong {
			return wrong{forget: func(*Memory, context.Context, []string) error { return nil }}
		}},
		{"Forget forgets everything", "Forget forgets", func() wrong {
			return wrong{forget: func(m *Memory, ctx context.Context, _ []string) error {
				for _, row := range m.Rows() {
					m.Forget(ctx, []string{row.Key})
				}
				return nil
			}}
		}},
		{"Forget minds unknown keys", "Forget forgets", func() wrong {
			return wrong{forget: func(m *Memory, ctx context.Context, keys []string) error {
				before := len(m.Rows())
				if err := m.Forget(ctx, keys); err != nil {
					return err
				}
				if before-len(m.Rows()) != len(keys) {
					return errors.New("some keys are unknown")
				}
				return nil
			}}
		}},
		{"Forget hides an outage", "an outage is the destination's fault", func() wrong {
			return wrong{forget: func(m *Memory, ctx context.Context, keys []string) error {
				m.Forget(ctx, keys)
				return nil
			}}
		}},
		{"writers beside each other lose updates", "several writers at once", func() wrong {
			var mu sync.Mutex
			seen := map[string]bool{}
			return wrong{write: func(m *Memory, ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
				mu.Lock()
				defer mu.Unlock()
				lost := false
				for _, r := range batch {
					if r.Key == "shared" {
						lost = lost || !seen[r.ID[:2]] && strings.HasSuffix(r.ID, "-5")
					}
				}
				if lost {
					return make([]pipeline.Outcome, len(batch))
				}
				return m.Write(ctx, batch)
			}}
		}},
		{"Close fails", "an empty batch", func() wrong {
			return wrong{close: func() error { return errors.New("still open") }}
		}},
	}
}

// quiet is an error that hides its text from Error but not from %#v.
type quiet struct{ secret string }

func (quiet) Error() string { return "refused" }
