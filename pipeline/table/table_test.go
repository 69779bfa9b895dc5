package table

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/unicode/norm"
)

func hanoi(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

var columns = []string{"Họ tên", "Số điện thoại", "Mã quảng cáo", "Điểm", "Nhận lúc", "Môn", "Đồng ý"}

func hostile() [][]any {
	late := time.Date(2026, 11, 23, 18, 30, 5, 0, time.UTC) // 01:30 of the next day in Hà Nội
	return [][]any{
		{"Nguyễn Văn A", "0900000000", "120208585133120157", 9.5, late, []string{"IELTS", "TOEIC"}, true},
		{"=IMPORTXML(\"http://x\")", "+84900000000", nil, nil, nil, nil, false},
		{"  =1+2", "-1+cmd|' /C calc'!A0", "@SUM(A1)", 0.0, nil, nil, nil},
		{norm.NFD.String("Trần Thị Bưởi"), "", "007", -3.25, nil, nil, nil},
	}
}

func written(t *testing.T, f Format) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, f, columns, Options{Title: "Khách/hàng", Zone: hanoi(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range hostile() {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAWorkbookKeepsWhatItIsGiven(t *testing.T) {
	book, err := excelize.OpenReader(bytes.NewReader(written(t, XLSX)))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	sheet := book.GetSheetList()[0]
	if sheet != "Khách hàng" {
		t.Errorf("the sheet is %q", sheet)
	}
	for cell, want := range map[string]string{
		"A1": "Họ tên", "B2": "0900000000", "C2": "120208585133120157", "D2": "9.5", "E2": "24/11/2026 01:30:05",
		"F2": "IELTS, TOEIC", "G2": "TRUE", "A3": `=IMPORTXML("http://x")`, "B3": "+84900000000", "A4": "  =1+2",
		"B4": "-1+cmd|' /C calc'!A0", "C4": "@SUM(A1)", "C5": "007",
	} {
		got, err := book.GetCellValue(sheet, cell)
		if err != nil || got != want {
			t.Errorf("%s is %q, not %q (%v)", cell, got, want, err)
		}
		if f, _ := book.GetCellFormula(sheet, cell); f != "" {
			t.Errorf("%s is the formula %q", cell, f)
		}
	}
	for _, cell := range []string{"B2", "C2", "A3", "C5"} {
		if kind, err := book.GetCellType(sheet, cell); err != nil || kind != excelize.CellTypeInlineString && kind != excelize.CellTypeSharedString {
			t.Errorf("%s is no text but %v (%v)", cell, kind, err)
		}
	}
	for _, cell := range []string{"D2", "E2"} {
		if kind, err := book.GetCellType(sheet, cell); err != nil || kind == excelize.CellTypeInlineString || kind == excelize.CellTypeSharedString {
			t.Errorf("%s is text (%v)", cell, err)
		}
	}
}

func TestCSVIsTame(t *testing.T) {
	text := string(written(t, CSV))
	for _, want := range []string{
		"\uFEFFHọ tên,Số điện thoại", "0900000000,120208585133120157,9.5,2026-11-24 01:30:05,\"IELTS, TOEIC\",true\r\n",
		`"'=IMPORTXML(""http://x"")",+84900000000`, "'  =1+2,'-1+cmd|' /C calc'!A0,'@SUM(A1),0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// What is written is read again, from either format.
func TestThereAndBack(t *testing.T) {
	for _, f := range []Format{CSV, XLSX} {
		r, err := NewReader(bytes.NewReader(written(t, f)))
		if err != nil {
			t.Fatal(f, err)
		}
		if r.Format != f || strings.Join(r.Columns, "|") != strings.Join(columns, "|") {
			t.Errorf("%s: read as %s with %q", f, r.Format, r.Columns)
		}
		first, err := r.Next()
		if err != nil {
			t.Fatal(f, err)
		}
		if first.Line != 2 || first.Values[0] != "Nguyễn Văn A" || first.Values[1] != "0900000000" || first.Values[2] != "120208585133120157" || first.Values[3] != "9.5" || first.Values[4] != "2026-11-24 01:30:05" {
			t.Errorf("%s: %+v", f, first)
		}
		n := 1
		for ; ; n++ {
			if _, err = r.Next(); err != nil {
				break
			}
		}
		if !errors.Is(err, io.EOF) || n != len(hostile()) {
			t.Errorf("%s: %d rows, %v", f, n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(f, err)
		}
	}
}

// A sheet that is full goes on in the next one, with the names on top.
func TestAWorkbookGoesOn(t *testing.T) {
	var b bytes.Buffer
	w, err := newWorkbook(&b, []string{"n"}, Options{Title: "Sổ", Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	w.most = 3
	for i := range 5 {
		if err := w.Write([]any{i}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	book, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if got := book.GetSheetList(); strings.Join(got, "|") != "Sổ|Sổ 2|Sổ 3" {
		t.Fatalf("%q", got)
	}
	if v, _ := book.GetCellValue("Sổ 3", "A2"); v != "4" {
		t.Errorf("the last is %q", v)
	}
	if v, _ := book.GetCellValue("Sổ 2", "A1"); v != "n" {
		t.Errorf("no names on the second: %q", v)
	}
}

func TestLongTextIsCut(t *testing.T) {
	for _, s := range []string{strings.Repeat("ế", maxChars+1), strings.Repeat("😀", maxChars)} {
		got := cut(s)
		if !strings.HasSuffix(got, " […]") || strings.ContainsRune(got, '\uFFFD') {
			t.Errorf("cut to …%q", got[len(got)-12:])
		}
	}
	if s := strings.Repeat("ế", maxChars); cut(s) != s {
		t.Error("what fits was cut")
	}
}

func TestReading(t *testing.T) {
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("Họ tên\tSĐT\r\nTrần B\t0900000000\r\n")
	if err != nil {
		t.Fatal(err)
	}
	old, err := charmap.Windows1258.NewEncoder().String("Ho ten;So dien thoai;Ghi chu\nTr\u00e2n B;0900000000;\u0111\u00e3 g\u1ecd\u0069\n")
	if err != nil {
		old = "Ho ten;So dien thoai;Ghi chu\nTr\xe2n B;0900000000;\xf0\xe3 g\n"
	}
	for name, c := range map[string]struct {
		in, columns, first string
		line               int
		note               string
	}{
		"plain":          {"name,phone\nA,0900000000\n", "name|phone", "A|0900000000", 2, "comma"},
		"semicolon, BOM": {"\uFEFFHọ tên;SĐT\r\n\"Trần, B\";0900000000\r\n", "Họ tên|SĐT", "Trần, B|0900000000", 2, "semicolon"},
		"UTF-16 and tab": {utf16, "Họ tên|SĐT", "Trần B|0900000000", 2, "UTF-16"},
		"windows-1258":   {old, "Ho ten|So dien thoai|Ghi chu", "", 2, "windows-1258"},
		"a title above":  {"Danh sách khách,,\n\nHọ tên,SĐT,Ghi chú\nA,0900000000,x\n", "Họ tên|SĐT|Ghi chú", "A|0900000000|x", 4, ""},
		"a line break":   {"a,b\n\"x\ny\",2\n", "a|b", "x\ny|2", 2, ""},
		"an odd quote":   {"a,b\nsay \"hi\",2\n", "a|b", "say \"hi\"|2", 2, ""},
		"one column":     {"SĐT\n0900000000\n", "SĐT", "0900000000", 2, ""},
		"short rows":     {"a,b,c\n1\n", "a|b|c", "1", 2, ""},
		"a JSON list":    {" [ {\"a\":1}, {\"a\":[2]} ]", "", "", 1, "list"},
		"JSON lines":     {"\n{\"a\":1}\n{\"a\":2}\n", "", "", 2, ""},
	} {
		r, err := NewReader(strings.NewReader(c.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(r.Columns, "|"); got != c.columns {
			t.Errorf("%s: columns %q", name, got)
		}
		row, err := r.Next()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(row.Values, "|"); c.first != "" && got != c.first || row.Line != c.line {
			t.Errorf("%s: %q of line %d", name, got, row.Line)
		}
		if !strings.Contains(strings.Join(r.Notes, ", "), c.note) {
			t.Errorf("%s: says %q", name, r.Notes)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ in, says string }{
		"nothing":        {"", "empty"},
		"old workbook":   {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", ".xlsx"},
		"web page":       {"<html><table>", "HTML"},
		"PDF":            {"%PDF-1.7", "CSV or XLSX"},
		"numbers only":   {"1,2\n3,4\n", "names of the columns"},
		"broken archive": {"PK\x03\x04rubbish", "save it anew"},
		"half a list":    {"[{\"a\":1},", "item 2"},
		"one long line":  {"a,b\n\"" + strings.Repeat("x", 3*maxLine), "longer than"},
	} {
		r, err := NewReader(strings.NewReader(c.in))
		for err == nil {
			_, err = r.Next()
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Old sheets hold phones as numbers, dates as numbers that show as dates, and zeros
// that only a format shows.
func TestAnOldWorkbook(t *testing.T) {
	f := excelize.NewFile()
	defer f.Close()
	zeros, date := "0000000000", "dd/mm/yyyy"
	z, err := f.NewStyle(&excelize.Style{CustomNumFmt: &zeros})
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.NewStyle(&excelize.Style{CustomNumFmt: &date})
	if err != nil {
		t.Fatal(err)
	}
	set := func(cell string, v any, style int) {
		t.Helper()
		if err := f.SetCellValue("Sheet1", cell, v); err != nil {
			t.Fatal(err)
		}
		if style != 0 {
			if err := f.SetCellStyle("Sheet1", cell, cell, style); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, name := range []string{"Họ tên", "SĐT", "SĐT 2", "Ngày", "Giờ", "Tiền"} {
		cell, _ := excelize.CoordinatesToCellName(i+1, 1)
		set(cell, name, 0)
	}
	set("A3", norm.NFD.String("Trần Bưởi"), 0)
	set("B3", 912345678, 0)
	set("C3", 912345678, z)
	set("D3", 46350, d)
	set("E3", time.Date(2026, 11, 24, 9, 5, 0, 0, time.UTC), 0)
	set("F3", 1290000.5, 0)
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	row, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{norm.NFD.String("Trần Bưởi"), "912345678", "0912345678", "2026-11-24", "2026-11-24 09:05:00", "1290000.5"}
	if row.Line != 3 || strings.Join(row.Values, "|") != strings.Join(want, "|") {
		t.Errorf("row %d is %q", row.Line, row.Values)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n"))
	f.Add([]byte("{\"a\":1}\n"))
	f.Add([]byte("\xff\xfea\x00,\x00b\x00"))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := NewReader(bytes.NewReader(in))
		if err != nil {
			return
		}
		last := 0
		for range 1000 {
			row, err := r.Next()
			if err != nil {
				return
			}
			if row.Line < last {
				t.Fatalf("row %d after %d", row.Line, last)
			}
			last = row.Line
		}
	})
}
