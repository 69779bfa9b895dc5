package console

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func TestLinks(t *testing.T) {
	for text, want := range map[string][]piece{
		"plain":                          {{"plain", ""}},
		"see https://a.example/x?y=1.":   {{"see ", ""}, {"https://a.example/x?y=1", "https://a.example/x?y=1"}, {".", ""}},
		"javascript:alert(1)":            {{"javascript:alert(1)", ""}},
		"https://user@a.example/ no":     {{"https://user@a.example/", ""}, {" no", ""}},
		"http://a.example, http://b.c/d": {{"http://a.example", "http://a.example"}, {", ", ""}, {"http://b.c/d", "http://b.c/d"}},
	} {
		if got := linked(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func FuzzLinks(f *testing.F) {
	f.Add("see https://a.example/x?y=1.")
	f.Add("https://\x00 http://%zz https://a.example:999999/")
	f.Fuzz(func(t *testing.T, text string) {
		var all strings.Builder
		for _, p := range linked(text) {
			all.WriteString(p.Text)
			if p.Link != "" && !strings.HasPrefix(p.Link, "http") {
				t.Errorf("%q is a link", p.Link)
			}
		}
		if all.String() != text {
			t.Errorf("%q became %q", text, all.String())
		}
	})
}

func FuzzWithin(f *testing.F) {
	for _, s := range []string{"/flow", "//x", `/\x`, "/a?b#c", "https://x/"} {
		f.Add(s)
	}
	base, _ := url.Parse("http://mekong.example/login")
	f.Fuzz(func(t *testing.T, next string) {
		to, err := base.Parse(within(next))
		if err != nil || to.Host != base.Host {
			t.Errorf("%q leads to %v, %v", next, to, err)
		}
	})
}
