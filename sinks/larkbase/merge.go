package larkbase

import (
	"encoding/json"
	"strings"

	"mekong/sinks/lark"
)

// found is a row as it is in the Base.
type found struct {
	id      string
	table   *table
	version string
	filled  map[string]bool            // ids of columns whose cells are not empty
	cells   map[string]json.RawMessage // by id of column, as read; nil when it is known without having been read
}

// plan works out what row r lacks in table t: r.cells, by id of column. Nothing to
// write is no cells and an unchanged version.
func (j *job) plan(r *row, t *table) {
	if r.planned == j.turn && r.target == t {
		return
	}
	r.planned, r.target, r.missed = j.turn, t, nil
	r.cells, r.filed = map[string]any{}, map[string]bool{}
	r.ver = ""
	if r.found != nil {
		r.ver = r.found.version
		for id := range r.found.filled {
			r.filed[id] = true
		}
	}
	var notes []string
	for _, e := range r.entries {
		newer := e.version >= r.ver
		cells, left := j.cells(r, e, t)
		for id, cell := range cells {
			if newer || !r.filed[id] {
				r.cells[id] = cell
				r.filed[id] = true
			}
		}
		if newer {
			r.ver = e.version
			notes = left
		} else if len(notes) == 0 {
			notes = left
		}
	}
	if len(notes) > 0 && t.notes != nil {
		r.cells[t.notes.field.ID] = note(notes)
	}
	if f := r.found; f != nil && f.cells != nil {
		for id, cell := range r.cells {
			if same(t.byID[id], cell, f.cells[id]) {
				delete(r.cells, id)
			}
		}
	}
}

// changed reports whether there is anything to write for r.
func (r *row) changed() bool {
	return r.found == nil || len(r.cells) > 0 || r.ver != r.found.version
}

// row is r as it is sent.
func (r *row) row(t *table) lark.Row {
	out := lark.Row{Fields: make(map[string]any, len(r.cells)+2)}
	for id, cell := range r.cells {
		if c := t.byID[id]; c != nil {
			out.Fields[c.field.Name] = cell
		}
	}
	if r.found == nil {
		out.Fields[t.key.field.Name] = r.key
	} else {
		out.ID = r.found.id
	}
	if r.found == nil || r.ver != r.found.version {
		out.Fields[t.version.field.Name] = r.ver
	}
	return out
}

// cells are what one record brings, by id of column, and what had to be left out.
// Of two fields that suit one column the better one goes there.
func (j *job) cells(r *row, e *entry, t *table) (map[string]any, []string) {
	cells, ranks := map[string]any{}, map[string]int{}
	var left []string
	for field, v := range e.fields() {
		for _, c := range t.of(field) {
			how := 0
			if t.named == nil {
				how = t.guess(field).rank
			}
			if before, taken := ranks[c.field.ID]; taken && before <= how {
				continue
			}
			cell, problem := any(nil), "the Base refused it"
			if !r.drop[c.kind] && j.spoilt[c.kind] < spoilt {
				cell, problem = j.s.coerce(c, v)
			}
			if problem != "" {
				left = append(left, c.field.Name+": "+problem+": "+plain(v))
				r.missed = append(r.missed, c.field.Name)
			}
			if cell != nil {
				cells[c.field.ID], ranks[c.field.ID] = cell, how
			}
		}
	}
	return cells, left
}

// maxNote is the most that is said of one record, in bytes.
const maxNote = 5000

func note(lines []string) string {
	s := strings.Join(lines, "\n")
	if len(s) > maxNote {
		s = strings.ToValidUTF8(s[:maxNote], "") + "…"
	}
	cell, _ := asText(s)
	return cell.(string)
}
