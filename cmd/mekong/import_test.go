package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/unicode/norm"
)

// documents is how many rows the archive holds, by an export.
func documents(t *testing.T, path string) int {
	t.Helper()
	code, out, errOut := mekong(t, "export", "-c", path, "--format", "csv", "--out", "-", "--names", "field")
	if code != exitOK {
		t.Fatalf("export: exit %d: %s", code, errOut)
	}
	return strings.Count(out, "\n") - 1
}

// importable is a CSV of n rows in a Vietnamese export's style, of which every tenth
// stands twice.
func importable(t *testing.T, dir string, n int) (path string, distinct int) {
	t.Helper()
	var b strings.Builder
	b.WriteString("\uFEFFThời gian;Họ và tên;Số điện thoại;Khóa học\r\n")
	for i := range n {
		if i%10 == 9 {
			i--
		} else {
			distinct++
		}
		fmt.Fprintf(&b, "%02d/10/2026 09:%02d:%02d;Khách %d;09%08d;IELTS\r\n", 1+i%28, i/60%60, i%60, i, i)
	}
	path = filepath.Join(dir, "export.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, distinct
}

// A file taken in by processes that are killed in the middle is there exactly once,
// also when it is taken in again, and beside live leads.
func TestImportSurvivesKills(t *testing.T) {
	dir := t.TempDir()
	path := written(t, dir, "")
	n := 20_000
	if testing.Short() {
		n = 3_000
	}
	file, distinct := importable(t, dir, n)
	p := run(t, path)
	lines := regexp.MustCompile(`(?m)^(\d+) rows: (\d+) deliveries`)
	for kills := range 2 {
		i := command(t, "import", "landing", file, "-c", path, "--rate", "4000")
		await(t, 30*time.Second, func() string {
			if documents(t, path) > (kills+1)*n/10 {
				return ""
			}
			select {
			case <-i.ended:
				return ""
			default:
				return "the import has not begun"
			}
		})
		i.kill()
	}
	if _, err := submit(t.Context(), p.door, 1); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := mekong(t, "import", "landing", file, "-c", path)
	if code != exitOK || !strings.Contains(out, "earlier run") || lines.FindStringSubmatch(out)[1] != fmt.Sprint(n) {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	code, out, errOut = mekong(t, "import", "landing", file, "-c", path, "--again")
	if m := lines.FindStringSubmatch(out); code != exitOK || m == nil || m[2] != "0" {
		t.Fatalf("a second time: exit %d: %s%s", code, out, errOut)
	}
	await(t, 60*time.Second, func() string {
		if got := documents(t, path); got != distinct+1 {
			return fmt.Sprintf("%d documents, and not %d", got, distinct+1)
		}
		return ""
	})
}

func TestImportOfAnOldWorkbook(t *testing.T) {
	dir := t.TempDir()
	path := written(t, dir, "transform: {landing: {required: [phone]}}\n")
	f := excelize.NewFile()
	defer f.Close()
	for r, row := range [][]any{
		{"Họ và tên", "Số điện thoại", "utm_campaign", "Ngày đăng ký"},
		{norm.NFD.String("Trần Thị Bưởi"), 912345678, "120208585133120157", time.Date(2026, 10, 2, 9, 30, 0, 0, time.UTC)},
		{"Không số", nil, nil, nil},
		{nil, nil, nil, nil},
	} {
		for c, v := range row {
			cell, _ := excelize.CoordinatesToCellName(c+1, r+1)
			if err := f.SetCellValue("Sheet1", cell, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := filepath.Join(dir, "old.xlsx")
	if err := f.SaveAs(file); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := mekong(t, "import", "landing", file, "-c", path, "--dry-run")
	if code != exitOK {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	for _, want := range []string{"2 rows would be 2 records", `column "Ngày đăng ký"`, "1  phone_missing", "+84912345678", "0912345678", "120208585133120157", "Trần Thị Bưởi", "2026-10-02T02:30:00Z", "Nothing was stored"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
		t.Error("a trial made the data folder")
	}
	code, out, errOut = mekong(t, "import", "landing", file, "-c", path)
	if code != exitOK || !strings.Contains(out, "2 deliveries taken in") || !strings.Contains(out, "No mekong is running") {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	run(t, path)
	await(t, 30*time.Second, func() string {
		if n := documents(t, path); n != 2 {
			return fmt.Sprintf("%d documents", n)
		}
		return ""
	})
	for says, args := range map[string][]string{
		"no source":          {"elsewhere", file},
		"no such file":       {"landing", file + "x"},
		"not less than 0":    {"landing", file, "--rate", "-1"},
		"there is no column": {"landing", file, "--time-column", "Giờ", "--dry-run"},
	} {
		code, _, errOut := mekong(t, append([]string{"import", "-c", path}, args...)...)
		if code == exitOK || !strings.Contains(errOut, says) {
			t.Errorf("%v: exit %d, %s", args, code, errOut)
		}
	}
}
