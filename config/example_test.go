package config

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func TestExample(t *testing.T) {
	c, err := Parse("example.yaml", Example, testEnv)
	if err != nil {
		t.Fatal(err)
	}
	again := showAgain(t, c)
	if c.doc, again.doc = nil, nil; !reflect.DeepEqual(c, again) {
		t.Error("loading what it shows gives another configuration")
	}
	if got := c.Sources["landing"].LadiPage.Token.Reveal(); got != "0123456789abcdef-from-env" {
		t.Errorf("the token is %q", got)
	}
	if _, err := Parse("example.yaml", Example, func(string) (string, bool) { return "", false }); err == nil || !strings.Contains(err.Error(), "LADIPAGE_TOKEN is not set") || strings.Contains(err.Error(), "\n") {
		t.Errorf("without the environment: %v; want LADIPAGE_TOKEN asked for, and nothing else", err)
	}
}

// TestExampleShowsEverySetting turns the settings on that are off in the
// example, and looks for every one there is.
func TestExampleShowsEverySetting(t *testing.T) {
	off := regexp.MustCompile(`(?m)^( *)#([a-z_]+:)`)
	full := off.ReplaceAll(Example, []byte("$1$2"))
	c, err := Parse("example.yaml", full, testEnv)
	if err != nil {
		t.Fatalf("with every setting on: %v", err)
	}
	walkSettings(reflect.TypeFor[Config](), nil, func(path string, _ setting) {
		pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(path), "<name>", "[^.]+") + "$"
		for at := range c.doc.places {
			if regexp.MustCompile(pattern).MatchString(at) {
				return
			}
		}
		t.Errorf("the example does not mention %s", path)
	})
	// What is off shows the default, so turning it on changes nothing; that holds
	// inside a sink that is off, too, save for what has no default.
	crm := c.Sinks["crm"]
	want := Sink{LarkBase: &LarkBase{}}
	fill(&want, "crm")
	fill(want.LarkBase, "crm")
	got := *crm.LarkBase
	if got.URL == "" || got.AppID == "" || got.AppSecret.Reveal() == "" {
		t.Error("the example of a Lark Base lacks what it cannot be without")
	}
	got.URL, got.AppID, got.AppSecret = "", "", Secret{}
	if !reflect.DeepEqual(&got, want.LarkBase) {
		t.Errorf("a setting of crm that is off does not show its default: %+v", got)
	}
	delete(c.Sinks, "crm")
	plain, err := Parse("example.yaml", Example, testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if c.doc, plain.doc = nil, nil; !reflect.DeepEqual(c, plain) {
		t.Error("a setting that is off in the example does not show its default")
	}
}
