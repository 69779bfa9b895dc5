package sheets_test

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/sheets"
	"mekong/sinks/sheets/sheetsim"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestHeader is what a person sees after the first leads in an empty tab, and in one
// that had a header in Vietnamese and a column of the person's own.
func TestHeader(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, tab := range []sheetsim.Tab{
		{Title: "Trang tính1"},
		{Title: "Khách", Values: [][]any{{"Họ và tên", "Số điện thoại", nil, "Người gọi"}, {"cũ", "0900000009", nil, "Lan"}}},
	} {
		w := newWorld(t, sheetsim.Options{}, tab)
		s := w.sink(nil)
		store(t, s,
			record("lead-1", map[string]any{"name": "An", "phone": "0900000000", "score": 2.0, "tags": []string{"mới"}}),
			record("lead-2", map[string]any{"name": "Bình", "email": "binh@example.com"}))
		fmt.Fprintf(&b, "%s\n", tab.Title)
		for _, r := range w.Values(bookID, gid) {
			fmt.Fprintf(&b, "  %v\n", r)
		}
		v := w.Tabs(bookID)[0]
		fmt.Fprintf(&b, "  frozen %d, hidden columns %v\n", v.FrozenRows, v.HiddenColumns)
		for _, m := range w.Metadata(bookID) {
			fmt.Fprintf(&b, "  column %d: %s %q\n", m.Column, m.Key, m.Value)
		}
	}
	const file = "testdata/header.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("with -update it becomes the golden file:\n%s", b.String())
	}
}

// TestProve writes a row and removes it, and says what is in the way.
func TestProve(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{})
	s := w.sink(nil)
	if f := s.Prove(t.Context()); len(f) != 1 || f[0].Level != pipeline.OK {
		t.Errorf("%+v", f)
	}
	if got := w.list(bookID, gid); len(got) != 0 {
		t.Errorf("it left %v", got)
	}
	w.Share(bookID, email, sheetsim.Reader)
	if f := s.Prove(t.Context()); len(f) != 1 || f[0].Level != pipeline.Fail || !strings.Contains(f[0].Fix, email) {
		t.Errorf("%+v", f)
	}
}

// TestForgetWhileSorted: a person sorts between the calls of Forget, and no other row
// is lost.
func TestForgetWhileSorted(t *testing.T) {
	t.Parallel()
	for skip := range 3 {
		w := newWorld(t, sheetsim.Options{})
		n := -1
		s := w.sink(w.hook(func(r *http.Request) {
			if n >= 0 && r.Method == http.MethodPost {
				if n--; n < 0 {
					w.SortRows(bookID, gid, header(w.Values(bookID, gid), "phone"), skip%2 == 0)
				}
			}
		}))
		store(t, s, leads(0, 9)...)
		n = skip
		if err := s.Forget(t.Context(), []string{"k002", "k005", "k006"}); err != nil {
			t.Fatal(err)
		}
		got := w.rows()
		if len(got) != 6 || got["k002"] != nil || got["k003"] == nil {
			t.Errorf("sorted before call %d: %v", skip, got)
		}
		store(t, s, leads(20, 2)...)
		if got := w.rows(); len(got) != 8 {
			t.Errorf("%v", got)
		}
	}
}

// TestColumnsThatMustBeThere hold the sink where it may not make them, and it goes on
// once they are.
func TestColumnsThatMustBeThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Values: [][]any{{"Tên"}}})
	s := w.sink(func(c *config.Sheets, _ *sheets.Options) {
		c.Columns, c.CreateColumns = map[string]string{"Tên": "name", "Điện thoại": "phone"}, false
	})
	o := s.Write(t.Context(), leads(0, 1))[0]
	if _, held := pipeline.IsHold(o.Err); !held || !strings.Contains(o.Err.Error(), `"Điện thoại"`) {
		t.Errorf("%v", o.Err)
	}
	failed := false
	for _, f := range s.Check(t.Context()) {
		failed = failed || f.Level == pipeline.Fail && f.Setting == config.Path("sinks", "sales", "sheets", "columns", "Điện thoại")
	}
	if !failed {
		t.Error("Check does not tell of the column")
	}
	w.SetCell(bookID, gid, 0, 1, "Điện thoại")
	store(t, s, again(leads(0, 1)...)...)
	if got := w.rows(); got["k000"]["Điện thoại"] == nil {
		t.Errorf("%v", got)
	}
}

// TestWithoutFences: should Google not take a fence as it is made here, rows are
// written all the same, and a lost answer is waited out in its place.
func TestWithoutFences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{})
	s := w.sink(func(_ *config.Sheets, o *sheets.Options) { o.HTTP = &http.Client{Transport: noFences{w.Transport()}} })
	store(t, s, leads(0, 3)...)
	lost := w.Fault(sheetsim.Fault{Kind: sheetsim.Reset, Applied: true, Writes: true, Next: 1})
	for _, o := range s.Write(t.Context(), leads(3, 2)) {
		if _, held := pipeline.IsHold(o.Err); !held {
			t.Errorf("%v", o.Err)
		}
	}
	lost.Remove()
	store(t, s, again(leads(3, 2)...)...)
	o := s.Write(t.Context(), leads(5, 1))[0]
	wait, held := pipeline.IsHold(o.Err)
	if !held || wait < time.Minute {
		t.Errorf("nothing waits for the request that may still arrive: %v", o.Err)
	}
	w.Advance(wait)
	store(t, s, again(leads(5, 1)...)...)
	if got := w.rows(); len(got) != 6 {
		t.Errorf("%v", got)
	}
}

// noFences refuses batches with named ranges, in words of its own.
type noFences struct{ base http.RoundTripper }

func (n noFences) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(data), "addNamedRange") {
			const text = `{"error":{"code":400,"message":"Invalid requests[3].addNamedRange: the id is not one","status":"INVALID_ARGUMENT"}}`
			return &http.Response{StatusCode: 400, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
		}
	}
	return n.base.RoundTrip(r)
}

// BenchmarkWrite is rows into the simulated sheet, by calls of 2,000.
func BenchmarkWrite(b *testing.B) {
	w := newWorld(b, sheetsim.Options{NoQuotas: true})
	s := w.sink(func(c *config.Sheets, o *sheets.Options) {
		c.UserWrites, o.HTTP = 100_000, w.Sim.Client()
	})
	store(b, s, lead(1<<30))
	for i := 0; b.Loop(); i++ {
		var batch []pipeline.Record
		for j := range 2000 {
			batch = append(batch, lead(i*2000+j))
		}
		store(b, s, batch...)
	}
	b.ReportMetric(2000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
