package app

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/pipeline/console"
	"mekong/sinks/appsscript/scriptsim"
	"mekong/sinks/lark/larksim"
)

// stateOf is how a column of a shape stands, by its field.
func stateOf(s console.Shape, field string) (console.ColumnState, string) {
	for _, c := range s.Columns {
		if slices.Contains(strings.Split(c.Field, ", "), field) {
			return c.State, c.Name
		}
	}
	return "", ""
}

// The columns of a Base and of a spreadsheet are shown as they are there, whatever
// people have done to them since.
func TestColumnsAreShownAsTheyAre(t *testing.T) {
	e := newEverywhere(t)
	e.text = strings.Replace(e.text, "app_secret: invented,", "app_secret: invented, monthly_calls: 5000,", 1)
	e.base.AddField(everyBase, e.table, larksim.Field{Name: "Người phụ trách", Type: larksim.Text})
	r := start(t, configured(t, e.dir+"/data", e.text), Options{})
	if got := r.post("application/x-www-form-urlencoded", []byte("name=An&phone=0900000000")); got.status != http.StatusOK {
		t.Fatalf("the lead is answered %d", got.status)
	}
	r.settled("archive", "crm", "sales")
	all := r.shapes(t.Context())
	for name, title := range map[string]string{"crm": "Khách hàng", "sales": "A"} {
		s := all[name]
		if s.Title != title || len(s.Troubles()) > 0 {
			t.Errorf("%s is %q, with %v", name, s.Title, s.Troubles())
		}
		if st, col := stateOf(s, "name"); st != console.ColumnFilled || col != "Họ tên" {
			t.Errorf("%s: the name's column is %q and %s", name, col, st)
		}
		if !slices.Equal(s.Own, []string{"Mekong ID", "Mekong version"}) && name == "crm" {
			t.Errorf("%s keeps its own in %q", name, s.Own)
		}
	}
	if got := all["crm"].Besides; !slices.Equal(got, []string{"Người phụ trách"}) {
		t.Errorf("the Base has besides %q", got)
	}
	if len(all["archive"].Columns) > 0 {
		t.Errorf("MongoDB has columns: %+v", all["archive"])
	}
	// People rename one column and take another away.
	e.base.RenameField(everyBase, e.table, "Họ tên", "Tên khách")
	e.base.RemoveField(everyBase, e.table, "SĐT")
	header := e.book.Values(everyBook, 0)[0]
	e.book.RenameHeader(everyBook, 0, slices.Index(header, any("Họ tên")), "Tên khách")
	e.book.AddColumnValues(everyBook, 0, len(header), "Đã gọi", "x")
	all = r.shapes(t.Context())
	for _, name := range []string{"crm", "sales"} {
		s := all[name]
		if st, _ := stateOf(s, "name"); st != console.ColumnRenamed {
			t.Errorf("%s: the renamed column is %s: %+v", name, st, s)
		}
		if slices.Contains(s.Besides, "Tên khách") {
			t.Errorf("%s: the renamed column is said not to be filled: %q", name, s.Besides)
		}
	}
	if st, _ := stateOf(all["crm"], "phone"); st != console.ColumnMissing {
		t.Errorf("the column that is gone is %s", st)
	}
	if i := slices.IndexFunc(all["crm"].Columns, func(c console.Column) bool { return c.Field == "phone" }); !strings.Contains(all["crm"].Columns[i].Note, "create_columns") {
		t.Errorf("about the column that is gone it says %+v", all["crm"].Columns[i])
	}
	if !slices.Contains(all["sales"].Besides, "Đã gọi") {
		t.Errorf("the spreadsheet has besides %q", all["sales"].Besides)
	}
	// What the page says.
	v := r.visit()
	poll(t, 30*time.Second, func() string {
		_, text := v.get("/sinks")
		for _, says := range []string{"đã đổi tên, vẫn ghi", "không có", "Đã gọi", "Người phụ trách", "Mekong ID", "trong 5.000 (0 %)"} {
			if !strings.Contains(text, says) {
				return "the page does not say " + says + text
			}
		}
		return ""
	})
	if n, ok := r.spent(t.Context(), "crm", time.Now()); !ok || n < 2 {
		t.Errorf("%d calls of this month are spent, known: %t", n, ok)
	}
	if n, ok := r.spent(t.Context(), "crm", time.Now().AddDate(0, 2, 0)); !ok || n != 0 {
		t.Errorf("%d calls of a month to come are spent, known: %t", n, ok)
	}
}

// Where no columns are configured, fields find theirs by name; and a destination that
// does not answer is said to be unknown, with why.
func TestColumnsAreFoundByName(t *testing.T) {
	e := newEverywhere(t)
	e.text = strings.Replace(e.text, `, columns: { "Họ tên": name, "SĐT": phone }`, "", 1)
	c := configured(t, e.dir+"/data", e.text)
	r := start(t, c, Options{Only: []string{RoleIntake, RoleTransform, RoleConsole}}) // the sinks are in no process
	s := r.shape(t.Context(), "crm", r.usualFields(t.Context()))
	for field, want := range map[string]string{"name": "Họ tên", "phone": "SĐT"} {
		if st, col := stateOf(s, field); st != console.ColumnFilled || col != want {
			t.Errorf("%s goes to %q, which is %s", field, col, st)
		}
	}
	e.base.RemoveBase(everyBase)
	if s := r.shape(t.Context(), "crm", nil); len(s.Columns) > 0 || len(s.Troubles()) == 0 {
		t.Errorf("of a Base that is gone it says %+v", s)
	}
	e.book.RemoveSpreadsheet(everyBook)
	s = r.shape(t.Context(), "sales", nil)
	if st, _ := stateOf(s, "name"); st != console.ColumnUnknown || len(s.Troubles()) == 0 {
		t.Errorf("of a spreadsheet that is gone it says %+v", s)
	}
}

// Of a spreadsheet that is written to by its script the columns are seen, too, and those
// that are not there yet are said to be made.
func TestColumnsBehindAScript(t *testing.T) {
	srv := httptest.NewServer(scriptsim.New(scriptsim.NewModel(scriptsim.ModelOptions{Secret: secretToken})))
	t.Cleanup(srv.Close)
	r := start(t, configured(t, t.TempDir(), oneSink+`
  tab:
    accept: [lead]
    appsscript: { url: "https://script.google.com/macros/s/AKfycb-a/exec", secret: `+secretToken+`, endpoint: "`+srv.URL+`", columns: { "Họ tên": name } }
`), Options{})
	before := r.shape(t.Context(), "tab", nil)
	if st, _ := stateOf(before, "name"); st != console.ColumnMade || before.Title == "" {
		t.Errorf("before the first record it says %+v", before)
	}
	if got := r.post("application/x-www-form-urlencoded", []byte("name=An&phone=0900000000")); got.status != http.StatusOK {
		t.Fatalf("the lead is answered %d", got.status)
	}
	r.settled("tab")
	after := r.shape(t.Context(), "tab", nil)
	if st, _ := stateOf(after, "name"); st != console.ColumnFilled || !slices.Contains(after.Own, "Mekong ID") {
		t.Errorf("after it, it says %+v", after)
	}
}
