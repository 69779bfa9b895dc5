package app

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/doctor"
)

const inventedToken = "invented-token-of-the-test"

// parsed is a configuration whose files are in dir and whose listeners are anywhere.
func parsed(t *testing.T, dir, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("mekong.yaml", []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	c.DataDir, c.HTTP.Intake, c.HTTP.Console = dir, "127.0.0.1:0", "127.0.0.1:0"
	return c
}

// besides runs a mekong until stop, and tells c where its door is.
func besides(t *testing.T, c *config.Config) (stop func()) {
	t.Helper()
	a, err := New(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	c.HTTP.Intake = a.Sources.Door.Addr().String()
	return func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("the app ended with %v", err)
		}
		a.Close()
	}
}

// says looks for a finding of that level with the words.
func says(found []pipeline.Finding, l pipeline.Level, words string) bool {
	for _, f := range found {
		if f.Level == l && strings.Contains(f.Setting+" "+f.What+" "+f.Fix, words) {
			return true
		}
	}
	return false
}

func TestDoctorOfTheFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir   string
		level pipeline.Level
		words string
	}{
		{dir, pipeline.OK, "can be written to"},
		{filepath.Join(dir, "new", "folder"), pipeline.OK, "is made at the first start"},
		{file, pipeline.Fail, "is a file"},
		{filepath.Join(file, "below"), pipeline.Fail, "is a file"},
	} {
		e := &examination{c: parsed(t, c.dir, "nats: {reserve: 1}")}
		if found := e.folder(t.Context()); !says(found, c.level, c.words) {
			t.Errorf("%s: %+v", c.dir, found)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("something was left behind: %v", entries)
	}
}

func TestDoctorOfTheRoom(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		url         string
		free, total uint64
		level       pipeline.Level
	}{
		{"", 50 * gib, 100 * gib, pipeline.OK}, // 15 % of it, and at most 10 GiB
		{"", 15 * gib, 100 * gib, pipeline.Warn},
		{"", 9 * gib, 100 * gib, pipeline.Fail},
		{"", 2 * gib, 10 * gib, pipeline.Warn},
		{"nats://a", 2 * gib, 100 * gib, pipeline.OK},
		{"nats://a", gib / 100, 100 * gib, pipeline.Fail},
	} {
		conf := config.Default()
		conf.NATS.URL = c.url
		f := (&examination{c: conf}).room(c.free, c.total)
		if f.Level != c.level || (f.Fix == "") != (f.Level == pipeline.OK) {
			t.Errorf("%d of %d GiB: %+v", c.free/gib, c.total/gib, f)
		}
	}
}

func TestDoctorOfTheClock(t *testing.T) {
	for off, level := range map[time.Duration]pipeline.Level{
		0: pipeline.OK, 20 * time.Second: pipeline.OK, -20 * time.Second: pipeline.OK,
		time.Minute: pipeline.Warn, -time.Minute: pipeline.Warn, time.Hour: pipeline.Fail, -7 * time.Hour: pipeline.Fail,
	} {
		if f := judgeClock(off, "crm"); f.Level != level || strings.Contains(f.What, "behind") != (off <= -30*time.Second) {
			t.Errorf("%s: %+v", off, f)
		}
	}
	late := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().UTC().Add(-10*time.Minute).Format(http.TimeFormat))
	}))
	defer late.Close()
	off, err := clockOff(t.Context(), late.URL)
	if err != nil || off < 9*time.Minute || off > 11*time.Minute {
		t.Errorf("%s, %v", off, err)
	}
	late.Close()
	if _, err := clockOff(t.Context(), late.URL); err == nil {
		t.Error("a server that is gone tells the time")
	}
}

func TestDoctorOfTheDurability(t *testing.T) {
	for d, level := range map[bus.Durability]pipeline.Level{
		{Disks: 1, Synced: true, Known: true}: pipeline.OK,
		{Disks: 3, Known: true}:               pipeline.Warn,
		{Disks: 1}:                            pipeline.Warn,
	} {
		if f := judgeDurability(d); f.Level != level || (f.Fix == "") != (level == pipeline.OK) {
			t.Errorf("%+v: %+v", d, f)
		}
	}
}

const oneSource = "sources: {landing: {ladipage: {path: /in/landing, token: " + inventedToken + "}}}\nsinks: {archive: {mongodb: {database: mekong, collection: records}}}\n"

// The doors as they may be found, the rightful one last.
func TestDoctorOfTheDoor(t *testing.T) {
	c := parsed(t, t.TempDir(), oneSource)
	e := &examination{c: c}
	look := func() []pipeline.Finding { return e.source(t.Context(), "landing") }

	c.HTTP.Intake = freeAddr(t)
	if found := look(); !says(found, pipeline.Warn, "mekong run") {
		t.Errorf("nobody listens: %+v", found)
	}
	for _, other := range []struct {
		answer http.HandlerFunc
		words  string
	}{
		{func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "it is no mekong"},
		{func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodOptions {
				w.WriteHeader(http.StatusNotFound)
			}
		}, "another configuration"},
		{func(w http.ResponseWriter, _ *http.Request) {}, "preflight"},
	} {
		srv := httptest.NewServer(other.answer)
		c.HTTP.Intake = srv.Listener.Addr().String()
		if found := look(); !says(found, pipeline.Fail, other.words) {
			t.Errorf("%s: %+v", other.words, found)
		}
		srv.Close()
	}
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	go func() {
		for conn, err := mute.Accept(); err == nil; conn, err = mute.Accept() {
			_, _ = conn.Write([]byte("SSH-2.0-x\r\n"))
			_ = conn.Close()
		}
	}()
	c.HTTP.Intake = mute.Addr().String()
	if found := look(); !says(found, pipeline.Fail, "does not answer") {
		t.Errorf("something else listens: %+v", found)
	}
}

// Beside a mekong that is running the doctor says what it cannot look at, and finds
// nothing wrong; after it, it looks at what it left.
func TestDoctorBesideARunningMekong(t *testing.T) {
	c := parsed(t, t.TempDir(), oneSource)
	examine := func() doctor.Report {
		checks, done, err := Checks(c, DoctorOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		return doctor.Run(t.Context(), checks)
	}
	all := func(r doctor.Report) (found []pipeline.Finding) {
		for _, g := range r.Groups {
			found = append(found, g.Findings...)
		}
		return found
	}
	stop := besides(t, c)
	report := examine()
	for _, words := range []string{"is open, and browsers may post", "has the embedded NATS open", "has the embedded MongoDB open"} {
		if !says(all(report), pipeline.OK, words) {
			t.Errorf("it does not say %q: %+v", words, report)
		}
	}
	if report.Worst() == pipeline.Fail {
		t.Errorf("something is wrong: %+v", report)
	}
	stop()
	report = examine()
	for _, words := range []string{"the embedded NATS starts", "connected to a server of version"} {
		if !says(all(report), pipeline.OK, words) {
			t.Errorf("it does not say %q: %+v", words, report)
		}
	}
	if !says(all(report), pipeline.Warn, "no mekong is running here") || report.Worst() == pipeline.Fail {
		t.Errorf("the report is %+v", report)
	}
}

func TestDoctorOfSinksThatAreNotThere(t *testing.T) {
	if _, _, err := Checks(parsed(t, t.TempDir(), oneSource), DoctorOptions{Sinks: []string{"nobody"}}); err == nil {
		t.Error("a sink that is not there is looked at")
	}
	checks, done, err := Checks(parsed(t, t.TempDir(), "{}"), DoctorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	r := doctor.Run(t.Context(), checks)
	if r.Worst() != pipeline.Warn || r.Count(pipeline.Warn) != 2 {
		t.Errorf("an empty configuration: %+v", r)
	}
}

// An external NATS that is not there, and one that is.
func TestDoctorOfAnExternalNATS(t *testing.T) {
	c := parsed(t, t.TempDir(), "nats: {url: 'nats://"+freeAddr(t)+"'}")
	if found := (&examination{c: c}).nats(t.Context()); !says(found, pipeline.Fail, "nats.url") {
		t.Errorf("%+v", found)
	}
}
