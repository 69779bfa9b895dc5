package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/trace"
	"mekong/transform"
)

// form is a submission of the test's landing page.
func submitted(t *testing.T, r *running, body string) string {
	t.Helper()
	got, err := send(t.Context(), r.door+"?token="+secretToken, []byte(body), map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Bearer " + secretToken})
	if err != nil || got.status != 200 {
		t.Fatalf("the door says %d %s: %v", got.status, got.text, err)
	}
	return got.ID
}

// A lead is found a moment after it came, by what people know of it, with all that became
// of it; and again when the index was deleted under the running app.
func TestTraceOfALead(t *testing.T) {
	c := configured(t, t.TempDir(), oneSink)
	r := start(t, c, Options{})
	id := submitted(t, r, "name=Nguy%E1%BB%85n%20V%C4%83n%20%C4%90%E1%BA%A1t&phone=0900%20345%20678&email=a%40example.com&form_id=F1&link=https%3A%2F%2Fa.example%2Fp%3Futm_source%3Dfb")
	wait := func(what string, ok func() string) {
		t.Helper()
		var says string
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if says = ok(); says == "" {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %s", what, says)
			}
		}
	}
	stored := func() string {
		page, err := r.Trace.Search(t.Context(), "+84900345678", trace.Filter{}, 10)
		switch {
		case err != nil:
			return err.Error()
		case len(page.Entries) != 1:
			return fmt.Sprintf("%d entries", len(page.Entries))
		case len(page.Entries[0].Steps) != 1 || page.Entries[0].Steps[0].State != trace.Stored:
			return fmt.Sprintf("%+v", page.Entries[0].Steps)
		}
		return ""
	}
	wait("the lead is found and stored", stored)
	for _, term := range []string{"0900345678", "345678", "nguyen dat", "Đạt", "a@example.com", "a.example/p", "fb", id} {
		page, err := r.Trace.Search(t.Context(), term, trace.Filter{}, 10)
		if err != nil || len(page.Entries) != 1 || page.Entries[0].ID != id {
			t.Errorf("%q: %+v %v", term, page, err)
		}
	}
	p, err := r.Trace.Path(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if p.Received == nil || !strings.Contains(string(p.Received.Raw.Body), "0900%20345%20678") || len(p.Received.Raw.Meta) == 0 {
		t.Errorf("received: %+v", p.Received)
	}
	if len(p.Records) != 1 || p.Records[0].Record == nil || !strings.Contains(fmt.Sprint(p.Records[0].Changes), "+84900345678") {
		t.Errorf("records: %+v", p.Records)
	}
	if s := p.Records[0].Steps[0]; s.Sink != "archive" || !strings.Contains(s.Ref, "mekong.records/") || s.At.IsZero() {
		t.Errorf("step: %+v", s)
	}
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(families)
	if !strings.Contains(text, "mekong_trace_records") || !strings.Contains(text, "mekong_trace_lag_seconds") {
		t.Error("the metrics of the index are missing")
	}

	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(c.DataDir, TraceFile+end)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	second := submitted(t, r, "name=B&phone=0900111222")
	wait("the index is made again by itself", func() string {
		page, err := r.Trace.Search(t.Context(), "", trace.Filter{State: trace.Stored}, 10)
		if err != nil || len(page.Entries) != 2 || page.Entries[0].ID != second {
			return fmt.Sprintf("%+v %v", page, err)
		}
		if _, err := os.Stat(filepath.Join(c.DataDir, TraceFile)); err != nil {
			return err.Error()
		}
		return ""
	})

	// A command beside it reads the same; after it has stopped, and with the index gone,
	// a command builds its own.
	found := func(told func(trace.Progress)) int {
		t.Helper()
		x, done, err := OpenTrace(t.Context(), c, nil, told)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		page, err := x.Search(t.Context(), "", trace.Filter{State: trace.Stored, Sink: "archive"}, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Entries)
	}
	if n := found(nil); n != 2 {
		t.Errorf("beside the app %d entries", n)
	}
	r.stop()
	if err := os.Remove(filepath.Join(c.DataDir, TraceFile)); err != nil {
		t.Fatal(err)
	}
	var last trace.Progress
	if n := found(func(p trace.Progress) { last = p }); n != 2 || last.Total < 6 || last.Done != last.Total {
		t.Errorf("on its own %d entries, %+v", n, last)
	}
}

// The index and the transform mean the same by a name and a number: what one folds and
// normalises, the other finds.
func TestSearchAndTransformAgree(t *testing.T) {
	make, err := transform.New("landing", nil, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	spellings := []struct{ name, phone, byName, byPhone string }{
		{"Nguyễn Thị Hoà", "0900345678", "NGUYEN THI HOA", "+84 900 345 678"},
		{"Đỗ Ðức", "84900345679", "do duc", "0900.345.679"},
		{"  LÊ-VĂN   Ước ", "01691234567", "le van uoc", "0391234567"},
		{"Phạm Quỳnh Như", "1691234568", "phạm quỳnh", "01691234568"},
		{"Ｖõ Ｎam", "02838123456", "vo nam", "2838123456"},
		{"José Peña", "+14155552671", "jose pena", "+1 415 555 2671"},
		{"Trần An", "842345678", "tran an", "0842345678"},
		{"Ủy Ỷ", "84842345679", "uy y", "842345679"},
		{"Ӑ Я", "19001234", "ӑ я", "1900 1234"},
	}
	f := &made{}
	for i, s := range spellings {
		rs, err := make(pipeline.Raw{ID: fmt.Sprint("id-", i), Source: "landing", Format: "ladipage.form", Received: time.Unix(int64(1e9+i), 0),
			Meta: map[string]string{"content_type": "application/json"}, Body: fmt.Appendf(nil, `{"name":%q,"phone":%q}`, s.name, s.phone)})
		if err != nil || len(rs) != 1 {
			t.Fatalf("%v %v", rs, err)
		}
		f.records = append(f.records, trace.Entry[pipeline.Record]{Seq: uint64(i + 1), Value: rs[0]})
	}
	x, err := trace.Open(trace.Options{Path: filepath.Join(t.TempDir(), "x"), Feed: f, Keep: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = x.Close() }()
	if err := x.CatchUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for i, s := range spellings {
		for _, term := range []string{s.name, s.byName, s.phone, s.byPhone} {
			page, err := x.Search(t.Context(), term, trace.Filter{}, 10)
			if err != nil || len(page.Entries) != 1 || page.Entries[0].ID != fmt.Sprint("id-", i) {
				t.Errorf("%q does not find %q, %q: %+v %v", term, s.name, s.phone, page.Entries, err)
			}
		}
	}
}

// made is a feed of records alone.
type made struct {
	feed
	records []trace.Entry[pipeline.Record]
}

func (m *made) Extent(_ context.Context, s trace.Stream) (trace.Extent, error) {
	e := trace.Extent{Made: time.Unix(1, 0), First: 1}
	if s == trace.Records {
		e.Last = uint64(len(m.records))
	}
	return e, nil
}

func (m *made) Records(_ context.Context, after uint64, _ int) ([]trace.Entry[pipeline.Record], error) {
	return m.records[after:], nil
}
