package sheetsim

import (
	"encoding/json"
	"fmt"
)

// request is one entry of batchUpdate; exactly one of its fields is set. What
// Google knows beyond these is refused with 501, see names.go.
type request struct {
	UpdateCells       *updateCells       `json:"updateCells"`
	AppendCells       *appendCells       `json:"appendCells"`
	RepeatCell        *repeatCell        `json:"repeatCell"`
	AppendDimension   *appendDimension   `json:"appendDimension"`
	InsertDimension   *insertDimension   `json:"insertDimension"`
	DeleteDimension   *deleteDimension   `json:"deleteDimension"`
	MoveDimension     *moveDimension     `json:"moveDimension"`
	UpdateDimension   *updateDimension   `json:"updateDimensionProperties"`
	AddSheet          *addSheet          `json:"addSheet"`
	DeleteSheet       *deleteSheet       `json:"deleteSheet"`
	UpdateSheet       *updateSheet       `json:"updateSheetProperties"`
	UpdateSpreadsheet *updateSpreadsheet `json:"updateSpreadsheetProperties"`
	CreateMetadata    *createMetadata    `json:"createDeveloperMetadata"`
	UpdateMetadata    *updateMetadata    `json:"updateDeveloperMetadata"`
	DeleteMetadata    *deleteMetadata    `json:"deleteDeveloperMetadata"`
	AddNamed          *addNamed          `json:"addNamedRange"`
	DeleteNamed       *deleteNamed       `json:"deleteNamedRange"`
	AddProtected      *addProtected      `json:"addProtectedRange"`
	DeleteProtected   *deleteProtected   `json:"deleteProtectedRange"`
	SortRange         *sortRange         `json:"sortRange"`
	FindReplace       *findReplace       `json:"findReplace"`
	SetValidation     *setValidation     `json:"setDataValidation"`
}

// step is what a request does; its reply is nil when it has none.
type step interface {
	run(e *edit) (reply any, f *failure)
}

// edit is one atomic change by one caller.
type edit struct {
	*tx
	s   *Sim
	who string
}

// pick is the one request that is set, with its name on the wire.
func (q *request) pick() (string, step, bool) {
	type named struct {
		name string
		step step
		set  bool
	}
	all := [...]named{
		{"updateCells", q.UpdateCells, q.UpdateCells != nil},
		{"appendCells", q.AppendCells, q.AppendCells != nil},
		{"repeatCell", q.RepeatCell, q.RepeatCell != nil},
		{"appendDimension", q.AppendDimension, q.AppendDimension != nil},
		{"insertDimension", q.InsertDimension, q.InsertDimension != nil},
		{"deleteDimension", q.DeleteDimension, q.DeleteDimension != nil},
		{"moveDimension", q.MoveDimension, q.MoveDimension != nil},
		{"updateDimensionProperties", q.UpdateDimension, q.UpdateDimension != nil},
		{"addSheet", q.AddSheet, q.AddSheet != nil},
		{"deleteSheet", q.DeleteSheet, q.DeleteSheet != nil},
		{"updateSheetProperties", q.UpdateSheet, q.UpdateSheet != nil},
		{"updateSpreadsheetProperties", q.UpdateSpreadsheet, q.UpdateSpreadsheet != nil},
		{"createDeveloperMetadata", q.CreateMetadata, q.CreateMetadata != nil},
		{"updateDeveloperMetadata", q.UpdateMetadata, q.UpdateMetadata != nil},
		{"deleteDeveloperMetadata", q.DeleteMetadata, q.DeleteMetadata != nil},
		{"addNamedRange", q.AddNamed, q.AddNamed != nil},
		{"deleteNamedRange", q.DeleteNamed, q.DeleteNamed != nil},
		{"addProtectedRange", q.AddProtected, q.AddProtected != nil},
		{"deleteProtectedRange", q.DeleteProtected, q.DeleteProtected != nil},
		{"sortRange", q.SortRange, q.SortRange != nil},
		{"findReplace", q.FindReplace, q.FindReplace != nil},
		{"setDataValidation", q.SetValidation, q.SetValidation != nil},
	}
	var found named
	n := 0
	for _, a := range all {
		if a.set {
			found = a
			n++
		}
	}
	return found.name, found.step, n == 1
}

const maxRequests = 100_000

// batchUpdate is spreadsheets.batchUpdate: all requests in order, or none.
func batchUpdate(c *call, ask any, m *mask) (any, *failure) {
	a := ask.(*batchAsk)
	if len(a.Requests) == 0 {
		return nil, invalid("Must specify at least one request.")
	}
	if len(a.Requests) > maxRequests {
		return nil, invalid("Cannot exceed %d requests in a single batch.", maxRequests)
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return nil, f
	}
	e := &edit{tx: s.begin(b), s: s, who: c.who.email}
	out := batchAnswer{ID: b.id, Replies: make([]json.RawMessage, len(a.Requests))}
	for i := range a.Requests {
		name, st, one := a.Requests[i].pick()
		if !one {
			e.rollback()
			return nil, invalid("Invalid requests[%d]: No request set.", i)
		}
		reply, f := st.run(e)
		if f != nil {
			e.rollback()
			return nil, f.at(fmt.Sprintf("requests[%d].%s", i, name))
		}
		out.Replies[i] = json.RawMessage("{}")
		if reply != nil {
			out.Replies[i] = marshal(map[string]any{name: reply})
		}
	}
	if a.Include {
		v := view{book: b, grid: a.IncludeGrid, mask: m.below("updatedSpreadsheet"), who: e.who}
		for _, r := range a.Ranges {
			at, f := b.parse(r)
			if f != nil {
				e.rollback()
				return nil, f
			}
			v.areas = append(v.areas, at)
		}
		out.Updated = v.spreadsheet()
	}
	return out, nil
}

// tab is the sheet a request names.
func (e *edit) tab(id int64) (*sheet, *failure) {
	s := e.b.sheet(id)
	if s == nil {
		return nil, invalid("No grid with id: %d", id)
	}
	return s, nil
}

// area reads a grid range, whose absent ends are open.
func (e *edit) area(g *gridRange) (area, *failure) {
	if g == nil {
		return area{}, invalid("range is required.")
	}
	return e.b.grid(*g)
}

func (b *book) grid(g gridRange) (area, *failure) {
	s := b.sheet(g.SheetID)
	if s == nil {
		return area{}, invalid("No grid with id: %d", g.SheetID)
	}
	a := area{sheet: s, r1: -1, c1: -1}
	for _, p := range []struct {
		from *int64
		to   *int
		name string
	}{{g.R0, &a.r0, "startRowIndex"}, {g.R1, &a.r1, "endRowIndex"}, {g.C0, &a.c0, "startColumnIndex"}, {g.C1, &a.c1, "endColumnIndex"}} {
		if p.from == nil {
			continue
		}
		if *p.from < 0 || *p.from > maxCells {
			return area{}, invalid("GridRange.%s out of bounds.", p.name)
		}
		*p.to = int(*p.from)
	}
	if a.r1 >= 0 && a.r1 <= a.r0 || a.c1 >= 0 && a.c1 <= a.c0 {
		return area{}, invalid("GridRange has no cells: its end is not after its start.")
	}
	if a.outside() {
		return area{}, a.tooFar()
	}
	return a, nil
}

func (a area) wire() *gridRange {
	g := &gridRange{SheetID: a.sheet.id}
	num := func(n int) *int64 { v := int64(n); return &v }
	if a.r0 > 0 || a.r1 >= 0 {
		g.R0 = num(a.r0)
	}
	if a.r1 >= 0 {
		g.R1 = num(a.r1)
	}
	if a.c0 > 0 || a.c1 >= 0 {
		g.C0 = num(a.c0)
	}
	if a.c1 >= 0 {
		g.C1 = num(a.c1)
	}
	return g
}

// span reads a dimension range, whose absent ends are open.
func (e *edit) span(d *dimensionRange) (s *sheet, dim dimension, from, to int, f *failure) {
	if d == nil {
		return nil, "", 0, 0, invalid("range is required.")
	}
	if s, f = e.tab(d.SheetID); f != nil {
		return nil, "", 0, 0, f
	}
	if dim, f = parseDimension(d.Dimension); f != nil {
		return nil, "", 0, 0, f
	}
	size := s.rows
	if dim == columnsDim {
		size = s.cols
	}
	to = size
	if d.Start != nil {
		from = clamp(*d.Start)
	}
	if d.End != nil {
		to = clamp(*d.End)
	}
	if from < 0 || to <= from {
		return nil, "", 0, 0, invalid("DimensionRange is empty or out of bounds: [%d, %d).", from, to)
	}
	return s, dim, from, to, nil
}

func clamp(n int64) int { return int(min(max(n, -1), maxCells+1)) }

func parseDimension(d string) (dimension, *failure) {
	switch d {
	case "ROWS":
		return rowsDim, nil
	case "COLUMNS":
		return columnsDim, nil
	}
	return "", invalid("No dimension specified.")
}
