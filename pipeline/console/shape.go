package console

import (
	"net/http"
	"time"

	"mekong/pipeline"
)

const (
	shapesFresh = 5 * time.Minute // columns change seldom, and a look costs calls of the month's
	shapesMost  = time.Minute     // a look at all sinks may take
	shapesWait  = 1500 * time.Millisecond
	lookEvery   = 10 * time.Second // between two looks that somebody asks for
)

// Shape is a sink's table as it is at the destination.
type Shape struct {
	Title   string   // of the table; empty: it could not be looked at, and Findings say why
	Columns []Column // those that are filled, or are meant to be
	Besides []string // others that the table has, and nobody fills
	Own     []string // those in which Mekong keeps what is its own
	// Findings are what the sink's own check has to say.
	Findings []pipeline.Finding
}

// Column is one of a table.
type Column struct {
	Name, Field string
	Type        string // as the vendor calls it; empty: it has none
	State       ColumnState
	Note        string // what to know about it, and to do
}

// ColumnState says whether a column is filled.
type ColumnState string

// The states of a column.
const (
	ColumnFilled  ColumnState = "filled"
	ColumnMade    ColumnState = "made"    // it is not there, and the first value makes it
	ColumnRenamed ColumnState = "renamed" // it has another name by now, and is filled
	ColumnMissing ColumnState = "missing" // nothing can be stored in it
	ColumnUnfit   ColumnState = "unfit"   // it is there and cannot be written to
	ColumnUnknown ColumnState = "unknown" // it could not be looked at
)

// Troubles are the findings that somebody should look at.
func (s Shape) Troubles() (out []pipeline.Finding) {
	for _, f := range s.Findings {
		if f.Level > pipeline.OK {
			out = append(out, f)
		}
	}
	return out
}

// Well is how many columns are as they should be.
func (s Shape) Well() (n int) {
	for _, c := range s.Columns {
		if c.State == ColumnFilled || c.State == ColumnMade {
			n++
		}
	}
	return n
}

// Ill is how many somebody should look at.
func (s Shape) Ill() int { return len(s.Columns) - s.Well() }

// lookAgain has the tables looked at again.
func (c *Console) lookAgain(w http.ResponseWriter, r *http.Request, _ visitor) {
	c.shapes.again(lookEvery)
	http.Redirect(w, r, "/sinks", http.StatusSeeOther)
}
