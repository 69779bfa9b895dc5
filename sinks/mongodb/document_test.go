package mongodb

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"mekong/pipeline"
)

func TestDocument(t *testing.T) {
	saigon := time.FixedZone("+07", 7*3600)
	r := pipeline.Record{
		ID: "landing/1", Key: "landing/1", Kind: "lead", Source: "landing",
		Occurred: time.Date(2026, 3, 3, 15, 30, 0, 123456789, saigon),
		Received: time.Date(2026, 3, 3, 15, 30, 2, 0, saigon),
		Fields: map[string]any{
			"phone": "+84900000000", "name": "Nguyễn Văn A", "consent": true, "score": 2.5, "note": nil,
			"tags": []string{"a", "b"}, "utm.source": "fb", "ratio": math.NaN(), "broken": "a\xffb",
		},
	}
	e, err := newEntry(0, &r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := bson.MarshalExtJSON(e.doc, false, false)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"_id":"landing/1","id":"landing/1","kind":"lead","source":"landing",` +
		`"occurred":{"$date":"2026-03-03T08:30:00.123Z"},"received":{"$date":"2026-03-03T08:30:02Z"},` +
		`"version":"2026-03-03T08:30:00.123456789Z 2026-03-03T08:30:02.000000000Z landing/1","revision":1,` +
		`"fields":{"broken":"a` + "\uFFFD" + `b","consent":true,"name":"Nguyễn Văn A","note":null,"phone":"+84900000000",` +
		`"ratio":"NaN","score":2.5,"tags":["a","b"],"utm%2Esource":"fb"}}`
	if string(got) != want {
		t.Errorf("document\n%s\nwant\n%s", got, want)
	}
}

func TestRecordsThatCannotBeStored(t *testing.T) {
	for name, r := range map[string]pipeline.Record{
		"no key":           {ID: "a"},
		"zero byte in key": {Key: "a\x00b"},
		"key not in UTF-8": {Key: "a\xff"},
		"a nested value":   {Key: "a", Fields: map[string]any{"x": map[string]any{"secret": "0900000000"}}},
		"a channel":        {Key: "a", Fields: map[string]any{"x": make(chan int)}},
		"too heavy":        {Key: "a", Fields: map[string]any{"x": strings.Repeat("x", maxDocument)}},
		"just too heavy":   {Key: "a", Fields: map[string]any{"x": strings.Repeat("x", maxDocument-100)}},
	} {
		if _, err := newEntry(0, &r); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "0900000000") {
			t.Errorf("%s: the error quotes a value", name)
		}
	}
}

// TestVersionOrder holds text order against time order.
func TestVersionOrder(t *testing.T) {
	at := time.Date(2026, 3, 3, 8, 0, 0, 0, time.UTC)
	make := func(occurred, received time.Time, id string) *pipeline.Record {
		return &pipeline.Record{ID: id, Occurred: occurred, Received: received}
	}
	ordered := []*pipeline.Record{
		make(time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), at, "a"),
		make(time.Time{}, time.Time{}, ""),
		make(time.Time{}, at, ""),
		make(time.Unix(-1, 0), at, "a"),
		make(time.Unix(0, 999), at, "a"),
		make(time.Unix(9, 0), at, "a"),
		make(time.Unix(10, 0), at, "a"),
		make(at, at, "a"),
		make(at, at, "a/1"),
		make(at, at, "b"),
		make(at, at.Add(1), "a"),
		make(at.Add(1).In(time.FixedZone("", -12*3600)), at, "a"),
		make(time.Date(123456, 1, 1, 0, 0, 0, 0, time.UTC), at, "a"),
	}
	if !slices.IsSortedFunc(ordered, func(a, b *pipeline.Record) int { return strings.Compare(version(a), version(b)) }) {
		for _, r := range ordered {
			t.Log(version(r))
		}
		t.Error("versions are not in order of time")
	}
	for i := 1; i < len(ordered); i++ {
		if version(ordered[i-1]) == version(ordered[i]) {
			t.Errorf("records %d and %d have one version", i-1, i)
		}
	}
}

// FuzzEntry looks for records that break the writing of documents.
func FuzzEntry(f *testing.F) {
	f.Add("key", "name", "value", 1.5)
	f.Add("", "a.b", "\xff\x00", math.Inf(1))
	f.Add("k\x00", "$set", "", math.NaN())
	f.Fuzz(func(t *testing.T, key, name, text string, number float64) {
		r := pipeline.Record{ID: key, Key: key, Kind: text, Source: name, Fields: map[string]any{
			name: text, name + "2": number, "list": []string{text, name}, text: nil,
		}}
		e, err := newEntry(0, &r)
		if err != nil {
			return
		}
		if err := e.doc.Validate(); err != nil {
			t.Fatalf("the document is no BSON: %v", err)
		}
		fields, err := e.doc.Lookup("fields").Document().Elements()
		if err != nil || len(fields) != len(r.Fields) {
			t.Fatalf("%d of %d fields are in the document (%v)", len(fields), len(r.Fields), err)
		}
		for _, e := range fields {
			if _, there := r.Fields[RecordName(e.Key())]; !there {
				t.Errorf("no field is called %q", RecordName(e.Key()))
			}
		}
		if m := (&Sink{}).model(e.doc, []*entry{e}); m != nil {
			t.Error("a document that was just written is to be changed by the same record")
		}
	})
}

// BenchmarkEntry is what a record costs before it is sent.
func BenchmarkEntry(b *testing.B) {
	r := pipeline.Record{
		ID: "landing/1", Key: "landing/1", Kind: "lead", Source: "landing", Occurred: time.Unix(1e9, 0), Received: time.Unix(1e9, 0),
		Fields: map[string]any{
			"name": "Nguyễn Văn A", "phone": "+84900000000", "email": "a@example.com", "utm_source": "facebook",
			"ad_id": "120212345678901234", "consent": true, "score": 2.0, "flags": []string{"test"},
		},
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newEntry(0, &r); err != nil {
			b.Fatal(err)
		}
	}
}
