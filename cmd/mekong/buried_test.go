package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline"
)

// refusing takes nothing, each record for good.
type refusing struct{ pipeline.Sink }

func (refusing) Write(_ context.Context, batch []pipeline.Record) []pipeline.Outcome {
	return pipeline.Outcomes(len(batch), pipeline.Permanent(errors.New("the course is too long")))
}

func TestBuriedCommands(t *testing.T) {
	path := written(t, t.TempDir(), "")
	mustSay := func(code int, says string, args ...string) string {
		t.Helper()
		got, out, errOut := mekong(t, append(args, "-c", path)...)
		if got != code || !strings.Contains(out+errOut, says) {
			t.Fatalf("mekong %s: code %d, want %d and %q\n%s%s", strings.Join(args, " "), got, code, says, out, errOut)
		}
		return out
	}
	mustSay(exitOK, "Nothing is buried", "buried", "list")

	conf, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	inProcess(t, conf, app.Options{Wrap: func(_ string, s pipeline.Sink) pipeline.Sink { return refusing{s} }}, func(a *app.App, door string) {
		for n := range uint64(3) {
			if _, err := submit(t.Context(), door, n); err != nil {
				t.Fatal(err)
			}
		}
		settledAs(t, a, func(buried, stored int64) bool { return buried == 3 })
		mustSay(exitOK, "3 would be sent again", "buried", "replay", "--all", "--dry-run")
		mustSay(exitOK, "3 sent on their way again.\n", "buried", "replay", "--sink", "archive", "--reason", "too long")
		settledAs(t, a, func(buried, stored int64) bool { return buried == 3 })
	})

	out := mustSay(exitOK, "fix: ", "buried", "list", "--sink", "archive")
	m := regexp.MustCompile(`numbers (\d+) (\d+) (\d+)`).FindStringSubmatch(out)
	if m == nil || !strings.Contains(out, "the course is too long") || !strings.Contains(out, "3  buried in all") {
		t.Fatalf("list says\n%s", out)
	}
	if out := mustSay(exitOK, "and 2 more", "buried", "list", "--sink", "archive", "--limit", "1"); strings.Count(out, "tried") != 1 {
		t.Errorf("with a limit of one:\n%s", out)
	}
	mustSay(exitOK, "Nothing is buried", "buried", "list", "--sink", "transform")
	out = mustSay(exitOK, "reason  the course is too long", "buried", "show", m[1])
	for _, part := range []string{"phone", "+84", "delivery  ", "ladipage.form", "\n  | "} {
		if !strings.Contains(out, part) {
			t.Errorf("show lacks %q:\n%s", part, out)
		}
	}
	mustSay(exitUsage, "say which", "buried", "replay")
	mustSay(exitUsage, "--all", "buried", "replay", "--all", "--sink", "archive")
	mustSay(exitUsage, "no number", "buried", "show", "x")
	mustSay(exitFailed, "nothing is buried", "buried", "show", "9999")
	mustSay(exitUsage, "--reason", "buried", "drop", m[1])
	mustSay(exitFailed, "Nothing was dropped", "buried", "drop", m[1], "--reason", "a test") // nobody answers
	mustSay(exitOK, "1 dropped", "buried", "drop", m[1], "--reason", "a test", "--yes")
	if code, out, _ := mekongReading(t, "y\n", "buried", "drop", m[2], "--reason", "a test", "-c", path); code != exitOK || !strings.Contains(out, "1 dropped") {
		t.Errorf("code %d: %s", code, out)
	}
	mustSay(exitOK, "the next mekong run works them off", "buried", "replay", m[3])
	mustSay(exitOK, "Nothing is buried", "buried", "list")
	inProcess(t, conf, app.Options{}, func(a *app.App, _ string) {
		settledAs(t, a, func(buried, stored int64) bool { return buried == 0 && stored == 1 })
	})
}

// inProcess runs an app while do does its work.
func inProcess(t *testing.T, conf *config.Config, o app.Options, do func(a *app.App, door string)) {
	t.Helper()
	a, err := app.New(t.Context(), conf, o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	do(a, "http://"+a.Sources.Door.Addr().String()+"/in/landing")
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
}

// settledAs waits until nothing waits and the first sink's account is as wanted.
func settledAs(t *testing.T, a *app.App, ok func(buried, stored int64) bool) {
	t.Helper()
	await(t, 30*time.Second, func() string {
		lines, err := a.Balance(t.Context())
		if err != nil {
			return err.Error()
		}
		if b := lines[0]; b.Waiting != 0 || b.Missing != 0 || !ok(b.Buried, b.Stored) {
			return "the account is not as it should be"
		}
		return ""
	})
}
