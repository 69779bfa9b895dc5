package receipt

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// several issues receipts into a ledger, a minute apart.
func several(t testing.TB, m *memory, n int) []*Receipt {
	t.Helper()
	var out []*Receipt
	for i := range n {
		r, err := Issue(t.Context(), NewLedger(m), keyOf('k'), noon.Add(time.Duration(i)*time.Minute), "", lead(fmt.Sprint("landing-", i), anName, anWording))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func TestLedger(t *testing.T) {
	m := newMemory()
	rs := several(t, m, 5)
	l := NewLedger(m)
	a, err := l.Audit(t.Context(), keyOf('k').Public())
	if err != nil || a.Count != 5 || len(a.Findings) > 0 {
		t.Fatalf("%+v %v", a, err)
	}
	for i, r := range rs {
		line, err := l.Line(t.Context(), uint64(i+1))
		if err != nil || line.Head != r.Head.String() || !line.At.Equal(r.At()) || r.Number != line.Number || r.Issued().Prev != line.Prev {
			t.Errorf("%d: %+v %v", i+1, line, err)
		}
		fs, err := l.Vouch(t.Context(), r, r.Key)
		if err != nil || len(fs) != 1 || !strings.Contains(fs[0].What, fmt.Sprintf("receipt %d of 5", i+1)) {
			t.Errorf("%d: %+v %v", i+1, fs, err)
		}
	}
	for name, row := range m.rows {
		for _, bad := range []string{anName, "landing-", "0900000000", "a@example.com"} {
			if bytes.Contains(row.value, []byte(bad)) {
				t.Errorf("the ledger's %s tells of a person: %s", name, row.value)
			}
		}
	}
}

// Whatever somebody does to the ledger who can write to the table shows.
func TestLedgerShowsWhatWasDoneToIt(t *testing.T) {
	good := keyOf('k').Public()
	for name, c := range map[string]struct {
		do     func(t *testing.T, m *memory, rs []*Receipt)
		asked  int    // the receipt that is asked about
		says   string // of it
		audits string // "": nothing
	}{
		"a line is removed": {func(_ *testing.T, m *memory, _ []*Receipt) { delete(m.rows, lineName(3)) }, 3, "does not hold receipt 3 any more", "receipt 3 is missing"},
		"one before it is removed": {func(_ *testing.T, m *memory, _ []*Receipt) { delete(m.rows, lineName(3)) }, 5, "receipt 3 is missing",
			"receipt 3 is missing"},
		"the end is cut off": {func(_ *testing.T, m *memory, _ []*Receipt) {
			delete(m.rows, lineName(5))
			delete(m.rows, endName)
		}, 5, "ends at receipt 4", ""},
		"the end is removed": {func(_ *testing.T, m *memory, _ []*Receipt) { delete(m.rows, lineName(5)) }, 5, "does not hold receipt 5", "receipt 5 is missing"},
		"a line is altered": {func(_ *testing.T, m *memory, _ []*Receipt) {
			r := m.rows[lineName(2)]
			r.value = bytes.Replace(r.value, []byte("2026-11-24"), []byte("2026-10-24"), 1)
			m.rows[lineName(2)] = r
		}, 2, "another time", "receipt 2 was altered"},
		"a line is no line": {func(_ *testing.T, m *memory, _ []*Receipt) {
			m.rows[lineName(2)] = memoryRow{value: []byte("{"), revision: 1}
		}, 2,
			"another receipt", "receipt 2 was altered"},
		"a line is exchanged, with the key": {func(t *testing.T, m *memory, rs []*Receipt) {
			// The one who has the key puts another receipt where the third was.
			other := newMemory()
			several(t, other, 2)
			r := issue(t, NewLedger(other), keyOf('k'))
			if r.Number != 3 {
				t.Fatal(r.Number)
			}
			m.rows[lineName(3)] = other.rows[lineName(3)]
		}, 3, "another receipt", "receipt 4 does not fit"},
		"a line is made up, without the key": {func(t *testing.T, m *memory, _ []*Receipt) {
			if _, err := Issue(t.Context(), NewLedger(m), keyOf('x'), noon.Add(time.Hour), "", nil); err != nil {
				t.Fatal(err)
			}
		}, 5, "receipt 6 was written with another key", "receipt 6 was written with another key"},
		"a receipt is dated back": {func(t *testing.T, m *memory, _ []*Receipt) {
			if _, err := Issue(t.Context(), NewLedger(m), keyOf('k'), noon.Add(-time.Hour), "", nil); err != nil {
				t.Fatal(err)
			}
		}, 5, "receipt 5 of 6", "receipt 6 is dated before"},
		"the end is noted too far": {func(_ *testing.T, m *memory, _ []*Receipt) {
			m.rows[endName] = memoryRow{value: []byte(`{"number":7,"hash":"` + strings.Repeat("0", 64) + `"}`), revision: m.rows[endName].revision}
		}, 5, "receipt 7 is missing", "receipt 6 is missing"},
		"the end is no end": {func(_ *testing.T, m *memory, _ []*Receipt) {
			m.rows[endName] = memoryRow{value: []byte(`x`), revision: m.rows[endName].revision}
		}, 5, "receipt 5 of 5", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			rs := several(t, m, 5)
			c.do(t, m, rs)
			l := NewLedger(m)
			fs, err := l.Vouch(t.Context(), rs[c.asked-1], good)
			if got := says(fs); err != nil || !strings.Contains(got, c.says) {
				t.Errorf("of receipt %d: %q %v", c.asked, got, err)
			}
			a, err := l.Audit(t.Context(), good)
			if got := says(a.Findings); err != nil || !strings.Contains(got, c.audits) || c.audits == "" && got != "" {
				t.Errorf("the audit: %q %v", got, err)
			}
			// Receipts are issued all the same.
			if _, err := Issue(t.Context(), l, keyOf('k'), noon.Add(2*time.Hour), "", nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// Many at once, in several processes, get a number each.
func TestManyIssueAtOnce(t *testing.T) {
	m := newMemory()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				if _, err := Issue(t.Context(), NewLedger(m), keyOf('k'), noon, "", nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	a, err := NewLedger(m).Audit(t.Context(), keyOf('k').Public())
	if err != nil || a.Count != 40 || len(a.Findings) > 0 {
		t.Errorf("%+v %v", a, err)
	}
}

// A number that somebody else took is not given twice; a table that fails is an error.
func TestIssueGivesUp(t *testing.T) {
	m := newMemory()
	busy := false
	m.before = func(name string) {
		if busy || name == endName {
			return
		}
		busy = true
		defer func() { busy = false }()
		if _, err := Issue(t.Context(), NewLedger(m), keyOf('k'), noon, "", nil); err != nil {
			t.Error(err)
		}
	}
	if _, err := Issue(t.Context(), NewLedger(m), keyOf('k'), noon, "", nil); err == nil {
		t.Error("it has a number that others always took")
	}
	if _, err := Issue(t.Context(), NewLedger(broken{}), keyOf('k'), noon, "", nil); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	if _, err := NewLedger(broken{}).Vouch(t.Context(), an(t)); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}
