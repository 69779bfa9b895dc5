package table

import (
	"archive/zip"
	"bytes"
	"runtime"
	"strings"
	"testing"
)

// grown is how much memory do took in all, given back or not.
func grown(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A workbook that is small and unpacks to a large one is refused, or read row by row;
// never is all of it held in memory at once.
func TestWorkbookBombs(t *testing.T) {
	book := smallBook(t)
	const head = `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`
	for name, change := range map[string]map[string][]byte{
		"a sheet of one long cell":  {"xl/worksheets/sheet1.xml": []byte(head + `<row r="1"><c r="A1" t="inlineStr"><is><t>` + strings.Repeat("a", 8<<20) + `</t></is></c></row></sheetData></worksheet>`)},
		"a sheet of nothing":        {"xl/worksheets/sheet1.xml": []byte(head + strings.Repeat(" ", 20<<20) + `</sheetData></worksheet>`)},
		"entities":                  {"xl/worksheets/sheet1.xml": []byte(`<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>` + head + `<row r="1"><c r="A1" t="inlineStr"><is><t>&b;</t></is></c></row></sheetData></worksheet>`)},
		"the last cell of a sheet":  {"xl/worksheets/sheet1.xml": []byte(head + `<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>a</t></is></c></row></sheetData></worksheet>`)},
		"a row far beyond":          {"xl/worksheets/sheet1.xml": []byte(head + `<row r="2000000000"><c r="A2000000000"><v>1</v></c></row></sheetData></worksheet>`)},
		"deeply nested":             {"xl/worksheets/sheet1.xml": []byte(head + strings.Repeat("<row>", 1<<16))},
		"texts that are not there":  {"xl/sharedStrings.xml": []byte(`<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="4294967295" uniqueCount="4294967295"></sst>`)},
		"a workbook inside of it":   {"xl/worksheets/sheet1.xml": book},
		"a name that leads outside": {"../../../../tmp/mekong-outside": []byte("x"), "/etc/mekong-outside": []byte("x")},
	} {
		in := parts(t, book, change)
		var rows int
		var err error
		took := grown(func() { rows, err = rowsOf(in) })
		if rows > 1 {
			t.Errorf("%s: %d rows are read, %v", name, rows, err)
		}
		if most := uint64(256 << 20); took > most {
			t.Errorf("%s: %d MiB were taken, for %d bytes", name, took>>20, len(in))
		}
	}
}

// A workbook whose parts say that they unpack to more than may be is not unpacked.
func TestWorkbookThatUnpacksToTooMuch(t *testing.T) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	// What a part unpacks to stands before it; that it is true is seen to by archive/zip.
	part, err := z.CreateRaw(&zip.FileHeader{Name: "xl/media/image1.png", Method: zip.Deflate, CompressedSize64: 4, UncompressedSize64: 4*maxFile + 1})
	if err == nil {
		_, err = part.Write([]byte{3, 0, 0, 0})
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	took := grown(func() { _, err = rowsOf(out.Bytes()) })
	if err == nil || took > 64<<20 {
		t.Errorf("%d bytes: %v, and %d MiB were taken", out.Len(), err, took>>20)
	}
}
