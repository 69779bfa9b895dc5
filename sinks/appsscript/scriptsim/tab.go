package scriptsim

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Cell is one cell. Its value is "", a string, a bool or a float64; a date is a number
// with a format of dates: days since 1899-12-30 on the spreadsheet's own clock.
type Cell struct {
	Value   any
	Format  string
	Formula string
}

// Tab is one tab of a spreadsheet. It grows by itself only as the script makes it grow.
type Tab struct {
	Name          string
	GID           int
	Rows, Columns int // of the grid
	Frozen        int
	HiddenColumns []int // counted from 1

	cells map[[2]int]*Cell // by row and column, counted from 0; none is an empty one
}

func newTab(name string, gid int) *Tab {
	return &Tab{Name: name, GID: gid, Rows: defaultRows, Columns: defaultColumns, cells: map[[2]int]*Cell{}}
}

// at is the cell of a row and a column, counted from 0. It is not to be changed.
func (t *Tab) at(row, column int) Cell {
	if c := t.cells[[2]int{row, column}]; c != nil {
		return *c
	}
	return Cell{Value: "", Format: generalFormat}
}

func (t *Tab) put(row, column int, c Cell) {
	if c.Value == nil {
		c.Value = ""
	}
	t.cells[[2]int{row, column}] = &c
}

// Cell is a cell by row and column, counted from 1 as people do.
func (t *Tab) Cell(row, column int) Cell { return t.at(row-1, column-1) }

// Set puts a value into a cell, as a person who has chosen its format; "" keeps it.
func (t *Tab) Set(row, column int, value any, format string) {
	t.Rows, t.Columns = max(t.Rows, row), max(t.Columns, column)
	if format == "" {
		format = t.at(row-1, column-1).Format
	}
	t.put(row-1, column-1, Cell{Value: value, Format: format})
}

// Used is how many rows and columns have something in them.
func (t *Tab) Used() (rows, columns int) { return t.lastRow(), t.lastColumn() }

func (c *Cell) blank() bool { return c.Value == "" && c.Formula == "" }

func (t *Tab) lastRow() (n int) {
	for at, c := range t.cells {
		if !c.blank() {
			n = max(n, at[0]+1)
		}
	}
	return n
}

func (t *Tab) lastColumn() (n int) {
	for at, c := range t.cells {
		if !c.blank() {
			n = max(n, at[1]+1)
		}
	}
	return n
}

// headers are those of row 1, as they are shown.
func (t *Tab) headers() []string {
	out := make([]string, t.lastColumn())
	for j := range out {
		switch c := t.at(0, j); v := c.Value.(type) {
		case bool:
			out[j] = strings.ToUpper(strconv.FormatBool(v))
		case float64:
			out[j] = plain(v)
			if strings.HasSuffix(c.Format, "%") {
				out[j] = plain(v*100) + "%"
			}
		default:
			out[j] = plain(v)
		}
	}
	return out
}

// MoveRow moves a row, counted from 1, as a person does who sorts.
func (t *Tab) MoveRow(from, to int) {
	t.permute(0, from-1, to-1)
}

// MoveColumn moves a column, counted from 1.
func (t *Tab) MoveColumn(from, to int) {
	t.permute(1, from-1, to-1)
}

func (t *Tab) permute(axis, from, to int) {
	moved := map[[2]int]*Cell{}
	for at, c := range t.cells {
		switch i := at[axis]; {
		case i == from:
			at[axis] = to
		case from < i && i <= to:
			at[axis]--
		case to <= i && i < from:
			at[axis]++
		}
		moved[at] = c
	}
	t.cells = moved
}

// InsertRow makes an empty row after one, counted from 1, with its formats.
func (t *Tab) InsertRow(after int) {
	moved := map[[2]int]*Cell{}
	for at, c := range t.cells {
		if at[0] == after-1 {
			moved[[2]int{after, at[1]}] = &Cell{Value: "", Format: c.Format}
		}
		if at[0] >= after {
			at[0]++
		}
		moved[at] = c
	}
	t.cells = moved
	t.Rows++
}

// DeleteRow deletes a row, counted from 1.
func (t *Tab) DeleteRow(row int) {
	moved := map[[2]int]*Cell{}
	for at, c := range t.cells {
		switch {
		case at[0] == row-1:
			continue
		case at[0] >= row:
			at[0]--
		}
		moved[at] = c
	}
	t.cells = moved
	t.Rows--
}

// grow makes the grid at least that large. What is new has the formats beside it.
func (t *Tab) grow(rows, columns int) {
	for ; t.Rows < rows; t.Rows++ {
		for j := range t.Columns {
			if f := t.at(t.Rows-1, j).Format; f != generalFormat {
				t.put(t.Rows, j, Cell{Format: f})
			}
		}
	}
	for ; t.Columns < columns; t.Columns++ {
		for i := range t.Rows {
			if f := t.at(i, t.Columns-1).Format; f != generalFormat {
				t.put(i, t.Columns, Cell{Format: f})
			}
		}
	}
}

const (
	dayMillis = 86_400_000
	epochDay  = 25_569 // from 1899-12-30 to 1970-01-01
)

// serial is ms on a calendar's clock in zone.
func serial(ms int64, zone *time.Location) float64 {
	_, offset := time.UnixMilli(ms).In(zone).Zone()
	return float64(ms+int64(offset)*1000)/dayMillis + epochDay
}

// Instant is the time that a date's number stands for in zone.
func Instant(serial float64, zone *time.Location) time.Time {
	wall := int64(math.Round((serial - epochDay) * dayMillis))
	t := time.UnixMilli(wall).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone).UTC()
}

var (
	quoted    = regexp.MustCompile(`"[^"]*"|\[[^\]]*\]`)
	dateSigns = regexp.MustCompile(`(?i)[ymdhs]`)
)

// IsDate reports whether a number format shows dates or times.
func IsDate(format string) bool { return dateSigns.MatchString(quoted.ReplaceAllString(format, "")) }
