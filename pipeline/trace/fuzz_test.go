package trace

import (
	"strings"
	"testing"
	"unicode/utf8"

	"mekong/pipeline"
)

// Whatever is typed is searched for or finds nothing; it is no expression.
func FuzzSearch(f *testing.F) {
	feed := newStreams()
	people(feed)
	x := open(f, options(f, feed))
	catchUp(f, x)
	for _, s := range []string{"", "0900 345 678", `"`, `a" OR "b`, "*", "n*", "NEAR(a b)", "^a", "-a", "a:b", "{a b}", "\x00", "'; DROP TABLE record; --", "%", "_", "é", "a@", "@", "../..", "://", strings.Repeat("a ", 500), strings.Repeat("9", 500), "\xff\xfe", "l/1", "９"} {
		f.Add(s, "")
	}
	f.Add("an", "zzz")
	f.Fuzz(func(t *testing.T, term, after string) {
		_, err := x.Search(t.Context(), term, Filter{Source: after, Form: term}, 10)
		if err != nil {
			t.Errorf("%q: %v", term, err)
		}
		if _, err := x.Search(t.Context(), term, Filter{}, 10); err != nil {
			t.Errorf("%q: %v", term, err)
		}
	})
}

// Whatever a record holds can be written, and is found by its name and its ID.
func FuzzEnter(f *testing.F) {
	for _, s := range []string{"An", "", "\x00", "\xff", `"'\`, "Nguyễn\u202eVăn", strings.Repeat("ễ", 500), "a/1", "a/", "/", "\n", "\\u0000", "{\"a\":1}", "'||'", "？＊"} {
		f.Add("id-"+s, s, s, s)
	}
	f.Fuzz(func(t *testing.T, id, name, phone, page string) {
		id = strings.ToValidUTF8(cut(id, pipeline.MaxID), "�") // as the bus stores them
		if id == "" {
			return
		}
		feed := newStreams()
		feed.lead(id, start, map[string]any{"name": name, "phone": phone, "phone_raw": phone, "page": page, "utm_source": name, "email": page, "form": name, "flags": []string{name}})
		r := pipeline.Raw{ID: id + "-raw", Source: "landing", Received: start, Body: []byte(name + "=" + phone)}
		seq := feed.raw(r)
		feed.settle(stageTransform, start, Settled{Seq: seq, ID: r.ID, State: Filtered, Reason: name})
		x := open(t, options(t, feed))
		catchUp(t, x)
		if got := search(t, x, "", Filter{}); len(got) != 2 {
			t.Fatalf("%d entries", len(got))
		}
		p, err := x.Search(t.Context(), strings.TrimSpace(id), Filter{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(id) == id && len(id) == len(cut(id, 400)) && (len(p.Entries) == 0 || p.Entries[len(p.Entries)-1].ID != id) {
			t.Errorf("%q is not found by its ID: %+v", id, p.Entries)
		}
		for _, e := range p.Entries {
			if !utf8.ValidString(e.Name) || len(e.Name) > maxShown+3 {
				t.Errorf("the name is shown as %q", e.Name)
			}
		}
	})
}
