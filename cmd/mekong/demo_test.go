package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/cmd/internal/app"
	"mekong/pipeline"
)

// output collects what a command prints while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

var anyPorts = []string{"--intake", "127.0.0.1:0", "--page", "127.0.0.1:0", "--console", "127.0.0.1:0", "--lark", "127.0.0.1:0", "--google", "127.0.0.1:0"}

// demoOf runs the command to its end.
func demoOf(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e output
	code = Main(t.Context(), append(append([]string{"demo"}, anyPorts...), args...), strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

const (
	inBase  = "stored in Lark Base (simulated)"
	inSheet = "stored in Google Sheets (simulated)"
)

// leadPlaces are the destinations of leads, as the account calls them.
var leadPlaces = []string{"MongoDB", "Lark Base", "Google Sheets"}

// astray is how many leads are not stored at a destination.
func astray(got map[string]int64, name string) int64 {
	return got["buried for "+name] + got["filtered for "+name] + got["pending for "+name]
}

// rows reads the account: a name, then a number.
func rows(t *testing.T, out string) map[string]int64 {
	t.Helper()
	line := regexp.MustCompile(`^  ([a-zA-Z ()]+?) {2,}(\d+)(?:  .*)?$`)
	got := map[string]int64{}
	for _, l := range strings.Split(out, "\n") {
		if m := line.FindStringSubmatch(l); m != nil {
			n, err := strconv.ParseInt(m[2], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			got[m[1]] = n
		}
	}
	for _, name := range []string{"received", "duplicates dropped", "stored in MongoDB", inBase, inSheet} {
		if _, ok := got[name]; !ok {
			t.Fatalf("the account has no %q:\n%s", name, out)
		}
	}
	for _, state := range []string{"buried", "filtered", "pending"} {
		for _, name := range leadPlaces {
			if _, ok := got[state+" for "+name]; !ok {
				t.Fatalf("the account has no %s for %s:\n%s", state, name, out)
			}
		}
	}
	return got
}

func TestDemoAddsUp(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	code, out, errOut := demoOf(t, "--for", "2s", "--rate", "50")
	if code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, errOut, out)
	}
	got := rows(t, out)
	if sum := got["received"] + got["not sent"]; sum != 100 || got["received"] == 0 {
		t.Errorf("received %d and did not send %d, of 100", got["received"], got["not sent"])
	}
	if want := got["received"] / repeatEvery; got["duplicates dropped"] != want {
		t.Errorf("%d duplicates dropped, want %d", got["duplicates dropped"], want)
	}
	leads := got["received"] - got["duplicates dropped"]
	for i, name := range []string{"stored in MongoDB", inBase, inSheet} {
		if got[name] != leads || astray(got, leadPlaces[i]) != 0 {
			t.Errorf("%s: %d of %d leads:\n%s", name, got[name], leads, out)
		}
	}
	talks := regexp.MustCompile(`(?m)^  conversations +(\d+)  of (\d+) turns, 0 messages to the bot in Lark$`).FindStringSubmatch(out)
	if talks == nil || got["conversations"] == 0 {
		t.Fatalf("no conversations in\n%s", out)
	}
	turns, err := strconv.ParseInt(talks[2], 10, 64)
	if n := got["conversations"]; err != nil || turns <= n || got["conversations in Lark Base"] != n || got["conversations in Google Sheets"] != n || got["chats in MongoDB"] != n+turns {
		t.Errorf("the conversations do not add up:\n%s", out)
	}
	count := strconv.FormatInt(leads, 10)
	for _, want := range []string{
		`(?m)^  sent to accepted +p50 [\d.]+ m?s   p99 [\d.]+ m?s$`,
		`(?m)^  accepted to MongoDB +p50 [\d.]+ m?s   p99 [\d.]+ m?s   \(` + count + ` leads\)$`,
		`(?m)^  accepted to Lark Base +p50 [\d.]+ m?s   p99 [\d.]+ m?s   \(` + count + ` leads\)$`,
		`(?m)^  accepted to Google Sheets +p50 [\d.]+ m?s   p99 [\d.]+ m?s   \(` + count + ` leads\)$`,
		`(?m)^  balance of MongoDB +accepted ` + count + ` = stored ` + count + ` \+ waiting 0 \+ buried 0 \+ filtered 0; missing 0$`,
		`(?m)^  balance of Lark Base, chats +accepted \d+ = stored \d+ \+ waiting 0 \+ buried 0 \+ filtered 0; missing 0$`,
		`(?m)^  balance of Google Sheets +accepted ` + count + ` = stored ` + count + ` \+ waiting 0 \+ buried 0 \+ filtered 0; missing 0$`,
		`each lead: fsync'd on 1 disk`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no line like %s in\n%s", want, out)
		}
	}
	if strings.Contains(out+errOut, "\x1b") || strings.Contains(errOut, "level=") {
		t.Errorf("colours or a log where there is no terminal:\n%q", errOut)
	}
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDemoGoesOnWithItsData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var stored int64
	for run := range 2 {
		code, out, errOut := demoOf(t, "--for", "1s", "--rate", "60", "--data", dir)
		if code != exitOK {
			t.Fatalf("run %d: exit %d\n%s%s", run, code, errOut, out)
		}
		got := rows(t, out)
		if got["stored in MongoDB"] == 0 || got["stored in MongoDB"] != got["received"]-got["duplicates dropped"] {
			t.Errorf("run %d does not add up:\n%s", run, out)
		}
		// Base and spreadsheet of each run began empty.
		if got[inBase] != got["stored in MongoDB"] || got[inSheet] != got["stored in MongoDB"] || !strings.Contains(out, "in memory and began empty") {
			t.Errorf("run %d: %d in the Base, %d in the spreadsheet:\n%s", run, got[inBase], got[inSheet], out)
		}
		stored += got["stored in MongoDB"]
		if all, ok := got["in all runs"]; ok != (run == 1) || ok && all != stored {
			t.Errorf("run %d: %d in all runs (told: %t), want %d", run, all, ok, stored)
		}
	}
	// Somebody else counts.
	base, err := openLark("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer base.close()
	sheet, err := openGoogle("127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	defer sheet.close()
	conf, err := demoConfig(dir, demoOptions{intake: "127.0.0.1:0", console: "127.0.0.1:0"}, base, sheet, base.listener.Addr())
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), conf, app.Options{Only: []string{app.RoleDeliver}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	far, err := a.FarEnd(demoSink)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := far.Count(t.Context()); err != nil || n != stored {
		t.Errorf("the collection holds %d documents (%v), want %d", n, err, stored)
	}
	latest, err := far.Recent(t.Context(), 5)
	if err != nil || len(latest) != 5 {
		t.Fatalf("the latest 5 are %d (%v)", len(latest), err)
	}
	for i, d := range latest {
		if d.Key != d.ID || d.Kind != "lead" || d.Source != demoSource || d.Fields["phone"] == nil || i > 0 && d.Occurred.After(latest[i-1].Occurred) {
			t.Errorf("number %d is %+v", i, d)
		}
		if found, ok, err := far.Find(t.Context(), d.Key); err != nil || !ok || found.Fields["name"] != d.Fields["name"] {
			t.Errorf("found %+v, %t, %v", found, ok, err)
		}
	}
	if err := far.Close(); err != nil {
		t.Error(err)
	}
	a.Close()
	// A third run shows them before anything new comes.
	ctx, stop := context.WithCancel(t.Context())
	run := startDemo(t, ctx, "--rate", "0", "--data", dir)
	if s := run.get(t, "/records"); len(s.Records) != recentMost || s.Records[0].ID != latest[0].Key {
		t.Errorf("the page shows %+v", s.Records)
	}
	stop()
	if code := run.wait(t); code != exitOK {
		t.Errorf("exit %d\n%s%s", code, run.err.String(), run.out.String())
	}
}

// writes is a sink that does something else instead.
type writes struct {
	pipeline.Sink
	write func(ctx context.Context, s pipeline.Sink, batch []pipeline.Record) []pipeline.Outcome
}

func (w writes) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	return w.write(ctx, w.Sink, batch)
}

// A sink that fails is told as it is; one that lies is found out.
func TestDemoWithABrokenSink(t *testing.T) {
	all := func(err error) func(context.Context, pipeline.Sink, []pipeline.Record) []pipeline.Outcome {
		return func(_ context.Context, _ pipeline.Sink, batch []pipeline.Record) []pipeline.Outcome {
			return pipeline.Outcomes(len(batch), err)
		}
	}
	for _, c := range []struct {
		name  string
		sink  string
		write func(context.Context, pipeline.Sink, []pipeline.Record) []pipeline.Outcome
		where string // which row of the account has them
		says  string // in the account
		fails string // the verdict
	}{
		{"held", demoSink, all(pipeline.Hold(errors.New("the server is on holiday"), time.Hour)), "pending for MongoDB", "the sink is held: the server is on holiday", ""},
		{"refusing", demoSink, all(pipeline.Permanent(errors.New("no such field"))), "buried for MongoDB", "", ""},
		{"lying", demoSink, all(nil), "", "", "leads were for MongoDB, but 0 are accounted for"},
		{"losing one", demoSink, func(ctx context.Context, s pipeline.Sink, batch []pipeline.Record) []pipeline.Outcome {
			return append(s.Write(ctx, batch[1:]), pipeline.Outcome{})
		}, "", "", "are accounted for"},
		{"a held Base", demoBase, all(pipeline.Hold(errors.New("the Base is on holiday"), time.Hour)), "pending for Lark Base", "the sink is held: the Base is on holiday", ""},
		{"a refusing Base", demoBase, all(pipeline.Permanent(errors.New("no such column"))), "buried for Lark Base", "", ""},
		{"a lying Base", demoBase, all(nil), "", "", "leads were for Lark Base, but 0 are accounted for"},
		{"a held sheet", demoSheet, all(pipeline.Hold(errors.New("the sheet is on holiday"), time.Hour)), "pending for Google Sheets", "the sink is held: the sheet is on holiday", ""},
		{"a lying sheet", demoSheet, all(nil), "", "", "leads were for Google Sheets, but 0 are accounted for"},
		{"lying about conversations", demoSheetChats, all(nil), "", "", "rows of what was said, and has 0"},
		{"losing what was said", demoChats, all(nil), "", "", "rows of what was said, and has 0"},
		{"refusing conversations", demoBaseChats, all(pipeline.Permanent(errors.New("no such column"))), "", "updates are buried", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out, errOut output
			cmd := &cli{in: strings.NewReader(""), out: &out, err: &errOut, logLevel: "error"}
			err := cmd.demo(t.Context(), demoOptions{
				length: time.Second, rate: 40, data: t.TempDir(), drain: 3 * time.Second,
				intake: "127.0.0.1:0", page: "127.0.0.1:0", console: "127.0.0.1:0", lark: "127.0.0.1:0", google: "127.0.0.1:0",
				wrap: func(name string, s pipeline.Sink) pipeline.Sink {
					if c.sink != name {
						return s
					}
					return writes{s, c.write}
				},
			})
			if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Fatalf("the verdict is %v, want %q\n%s%s", err, c.fails, errOut.String(), out.String())
			}
			got := rows(t, out.String())
			if c.where != "" && (got[c.where] == 0 || got[c.where] != got["received"]-got["duplicates dropped"]) {
				t.Errorf("%s has %d:\n%s", c.where, got[c.where], out.String())
			}
			if !strings.Contains(out.String(), c.says) {
				t.Errorf("the account does not say %q:\n%s", c.says, out.String())
			}
		})
	}
}

func TestDemoWithoutAPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, flag := range []string{"--intake", "--page", "--console", "--lark", "--google"} {
		code, out, errOut := demoOf(t, "--for", "1s", flag, taken.Addr().String())
		if code != exitFailed || out != "" || !strings.Contains(errOut, "cannot listen on "+taken.Addr().String()) || !strings.Contains(errOut, flag+" 127.0.0.1:0") {
			t.Errorf("%s: exit %d\n%s%s", flag, code, errOut, out)
		}
	}
}

func TestDemoUsage(t *testing.T) {
	for _, args := range [][]string{{"--for", "-1s"}, {"--for", "25h"}, {"--rate", "-1"}, {"--rate", "20001"}, {"--rate", "many"}, {"now"}} {
		if code, _, errOut := demoOf(t, args...); code != exitUsage {
			t.Errorf("%v: exit %d, want %d\n%s", args, code, exitUsage, errOut)
		}
	}
}

func TestDemoStopsWhenTold(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	d := startDemo(t, ctx, "--rate", "20")
	d.await(t, func() bool { return d.get(t, "/records").Stored > 0 })
	stop()
	if code := d.wait(t); code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, d.err.String(), d.out.String())
	}
	if got := rows(t, d.out.String()); got["stored in MongoDB"] == 0 || got["pending for MongoDB"] != 0 {
		t.Errorf("the account of a stopped demo:\n%s", d.out.String())
	}
}
