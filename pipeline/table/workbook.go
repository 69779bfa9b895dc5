package table

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

// Bounds of a sheet in a workbook, of Excel itself.
const (
	maxRows  = excelize.TotalRows
	maxChars = excelize.TotalCellChars // UTF-16 units
	// maxExact is the largest whole number that a cell keeps to the last digit.
	maxExact = 1e15
)

// workbook writes one sheet after the other, each of them full.
type workbook struct {
	out     io.Writer
	file    *excelize.File
	sheet   *excelize.StreamWriter
	title   string
	columns []string
	zone    *time.Location
	text    int // style of text
	clock   int // of times
	head    int // of names
	sheets  int
	row     int // the last one written, from 1
	most    int // rows of a sheet
	cells   []any
}

func newWorkbook(w io.Writer, columns []string, o Options) (*workbook, error) {
	b := &workbook{out: w, file: excelize.NewFile(), title: sheetName(o.Title), columns: columns, zone: o.Zone, most: maxRows}
	if len(columns) > excelize.MaxColumns {
		return nil, fmt.Errorf("a workbook has %d columns at most, and these are %d", excelize.MaxColumns, len(columns))
	}
	clock := "dd/mm/yyyy hh:mm:ss"
	var err error
	for _, s := range []struct {
		id    *int
		style excelize.Style
	}{
		{&b.text, excelize.Style{NumFmt: 49}}, // @: text stays text when it is edited
		{&b.clock, excelize.Style{CustomNumFmt: &clock}},
		{&b.head, excelize.Style{NumFmt: 49, Font: &excelize.Font{Bold: true}}},
	} {
		if *s.id, err = b.file.NewStyle(&s.style); err != nil {
			return nil, err
		}
	}
	return b, b.begin()
}

// begin goes on in a new sheet.
func (b *workbook) begin() (err error) {
	b.sheets++
	name := b.title
	if b.sheets == 1 {
		err = b.file.SetSheetName(b.file.GetSheetName(0), name)
	} else {
		if err = b.sheet.Flush(); err != nil {
			return err
		}
		name += " " + strconv.Itoa(b.sheets)
		_, err = b.file.NewSheet(name)
	}
	if err != nil {
		return err
	}
	if b.sheet, err = b.file.NewStreamWriter(name); err != nil {
		return err
	}
	if len(b.columns) > 0 {
		if err = b.sheet.SetColWidth(1, len(b.columns), 20); err != nil {
			return err
		}
	}
	if err = b.sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	b.row = 0
	b.cells = b.cells[:0]
	for _, name := range b.columns {
		b.cells = append(b.cells, excelize.Cell{StyleID: b.head, Value: cut(name)})
	}
	return b.put()
}

func (b *workbook) put() error {
	b.row++
	return b.sheet.SetRow("A"+strconv.Itoa(b.row), b.cells)
}

func (b *workbook) Write(values []any) error {
	if b.row >= b.most {
		if err := b.begin(); err != nil {
			return err
		}
	}
	b.cells = b.cells[:0]
	for _, v := range values {
		b.cells = append(b.cells, b.cell(v))
	}
	return b.put()
}

// cell is v in a cell. Text is written as text and can be no formula.
func (b *workbook) cell(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case bool, int:
		return v
	case float64:
		if math.Abs(v) < maxExact {
			return v
		}
		return excelize.Cell{StyleID: b.text, Value: strconv.FormatFloat(v, 'f', -1, 64)}
	case time.Time:
		t := v.In(b.zone)
		if t.Year() < 1900 || t.Year() > 9999 {
			return excelize.Cell{StyleID: b.text, Value: t.Format("2006-01-02 15:04:05")}
		}
		// A workbook has no time zones: what it shows is what the clock on the wall did.
		return excelize.Cell{StyleID: b.clock, Value: time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)}
	case string:
		return excelize.Cell{StyleID: b.text, Value: cut(v)}
	case []string:
		return excelize.Cell{StyleID: b.text, Value: cut(listed(v))}
	}
	return excelize.Cell{StyleID: b.text, Value: cut(fmt.Sprint(v))}
}

func (b *workbook) Close() error {
	defer func() { _ = b.file.Close() }()
	if err := b.sheet.Flush(); err != nil {
		return err
	}
	return b.file.Write(b.out)
}

// cut keeps what fits in a cell, and says that it did.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxChars {
		return s
	}
	units := utf16.Encode([]rune(s))
	if len(units) <= maxChars {
		return s
	}
	const note = " […]"
	kept := units[:maxChars-len(note)]
	if utf16.IsSurrogate(rune(kept[len(kept)-1])) && kept[len(kept)-1] < 0xDC00 {
		kept = kept[:len(kept)-1]
	}
	return string(utf16.Decode(kept)) + note
}

// sheetName is title as the name of a sheet: 31 characters, some less for a number,
// and none of those that Excel does not take.
func sheetName(title string) string {
	title = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:\/?*[]`, r) || r < ' ' {
			return ' '
		}
		return r
	}, title)
	if runes := []rune(title); len(runes) > 27 {
		title = string(runes[:27])
	}
	if title = strings.Trim(strings.TrimSpace(title), "'"); title == "" {
		return "Mekong"
	}
	return title
}
