package main

import (
	"strings"
	"testing"
	"time"

	"mekong/cmd/internal/app"
	"mekong/config"
)

func TestReplayCommand(t *testing.T) {
	path := written(t, t.TempDir(), "")
	mustSay := func(code int, says string, args ...string) string {
		t.Helper()
		got, out, errOut := mekong(t, append(append([]string{"replay"}, args...), "-c", path)...)
		if got != code || !strings.Contains(out+errOut, says) {
			t.Fatalf("mekong replay %s: code %d, want %d and %q\n%s%s", strings.Join(args, " "), got, code, says, out, errOut)
		}
		return out
	}
	conf, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	inProcess(t, conf, app.Options{}, func(a *app.App, door string) {
		for n := range uint64(5) {
			if _, err := submit(t.Context(), door, n); err != nil {
				t.Fatal(err)
			}
		}
		settledAs(t, a, func(_, stored int64) bool { return stored == 5 })
		mustSay(exitOK, "5 records sent to archive", "--source", "landing", "--since", "1h")
		settledAs(t, a, func(_, stored int64) bool { return stored == 10 })
		mustSay(exitOK, "done already", "--source", "landing", "--since", "1h")
		mustSay(exitOK, "5 records sent", "--source", "landing", "--since", "1h", "--restart", "--sink", "archive")
	})
	out := mustSay(exitOK, "5 records as they are, 0 that would change", "--source", "landing", "--since", "1h", "--dry-run")
	if !strings.Contains(out, "Nothing was sent") {
		t.Error(out)
	}
	mustSay(exitOK, "0 deliveries of landing: 0 records", "--source", "landing", "--since", "1h", "--until", "30m")

	// With a mapping that reads the name otherwise, people stay hidden unless asked for.
	more := "transform:\n  landing:\n    fields:\n      name: { from: [phone], as: text }\n"
	path = written(t, strings.TrimSuffix(path, "/mekong.yaml"), more)
	args := []string{"--source", "landing", "--since", "1h", "--dry-run"}
	hidden := mustSay(exitOK, "5 that would change", args...)
	shown := mustSay(exitOK, "5 that would change", append(args, "--show")...)
	if !strings.Contains(hidden, "•••") || strings.Contains(shown, "•••") || !strings.Contains(shown, " → ") {
		t.Errorf("hidden:\n%s\nshown:\n%s", hidden, shown)
	}

	mustSay(exitUsage, "--source and --since")
	mustSay(exitUsage, "--until", "--source", "landing", "--since", "1h", "--until", "someday")
	mustSay(exitUsage, "--until is not after", "--source", "landing", "--since", "1h", "--until", "2h")
	mustSay(exitUsage, "--rate", "--source", "landing", "--since", "1h", "--rate", "-1")
	mustSay(exitUsage, "--show", "--source", "landing", "--since", "1h", "--show")
	mustSay(exitUsage, `no sink "x"`, "--source", "landing", "--since", "1h", "--sink", "x")
}

func TestMeterWritesLines(t *testing.T) {
	var out output
	m := newMeter(&out, "history")
	m.began, m.last = m.began.Add(-10*time.Second), m.last.Add(-10*time.Second)
	m.first = 100
	m.tell(200, 300, 7, "crm")
	m.done()
	if got := out.String(); !strings.Contains(got, "waiting for crm: 200 of 300, 7 sent, 10 a second, about 10s left") {
		t.Error(got)
	}
}
