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
	for name, needs := range map[string]func(s *Sink) (bare bool){
		"crm": func(s *Sink) bool {
			l := s.LarkBase
			bare := l.URL == "" || l.AppID == "" || l.AppSecret.IsZero()
			l.URL, l.AppID, l.AppSecret = "", "", Secret{}
			return bare
		},
		"group": func(s *Sink) bool {
			bare := s.LarkChat.Hook.IsZero()
			s.LarkChat.Hook = Secret{}
			return bare
		},
		"sales": func(s *Sink) bool {
			bare := s.Sheets.Spreadsheet == "" || s.Where == ""
			s.Sheets.Spreadsheet, s.Where = "", ""
			return bare
		},
		"simple": func(s *Sink) bool {
			bare := s.AppsScript.URL.IsZero() || s.AppsScript.Secret.IsZero()
			s.AppsScript.URL, s.AppsScript.Secret = Secret{}, Secret{}
			return bare
		},
		"partner": func(s *Sink) bool {
			bare := s.Webhook.URL.IsZero()
			s.Webhook.URL = Secret{}
			return bare
		},
	} {
		got, want := c.Sinks[name], Sink{}
		if needs(&got) {
			t.Errorf("the example %s lacks what it cannot be without", name)
		}
		fillAdapter(&want, got, name)
		got.Accept = want.Accept
		if !reflect.DeepEqual(got, want) {
			t.Errorf("a setting of %s that is off does not show its default: %+v", name, got)
		}
		delete(c.Sinks, name)
	}
	for name, needs := range map[string]func(s *Source) (bare bool){
		"support": func(s *Source) bool { return false },
		"bot": func(s *Source) bool {
			bare := s.LarkBot.VerificationToken.IsZero()
			s.LarkBot.VerificationToken = Secret{}
			return bare
		},
		"shop": func(s *Source) bool {
			bare := s.Webhook.Verify.HMAC.Secret.IsZero()
			s.Webhook.Verify.HMAC.Secret = Secret{}
			return bare
		},
	} {
		got, want := c.Sources[name], Source{}
		if needs(&got) {
			t.Errorf("the example %s lacks what it cannot be without", name)
		}
		fillAdapter(&want, got, name)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("a setting of %s that is off does not show its default: %+v", name, got)
		}
		delete(c.Sources, name)
	}
	if an, ok := c.Console.Users["an"]; !ok || an.Password.IsZero() || an.Role != RoleViewer {
		t.Error("the example user of the console lacks a password, or does not show the role it has by itself")
	}
	delete(c.Console.Users, "an")
	plain, err := Parse("example.yaml", Example, testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if c.doc, plain.doc = nil, nil; !reflect.DeepEqual(c, plain) {
		t.Error("a setting that is off in the example does not show its default")
	}
}

// fillAdapter makes want a source or sink with the adapter that got has, at its
// defaults.
func fillAdapter[T any](want *T, got T, name string) {
	fill(asBlock(reflect.ValueOf(want)), name)
	for _, s := range settings(reflect.TypeFor[T]()) {
		if s.typ.Kind() != reflect.Pointer || reflect.ValueOf(got).Field(s.index).IsNil() {
			continue
		}
		b := reflect.New(s.typ.Elem())
		fill(asBlock(b), name)
		reflect.ValueOf(want).Elem().Field(s.index).Set(b)
	}
}
