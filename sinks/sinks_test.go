package sinks_test

import (
	"os"
	"strings"
	"testing"

	"mekong/config"
	"mekong/sinks"
	"mekong/sinks/larkbase"
	"mekong/sinks/larkchat"
	"mekong/sinks/token"
)

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("mekong.yaml", []byte(text), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const base = "larkbase: { url: 'https://a.larksuite.com/base/a?table=tbla', app_id: cli_a, app_secret: s"

func TestOpenLarkBase(t *testing.T) {
	c := parse(t, "sinks:\n  crm: { "+base+" } }\n  small: { batch: { size: 20 }, "+base+", monthly_calls: 10 } }\n")
	asked := ""
	opened, err := sinks.Open(c, nil, sinks.Options{LarkBase: func(sink string) larkbase.Options {
		asked += sink + " "
		return larkbase.Options{}
	}})
	if err != nil || len(opened) != 2 || asked != "crm small " {
		t.Fatalf("opened %d, asked for %q: %v", len(opened), asked, err)
	}
	for i, batch := range []int{500, 20} {
		o := opened[i]
		if o.Limits.Batch != batch || o.Limits.Writers != 1 || o.Prove == nil || o.Pace == nil || o.Pace() != 0 {
			t.Errorf("%s: %+v", o.Name, o)
		}
		if err := o.Sink.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestOpenFails names the sink and the setting, and closes what was opened before.
func TestOpenFails(t *testing.T) {
	c := parse(t, "sinks:\n  crm: { "+base+" } }\n")
	s := c.Sinks["crm"]
	s.LarkBase.URL = "https://a.larksuite.com/docx/a"
	if _, err := sinks.Open(c, nil, sinks.Options{}); err == nil || !strings.HasPrefix(err.Error(), "sinks.crm: larkbase: url: ") {
		t.Errorf("a link to a document: %v", err)
	}
	if _, err := sinks.Open(c, []string{"crn"}, sinks.Options{}); err == nil || !strings.Contains(err.Error(), `"crn"`) {
		t.Errorf("an unknown sink: %v", err)
	}
	if _, err := sinks.Open(parse(t, "sinks: { archive: { mongodb: } }"), nil, sinks.Options{}); err == nil || !strings.Contains(err.Error(), "uri") {
		t.Errorf("MongoDB without a server: %v", err)
	}
}

// A Lark Base is written as a person only with that person's sign-in.
func TestOpenLarkBaseAsAPerson(t *testing.T) {
	c := parse(t, "sinks:\n  crm: { "+base+", identity: user } }\n")
	for _, o := range []sinks.Options{{}, {LarkBase: func(string) larkbase.Options { return larkbase.Options{} }}} {
		if _, err := sinks.Open(c, nil, o); err == nil || !strings.HasPrefix(err.Error(), "sinks.crm: larkbase: identity: ") {
			t.Errorf("without a sign-in: %v", err)
		}
	}
	opened, err := sinks.Open(c, nil, sinks.Options{LarkBase: func(string) larkbase.Options { return larkbase.Options{Tokens: token.Fixed{}} }})
	if err != nil || len(opened) != 1 {
		t.Fatalf("with one: %v", err)
	}
	if err := opened[0].Sink.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenLarkChat(t *testing.T) {
	c := parse(t, "sinks: { group: { larkchat: { chat: oc_a, app_id: cli_a, app_secret: s } } }")
	asked := ""
	opened, err := sinks.Open(c, nil, sinks.Options{LarkChat: func(sink string) larkchat.Options {
		asked += sink
		return larkchat.Options{}
	}})
	if err != nil || len(opened) != 1 || asked != "group" {
		t.Fatalf("opened %d, asked for %q: %v", len(opened), asked, err)
	}
	if err := opened[0].Sink.Close(); err != nil {
		t.Error(err)
	}
}
