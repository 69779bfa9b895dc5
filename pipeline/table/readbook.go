package table

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// readWorkbook reads the first sheet that shows and holds something.
func readWorkbook(file Source) (*Reader, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if size > maxFile {
		return nil, fmt.Errorf("a workbook of more than %d MiB; save it as CSV", maxFile>>20)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	book, err := excelize.OpenReader(file, excelize.Options{UnzipSizeLimit: 4 * maxFile, UnzipXMLSizeLimit: 16 << 20})
	if err != nil {
		return nil, fmt.Errorf("the workbook cannot be read; open it and save it anew: %w", err)
	}
	for _, name := range book.GetSheetList() {
		if shown, err := book.GetSheetVisible(name); err != nil || !shown {
			continue
		}
		r, err := readSheet(book, name)
		if errors.Is(err, errNothing) {
			continue
		}
		if err != nil {
			_ = book.Close()
			return nil, fmt.Errorf("sheet %q: %w", name, err)
		}
		return r, nil
	}
	_ = book.Close()
	return nil, errors.New("no sheet of the workbook holds anything")
}

var errNothing = errors.New("nothing in it")

// readSheet walks a sheet twice at once: over what its cells hold, and over what they
// show, for only the second tells a date from a number.
func readSheet(book *excelize.File, name string) (*Reader, error) {
	held, err := book.Rows(name)
	if err != nil {
		return nil, err
	}
	shown, err := book.Rows(name)
	if err != nil {
		return nil, err
	}
	props, err := book.GetWorkbookProps()
	if err != nil {
		return nil, err
	}
	of1904 := props.Date1904 != nil && *props.Date1904
	r := &Reader{Format: XLSX, Notes: []string{"sheet " + name}}
	r.close = func() error { return errors.Join(held.Close(), shown.Close(), book.Close()) }
	line := 0
	row := func() (Row, error) {
		for held.Next() && shown.Next() {
			line++
			raw, err := held.Columns(excelize.Options{RawCellValue: true})
			if err != nil {
				return Row{}, fmt.Errorf("row %d: %w", line, err)
			}
			seen, err := shown.Columns()
			if err != nil {
				return Row{}, fmt.Errorf("row %d: %w", line, err)
			}
			if blank(raw) {
				continue
			}
			if err := tooWide(len(raw)); err != nil {
				return Row{}, fmt.Errorf("row %d: %w", line, err)
			}
			for i := range raw {
				if i < len(seen) {
					raw[i] = value(raw[i], seen[i], of1904)
				}
			}
			return Row{Line: line, Values: raw}, nil
		}
		if err := errors.Join(held.Error(), shown.Error()); err != nil {
			return Row{}, fmt.Errorf("row %d: %w", line+1, err)
		}
		return Row{}, io.EOF
	}
	if err := begin(r, row); err != nil {
		_ = held.Close()
		_ = shown.Close()
		if line == 0 {
			return nil, errNothing
		}
		return nil, err
	}
	return r, nil
}

// value is what a cell means: a date as a date, a whole number without an exponent,
// anything else as it is held.
func value(held, shown string, of1904 bool) string {
	if held == shown {
		return plainNumber(held)
	}
	n, err := strconv.ParseFloat(held, 64)
	if err != nil {
		return held
	}
	if !isClock(shown) {
		if zeros(shown) && strings.TrimLeft(shown, "0") == strings.TrimLeft(plainNumber(held), "0") {
			return shown // a number format such as 0000000000 keeps the first 0
		}
		return plainNumber(held)
	}
	t, err := excelize.ExcelDateToTime(n, of1904)
	if err != nil {
		return held
	}
	t = t.Round(time.Second)
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format("2006-01-02")
	}
	return t.Format("2006-01-02 15:04:05")
}

// isClock tells what shows as a date or a time from what shows as a number.
func isClock(shown string) bool {
	digits := strings.ContainsAny(shown, "0123456789")
	if strings.ContainsAny(shown, "%₫đ$€E") {
		return false
	}
	return digits && (strings.ContainsAny(shown, "/:") || strings.Count(shown, "-") >= 2)
}

func zeros(shown string) bool {
	return strings.HasPrefix(shown, "0") && strings.Trim(shown, "0123456789") == ""
}

// plainNumber writes 9.12345678E8 as 912345678. What has no exponent stays.
func plainNumber(s string) string {
	if !strings.ContainsAny(s, "eE") {
		return s
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.Trim(s, "0123456789.eE+-") != "" {
		return s
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}
