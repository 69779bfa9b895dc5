package larkbase

import (
	"encoding/json"
	"slices"
	"strings"

	"mekong/sinks/lark"
)

// found is a row as it is in the Base.
type found struct {
	id      string
	table   *table
	version string
	filled  []string                   // ids of columns whose cells are not empty; not to be changed
	cells   map[string]json.RawMessage // by id of column, as read; nil when it is known without having been read
}

// plan works out what row r lacks in table t: r.cells. Nothing to write is no cells and an unchanged version.
func (j *job) plan(r *row, t *table) {
	if r.planned == j.turn && r.target == t {
		return
	}
	r.planned, r.target, r.missed = j.turn, t, nil
	n := len(t.live)
	r.cells, r.filed = make([]any, n), make([]bool, n)
	r.ver = ""
	if r.found != nil {
		r.ver = r.found.version
		for _, id := range r.found.filled {
			if c := t.byID[id]; c != nil {
				r.filed[c.at] = true
			}
		}
	}
	var notes []string
	for _, e := range r.entries {
		newer := e.version >= r.ver
		left := j.gather(r, e, t)
		for at, cell := range j.cells {
			if cell != nil && (newer || !r.filed[at]) {
				r.cells[at], r.filed[at] = cell, true
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
		r.cells[t.notes.at] = note(notes)
	}
	if f := r.found; f != nil && f.cells != nil {
		for at, cell := range r.cells {
			if c := t.live[at]; cell != nil && same(c, cell, f.cells[c.field.ID]) {
				r.cells[at] = nil
			}
		}
	}
}

// changed reports whether there is anything to write for r.
func (r *row) changed() bool {
	return r.found == nil || r.ver != r.found.version || slices.ContainsFunc(r.cells, func(cell any) bool { return cell != nil })
}

// row is r as it is sent.
func (r *row) row(t *table) lark.Row {
	out := lark.Row{Cells: make([]lark.Cell, 0, len(r.cells))}
	put := func(c *column, cell any) { out.Cells = append(out.Cells, lark.Cell{Column: c.field.Name, Value: cell}) }
	if r.found == nil {
		put(t.key, r.key)
	} else {
		out.ID = r.found.id
	}
	if r.found == nil || r.ver != r.found.version {
		put(t.version, r.ver)
	}
	for at, cell := range r.cells {
		if cell != nil {
			put(t.live[at], cell)
		}
	}
	return out
}

// gather fills j.cells with what one record brings, by the column's place, and tells
// what had to be left out. Of two fields that suit one column the better one goes there.
func (j *job) gather(r *row, e *entry, t *table) (left []string) {
	if n := len(t.live); len(j.cells) != n {
		j.cells, j.ranks = make([]any, n), make([]int, n)
	}
	clear(j.cells)
	for _, field := range e.names() {
		columns := t.of(field)
		if len(columns) == 0 {
			continue
		}
		v, how := e.value(field), 0
		if t.named == nil {
			how = t.guess(field).rank
		}
		for _, c := range columns {
			if j.cells[c.at] != nil && j.ranks[c.at] <= how {
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
				j.cells[c.at], j.ranks[c.at] = cell, how
			}
		}
	}
	return left
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
