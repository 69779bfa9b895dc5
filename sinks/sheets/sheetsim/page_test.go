package sheetsim_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"mekong/sinks/sheets/sheetsim"
)

func TestThePageLooksLikeASheet(t *testing.T) {
	data := [][]any{{"Họ tên", "Điện thoại", "Điểm", "Ẩn"}}
	for i := range 400 {
		data = append(data, []any{fmt.Sprintf("<b>Nguyễn %d</b>", i), "0900000000", float64(i), "hidden text"})
	}
	w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Title: "Khách", Values: data}, sheetsim.Tab{Title: "_ledger", GID: 5, Hidden: true}, sheetsim.Tab{Title: "Other", GID: 6})
	w.FreezeRows(bookID, 0, 1)
	w.HideColumn(bookID, 0, 3, true)
	code, body := w.send("GET", "/spreadsheets/d/"+bookID+"/edit?gid=0", "", "")
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	for _, want := range []string{"Bán hàng", "Khách", "<th>A</th>", "<th>401</th>", "Họ tên", `<td class="right" title="399">399</td>`, `<td class="" title="0900000000">0900000000</td>`, "&lt;b&gt;Nguyễn 399", "201 of 401 rows", "edit?gid=6"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	for _, not := range []string{"hidden text", "_ledger", "<b>Nguyễn", "<th>D</th>", "<th>20</th>"} {
		if strings.Contains(body, not) {
			t.Errorf("the page has %s", not)
		}
	}
	if outside := regexp.MustCompile(`(src|href)="(https?:)?//`).FindString(body); outside != "" {
		t.Errorf("the page asks for %s", outside)
	}
	rev := regexp.MustCompile(`data-rev="([^"]+)"`).FindStringSubmatch(body)[1]
	if code, _ := w.send("GET", "/spreadsheets/d/"+bookID+"/grid?gid=0&rev="+rev, "", ""); code != 204 {
		t.Errorf("nothing new is answered with %d", code)
	}
	w.SetCell(bookID, 0, 400, 0, "Trần")
	if code, body := w.send("GET", "/spreadsheets/d/"+bookID+"/grid?gid=0&rev="+rev, "", ""); code != 200 || !strings.Contains(body, "Trần") || strings.Contains(body, "<html") {
		t.Errorf("news: %d", code)
	}
	if code, body := w.send("GET", "/sim", "", ""); code != 200 || !strings.Contains(body, "/spreadsheets/d/"+bookID+"/edit") {
		t.Errorf("the list: %d", code)
	}
	for _, path := range []string{"/spreadsheets/d/none/edit", "/spreadsheets/x", "/else"} {
		if code, _ := w.send("GET", path, "", ""); code != 404 {
			t.Errorf("%s: %d", path, code)
		}
	}
	if file := os.Getenv("SHEETSIM_PAGE"); file != "" { // for a look at it
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
