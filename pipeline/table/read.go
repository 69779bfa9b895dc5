package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Row is one row of a table that is read.
type Row struct {
	Line   int      // the number it has in its file: a line, a row of the sheet, or a place in the list; from 1
	Values []string // by column; may be shorter than Columns
	JSON   []byte   // of a JSONL file: the line itself, and no Values
}

// Reader gives the rows of a table one after the other. It belongs to one goroutine.
type Reader struct {
	Format  Format
	Columns []string // names, as they stand in the file; of a JSONL file none
	Notes   []string // what was found out on the way, for a person: encoding, delimiter, sheet

	next  func() (Row, error)
	close func() error
}

// Next returns the next row that is not empty, and io.EOF after the last one. An
// error names the place.
func (r *Reader) Next() (Row, error) { return r.next() }

// Close ends the reading. It does not close what is read from.
func (r *Reader) Close() error {
	if r.close == nil {
		return nil
	}
	return r.close()
}

// Bounds of what is read.
const (
	maxLine = 1 << 20   // bytes of a line or a row
	maxFile = 256 << 20 // bytes of a workbook
	head    = 64 << 10  // bytes that are looked at to find out what it is
	maxCols = 2000
)

// Source is a file.
type Source interface {
	io.ReaderAt
	io.Reader
	io.Seeker
}

// NewReader finds out what the file is and reads the names of its columns. Which
// format it is, is told by what is in it, never by its name.
func NewReader(file Source) (*Reader, error) {
	begin := make([]byte, head)
	n, err := file.ReadAt(begin, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	begin = begin[:n]
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	switch {
	case n == 0:
		return nil, errors.New("the file is empty")
	case bytes.HasPrefix(begin, []byte("PK\x03\x04")):
		return readWorkbook(file)
	case bytes.HasPrefix(begin, []byte("\xD0\xCF\x11\xE0")):
		return nil, errors.New("this is a workbook of the old format .xls, or one with a password; open it and save it as .xlsx without one")
	case bytes.HasPrefix(begin, []byte("%PDF")) || bytes.HasPrefix(begin, []byte("\x1F\x8B")):
		return nil, errors.New("this is no table; export it as CSV or XLSX")
	}
	text := decoder(begin)
	first := bytes.TrimLeft(text.sample, " \t\r\n")
	switch {
	case bytes.HasPrefix(first, []byte("{")):
		return readLines(text.reader(file), text.note), nil
	case bytes.HasPrefix(first, []byte("[")) && bytes.HasPrefix(bytes.TrimLeft(first[1:], " \t\r\n"), []byte("{")):
		return readArray(text.reader(file), text.note), nil
	case bytes.HasPrefix(first, []byte("<")):
		return nil, errors.New("this is a web page (HTML or XML), even if its name says otherwise; export it as CSV or XLSX")
	}
	return readCSV(text, file)
}

// tooWide refuses what no table of leads is.
func tooWide(n int) error {
	if n > maxCols {
		return fmt.Errorf("%d columns; at most %d are read", n, maxCols)
	}
	return nil
}

func blank(values []string) bool {
	for _, v := range values {
		if strings.TrimSpace(v) != "" {
			return false
		}
	}
	return true
}

// isHeader tells the names of columns from a title above them: names fill most of
// the width, and none of them is a number.
func isHeader(values []string, width int) bool {
	filled := 0
	for _, v := range values {
		if v = strings.TrimSpace(v); v == "" {
			continue
		}
		filled++
		if strings.Trim(v, "0123456789.,/:+- ") == "" || len(v) > 200 {
			return false
		}
	}
	return filled > 0 && 2*filled >= width
}

// names are values as names of columns: without spaces around them.
func names(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strings.Join(strings.Fields(v), " ")
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}
