package sheetsim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// dump is everything a spreadsheet holds.
func dump(b *book) string {
	var out strings.Builder
	fmt.Fprintln(&out, b.title, b.locale, b.zone)
	for i, s := range b.sheets {
		fmt.Fprintln(&out, i, s.id, s.title, s.hidden, s.rows, s.cols, s.frozenRows, s.columns)
		for r := range s.rows {
			hidden := r < len(s.data) && s.data[r] != nil && s.data[r].hidden
			line := fmt.Sprint(hidden)
			for c := range s.cols {
				x := s.at(r, c)
				line += fmt.Sprintf("|%v %q %v", x.v, x.formula(), s.formatAt(r, c))
			}
			fmt.Fprintln(&out, line)
		}
	}
	for _, m := range b.meta {
		fmt.Fprintln(&out, m.id, m.key, m.value, m.visibility)
		if m.at.sheet != nil {
			fmt.Fprintln(&out, m.at.sheet.id, m.at.dim, m.at.index)
		}
	}
	for _, n := range b.named {
		fmt.Fprintln(&out, n.id, n.at.sheet.id, n.at.r0, n.at.r1, n.at.c0, n.at.c1)
	}
	for _, p := range b.protected {
		fmt.Fprintln(&out, p.id, p.at.sheet.id, p.at.r0, p.at.r1, p.at.c0, p.at.c1)
	}
	return out.String()
}

// TestABatchIsAllOrNothing runs random batches whose last request fails, and looks
// at everything afterwards.
func TestABatchIsAllOrNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	s := New(Options{Seed: 3, NoQuotas: true})
	s.AddSpreadsheet("a", "A", SheetOptions{}, Tab{Rows: 8, Columns: 5, Values: [][]any{{"h", "i"}, {3, "c"}, {1, "a"}, {2, "b"}}}, Tab{GID: 1, Rows: 4, Columns: 4})
	b := s.books["a"]
	done, undone := 0, 0
	for i := range 1200 {
		before := dump(b)
		e := &edit{tx: s.begin(b), s: s, who: "a@example.com"}
		var f *failure
		for range 1 + rnd.IntN(6) {
			q := randomRequest(rnd, len(b.sheets))
			_, st, _ := q.pick()
			if _, f = st.run(e); f != nil {
				break
			}
		}
		if f == nil && rnd.IntN(3) > 0 {
			done++
			continue // it stays
		}
		undone++
		e.rollback()
		if after := dump(b); after != before {
			was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
			for l := range was {
				if l >= len(is) || was[l] != is[l] {
					t.Fatalf("batch %d was not undone: line %d was\n%s\nand is\n%s", i, l, was[l], is[min(l, len(is)-1)])
				}
			}
			t.Fatalf("batch %d left more than was there", i)
		}
	}
	if done < 200 || undone < 200 {
		t.Errorf("%d done and %d undone show nothing", done, undone)
	}
}

func randomRequest(rnd *rand.Rand, sheets int) request {
	num := func(n int) *int64 { v := int64(rnd.IntN(n)); return &v }
	gid := int64(rnd.IntN(2))
	dim := []string{"ROWS", "COLUMNS"}[rnd.IntN(2)]
	text := string(rune('a' + rnd.IntN(26)))
	from := int64(rnd.IntN(4))
	to := from + 1 + int64(rnd.IntN(2))
	span := &dimensionRange{SheetID: gid, Dimension: dim, Start: &from, End: &to}
	rect := &gridRange{SheetID: gid, R0: &from, R1: &to}
	row := []rowData{{Values: []cellData{{Entered: &extendedValue{String: &text}, Format: object{"a": text}}, {}}}}
	switch rnd.IntN(20) {
	case 0, 1, 2:
		return request{UpdateCells: &updateCells{Rows: row, Fields: "*", Start: &coordinate{gid, int64(rnd.IntN(6)), int64(rnd.IntN(4))}}}
	case 3:
		return request{UpdateCells: &updateCells{Rows: row, Fields: "userEnteredValue", Range: rect}}
	case 4, 5:
		return request{AppendCells: &appendCells{SheetID: gid, Rows: row, Fields: "userEnteredValue"}}
	case 6:
		return request{AppendDimension: &appendDimension{SheetID: gid, Dimension: dim, Length: 1}}
	case 7:
		return request{InsertDimension: &insertDimension{Range: span, Inherit: from > 0}}
	case 8, 9:
		return request{DeleteDimension: &deleteDimension{Range: span}}
	case 10:
		return request{MoveDimension: &moveDimension{Source: span, Dest: *num(5)}}
	case 11:
		return request{SortRange: &sortRange{Range: &gridRange{SheetID: gid, R0: &from}, Specs: []sortSpec{{Column: *num(3)}}}}
	case 12:
		return request{CreateMetadata: &createMetadata{Meta: &metadataWire{Key: text, Visibility: "DOCUMENT", Location: &locationWire{Dimension: &dimensionRange{SheetID: gid, Dimension: dim, Start: &from, End: ptr(from + 1)}}}}}
	case 13:
		return request{DeleteMetadata: &deleteMetadata{Filter: &dataFilter{Lookup: &metadataLookup{Key: text}}}}
	case 14:
		return request{AddNamed: &addNamed{Range: &namedWire{Name: "n" + text + text, Range: rect}}}
	case 15:
		return request{AddProtected: &addProtected{Range: &protectedWire{WarningOnly: true, Range: rect}}}
	case 16:
		if sheets > 4 {
			return request{DeleteSheet: &deleteSheet{SheetID: 2}}
		}
		return request{AddSheet: &addSheet{Props: &sheetProps{ID: ptr(int64(2 + rnd.IntN(4))), Grid: &gridProps{Rows: 3, Columns: 2}}}}
	case 17:
		return request{UpdateSheet: &updateSheet{Props: &sheetProps{ID: &gid, Title: text, Grid: &gridProps{Rows: int64(4 + rnd.IntN(6)), Columns: 4}}, Fields: "title,gridProperties(rowCount)"}}
	case 18:
		return request{RepeatCell: &repeatCell{Range: rect, Cell: &cellData{Format: object{"b": text}}, Fields: "userEnteredFormat.b"}}
	}
	return request{UpdateDimension: &updateDimension{Range: span, Props: &dimensionProps{HiddenByUser: rnd.IntN(2) == 0}, Fields: "hiddenByUser"}}
}

func ptr(n int64) *int64 { return &n }
