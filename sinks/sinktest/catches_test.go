package sinktest

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/pipeline"
)

// defect is one way to be wrong, and the case that must notice. make is called
// for every case, so that a defect may keep a count of its own.
type defect struct {
	what  string
	fails string
	make  func() wrong
}

// TestCatches holds the suite itself to account: every sink here is wrong in
// one way, and the case named must say so.
func TestCatches(t *testing.T) {
	for _, test := range slices.Concat(wrongRows(), wrongCare()) {
		t.Run(test.what, func(t *testing.T) {
			failed, _ := play(t, func(testing.TB) Harness {
				h := MemoryHarness{NewMemory()}
				w := test.make()
				w.Memory = h.Memory
				return wrongHarness{h, w}
			})
			if len(failed[test.fails]) == 0 {
				t.Errorf("the case %q did not notice; these did: %q", test.fails, slices.Sorted(maps.Keys(failed)))
			}
		})
	}
}

func wrongRows() []defect {
	return []defect{
		{"the last to arrive wins", "an older record adds what the row lacks and overwrites nothing", func() wrong {
			var mu sync.Mutex
			n := 0
			return wrong{write: each(func(r pipeline.Record) pipeline.Record {
				mu.Lock()
				defer mu.Unlock()
				n++
				r.Occurred = r.Occurred.Add(time.Duration(n) * time.Hour)
				return r
			})}
		}},
		{"an update replaces the row", "a later record merges", func() wrong {
			return wrong{write: func(m *Memory, ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
				for _, r := range batch {
					m.Forget(ctx, []string{r.Key})
				}
				return m.Write(ctx, batch)
			}}
		}},
		{"an older record is dropped whole", "an older record adds what the row lacks and overwrites nothing", func() wrong {
			var mu sync.Mutex
			newest := map[string]string{}
			return wrong{write: func(m *Memory, ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
				mu.Lock()
				defer mu.Unlock()
				var kept []pipeline.Record
				for _, r := range batch {
					if v := memoryVersion(r); v >= newest[r.Key] {
						newest[r.Key] = v
						kept = append(kept, r)
					}
				}
				m.Write(ctx, kept)
				return make([]pipeline.Outcome, len(batch))
			}}
		}},
		{"a batch is applied as it comes", "one key several times in a batch", func() wrong {
			return wrong{write: func(m *Memory, ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
				out := []pipeline.Outcome{}
				for _, r := range batch {
					out = append(out, m.Write(ctx, []pipeline.Record{r})...)
				}
				return out
			}}
		}},
		{"ties go to the last to arrive", "ties are broken by when it was received, then by ID", func() wrong {
			return wrong{write: each(func(r pipeline.Record) pipeline.Record {
				r.ID, r.Received = "", r.Occurred
				return r
			})}
		}},
		{"every write is a row of its own", "written again is one row", func() wrong {
			var mu sync.Mutex
			n := 0
			return wrong{write: each(func(r pipeline.Record) pipeline.Record {
				mu.Lock()
				defer mu.Unlock()
				n++
				r.Key += "#" + strconv.Itoa(n)
				return r
			})}
		}},
		{"Key is taken for ID", "a row that begins as a record of its own", func() wrong {
			return wrong{write: each(func(r pipeline.Record) pipeline.Record { r.Key = r.ID; return r })}
		}},
		{"a record of its own is never merged", "a row that begins as a record of its own", func() wrong {
			return wrong{write: func(m *Memory, ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
				there := map[string]bool{}
				for _, row := range m.Rows() {
					there[row.Key] = true
				}
				var kept []pipeline.Record
				for _, r := range batch {
					if r.Key != r.ID || !there[r.Key] {
						kept = append(kept, r)
					}
				}
				m.Write(ctx, kept)
				return make([]pipeline.Outcome, len(batch))
			}}
		}},
		{"nil clears", "nil carries nothing", func() wrong {
			return wrong{write: values(func(v any) any {
				if v == nil {
					return ""
				}
				return v
			})}
		}},
		{"long digits become a number", "every type of value", func() wrong {
			return wrong{write: values(func(v any) any {
				if s, ok := v.(string); ok && len(s) == 18 {
					if f, err := strconv.ParseFloat(s, 64); err == nil {
						return strconv.FormatFloat(f, 'f', 0, 64)
					}
				}
				return v
			})}
		}},
		{"leading zeros are lost", "every type of value", func() wrong {
			return wrong{write: values(func(v any) any {
				if s, ok := v.(string); ok {
					return strings.TrimLeft(s, "0")
				}
				return v
			})}
		}},
		{"spaces are trimmed", "every type of value", func() wrong {
			return wrong{write: values(func(v any) any {
				if s, ok := v.(string); ok {
					return strings.TrimSpace(s)
				}
				return v
			})}
		}},
		{"text is cut short", "a long text", func() wrong {
			return wrong{write: values(func(v any) any {
				if s, ok := v.(string); ok && len(s) > 60_000 {
					return s[:60_000]
				}
				return v
			})}
		}},
		{"a dot in a name opens a level", "any field name", func() wrong {
			return wrong{write: each(func(r pipeline.Record) pipeline.Record {
				fields := map[string]any{}
				for k, v := range r.Fields {
					head, _, _ := strings.Cut(k, ".")
					fields[head] = v
				}
				r.Fields = fields
				return r
			})}
		}},
	}
}
