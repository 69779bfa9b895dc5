package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"errors"

	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/sheets/sheetsim"
)

// everywhere is a world in which people leave traces in all places there are.
type everywhere struct {
	t     *testing.T
	dir   string
	text  string
	base  *larksim.Sim
	table string
	book  *sheetsim.Sim
}

const (
	everyBase  = "bascnForget"
	everyBook  = "1ForgetSheet"
	everyEmail = "mekong@simulated.example.com"
)

func newEverywhere(t *testing.T) *everywhere {
	t.Helper()
	e := &everywhere{t: t, dir: t.TempDir(), base: larksim.New(larksim.Options{LogLength: 1}), book: sheetsim.New(sheetsim.Options{NoQuotas: true})}
	e.base.AddApp(larksim.App{ID: "cli_a", Secret: "invented", Scopes: []string{"bitable:app"}})
	e.base.AddBase(everyBase, "Bán hàng")
	e.table = e.base.AddTable(everyBase, "Khách hàng", larksim.Field{Name: "Họ tên", Type: larksim.Text}, larksim.Field{Name: "SĐT", Type: larksim.Phone})
	e.base.Grant("cli_a", everyBase, larksim.CanEdit)
	lark := httptest.NewServer(e.base)
	t.Cleanup(lark.Close)
	google := httptest.NewServer(e.book)
	t.Cleanup(google.Close)
	key := e.book.AddAccount(everyEmail)(google.URL)
	e.book.AddSpreadsheet(everyBook, "Bán hàng", sheetsim.SheetOptions{}, sheetsim.Tab{Title: "A", Values: [][]any{{"Họ tên", "SĐT"}}})
	e.book.Share(everyBook, everyEmail, sheetsim.Writer)
	keyFile := filepath.Join(e.dir, "google.json")
	if err := os.WriteFile(keyFile, key, 0o600); err != nil {
		t.Fatal(err)
	}
	e.text = oneSink + `
  crm:
    accept: [lead]
    larkbase: { url: 'https://example.larksuite.com/base/` + everyBase + `?table=` + e.table + `', app_id: cli_a, app_secret: invented, endpoint: '` + lark.URL + `', columns: { "Họ tên": name, "SĐT": phone } }
  sales:
    accept: [lead]
    sheets: { spreadsheet: '` + google.URL + `/spreadsheets/d/` + everyBook + `/edit#gid=0', endpoint: '` + google.URL + `', credentials: '` + keyFile + `', writes_per_minute: 100000, reads_per_minute: 100000, columns: { "Họ tên": name, "SĐT": phone_local } }
`
	e.text = strings.Replace(e.text, "rate: 100000 }", "rate: 100000 }\n  support:\n    chatlog: { path: /in/chat, token: "+secretToken+" }", 1)
	return e
}

// spellings are how the forgotten one's phone and name may stand in a file.
var spellings = []string{"912345678", "912 345 678", "912.345.678", "912+345+678", "912%20345%20678", "Quên", "Qu%C3%AAn", `Qu\u00ean`, "quen-di@example.com"}

// traces names where any of the spellings is, in the sinks or in a file.
func (e *everywhere) traces(r *running) (found []string) {
	e.t.Helper()
	look := func(where, text string) {
		for _, s := range spellings {
			if strings.Contains(text, s) {
				found = append(found, where+": "+s)
			}
		}
	}
	if r != nil {
		for _, d := range r.documents("mekong", "records") {
			look("MongoDB", fmt.Sprint(d))
		}
	}
	for _, row := range e.base.Rows(everyBase, e.table) {
		look("Lark Base", fmt.Sprint(row.Fields))
	}
	look("Google Sheets", fmt.Sprint(e.book.Values(everyBook, 0)))
	err := filepath.WalkDir(filepath.Join(e.dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		look(filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path), string(data))
		look("unpacked "+filepath.Base(path), string(unpackedBlock(e.t, path, data)))
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return found
}

// unpackedBlock is a block of a stream as it was before it was compressed.
func unpackedBlock(t testing.TB, path string, data []byte) []byte {
	t.Helper()
	var info natsserver.CompressionInfo
	n, err := info.UnmarshalMetadata(data)
	if filepath.Ext(path) != ".blk" || err != nil || n == 0 {
		return nil
	}
	plain, err := info.Algorithm.Decompress(bytes.Clone(data[n:]))
	if err != nil {
		return nil // it was being written at this moment
	}
	return plain
}

// After it, the person is found nowhere: in no destination, in no file, however it is
// spelt; and neither replay nor import brings anything back. Others stay.
func TestForget(t *testing.T) {
	e := newEverywhere(t)
	c := configured(t, filepath.Join(e.dir, "data"), e.text)
	content := &atomic.Bool{}
	o := Options{Wrap: func(name string, s pipeline.Sink) pipeline.Sink {
		if name != "archive" {
			return s
		}
		return choosy{s, content, func(r pipeline.Record) error {
			if r.Fields["course"] == "odd" {
				return errors.New("it is odd")
			}
			return nil
		}}
	}}
	r := start(t, c, o)
	const others = 40
	for i := range others {
		r.submit(fmt.Sprint("Khách ", i), fmt.Sprintf("09877%05d", i), "note", strings.Repeat("x", 500))
	}
	mine := 0
	for _, phone := range []string{"0912 345 678", "+84912345678", "912345678", "84912.345.678"} {
		r.submit(fmt.Sprint("Nguyễn Thị Quên ", mine), phone, "email", "Quen-Di@example.com", "i_agree", "true")
		mine++
	}
	r.submit("Quên Odd", "0912345678", "course", "odd")
	mine++
	got, err := send(t.Context(), r.door, form("Quên Refused", "0912 345 678"), map[string]string{"Content-Type": urlencoded, "Token": "a wrong one"})
	if err != nil || got.status != 401 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, turn := range []map[string]any{
		{"session_id": "s1", "question": "Cho em hỏi học phí", "answer": "Bạn để lại số nhé", "name": "Quên"},
		{"session_id": "s1", "question": "Em là Quên, 0912.345.678", "answer": "Cảm ơn bạn"},
		{"session_id": "s2", "question": "Số em 0987700001", "answer": "Vâng"},
	} {
		body, err := json.Marshal(turn)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := send(t.Context(), r.base+"/in/chat", body, map[string]string{"Content-Type": "application/json", "Token": secretToken}); err != nil || got.status != 200 {
			t.Fatalf("turn %d: %+v, %v", i, got, err)
		}
	}
	lines := r.settled("archive", "crm", "sales")
	if len(e.traces(r)) < 12 || lines["archive"].Buried != 1 {
		t.Fatalf("before: %v, %+v", e.traces(r), lines)
	}
	rowsBefore := e.base.RowCount(everyBase, e.table)

	op, done, err := Operate(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	f, err := op.Find(t.Context(), "(+84) 912-345-678")
	if err != nil {
		t.Fatal(err)
	}
	if f.Places[bus.Deliveries] != mine+2 || f.Places[bus.Refused] != 1 || f.Places[bus.Graves] != 1 || f.Places[bus.Records] < mine+3 || f.Rows["archive"] < mine-1 {
		t.Errorf("found %v, %v", f.Places, f.Rows)
	}
	for _, shown := range append(append(f.Names, f.Also...), f.Who...) {
		for _, s := range spellings {
			if strings.Contains(shown, s) {
				t.Errorf("%q shows %q", shown, s)
			}
		}
	}
	if len(f.Also) != 1 {
		t.Errorf("also %v", f.Also)
	}
	proof, err := op.Forget(t.Context(), f, ForgetOptions{})
	if err != nil || !proof.Complete || proof.Streams["RAW"] != mine+2 || proof.Streams["REFUSED"] != 1 || proof.Streams["BURIED"] != 1 {
		t.Fatalf("%+v, %v", proof, err)
	}
	text, err := json.Marshal(proof)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(spellings, "example.com") {
		if bytes.Contains(text, []byte(s)) {
			t.Errorf("the proof shows %q: %s", s, text)
		}
	}
	if left := e.traces(r); len(left) > 0 {
		t.Fatalf("it is still in %q", left)
	}
	if n := e.base.RowCount(everyBase, e.table); n != rowsBefore-mine {
		t.Errorf("%d rows of %d are left in the Base", n, rowsBefore)
	}
	if lines := r.settled("archive", "crm", "sales"); lines["archive"].Buried != 0 || lines["crm"].Accepted != lines["crm"].Stored+lines["crm"].Filtered {
		t.Errorf("%+v", lines)
	}

	// Again: there is nothing, and nothing is wrong.
	if f, err = op.Find(t.Context(), "0912345678"); err != nil || f.Any() {
		t.Errorf("%+v, %v", f, err)
	}

	// Replay of everything, and a backup file of before.
	st, err := op.Replay(t.Context(), ReplayOptions{Source: "landing", Since: time.Now().Add(-time.Hour), Name: "all"})
	if err != nil || st.Read != others {
		t.Fatalf("%+v, %v", st, err)
	}
	if n, err := r.Bus.History(t.Context(), []pipeline.Raw{rawForm("backup-1", "Quên", "0912345678"), rawForm("backup-2", "Khách mới", "0987799999")}); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	lines = r.settled("archive", "crm", "sales")
	if lines["archive"].FilteredBy["forgotten"] != 1 {
		t.Errorf("%+v", lines["archive"])
	}
	if left := e.traces(r); len(left) > 0 {
		t.Fatalf("after replay and import it is in %q", left)
	}
	r.stop()
	if left := e.traces(nil); len(left) > 0 {
		t.Fatalf("after a stop it is in %q", left)
	}

	// Who comes back by itself is a lead, and flagged.
	r = start(t, c, o)
	id := r.submit("Quên Again", "0912345678")
	r.settled("archive", "crm", "sales")
	for _, d := range r.documents("mekong", "records") {
		if in(d, "id") == id {
			if !strings.Contains(fmt.Sprint(in(d, "fields", "flags")), "forgotten_before") {
				t.Errorf("its flags are %v", in(d, "fields", "flags"))
			}
			return
		}
	}
	t.Error("the new lead is not stored")
}

// rawForm is a delivery as an import makes it.
func rawForm(id, name, phone string) pipeline.Raw {
	return pipeline.Raw{ID: id, Source: "landing", Format: "ladipage.form", Received: time.Now().UTC(),
		Meta: map[string]string{"content_type": urlencoded}, Body: []byte(url.Values{"name": {name}, "phone": {phone}}.Encode())}
}
