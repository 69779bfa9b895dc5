package sinks_test

import (
	"os"
	"strings"
	"testing"

	"mekong/config"
	"mekong/sinks"
	"mekong/sinks/larkbase"
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
