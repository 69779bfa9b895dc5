package app

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// asideHead is the column in which the rows that only the person has are written.
const asideHead = "Ghi chú của tôi"

// seen is a row as the test looks at it.
type seen struct {
	at        int // in the tab
	key, name string
	own       map[string]string // by the header of a column that the sink does not fill
	rest      bool              // anything else in it
}

// places says which column is what: the sink's own by what the sink has written on them,
// since they may be called anything and be anywhere.
func (h *hand) places() map[int]string {
	out := map[int]string{}
	for _, m := range h.sim.Metadata(h.book) {
		if m.Key == "mekong.column" && m.Column >= 0 {
			out[m.Column] = m.Value
		}
	}
	return out
}

// look is the tab's rows, without the header.
func (h *hand) look() (rows []seen) {
	values, at := h.sim.Values(h.book, 0), h.places()
	for i, line := range values {
		if i == 0 {
			continue
		}
		r := seen{at: i, own: map[string]string{}}
		for c, v := range line {
			text, isText := v.(string)
			switch what, ours := at[c]; {
			case v == nil:
			case what == "key":
				r.key = text
			case what == "field name":
				r.name = text
			case ours:
				r.rest = true
			case isText && c < len(values[0]):
				head, _ := values[0][c].(string)
				r.own[head] = text
			default:
				r.own[fmt.Sprint("column ", c)] = fmt.Sprint(v)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

// work does something every so often until ctx ends.
func (h *hand) work(ctx context.Context, every time.Duration) {
	rnd := rand.New(rand.NewPCG(3, 5))
	tick := time.NewTicker(every)
	defer tick.Stop()
	h.mu.Lock()
	h.done = map[string]int{}
	h.mu.Unlock()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if n%10 == 9 {
			h.sim.ExpireTokens()
		}
		h.desk.Lock()
		h.mu.Lock()
		if what := h.something(rnd); what != "" {
			h.done[what]++
		}
		h.mu.Unlock()
		h.desk.Unlock()
	}
}

// something does one thing to the tab, and says what. Nothing else happens meanwhile.
func (h *hand) something(rnd *rand.Rand) string {
	if h.calmed < 0 && h.sim.Calls().Writes >= settled-h.calmed {
		h.calm(false)
		h.calmed = 0
	}
	values, tab := h.sim.Values(h.book, 0), h.sim.Tabs(h.book)[0]
	if len(values) < 10 {
		return "" // there is nothing yet to work on
	}
	if len(h.heads) == 0 {
		return h.columns(len(values[0]), 0)
	}
	if h.calmed != 0 { // a person does one thing at a time
		return h.columns(len(values[0]), tab.Columns)
	}
	row, wide := 1+rnd.IntN(len(values)-1), len(values[0])
	switch rnd.IntN(11) {
	case 0:
		h.sim.SortRows(h.book, 0, rnd.IntN(wide), rnd.IntN(2) == 0)
		return "sort"
	case 1:
		h.sim.InsertRows(h.book, 0, row, 1+rnd.IntN(3))
		return "insert rows"
	case 2:
		n := 1 + rnd.IntN(5)
		h.sim.MoveRows(h.book, 0, row, min(n, len(values)-row), 1+rnd.IntN(len(values)-1))
		return "move rows"
	case 3:
		return h.columns(wide, tab.Columns)
	case 4:
		return h.rename(rnd, values[0])
	case 5, 6:
		return h.writeAside(rnd, row)
	case 7:
		return h.deleteAside(rnd)
	case 8:
		return h.deleteRow(rnd)
	default:
		return h.mark(rnd)
	}
}

// columns adds a column of the person's own. Answers must not be lost
// meanwhile: what was written into columns that had just moved is put right by what the
// answer shows.
func (h *hand) columns(wide, most int) string {
	writes := h.sim.Calls().Writes
	switch {
	case h.calmed == 0 && (len(h.heads) > 2 || most > 24):
		return "" // it has enough of them
	case h.calmed == 0:
		h.calm(true)
		h.calmed = writes
		return ""
	case writes < h.calmed+settled || h.calmed < 0:
		return ""
	}
	h.calmed = -writes
	head := asideHead
	if n := len(h.heads); n > 0 {
		head = fmt.Sprintf("Riêng %d", n)
	}
	h.sim.InsertColumn(h.book, 0, wide, head)
	h.heads = append(h.heads, head)
	return "add a column of its own"
}

// settled is after how many writes nothing hangs over from those before.
const settled = 4

// rename gives a column of the sink's another name.
func (h *hand) rename(rnd *rand.Rand, heads []any) string {
	ours := slices.Sorted(maps.Keys(h.places()))
	if len(ours) == 0 {
		return ""
	}
	at := ours[rnd.IntN(len(ours))]
	if at >= len(heads) {
		return ""
	}
	h.sim.RenameHeader(h.book, 0, at, fmt.Sprintf("Cột %d", rnd.IntN(1e9)))
	return "rename a column"
}

// columnOf is where one of the person's columns is by now.
func (h *hand) columnOf(head string) int {
	return slices.Index(h.sim.Values(h.book, 0)[0], any(head))
}

// writeAside inserts a row that belongs to no record, and writes into it.
func (h *hand) writeAside(rnd *rand.Rand, row int) string {
	text := fmt.Sprintf("bên lề %d", rnd.Int64())
	h.sim.InsertRows(h.book, 0, row, 1)
	h.sim.SetCell(h.book, 0, row, h.columnOf(asideHead), text)
	h.aside[text] = true
	return "write a row of its own"
}

func (h *hand) deleteAside(rnd *rand.Rand) string {
	var mine []seen
	for _, r := range h.look() {
		if r.key == "" && h.aside[r.own[asideHead]] {
			mine = append(mine, r)
		}
	}
	if len(mine) == 0 {
		return ""
	}
	r := mine[rnd.IntN(len(mine))]
	h.sim.DeleteRows(h.book, 0, r.at, 1)
	delete(h.aside, r.own[asideHead])
	return "delete a row of its own"
}

// deleteRow deletes the row of a record: that is the person's will.
func (h *hand) deleteRow(rnd *rand.Rand) string {
	rows := h.look()
	r := rows[rnd.IntN(len(rows))]
	if r.key == "" {
		return ""
	}
	h.sim.DeleteRows(h.book, 0, r.at, 1)
	h.erased[r.key] = true
	delete(h.own, r.key)
	return "delete a record's row"
}

// mark writes into the person's own columns beside some records.
func (h *hand) mark(rnd *rand.Rand) string {
	rows := h.look()
	for range 20 {
		r, head := rows[rnd.IntN(len(rows))], h.heads[rnd.IntN(len(h.heads))]
		if r.key == "" {
			continue
		}
		text := head + " của " + r.key
		h.sim.SetCell(h.book, 0, r.at, h.columnOf(head), text)
		if h.own[r.key] == nil {
			h.own[r.key] = map[string]string{}
		}
		h.own[r.key][head] = text
	}
	return "write beside rows"
}

func (h *hand) deletions() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.erased)
}

func (h *hand) hasErased(key string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.erased[key]
}

// untouched complains of whatever the person had and is not as it was left.
func (h *hand) untouched(t testing.TB) {
	h.mu.Lock()
	defer h.mu.Unlock()
	heads, marks, aside := map[string]int{}, 0, map[string]int{}
	for _, v := range h.sim.Values(h.book, 0)[0] {
		if head, ok := v.(string); ok {
			heads[head]++
		}
	}
	for _, head := range h.heads {
		if heads[head] != 1 {
			t.Errorf("the person's column %q is there %d times", head, heads[head])
		}
	}
	for _, r := range h.look() {
		switch {
		case r.key != "":
			if !maps.Equal(r.own, h.own[r.key]) {
				t.Errorf("beside %s stands %v, and the person wrote %v", r.key, r.own, h.own[r.key])
			}
			marks += len(r.own)
		case r.name != "" || r.rest:
			t.Errorf("row %d has values of a record and no key", r.at+1)
		case len(r.own) > 0:
			if len(r.own) != 1 || !h.aside[r.own[asideHead]] {
				t.Errorf("row %d reads %v, which nobody wrote there", r.at+1, r.own)
			}
			aside[r.own[asideHead]]++
		}
	}
	for text := range h.aside {
		if aside[text] != 1 {
			t.Errorf("the person's row %q is there %d times", text, aside[text])
		}
	}
	var did []string
	for _, what := range slices.Sorted(maps.Keys(h.done)) {
		did = append(did, fmt.Sprintf("%s %d×", what, h.done[what]))
	}
	t.Logf("the person: %s; %d cells and %d rows of its own", strings.Join(did, ", "), marks, len(h.aside))
}
