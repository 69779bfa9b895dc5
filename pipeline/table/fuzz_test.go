package table

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/xuri/excelize/v2"
)

// parts are the files inside of a workbook, those of change put in place of its own.
func parts(t testing.TB, book []byte, change map[string][]byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	put := func(name string, data []byte) {
		part, err := w.Create(name)
		if err == nil {
			_, err = part.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range r.File {
		if _, other := change[f.Name]; other {
			continue
		}
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		put(f.Name, data)
	}
	for name, data := range change {
		put(name, data)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// smallBook is a workbook with one row.
func smallBook(t testing.TB) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for cell, v := range map[string]any{"A1": "name", "B1": "phone", "A2": "A", "B2": "0900000000"} {
		if err := f.SetCellValue("Sheet1", cell, v); err != nil {
			t.Fatal(err)
		}
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rowsOf reads a table to its end, or as many rows as no test has.
func rowsOf(in []byte) (n int, err error) {
	r, err := NewReader(bytes.NewReader(in))
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }()
	for n < 10_000 {
		if _, err := r.Next(); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, err
		}
		n++
	}
	return n, nil
}

// FuzzWorkbook puts anything into the parts of a workbook that is whole otherwise, for
// by chance alone no archive would ever be opened.
func FuzzWorkbook(f *testing.F) {
	book := smallBook(f)
	const head = `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`
	for _, sheet := range []string{
		head + `<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c></row><row r="2"><c r="A2"><v>1E9</v></c></row></sheetData></worksheet>`,
		head + `<row r="1048576"><c r="XFD1048576" t="s"><v>-1</v></c></row></sheetData></worksheet>`,
		head + `<row r="0"><c r="A0" t="s"><v>99999999999</v></c></row></sheetData></worksheet>`,
		head + `<row><c s="999" t="d"><v>NaN</v></c></row>`, head + `<row r="-1"><c r="ZZZZ1"/></row>`, "", "<",
	} {
		f.Add([]byte(sheet), []byte(`<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="9999999999"><si><t>a</t></si></sst>`), []byte(""))
		f.Add([]byte(sheet), []byte(""), []byte(`<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts><numFmt numFmtId="9" formatCode="[$-x"/></numFmts><cellXfs><xf numFmtId="-3"/></cellXfs></styleSheet>`))
	}
	f.Fuzz(func(t *testing.T, sheet, texts, styles []byte) {
		change := map[string][]byte{"xl/worksheets/sheet1.xml": sheet}
		if len(texts) > 0 {
			change["xl/sharedStrings.xml"] = texts
		}
		if len(styles) > 0 {
			change["xl/styles.xml"] = styles
		}
		_, _ = rowsOf(parts(t, book, change)) // that it ends is what is asked
	})
}
