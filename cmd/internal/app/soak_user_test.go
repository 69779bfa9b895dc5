package app

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"mekong/sinks/appsscript/scriptsim"
)

// user is a person who works in the tab that the script writes to.
type user struct {
	model *scriptsim.Model
	rnd   *rand.Rand

	mu     sync.Mutex
	erased map[string]bool   // keys whose rows were deleted
	notes  map[string]string // what was written beside records, by key
	aside  map[string]bool   // rows of the person's own, by their text
	done   map[string]int
}

// work does something every so often until ctx ends.
func (u *user) work(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	u.mu.Lock()
	u.done = map[string]int{}
	u.mu.Unlock()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		u.mu.Lock()
		u.model.Edit(func(t *scriptsim.Tab) {
			if what := u.something(t); what != "" {
				u.done[what]++
			}
		})
		u.mu.Unlock()
	}
}

// columnOf is where the column of that header is, counted from 1; 0: nowhere.
func columnOf(t *scriptsim.Tab, head string) int {
	_, wide := t.Used()
	for c := 1; c <= wide; c++ {
		if t.Cell(1, c).Value == head {
			return c
		}
	}
	return 0
}

func (u *user) something(t *scriptsim.Tab) string {
	rows, wide := t.Used()
	if rows < 10 {
		return "" // there is nothing yet to work on
	}
	mine := columnOf(t, asideHead)
	if mine == 0 {
		t.Set(1, wide+1, asideHead, "@")
		return "add a column of its own"
	}
	row := 2 + u.rnd.IntN(rows-1)
	key, _ := t.Cell(row, columnOf(t, "Mekong ID")).Value.(string)
	switch u.rnd.IntN(8) {
	case 0:
		t.MoveRow(row, 2+u.rnd.IntN(rows-1))
		return "move a row"
	case 1:
		t.InsertRow(row)
		return "insert a row"
	case 2:
		t.MoveColumn(1+u.rnd.IntN(wide), 1+u.rnd.IntN(wide))
		return "move a column"
	case 3:
		text := fmt.Sprintf("bên lề %d", u.rnd.Int64())
		t.InsertRow(row)
		t.Set(row+1, mine, text, "@")
		u.aside[text] = true
		return "write a row of its own"
	case 4, 5:
		if key == "" {
			return ""
		}
		u.notes[key] = "đã gọi " + key
		t.Set(row, mine, u.notes[key], "@")
		return "write beside a row"
	case 6:
		if key == "" {
			return ""
		}
		t.DeleteRow(row)
		u.erased[key] = true
		delete(u.notes, key)
		return "delete a record's row"
	}
	for r := 2; r <= rows; r++ {
		if text, _ := t.Cell(r, mine).Value.(string); u.aside[text] {
			t.DeleteRow(r)
			delete(u.aside, text)
			return "delete a row of its own"
		}
	}
	return ""
}

func (u *user) look() (rows []seen) {
	u.model.Edit(func(t *scriptsim.Tab) {
		last, wide := t.Used()
		ours := map[int]string{}
		for _, head := range []string{"Mekong ID", "Mekong version", "name", "phone", "received"} {
			ours[columnOf(t, head)] = head
		}
		for i := 2; i <= last; i++ {
			r := seen{at: i, own: map[string]string{}}
			for c := 1; c <= wide; c++ {
				v := t.Cell(i, c).Value
				switch head := ours[c]; {
				case v == "":
				case head == "Mekong ID":
					r.key = fmt.Sprint(v)
				case head == "name":
					r.name = fmt.Sprint(v)
				case head != "":
					r.rest = true
				default:
					r.own[fmt.Sprint(t.Cell(1, c).Value)] = fmt.Sprint(v)
				}
			}
			rows = append(rows, r)
		}
	})
	return rows
}

// count is how many rows there are or were, those of the person's own with them.
func (u *user) count() (n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.model.Edit(func(t *scriptsim.Tab) { n, _ = t.Used() })
	return n + len(u.erased)
}

func (u *user) hasErased(key string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.erased[key]
}

// untouched complains of whatever the person had and is not as it was left.
func (u *user) untouched(t testing.TB) {
	u.mu.Lock()
	defer u.mu.Unlock()
	aside := map[string]int{}
	for _, r := range u.look() {
		want := map[string]string{}
		switch note := u.notes[r.key]; {
		case r.key != "":
			if note != "" {
				want[asideHead] = note
			}
			if !maps.Equal(r.own, want) {
				t.Errorf("beside %s stands %v, and the person wrote %v", r.key, r.own, want)
			}
		case r.name != "" || r.rest:
			t.Errorf("row %d has values of a record and no key", r.at)
		case len(r.own) > 0:
			if len(r.own) != 1 || !u.aside[r.own[asideHead]] {
				t.Errorf("row %d reads %v, which nobody wrote there", r.at, r.own)
			}
			aside[r.own[asideHead]]++
		}
	}
	for text := range u.aside {
		if aside[text] != 1 {
			t.Errorf("the person's row %q is there %d times", text, aside[text])
		}
	}
	t.Logf("the person: %v; %d notes and %d rows of its own", u.done, len(u.notes), len(u.aside))
}
