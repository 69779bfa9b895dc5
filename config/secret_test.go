package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

const hidden = "hunter2-correct-horse"

// hides holds a secret in every place a printer might find one, the unexported
// field included, where fmt may not call methods.
type hides struct {
	Plain   Secret
	Pointer *Secret
	List    []Secret
	Map     map[string]Secret
	Any     any
	private Secret
	nested  struct{ Deep []Secret }
}

func newHides() hides {
	s := NewSecret(hidden)
	h := hides{Plain: s, Pointer: &s, List: []Secret{s}, Map: map[string]Secret{"k": s}, Any: s, private: s}
	h.nested.Deep = []Secret{s}
	return h
}

func TestSecretNeverPrints(t *testing.T) {
	s := NewSecret(hidden)
	parsed, err := Parse("x.yaml", []byte(`sources: { a: { ladipage: { token: "${X}" } } }`), func(string) (string, bool) { return hidden, true })
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"parsed": parsed, "parsed value": *parsed, "document": parsed.doc, "places": parsed.doc.places,
		"secret": s, "pointer": &s, "struct": newHides(), "slice": []Secret{s}, "map": map[string]Secret{"k": s},
		"mongodb":  MongoDB{URI: s},
		"webhook":  &Webhook{URL: s, Bearer: s, Headers: map[string]Secret{"X": s}, HMAC: WebhookHMAC{Secret: s}, Forget: WebhookForget{URL: s}},
		"larkchat": LarkChat{Hook: s, Secret: s, AppSecret: s},
		"ladipage": &LadiPage{Token: s, Tokens: []Secret{s}},
		"config": &Config{
			NATS:    NATS{Token: s},
			Sources: map[string]Source{"a": {LadiPage: &LadiPage{Token: s}}},
			Sinks:   map[string]Sink{"b": {MongoDB: &MongoDB{URI: s}}},
		},
	}
	// The bytes of the value in the bases that %d, %x and %b would use.
	leaks := []string{hidden, "hunter2", fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), fmt.Sprintf("%x", hidden[:4]), "104 117 110"}
	for name, v := range values {
		printed := map[string]string{}
		for _, verb := range strings.Fields("%v %s %q %#v %+v %d %x %X % x %o %b %c %t %e %p %T %U %#q %w %20s %-5.2q") {
			printed["fmt "+verb] = fmt.Sprintf(verb, v)
		}
		printed["Sprint"] = fmt.Sprint(v)
		printed["Errorf"] = fmt.Errorf("wrapped: %v", v).Error()
		if out, err := json.Marshal(v); err == nil {
			printed["json"] = string(out)
		}
		if out, err := yaml.Marshal(v); err == nil {
			printed["yaml v3"] = string(out)
		}
		if out, err := yaml.Dump(v); err == nil {
			printed["yaml v4"] = string(out)
		}
		if out, err := xml.Marshal(v); err == nil {
			printed["xml"] = string(out)
		}
		var text, jsonLog bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", v, slog.Group("g", "v", v))
		slog.New(slog.NewJSONHandler(&jsonLog, nil)).Info("m", "v", v, slog.Group("g", "v", v))
		printed["slog text"], printed["slog json"] = text.String(), jsonLog.String()
		for how, out := range printed {
			for _, leak := range leaks {
				if strings.Contains(out, leak) {
					t.Errorf("%s through %s shows the secret", name, how)
				}
			}
		}
	}
}

func TestSecretPrints(t *testing.T) {
	for _, verb := range []string{"%v", "%s", "%q", "%#v", "%+v", "%d", "%x"} {
		if got := fmt.Sprintf(verb, NewSecret(hidden)); got != "(secret)" {
			t.Errorf("%s prints %q, want (secret)", verb, got)
		}
		if got := fmt.Sprintf(verb, Secret{}); got != "" {
			t.Errorf("%s prints an empty secret as %q, want nothing", verb, got)
		}
	}
	if out, err := json.Marshal(NewSecret(hidden)); err != nil || string(out) != `"(secret)"` {
		t.Errorf("JSON is %s, %v", out, err)
	}
	if out, err := yaml.Dump(map[string]any{"a": NewSecret(hidden), "b": Secret{}}); err != nil || string(out) != "a: (secret)\nb: ''\n" {
		t.Errorf("YAML is %q, %v", out, err)
	}
}

func TestSecretValue(t *testing.T) {
	s := NewSecret(hidden)
	if s.Reveal() != hidden || s.IsZero() {
		t.Error("a secret with a value must reveal it and not be zero")
	}
	if z := NewSecret(""); !z.IsZero() || z.Reveal() != "" || !reflect.DeepEqual(z, Secret{}) {
		t.Error("NewSecret of nothing must be the zero Secret")
	}
	if !reflect.DeepEqual(NewSecret(hidden), NewSecret(hidden)) {
		t.Error("equal secrets must be deeply equal")
	}
	if reflect.TypeFor[Secret]().Comparable() {
		t.Error("== on secrets would compare pointers; it must not compile")
	}
	var back struct{ Token Secret }
	if err := json.Unmarshal([]byte(`{"Token":"abc"}`), &back); err != nil || back.Token.Reveal() != "abc" {
		t.Errorf("JSON read back %v", err)
	}
	if err := yaml.Unmarshal([]byte(`token: "123"`), &back); err != nil || back.Token.Reveal() != "123" {
		t.Errorf("YAML read back %v", err)
	}
}
