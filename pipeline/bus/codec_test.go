package bus

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"mekong/pipeline"
)

func full() pipeline.Record {
	return pipeline.Record{
		ID: "landing-1/2", Key: "key-\"quoted\"", Kind: "lead", Source: "landing",
		Occurred: time.Date(2026, 11, 24, 3, 4, 5, 123456789, time.UTC),
		Received: time.Date(2026, 11, 24, 3, 4, 6, 1, time.UTC),
		Fields: map[string]any{
			"name": "Nguyễn Thị Ánh", "nfd": "Nguyê\u0303n", "id": "120208585133120157", "zero": "0900000000",
			"nothing": nil, "yes": true, "no": false, "number": 1290000.5, "small": 1e-9, "large": 1e21,
			"list": []string{"IELTS", "TOEIC", ""}, "empty": []string{}, "control": "a\x00b\tc\r\nd\\\"", "emoji": "👩‍👩‍👧 \u2028",
			"Khóa học": "ngoại ngữ", "a.b": "dot", "$c": "dollar", "": "no name",
		},
		Again: true,
	}
}

func TestRecordComesBackAsItWas(t *testing.T) {
	want := full()
	m := recordMsg(want)
	if !json.Valid(m.Data) {
		t.Fatalf("not JSON: %s", m.Data)
	}
	got, err := decodeRecord(m.Header, m.Data)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %#v\nwant %#v", err, got, want)
	}
	if m.Subject != "rec.lead.landing" {
		t.Errorf("subject %s", m.Subject)
	}
}

func TestTheSameRecordIsTheSameBytes(t *testing.T) {
	for range 20 {
		if !bytes.Equal(recordMsg(full()).Data, recordMsg(full()).Data) {
			t.Fatal("the bytes differ from one time to the next")
		}
	}
}

func TestNumbersThatJSONHasNoWordFor(t *testing.T) {
	r := full()
	r.Fields = map[string]any{"a": math.NaN(), "b": math.Inf(1), "c": math.Inf(-1), "d": math.MaxFloat64}
	m := recordMsg(r)
	got, err := decodeRecord(m.Header, m.Data)
	if err != nil || got.Fields["a"] != nil || got.Fields["b"] != nil || got.Fields["c"] != nil || got.Fields["d"] != math.MaxFloat64 {
		t.Errorf("%v: %v from %s", err, got.Fields, m.Data)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("name", "Nguyễn", "k", 1.5)
	f.Add("\xff\xfe", "\x00\"\\", "", math.Inf(1))
	f.Fuzz(func(t *testing.T, name, value, key string, n float64) {
		r := full()
		r.Key = key + "k"
		r.Fields = map[string]any{name: value, name + "n": n, name + "l": []string{value, key}}
		m := recordMsg(r)
		if !json.Valid(m.Data) {
			t.Fatalf("not JSON: %q", m.Data)
		}
		var std struct{ Fields map[string]any }
		if err := json.Unmarshal(m.Data, &std); err != nil {
			t.Fatal(err)
		}
		got, err := decodeRecord(m.Header, m.Data)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range std.Fields {
			if list, ok := v.([]any); ok {
				if len(list) != len(got.Fields[k].([]string)) {
					t.Errorf("%q: %v and %v", k, v, got.Fields[k])
				}
			} else if !reflect.DeepEqual(v, got.Fields[k]) {
				t.Errorf("%q: encoding/json reads %v, we read %v", k, v, got.Fields[k])
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"id":"a","key":"b","occurred":"2026-01-01T00:00:00Z","received":"2026-01-01T00:00:00Z","fields":{}}`))
	f.Add([]byte(`{"id":1,"fields":[1,2]}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(nats.Header{}, data)
		if err == nil && (r.ID == "" || r.Key == "") {
			t.Errorf("%q gives a record without a name", data)
		}
		_, _ = decodeRaw(nats.Header{headerEnvelope: {string(data)}}, data)
	})
}

func TestTokensMakeNoWildcards(t *testing.T) {
	for in, want := range map[string]string{"landing": "landing", "a.b": "a_b", "*": "_", ">": "_", "": "_", "a b": "a_b", "ộ": "___"} {
		if got := token(in); got != want {
			t.Errorf("token(%q) = %q, want %q", in, got, want)
		}
	}
}
