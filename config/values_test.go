package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

func TestSize(t *testing.T) {
	for _, test := range []struct {
		text  string
		want  Size
		print string
		bad   string
	}{
		{"900KiB", 900 << 10, "900KiB", ""},
		{"10MB", 10e6, "10MB", ""},
		{"1.5GiB", 3 << 29, "1536MiB", ""},
		{"1048576", 1 << 20, "1MiB", ""},
		{"1048577", 1<<20 + 1, "1048577", ""},
		{"0", 0, "0", ""},
		{"0KiB", 0, "0", ""},
		{"10 mb", 10e6, "10MB", ""},
		{"7b", 7, "7", ""},
		{"2TiB", 2 << 40, "2TiB", ""},
		{"1.1KB", 1100, "1100", ""},
		{"10M", 0, "", "10MiB or 10MB"},
		{"1.5", 0, "", "is not a size"},
		{"-1KiB", 0, "", "is not a size"},
		{"KiB", 0, "", "is not a size"},
		{"1e3", 0, "", "is not a size"},
		{"10 elephants", 0, "", "is not a size"},
		{"", 0, "", "is not a size"},
		{"99999999999TiB", 0, "", "more bytes than anything"},
		{"99999999999999999999", 0, "", "is not a size"},
		{"1.9999999999999999999GiB", 0, "", "is not a size"},
	} {
		got, bad := parseSize(test.text)
		switch {
		case bad != nil && (test.bad == "" || !strings.Contains(bad.what+"; "+bad.fix, test.bad)):
			t.Errorf("%q: %v, want %q", test.text, *bad, test.bad)
		case bad == nil && (test.bad != "" || got != test.want || got.String() != test.print):
			t.Errorf("%q is %d, written %s; want %d, written %s, trouble %q", test.text, got, got, test.want, test.print, test.bad)
		}
	}
	var v struct{ A, B Size }
	if err := yaml.Unmarshal([]byte("a: 900KiB\nb: 1024"), &v); err != nil || v.A != 900<<10 || v.B != 1024 {
		t.Errorf("YAML gives %v, %v", v, err)
	}
	if err := yaml.Unmarshal([]byte("a: 10M"), &v); err == nil {
		t.Error("YAML takes an ambiguous size")
	}
	if out, err := json.Marshal(v); err != nil || string(out) != `{"A":"900KiB","B":"1KiB"}` {
		t.Errorf("JSON gives %s, %v", out, err)
	}
}

func TestDuration(t *testing.T) {
	for _, test := range []struct {
		text  string
		want  time.Duration
		print string
		bad   string
	}{
		{"720h", 720 * time.Hour, "720h", ""},
		{"20s", 20 * time.Second, "20s", ""},
		{"30d", 720 * time.Hour, "720h", ""},
		{"1d12h", 36 * time.Hour, "36h", ""},
		{"0.5d", 12 * time.Hour, "12h", ""},
		{"1h30m", 90 * time.Minute, "1h30m", ""},
		{"1h0m5s", time.Hour + 5*time.Second, "1h0m5s", ""},
		{"10m", 10 * time.Minute, "10m", ""},
		{"500ms", 500 * time.Millisecond, "500ms", ""},
		{"1.5s", 1500 * time.Millisecond, "1.5s", ""},
		{"0", 0, "0s", ""},
		{"0s", 0, "0s", ""},
		{"20", 0, "", "has no unit"},
		{"1h2d", 0, "", "not a length of time"},
		{"-5s", 0, "", "not a length of time"},
		{"30 d", 0, "", "not a length of time"},
		{"2 weeks", 0, "", "not a length of time"},
		{"d", 0, "", "not a length of time"},
		{"", 0, "", "not a length of time"},
		{"99999999999h", 0, "", "too long"},
		{"106751d23h59m", 0, "", "too long"},
		{strings.Repeat("9", 400) + "d", 0, "", "too long"},
	} {
		got, bad := parseDuration(test.text)
		switch {
		case bad != nil && (test.bad == "" || !strings.Contains(bad.what, test.bad)):
			t.Errorf("%q: %v, want %q", test.text, *bad, test.bad)
		case bad == nil && (test.bad != "" || got != test.want || formatDuration(got) != test.print):
			t.Errorf("%q is %v, written %s; want %s, trouble %q", test.text, got, formatDuration(got), test.print, test.bad)
		}
	}
}

func TestBool(t *testing.T) {
	var b bool
	v := reflect.ValueOf(&b).Elem()
	if bad := setScalar(v, "true"); bad != nil || !b {
		t.Errorf("true gives %v, %v", b, bad)
	}
	if bad := setScalar(v, "yes"); bad == nil || !b {
		t.Errorf("yes gives %v, %v; want trouble and no change", b, bad)
	}
}

func TestReferences(t *testing.T) {
	env := map[string]string{"A": "one", "B_2": "${A}", "EMPTY": ""}
	for _, test := range []struct{ text, want, bad string }{
		{"plain", "plain", ""},
		{"${A}", "one", ""},
		{"x${A}y${A}z", "xoneyonez", ""},
		{"${B_2}", "${A}", ""}, // what a reference holds is not resolved again
		{"${EMPTY}", "", ""},
		{"$${A}", "${A}", ""},
		{"$$${A}", "$${A}", ""},
		{"$${${A}", "${one", ""},
		{"$A $ 5$", "$A $ 5$", ""},
		{"${A", "", "never closed"},
		{"${}", "", "no reference"},
		{"${A:-x}", "", "no reference"},
		{"${2}", "", "no reference"},
		{"${ A }", "", "no reference"},
		{"${C}", "", "C is not set"},
	} {
		e := &expander{env: func(n string) (string, bool) { v, ok := env[n]; return v, ok }, files: map[string]fileText{}, left: maxExpanded}
		got, _, bad := e.text(test.text)
		switch {
		case len(bad) > 0 && (test.bad == "" || !strings.Contains(bad[0].what, test.bad)):
			t.Errorf("%q: %v, want %q", test.text, bad, test.bad)
		case len(bad) == 0 && (test.bad != "" || got != test.want):
			t.Errorf("%q is %q; want %q, trouble %q", test.text, got, test.want, test.bad)
		}
	}
}

func TestClosest(t *testing.T) {
	words := []string{"path", "token", "tokens", "origins", "max_body", "rate", "window"}
	for word, want := range map[string]string{
		"tokn": "token", "toekn": "token", "token": "token", "Max-Body": "max_body", "maxbody": "max_body",
		"orgins": "origins", "ratee": "rate", "elephant": "", "x": "", "": "", strings.Repeat("a", 1000): "",
	} {
		if got := closest(word, words); got != want {
			t.Errorf("closest to %.20q is %q, want %q", word, got, want)
		}
	}
}
