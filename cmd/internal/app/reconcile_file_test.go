package app

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"mekong/pipeline/table"
)

// backup writes what LadiPage's stored data looks like: Vietnamese names of columns, phones
// that have lost their first 0, times of the page's country.
func backup(t *testing.T, rows [][]any) string {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for r, row := range append([][]any{{"Thời gian", "Họ và tên", "Số điện thoại", "Email", "ladi_form_id", "status_send", "Ghi chú"}}, rows...) {
		for c, v := range row {
			cell, err := excelize.CoordinatesToCellName(c+1, r+1)
			if err == nil && v != nil {
				err = f.SetCellValue("Sheet1", cell, v)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "luu-tru.xlsx")
	if err := f.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// linesOf are the lines of the file that never arrived.
func linesOf(a Arrivals) string {
	var out []string
	for _, m := range a.Missed {
		out = append(out, fmt.Sprint(m.Line))
	}
	return strings.Join(out, " ")
}

// What LadiPage has stored and never arrived is found, and taken in once; what arrived,
// whatever became of its phone in the file, is not.
func TestCompareFile(t *testing.T) {
	c := configured(t, t.TempDir(), oneSink)
	r := start(t, c, Options{})
	zone, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	at := func(ago time.Duration) string { return now.Add(-ago).In(zone).Format("02/01/2006 15:04:05") }
	const quarter = 20 * time.Minute
	// Path B says when; path A is taken to have happened when it came.
	r.submit("An", "0912345678", "ladi_form_id", "FORM33", "message_time", at(3*time.Hour))
	r.submit("Bình", "+84 987 654 321", "ladi_form_id", "FORM33", "message_time", at(2*time.Hour))
	r.submit("Chi", "0900000003")
	r.submit("Dũng", "0900000004", "ladi_form_id", "FORM33", "message_time", at(time.Hour), "status_send", "capture")
	r.submit("Giang", "0900000007", "ladi_form_id", "FORM44", "message_time", at(time.Hour))
	if got, err := send(t.Context(), r.door, form("Hà", "0900000008"), map[string]string{"Content-Type": urlencoded, "Token": "a wrong one"}); err != nil || got.status != 401 {
		t.Fatalf("%+v, %v", got, err)
	}
	r.submit("Quên", "0900000009", "message_time", at(time.Hour))
	r.settled("archive")
	op := r.Operator()
	f, err := op.Find(t.Context(), "0900000009")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.Forget(t.Context(), f, ForgetOptions{}); err != nil {
		t.Fatal(err)
	}
	path := backup(t, [][]any{
		{at(3*time.Hour - time.Minute), "An", 912345678, nil, "FORM33", 2},      // 2: arrived
		{at(2 * time.Hour), "Bình", "987654321", nil, "FORM33", 2},              // 3: arrived
		{at(0), "Chi", "900000003", nil, nil, 2},                                // 4: arrived, by the door's clock
		{at(3*time.Hour - quarter), "An", 912345678, nil, "FORM33", 2},          // 5: she came again, and that never arrived
		{at(time.Hour), "Dũng", 900000004, nil, "FORM33", "capture"},            // 6: arrived, while typing
		{at(time.Hour - time.Minute), "Dũng", 900000004, nil, "FORM33", 2},      // 7: what was sent never arrived
		{at(time.Hour), "Em", nil, "EM@example.com", "FORM33", 2},               // 8: never arrived
		{at(time.Hour), "Giang", 900000007, nil, "FORM33", 2},                   // 9: another form
		{at(time.Hour), "Giang", 900000007, nil, "Biểu mẫu 1", 2},               // 10: a form by a name that the source never says: arrived
		{at(time.Minute), "Hà", 900000008, nil, nil, 2},                         // 11: turned away
		{at(time.Hour), "Quên", 900000009, nil, nil, 2},                         // 12: forgotten
		{at(time.Hour), nil, nil, nil, "FORM33", 2, "không có gì để so"},        // 13: nothing to compare
		{at(30 * time.Hour), "Khánh", 900000010, nil, "FORM33", "1"},            // 14: typed only, never arrived
		{at(2 * time.Hour), "Bình", "987654321", nil, "FORM33", 2},              // 15: stands there twice
		{at(time.Hour), "=HYPERLINK(\"x\")", 900000011, nil, "FORM33", 2, "00"}, // 16: never arrived
	})
	how := ArrivalOptions{Source: "landing", Path: path, Within: 15 * time.Minute, Details: 100}
	a, err := op.CompareFile(t.Context(), how)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := linesOf(a), "5 7 8 9 11 14 16"; got != want {
		t.Errorf("missing are rows %s, want %s", got, want)
	}
	sum := a.Arrived + a.Imported + a.Missing + a.TooOld + a.Forgotten + a.Filtered + a.Untold + a.Repeats + a.Left
	if a.Rows != 15 || a.Arrived != 5 || a.Missing != 7 || a.Forgotten != 1 || a.Untold != 1 || a.Repeats != 1 || sum != a.Rows ||
		a.OtherTime != 3 || a.Refused != 1 || a.Captured != 1 || a.Deliveries != 5 || a.Unread != 0 {
		t.Errorf("%+v", a)
	}
	for _, m := range a.Missed {
		if strings.Contains(m.Who, "9000") || strings.Contains(m.Who, "912345") || m.At.IsZero() {
			t.Errorf("%+v", m)
		}
	}

	// Written to a file, the rows are the same deliveries.
	for _, format := range []table.Format{table.XLSX, table.JSONL} {
		var b bytes.Buffer
		n, err := WriteLost(t.Context(), c, a, &b, format)
		if err != nil || n != a.Missing {
			t.Fatalf("%s: %d rows, %v", format, n, err)
		}
		file := filepath.Join(t.TempDir(), "missing."+string(format))
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if changed, err := op.SameLost(t.Context(), a, file); err != nil || changed != 0 {
			t.Errorf("%s: %d rows are others, %v", format, changed, err)
		}
		again := how
		again.Path = file
		if b, err := op.CompareFile(t.Context(), again); err != nil || b.Rows != a.Missing || b.Missing != a.Missing {
			t.Errorf("%s: %+v, %v", format, b, err)
		}
	}

	st, err := op.ImportLost(t.Context(), a, RepairOptions{Rate: 1000, Lag: 1000}, func(LostImport) {})
	if err != nil || st.Stored != a.Missing || st.Known != 0 || st.Rows != a.Missing {
		t.Fatalf("%+v, %v", st, err)
	}
	r.settled("archive")
	b, err := op.CompareFile(t.Context(), how)
	if err != nil || b.Missing != 0 || b.Imported != a.Missing || b.Arrived != a.Arrived {
		t.Errorf("after it was taken in: %+v, %v", b, err)
	}
	if docs := r.documents("mekong", "records"); len(docs) != 5+a.Missing {
		t.Errorf("%d documents", len(docs))
	}
	// An import of the whole file, too, knows them again.
	if st, err := op.ImportLost(t.Context(), a, RepairOptions{}, func(LostImport) {}); err != nil || st.Stored != 0 || st.Known != a.Missing {
		t.Errorf("%+v, %v", st, err)
	}
	// What is no longer kept cannot be told from what never arrived.
	if err := r.Bus.Tidy(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if b, err = op.CompareFile(t.Context(), how); err != nil || !b.Cut || b.Missing != 0 || b.TooOld != 12 {
		t.Errorf("%+v, %v", b, err)
	}
}

// Without times rows are known by whom they are about, and days are days wherever.
func TestCompareFileWithoutTimes(t *testing.T) {
	r := start(t, configured(t, t.TempDir(), oneSink), Options{})
	r.submit("An", "0912345678")
	r.submit("Bình Không Số", "")
	r.settled("archive")
	for _, test := range []struct {
		text, missing string
		untold        int
	}{
		{"Họ tên,Điện thoại\nAn,912345678\nBa,987654321\nBình Không Số,\n", "3", 1},
		{"Họ tên,Điện thoại,Ngày tạo\nAn,912345678," + time.Now().Format("02/01/2006") + "\nAn,912345678," + time.Now().Add(-96*time.Hour).Format("02/01/2006") + "\n", "3", 0},
		{"Họ tên,Thời gian\nBình Không Số," + time.Now().UTC().Format(time.RFC3339) + "\nBình Không Số," + time.Now().Add(-96*time.Hour).UTC().Format(time.RFC3339) + "\n", "3", 0},
	} {
		path := filepath.Join(t.TempDir(), "export.csv")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := r.Operator().CompareFile(t.Context(), ArrivalOptions{Source: "landing", Path: path, Within: 15 * time.Minute, Details: 10})
		if err != nil || linesOf(a) != test.missing || a.Untold != test.untold {
			t.Errorf("%q: missing %s: %+v, %v", test.text, linesOf(a), a, err)
		}
	}
}
