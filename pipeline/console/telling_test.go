package console

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"mekong/pipeline"
	"mekong/pipeline/doctor"
)

// spoken is a world in which everything has something to say, about a column and a host
// that somebody named to do harm.
func spoken(t *testing.T, evil string) *world {
	const access = `lark: record.batch_create: this identity has no permission on the document (code 91403); add the app to the Base: … → More → Add document app, "can edit"`
	w := newWorld(t, func(o *Options) {
		o.Doctor = func(context.Context) doctor.Report {
			return doctor.Report{Groups: []doctor.Group{{Name: "sink crm", Findings: []pipeline.Finding{{Level: pipeline.Fail, Setting: "sinks.crm.larkbase",
				What: `the table has no column "` + evil + `"`, Fix: "the table has " + evil + "; make it, correct the name, or set create_columns: true: https://example.larksuite.com/base/HTJ6b?table=tbl1"}}}}}
		}
	})
	w.stands(func() (Snapshot, error) {
		s := snapshot(w.clock.now())
		s.Sinks[1].HeldWhy, s.Trouble = access, "NATS is not connected"
		return s, nil
	})
	w.clock.move(time.Minute) // what was read at the start is old
	w.places.shapes = map[string]Shape{"crm": {Title: "Khách hàng", Columns: []Column{{Name: "Họ tên", Field: "name", State: ColumnRenamed,
		Note: `the column is called "` + evil + `" by now; it is still filled → write the new name: it is remembered by this installation only`}},
		Findings: []pipeline.Finding{{Level: pipeline.Warn, Setting: "timezone", What: "the Base shows times of " + evil + ", and days without a time are meant in UTC", Fix: "set timezone to that of the Base, if dates are off by some hours there"}}}}
	reason := "given up after … tries: webhook: " + evil + " answers …: it failed"
	w.grave.groups = []BuriedGroup{{Sink: "crm", Reason: reason, Fix: "mekong doctor crm; when the cause is gone: mekong buried replay --sink crm", Count: 14, Oldest: w.clock.now(), Seqs: []uint64{7}}}
	w.grave.items[7] = BuriedItem{Seq: 7, Sink: "crm", Reason: strings.ReplaceAll(reason, "…", "503"), Attempts: 5, At: w.clock.now()}
	w.leads.path.Records[0].Steps[1].Why = access
	w.leads.path.Records[0].Flags = []string{"phone_missing", evil}
	return w
}

// A page in Vietnamese is Vietnamese, and one in English is English, to the last reason;
// what somebody else named is text in both.
func TestPagesTellWhatOthersSayInTheirLanguage(t *testing.T) {
	const evil = `"><script>alert(1)</script>`
	const shown = `&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;`
	w := spoken(t, evil)
	b := w.operator()
	for _, c := range []struct{ path, vi, en string }{
		{"/flow", `Tạm giữ đã 3 phút: lark: record.batch_create: ứng dụng hoặc người này không có quyền trên tài liệu (mã 91403); hãy thêm ứng dụng vào Base: … → More (thêm) → Add document app (thêm ứng dụng), &#34;can edit&#34; (có thể chỉnh sửa)`,
			`Held for 3 min: lark: record.batch_create: this identity has no permission on the document (code 91403); add the app to the Base: … → More → Add document app, &#34;can edit&#34;`},
		{"/flow", ">chưa kết nối tới NATS<", ">NATS is not connected<"},
		{"/flow", "mỗi lead: đã ghi chắc (fsync) trên 1 đĩa", "each lead: fsync&#39;d on 1 disk"},
		{"/health", "<h2>đích crm</h2>", "<h2>sink crm</h2>"},
		{"/health", "bảng không có cột &#34;" + shown + "&#34;", "the table has no column &#34;" + shown + "&#34;"},
		{"/health", `→ bảng có ` + shown + `; hãy tạo cột, sửa tên, hoặc đặt create_columns: true: <a href="https://example.larksuite.com/base/HTJ6b?table=tbl1"`,
			`→ the table has ` + shown + `; make it, correct the name, or set create_columns: true: <a href="https://example.larksuite.com/base/HTJ6b?table=tbl1"`},
		{"/buried", "đã thôi sau … lần thử: webhook: " + shown + " trả lời …: bên đó gặp lỗi", "given up after … tries: webhook: " + shown + " answers …: it failed"},
		{"/buried", "→ mekong doctor crm; khi đã hết nguyên nhân: mekong buried replay --sink crm", "→ mekong doctor crm; when the cause is gone: mekong buried replay --sink crm"},
		// A group goes by what it is in the store, whatever it is shown as.
		{"/buried", `name="reason" value="given up after … tries: webhook: ` + shown + ` answers …: it failed"`, `name="reason" value="given up after … tries: webhook: ` + shown + ` answers …: it failed"`},
		{"/buried/7", "đã thôi sau 503 lần thử: webhook: " + shown + " trả lời 503: bên đó gặp lỗi", "given up after 503 tries: webhook: " + shown + " answers 503: it failed"},
		{"/lead?id=r-1", "không có quyền trên tài liệu (mã 91403)", "has no permission on the document (code 91403)"},
		{"/lead?id=r-1", `title="phone_missing">thiếu số điện thoại<`, `title="phone_missing">phone_missing<`},
		{"/lead?id=r-1", `title="` + shown + `">` + shown + `<`, `title="` + shown + `">` + shown + `<`},
		{"/sinks", "cột nay tên là &#34;" + shown + "&#34;; vẫn được ghi → hãy ghi tên mới vào cấu hình", "the column is called &#34;" + shown + "&#34; by now; it is still filled → write the new name"},
		{"/sinks", "Base hiện giờ theo " + shown + ", còn ngày không có giờ được hiểu theo UTC", "the Base shows times of " + shown + ", and days without a time are meant in UTC"},
	} {
		for code, says := range map[string]string{"vi": c.vi, "en": c.en} {
			page := w.get(b, c.path, "Accept-Language", code).body
			if !strings.Contains(page, says) {
				t.Errorf("%s in %s does not say %s", c.path, code, says)
			}
			if strings.Contains(page, "<script>alert") {
				t.Errorf("%s in %s lets somebody's text act", c.path, code)
			}
		}
	}
	// A group that is shown in Vietnamese is moved all the same.
	page := w.get(b, "/buried").body
	w.do(b, "POST", "/buried/replay", url.Values{"csrf": {w.field(page, "csrf")}, "sink": {"crm"}, "reason": {w.grave.groups[0].Reason}})
	if want := (BuriedChoice{Sink: "crm", Reason: w.grave.groups[0].Reason}); w.grave.which != want {
		t.Errorf("%+v is replayed, want %+v", w.grave.which, want)
	}
}

// However a text is made up, to tell it takes no time that anybody notices, and every
// letter that varies is still there.
func TestTellingIsBounded(t *testing.T) {
	s := theSayings(t)
	for name, text := range map[string]string{
		"seams":     strings.Repeat("; : , ", 600),
		"sentences": strings.Repeat("there is no token: ", 200),
		"braces":    strings.Repeat("{+why}{why}", 300),
		"beginning": strings.Repeat("the column \"", 300),
		"nested":    strings.Repeat("stream a: the queue b: entry c: key file: ", 90),
		"long":      strings.Repeat("the store is full; ", 100_000),
		"no UTF-8":  strings.Repeat("\xff\xfe: ", 900),
	} {
		began := time.Now()
		l := tongue{code: "vi", sayings: s}
		told := l.tell(text)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: it takes %s", name, took)
		}
		if told == "" {
			t.Errorf("%s: nothing is left", name)
		}
	}
}

// FuzzTell: what is told holds what varies, whole and once, and says nothing else than
// what the sayings do.
func FuzzTell(f *testing.F) {
	for _, one := range wholes {
		f.Add(one.en)
	}
	for _, text := range []string{`"><script>`, "{why}", "a: b; c (d). e, f → g\nh", "the table has no column for ; : ,", ") ) (", ".", ". "} {
		f.Add(text)
	}
	s, err := loadSayings()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		told := (tongue{code: "vi", sayings: s}).tell(text)
		if utf8.ValidString(text) && !utf8.ValidString(told) {
			t.Errorf("%q is told as %q", text, told)
		}
		// Nothing that could act is added, and nothing that varies is repeated.
		for _, sign := range []string{"<", ">", "&", "script", "'", "\x00", "\n"} {
			if n := strings.Count(told, sign); n > strings.Count(text, sign)+3 {
				t.Errorf("%q is told as %q", text, told)
			}
		}
		if (tongue{code: "en", sayings: s}).tell(text) != text {
			t.Errorf("%q is not told as it is", text)
		}
		starts, ends := pieces(text)
		for i := range starts {
			if starts[i] > ends[i] || i > 0 && ends[i-1] > starts[i] || len(starts) != len(ends) || len(ends) > seamsMost+1 {
				t.Fatalf("%q is cut at %v and %v", text, starts, ends)
			}
		}
	})
}

func BenchmarkTell(b *testing.B) {
	s, err := loadSayings()
	if err != nil {
		b.Fatal(err)
	}
	l := tongue{code: "vi", sayings: s}
	for b.Loop() {
		l.tell(`larkbase: the table has no column for "Ngân sách", "Họ tên"; make it again in the table under that name, or change columns; with create_columns: true it is made by itself`)
	}
}
