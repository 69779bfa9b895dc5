package larkbase

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"mekong/sinks/lark"
)

func TestReadCell(t *testing.T) {
	zone := time.FixedZone("", 7*3600)
	for _, c := range []struct {
		kind int
		cell string
		want any
	}{
		{lark.TypeText, `[{"text":"một ","type":"text"},{"text":"hai","type":"mention"}]`, "một hai"},
		{lark.TypeText, `"plain"`, "plain"},
		{lark.TypeText, `[]`, nil},
		{lark.TypeText, ``, nil},
		{lark.TypeText, `{{`, nil},
		{lark.TypeNumber, `12.5`, 12.5},
		{lark.TypeSingleSelect, `"fb"`, "fb"},
		{lark.TypeMultiSelect, `["fb"]`, []string{"fb"}},
		{lark.TypeCheckbox, `false`, false},
		{lark.TypeDateTime, `1772505000000`, "2026-03-03T09:30:00+07:00"},
		{lark.TypeCreatedTime, `1772505000001`, "2026-03-03T09:30:00.001+07:00"},
		{lark.TypeDateTime, `1e300`, "1" + string(make0s(300))},
		{lark.TypeURL, `{"text":"trang","link":"https://example.com/"}`, "trang https://example.com/"},
		{lark.TypeURL, `{"text":"example.com","link":"https://example.com"}`, "example.com"},
		{lark.TypePerson, `[{"id":"ou_a","name":"An"},{"id":"ou_b","name":"Bình"}]`, []string{"An", "Bình"}},
		{lark.TypeAttachment, `[{"file_token":"x","name":"a.png"}]`, "a.png"},
		{lark.TypeLocation, `{"location":"1,2","full_address":"Hà Nội"}`, "Hà Nội"},
		{lark.TypeDuplexLink, `{"link_record_ids":["rec1","rec2"]}`, "rec1, rec2"},
		{lark.TypeFormula, `{"type":1,"value":[{"text":"x","type":"text"}]}`, "x"},
		{lark.TypeFormula, `{"type":2,"value":[7]}`, 7.0},
		{lark.TypeLookup, `{"type":5,"value":[1772505000000,1772505000000]}`, []string{"2026-03-03T09:30:00+07:00", "2026-03-03T09:30:00+07:00"}},
		{99, `{"surprise":{"deep":1}}`, nil},
		{99, `[[1],null,{"text":""}]`, nil},
	} {
		if got := readCell(json.RawMessage(c.cell), c.kind, zone); !reflect.DeepEqual(got, c.want) {
			t.Errorf("type %d, %s: %#v, want %#v", c.kind, c.cell, got, c.want)
		}
	}
}

func make0s(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = '0'
	}
	return out
}

// Whatever a cell is, it is read as what a field of a record may be.
func FuzzReadCell(f *testing.F) {
	for _, cell := range []string{`[{"text":"a"}]`, `{"type":5,"value":[1e18]}`, `[[[]]]`, `-1e300`, `{"type":1e99}`, `"\u0000"`, `{"link_record_ids":[1]}`, `{`} {
		for _, kind := range []int{lark.TypeText, lark.TypeFormula, lark.TypeDateTime, 0} {
			f.Add(cell, kind)
		}
	}
	f.Fuzz(func(t *testing.T, cell string, kind int) {
		switch v := readCell(json.RawMessage(cell), kind, time.UTC).(type) {
		case nil, bool:
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%v", v)
			}
		case string:
			if v == "" {
				t.Error("an empty text")
			}
		case []string:
			if len(v) == 0 {
				t.Error("an empty list")
			}
		default:
			t.Errorf("%T", v)
		}
	})
}
