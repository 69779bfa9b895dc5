package config

import (
	"strings"
	"testing"
)

func TestChatLogDefaults(t *testing.T) {
	var c ChatLog
	c.defaults("support")
	if c.Path != "/in/support" || c.MaxBody != 900<<10 {
		t.Errorf("defaults %+v", c)
	}
}

func TestSubjects(t *testing.T) {
	for subject, want := range map[string]string{
		"chat.turns": "", "chat.>": "", "chat.*.turns": "", "chat": "", "chat_log.a-b": "",
		">": "no NATS subject", "*.turns": "server's own", "$SYS.x": "server's own", "_INBOX.x": "server's own", "raw.landing": "Mekong's own", "rec.>": "Mekong's own",
		"a b": "no NATS subject", "a..b": "no NATS subject", "a.>.b": "no NATS subject", ".a": "no NATS subject",
	} {
		d := &document{}
		r := &report{doc: d, path: "subject"}
		checkSubject(r, subject)
		got := ""
		for _, p := range d.problems {
			got += p.Error()
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", subject, got, want)
		}
	}
}
