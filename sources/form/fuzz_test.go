package form

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse holds what every caller relies on: no panic, bounded output, valid
// text, distinct names, at least one value each, the same result twice.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a=1&b=%20+&c;d=%zz", `{"a":[1,{"b":null}],"data":{"x":"\ud83d\ude00"}}`, multipartBody,
		`[{"name":"a","value":["x"]}]`, "\xef\xbb\xbf%7B%22a%22%3A1%7D", "\"a=1\"", "--b\ncontent-disposition:;name=a;filename*=x''%41\n\n1\n--b",
		`{"a":"b"c","d":0900,}x`, strings.Repeat("[", 100), "\xff\xfe=\x00", `{"data":` + strings.Repeat(`{"data":`, 40) + "1", `"\"\\"`, `{"fields":[{"name":"\`,
	} {
		f.Add("multipart/form-data; boundary=b", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		p, err := Parse(header, body)
		if err != nil {
			if len(p.Fields) > 0 {
				t.Fatal("fields beside an error")
			}
			return
		}
		if len(p.Fields) == 0 || len(p.Fields) > MaxFields {
			t.Fatalf("%d fields", len(p.Fields))
		}
		seen := map[string]bool{}
		size := 0
		for _, fd := range p.Fields {
			if seen[fd.Name] {
				t.Fatalf("%q twice", fd.Name)
			}
			seen[fd.Name] = true
			if len(fd.Values) == 0 {
				t.Fatalf("%q has no value", fd.Name)
			}
			for _, v := range append(slices.Clone(fd.Values), fd.Name) {
				size += len(v)
				if !utf8.ValidString(v) {
					t.Fatalf("%q is not UTF-8", v)
				}
			}
		}
		if limit := 4*len(body) + 64; size > limit && !slices.Contains(p.Flags, FlagWrapped) {
			t.Fatalf("%d bytes out of %d", size, len(body))
		}
		again, _ := Parse(header, body)
		if show(again) != show(p) || string(AppendCanonical(nil, again, nil)) != string(AppendCanonical(nil, p, nil)) {
			t.Fatal("not the same twice")
		}
	})
}

// FuzzAgainstURL compares with the standard library where that has an answer.
func FuzzAgainstURL(f *testing.F) {
	f.Add("a=1&b=%C3%A9+x&a=2&&c")
	f.Fuzz(func(t *testing.T, s string) {
		want, err := url.ParseQuery(s)
		if err != nil || strings.ContainsAny(s, "{[\"\x00") || strings.Trim(s, " \t\r\n") != s || strings.Contains(s, "%7") || strings.Contains(s, "%5") || strings.HasPrefix(s, "--") || strings.HasPrefix(s, "\xef\xbb\xbf") {
			return
		}
		p, err := Parse("", []byte(s))
		if err != nil || slices.Contains(p.Flags, FlagInvalidUTF8) || slices.Contains(p.Flags, FlagTooManyFields) {
			return
		}
		if len(p.Fields) != len(want) {
			t.Fatalf("%d names, want %d", len(p.Fields), len(want))
		}
		for _, fd := range p.Fields {
			if !slices.Equal(fd.Values, want[fd.Name]) {
				t.Fatalf("%q: %q, want %q", fd.Name, fd.Values, want[fd.Name])
			}
		}
	})
}

// FuzzAgainstJSON: a flat object of strings that the standard library accepts
// comes out with the same texts and is not called bad.
func FuzzAgainstJSON(f *testing.F) {
	f.Add([]byte(`{"a":"x\n\u00e9","b":"\"","c":""}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var want map[string]string
		if !utf8.Valid(body) || !json.Valid(body) || json.Unmarshal(body, &want) != nil || len(want) == 0 {
			return
		}
		p, err := Parse("", body)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(p.Flags, FlagBadJSON) {
			t.Fatal("valid JSON called bad")
		}
		if slices.Contains(p.Flags, FlagBadEscape) || slices.Contains(p.Flags, FlagTooManyFields) {
			return // half a surrogate pair: we keep it, the library does not
		}
		for _, fd := range p.Fields {
			if isWrapper(fd.Name) {
				return
			}
			if w, ok := want[fd.Name]; !ok || fd.Values[len(fd.Values)-1] != w {
				t.Fatalf("%q: %q, want %q", fd.Name, fd.Values, w)
			}
		}
	})
}
