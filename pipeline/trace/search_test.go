package trace

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// people are the leads that are searched for; a, b, c, d in the order they came.
func people(f *streams) {
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	f.lead("landing-a", at(1), map[string]any{
		"name": "Nguyễn Thị Ánh Đào", "search": "nguyen thi anh dao", "phone": "+84900345678", "phone_local": "0900345678", "phone_raw": "0900 345 678",
		"email": "Anh.Dao+1@Example.com", "form": "IELTS tháng 11", "page": "khoahoc.example.vn/ielts",
		"utm_source": "fb", "utm_campaign": "120208585133120000", "utm_content": "Tết 2026", "flags": []string{},
	})
	f.lead("landing-b", at(2), map[string]any{
		"name": "TRẦN VĂN NGUYÊN", "search": "tran van nguyen", "phone": "+84390234567", "phone_local": "0390234567", "phone_raw": "01690234567",
		"form": "TOEIC", "page": "khoahoc.example.vn/toeic", "utm_source": "google", "flags": []string{"phone_migrated"},
	})
	f.lead("landing-c", at(3), map[string]any{
		"name": "Lê Hà", "search": "le ha", "phone_raw": "12345678901", "flags": []string{"phone_invalid"}, "form": "TOEIC",
	})
	f.lead("landing-d", at(4), map[string]any{
		"name": "Ан O'Neil \"x\" -- *", "phone": "+842838000567", "phone_local": "02838000567", "email": "d@example.com", "form": "an",
	})
}

func TestSearch(t *testing.T) {
	f := newStreams()
	people(f)
	x := open(t, options(t, f))
	catchUp(t, x)
	for _, c := range []struct {
		term string
		want string
		why  string
	}{
		{"0900345678", "a", "as people write it"},
		{"0900 345 678", "a", "in groups"},
		{"0900.345.678", "a", "with dots"},
		{"(+84) 900-345-678", "a", "with the country's code"},
		{"+84900345678", "a", "E.164"},
		{"84900345678", "a", "without the plus"},
		{"0084900345678", "a", "with 00"},
		{"+84 (0)900 345 678", "a", "with code and 0"},
		{"900345678", "a", "without its 0, as a spreadsheet leaves it"},
		{"０９００３４５６７８", "a", "full-width digits"},
		{"345678", "a", "the last six digits"},
		{"678", "a", "the last three"},
		{"567", "d b", "several end so, the newest first"},
		{"0901345678", "", "another number with the same end"},
		{"01690234567", "b", "the number of before 2018"},
		{"0390234567", "b", "and what it became"},
		{"12345678901", "c", "a number that is none, as typed"},
		{"02838000567", "d", "a landline"},
		{"Nguyễn", "b a", "as written"},
		{"nguyen", "b a", "without diacritics"},
		{"NGUYEN", "b a", "in capitals"},
		{"nguyê\u0303n", "b a", "half decomposed"},
		{"ngu", "b a", "the beginning of a word"},
		{"anh dao", "a", "two words"},
		{"dao anh", "a", "in any order"},
		{"đào", "a", "đ"},
		{"nguyen van", "b", "words of one name"},
		{"le ha", "c", "short names"},
		{"l", "", "one letter begins no word"},
		{"h", "", "nor here"},
		{"anh.dao+1@example.com", "a", "e-mail in small letters"},
		{"ANH.DAO", "a", "without its @ it is read as a name"},
		{"anh.dao+1@", "a", "the beginning of an address"},
		{"landing-c", "c", "an ID"},
		{"khoahoc.example.vn/ielts", "a", "a page"},
		{"https://khoahoc.example.vn/ielts?utm_source=fb", "a", "a page as copied"},
		{"toeic", "b", "a part of a page's address"},
		{"khoahoc", "b a", "a host"},
		{"120208585133120000", "a", "a campaign's number"},
		{"google", "b", "a source of visitors"},
		{"tet 2026", "a", "a value in words"},
		{"an", "a", "a word's beginning; not the form of that name"},
		{`"x" OR *`, "", "what means something to the index is text"},
		{`o'neil`, "d", "an apostrophe parts words"},
		{"nobody", "", "nobody"},
		{"", "d c b a", "all"},
		{"  0900345678\t", "a", "with blanks around"},
		{strings.Repeat("9", 400), "", "too many digits"},
		{"\x00\xff", "", "rubbish"},
	} {
		got := search(t, x, c.term, Filter{})
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], "landing-")
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q finds %q, want %q: %s", c.term, s, c.want, c.why)
		}
	}
}

func TestSearchFilters(t *testing.T) {
	f := newStreams()
	people(f)
	at := start.Add(time.Hour)
	f.settle("sink-archive", at, Settled{Seq: 1, ID: "landing-a", State: Stored, Ref: "mongodb:x.y/landing-a"},
		Settled{Seq: 2, ID: "landing-b", State: Stored}, Settled{Seq: 3, ID: "landing-c", State: Filtered, Reason: "where"})
	f.settle("sink-crm", at, Settled{Seq: 1, ID: "landing-a", State: BuriedAt, Reason: "no", Attempts: 5})
	o := options(t, f)
	x := open(t, o)
	catchUp(t, x)
	for _, c := range []struct {
		name   string
		term   string
		filter Filter
		want   string
	}{
		{"form", "", Filter{Form: "TOEIC"}, "c b"},
		{"form and term", "nguyen", Filter{Form: "TOEIC"}, "b"},
		{"source", "", Filter{Source: "landing"}, "d c b a"},
		{"no such source", "", Filter{Source: "other"}, ""},
		{"kind", "ha", Filter{Kind: "lead"}, "c"},
		{"since", "", Filter{Since: start.Add(3 * time.Minute)}, "d c"},
		{"until", "", Filter{Until: start.Add(3 * time.Minute)}, "b a"},
		{"since, with a term", "nguyen", Filter{Since: start.Add(2 * time.Minute)}, "b"},
		{"buried anywhere", "", Filter{State: BuriedAt}, "a"},
		{"buried there", "", Filter{State: BuriedAt, Sink: "archive"}, ""},
		{"filtered", "", Filter{State: Filtered, Sink: "archive"}, "c"},
		{"stored", "", Filter{State: Stored}, "b a"},
		{"stored, with a term", "anh", Filter{State: Stored, Sink: "archive"}, "a"},
		{"waiting at one", "", Filter{State: Waiting, Sink: "archive"}, "d"},
		{"waiting at one, with a form", "", Filter{State: Waiting, Sink: "crm", Form: "TOEIC"}, "c b"},
		{"waiting anywhere", "", Filter{State: Waiting}, "d c b"},
		{"a sink", "", Filter{Sink: "crm"}, "d c b a"},
		{"an ID with a filter that leaves it out", "landing-a", Filter{Form: "TOEIC"}, ""},
	} {
		got := search(t, x, c.term, c.filter)
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], "landing-")
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", c.name, s, c.want)
		}
	}
}

// Pages hold each entry once, also while new ones come in front.
func TestPages(t *testing.T) {
	f := newStreams()
	for i := range 25 {
		// Many with one time: their order must be one all the same.
		f.lead("l"+string(rune('a'+i)), start.Add(time.Duration(i/10)*time.Second), map[string]any{"name": "An"})
	}
	x := open(t, options(t, f))
	catchUp(t, x)
	for _, term := range []string{"", "an"} {
		var seen []string
		filter := Filter{}
		for n := 0; ; n++ {
			p, err := x.Search(t.Context(), term, filter, 7)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range p.Entries {
				seen = append(seen, e.ID)
			}
			if p.Next == "" {
				break
			}
			filter.After = p.Next
			f.lead("new"+term+string(rune('a'+n)), start.Add(time.Hour), map[string]any{"name": "An"})
			catchUp(t, x)
		}
		seen = slices.DeleteFunc(seen, func(id string) bool { return strings.HasPrefix(id, "new") })
		if len(seen) != 25 || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != 25 || seen[0][0] != 'l' {
			t.Errorf("%q: the pages hold %v", term, seen)
		}
	}
	if _, err := x.Search(t.Context(), "", Filter{After: "?"}, 7); err == nil {
		t.Error("a place that is none is taken")
	}
}
