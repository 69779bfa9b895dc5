package sheets_test

import (
	"slices"
	"strings"
	"testing"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/sheets"
	"mekong/sinks/sheets/sheetsim"
)

func TestSurvey(t *testing.T) {
	w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Title: "Tờ 1", GID: 5, Values: [][]any{{"Họ tên", nil, "SĐT"}}}, sheetsim.Tab{Title: "Ẩn", GID: 6, Hidden: true})
	w.conf.Spreadsheet = "https://docs.google.com/spreadsheets/u/0/d/" + bookID + "/edit?usp=sharing"
	s := w.sink(nil)
	v, wrong := s.Survey(t.Context())
	if v == nil || v.Title != "Bán hàng" || v.Tab != "Tờ 1" || v.Link != "https://docs.google.com/spreadsheets/d/"+bookID+"/edit#gid=5" || !slices.Equal(v.Headers, []string{"Họ tên", "SĐT"}) {
		t.Errorf("%+v, %+v", v, wrong)
	}
	store(t, s, record("a", map[string]any{"phone": "0900000000"}))
	if v, _ := s.Survey(t.Context()); v == nil || !slices.Equal(v.Headers, []string{"Họ tên", "SĐT", "Mekong ID"}) {
		t.Errorf("with the sink's own columns: %+v", v)
	}
	w.conf.Tab = "Không có"
	if v, wrong := w.sink(nil).Survey(t.Context()); v != nil || len(wrong) == 0 || !strings.Contains(wrong[len(wrong)-1].Fix, `"Tờ 1"`) {
		t.Errorf("%+v, %+v", v, wrong)
	}
	w.Unshare(bookID, email)
	if v, wrong := w.sink(nil).Survey(t.Context()); v != nil || len(wrong) == 0 || !strings.Contains(wrong[len(wrong)-1].Fix, email) {
		t.Errorf("%+v, %+v", v, wrong)
	}
}

// A look is at the spreadsheet that is written to by now, as Memory has it.
func TestCheckRemembers(t *testing.T) {
	w := newWorld(t, sheetsim.Options{})
	const next = "1NextNextNext"
	w.AddSpreadsheet(next, "Năm sau", sheetsim.SheetOptions{})
	w.Share(next, email, sheetsim.Writer)
	w.conf.NewSpreadsheets = []string{"https://docs.google.com/spreadsheets/d/" + next + "/edit"}
	mem := &memory{data: []byte(`{"at":"` + next + `"}`)}
	s := w.sink(func(_ *config.Sheets, o *sheets.Options) { o.Memory = mem })
	found := s.Check(t.Context())
	if !slices.ContainsFunc(found, func(f pipeline.Finding) bool { return strings.Contains(f.What, `"Năm sau"`) }) {
		t.Errorf("it looks elsewhere: %+v", found)
	}
}
