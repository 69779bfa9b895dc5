// Package table writes and reads the files that people keep tables in: CSV, Excel
// workbooks (XLSX), and JSON lines.
//
// What is written opens right where Vietnamese teams open it: accents are kept, a
// phone keeps its first 0 and an 18-digit ID its last digits, a time is a time, and
// no text is ever taken for a formula. What is read may come from anywhere: the
// encoding, the delimiter, the line that holds the names, and which numbers are
// dates are found out, and every row keeps the number it has in its file.
//
// It does not know what a column means (transform), nor where rows come from or go.
package table

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Format is how a table is written.
type Format string

// The formats.
const (
	CSV   Format = "csv"
	XLSX  Format = "xlsx"
	JSONL Format = "jsonl" // one object a line
)

// ParseFormat accepts the name of a format that can be written.
func ParseFormat(name string) (Format, error) {
	switch f := Format(strings.ToLower(name)); f {
	case CSV, XLSX:
		return f, nil
	}
	return "", fmt.Errorf("there is no format %q; write xlsx or csv", name)
}

// Writer takes rows one after the other. It belongs to one goroutine.
type Writer interface {
	// Write adds a row: a value for each column, in order; nil is an empty cell. A
	// value is a string, a bool, a float64, an int, a time.Time or a []string;
	// anything else is written as it prints.
	Write(values []any) error
	// Close finishes the file; without it there is none. It does not close what is
	// written to.
	Close() error
}

// Options say what a table looks like.
type Options struct {
	Title string         // name of the sheet in a workbook; empty: Mekong
	Zone  *time.Location // in which times are shown; nil: UTC
}

// NewWriter begins a table of these columns, with their names in its first row.
func NewWriter(w io.Writer, f Format, columns []string, o Options) (Writer, error) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Title == "" {
		o.Title = "Mekong"
	}
	switch f {
	case CSV:
		return newCSV(w, columns, o)
	case XLSX:
		return newWorkbook(w, columns, o)
	}
	return nil, fmt.Errorf("a table cannot be written as %q", f)
}

// listed is a list in one cell.
func listed(items []string) string { return strings.Join(items, ", ") }
