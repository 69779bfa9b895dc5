package sinktest

import (
	"cmp"
	"slices"

	"mekong/pipeline"
)

// model is what a destination should hold, in the fewest words: the contract
// of [pipeline.Sink] written down as a program, sharing nothing with a sink.
type model map[string]*modelRow

type modelRow struct {
	newest pipeline.Record
	fields map[string]any
}

// compare orders records of one key: by when they happened, then by when they
// were received, then by ID. Equal means the same record.
func compare(a, b pipeline.Record) int {
	return cmp.Or(a.Occurred.Compare(b.Occurred), a.Received.Compare(b.Received), cmp.Compare(a.ID, b.ID))
}

func (m model) write(batch []pipeline.Record) {
	batch = slices.Clone(batch)
	slices.SortStableFunc(batch, compare)
	for _, r := range batch {
		row := m[r.Key]
		if row == nil {
			row = &modelRow{newest: r, fields: map[string]any{}}
			m[r.Key] = row
		}
		newer := compare(r, row.newest) >= 0
		if newer {
			row.newest = r
		}
		for name, v := range r.Fields {
			if v != nil && (newer || row.fields[name] == nil) {
				row.fields[name] = v
			}
		}
	}
}
