package config

import (
	"strings"
	"testing"
)

func TestTemplate(t *testing.T) {
	data := map[string]any{"Fields": map[string]any{"name": "Trần \"B\" <b>", "tags": []string{"a"}, "none": nil}}
	for text, want := range map[string]string{
		`{{json .Fields.name}}`:                      `"Trần \"B\" <b>"`,
		`{{json .Fields.tags}}{{json .Fields.none}}`: `["a"]null`,
		`{{json .Fields.missing}}`:                   `null`,
		`{{with .Fields.missing}}x{{else}}y{{end}}`:  `y`,
		``: ``,
	} {
		tpl, err := ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tpl.Execute(data, 100); err != nil || string(got) != want {
			t.Errorf("%s makes %q (%v), want %q", text, got, err, want)
		}
	}
	if got, err := (Template{}).Execute(data, 1); err != nil || len(got) != 0 {
		t.Errorf("the zero template makes %q, %v", got, err)
	}
	for _, text := range []string{`{{range 1000000000}}a{{end}}`, strings.Repeat("a", 101)} {
		tpl, err := ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tpl.Execute(data, 100); err != errTemplateLong {
			t.Errorf("%.20q: %v, want that it is too long", text, err)
		}
	}
	for _, text := range []string{`{{`, `{{nothing}}`, `{{end}}`, strings.Repeat("a", maxTemplate+1)} {
		if _, err := ParseTemplate(text); err == nil {
			t.Errorf("%.20q is taken for a template", text)
		}
	}
}

func TestAnswerRule(t *testing.T) {
	for _, test := range []struct {
		rule, answer string
		holds        bool
	}{
		{"code == 0", `{"code":0}`, true},
		{"code==0", ` {"code":0.0,"x":[]} `, true},
		{"code == 0", `{"code":"0"}`, false},
		{"code == 0", `{}`, false},
		{"code == 0", `[]`, false},
		{"code == 0", ``, false},
		{"code == 0", `{"code":0`, false},
		{`a.b == "ok"`, `{"a":{"b":"ok"}}`, true},
		{`a.b == "ok"`, `{"a":"ok"}`, false},
		{"a == null", `{"a":null}`, true},
		{"a == null", `{}`, false},
		{"a == true", `{"a":{}}`, false},
		{"a == true", `{"a":[true]}`, false},
	} {
		r, err := ParseAnswerRule(test.rule)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Holds([]byte(test.answer)); got != test.holds {
			t.Errorf("%s for %s: %v", test.rule, test.answer, got)
		}
	}
	for _, bad := range []string{"", "code", "code = 0", "== 0", "a..b == 1", "a == ", "a == {}", "a == x", "a[0] == 1", "a.b.c.d.e.f.g.h.i == 1"} {
		if _, err := ParseAnswerRule(bad); err == nil {
			t.Errorf("%q is taken for a rule", bad)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("{{json .Fields}}")
	f.Add("{{range .Fields}}{{.}}{{end}}")
	f.Add("{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "range") && strings.ContainsAny(text, "0123456789") {
			return // who configures may well keep himself busy
		}
		tpl, err := ParseTemplate(text)
		if err != nil {
			return
		}
		if out, err := tpl.Execute(map[string]any{"Fields": map[string]any{"a": "b"}}, 64); err == nil && len(out) > 64 {
			t.Errorf("%d bytes", len(out))
		}
	})
}

func FuzzAnswerRule(f *testing.F) {
	f.Add("code == 0", `{"code":0}`)
	f.Add("a.b == null", `{"a":{"b":[1]}}`)
	f.Fuzz(func(_ *testing.T, text, answer string) {
		if r, err := ParseAnswerRule(text); err == nil {
			r.Holds([]byte(answer))
		}
	})
}
