package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/rhythm"
	"mekong/pipeline/trace"
)

// quietWorld is an index, streams and a table that say what a test wants.
type quietWorld struct {
	at      time.Time
	forms   []trace.Hours
	lag     time.Duration
	waiting uint64
	records uint64
	err     error

	value    []byte
	revision uint64
}

func (w *quietWorld) Hours(context.Context, time.Time, int, int) ([]trace.Hours, error) {
	return w.forms, w.err
}

func (w *quietWorld) Lag(context.Context) ([]trace.Lag, error) {
	return []trace.Lag{{Stream: trace.Trace, Messages: 9, Behind: 24 * time.Hour}, {Stream: trace.Records, Behind: w.lag}}, w.err
}

func (w *quietWorld) Behind(context.Context, ...string) (uint64, string, error) {
	return w.waiting, bus.StageTransform, w.err
}

func (w *quietWorld) Extent(context.Context, bus.Log) (bus.Extent, error) {
	return bus.Extent{Last: w.records}, w.err
}

func (w *quietWorld) Get(context.Context, string) ([]byte, uint64, error) {
	if w.revision == 0 {
		return nil, 0, bus.ErrAbsent
	}
	return w.value, w.revision, nil
}

func (w *quietWorld) Set(_ context.Context, _ string, value []byte, revision uint64) (uint64, error) {
	if revision != w.revision {
		return 0, bus.ErrChanged
	}
	w.value, w.revision = value, revision+1
	return w.revision, nil
}

// form adds one that has brought four leads an hour for six weeks until a time.
func (w *quietWorld) form(source, kind, name string, until time.Time) {
	h := trace.Hours{Source: source, Kind: kind, Form: name, Last: until}
	for hour := until.Unix()/3600 - 6*7*24; hour <= until.Unix()/3600; hour++ {
		h.Counts = append(h.Counts, trace.Hour{Hour: hour, Records: 4})
	}
	w.forms = append(w.forms, h)
}

// lead adds one to the first form, now.
func (w *quietWorld) lead() {
	f := &w.forms[0]
	f.Last = w.at
	f.Counts = append(f.Counts, trace.Hour{Hour: w.at.Unix() / 3600, Records: 1})
}

// process is one Mekong in it.
func (w *quietWorld) process(l language, mute ...string) *watched {
	p := newWatched(l)
	p.now = func() time.Time { return w.at }
	quiet := config.Silence{Mute: mute}
	p.silence = &silenceNotices{
		watch: &silence{index: w, flow: w, mutes: quiet.Mutes, sources: map[string]bool{"landing": true, "zalo": true}, zone: time.UTC,
			now: func() time.Time { return w.at }, began: w.at},
		open: func(context.Context) (told, error) { return w, nil },
	}
	return p
}

// told lets some time pass and demands that just this is told then.
func (w *quietWorld) told(t *testing.T, p *watched, d time.Duration, want ...string) {
	t.Helper()
	w.at = w.at.Add(d)
	p.at = w.at
	p.to.told = nil
	p.look(t.Context())
	if strings.Join(p.to.told, "\n—\n") != strings.Join(want, "\n—\n") {
		t.Fatalf("at %s it told\n%q\nwant\n%q", w.at.Format(time.DateTime), p.to.told, want)
	}
}

var wednesday = time.Date(2026, 3, 4, 9, 30, 0, 0, time.UTC)

const (
	goneQuiet  = "Form IELTS tháng 11 (landing) has gone quiet\nNo lead for %s, usually %s. The last one: 09:30 04/03. Open the page and send its form; has the campaign ended, add the form to notices.silence.mute."
	heardAgain = "Form IELTS tháng 11 (landing) brings leads again\nThere was none from 09:30 04/03 until just now, usually %s or more."
)

func TestNoticesOfASilence(t *testing.T) {
	w := &quietWorld{at: wednesday}
	w.form("landing", "lead", "IELTS tháng 11", wednesday)
	w.form("landing", "lead", "TOEIC", wednesday.Add(100*time.Hour))
	a := w.process("en")
	w.told(t, a, 20*time.Minute)
	w.told(t, a, 2*time.Hour)
	w.told(t, a, 4*time.Hour, fmt.Sprintf(goneQuiet, "6h 20m", "25"))
	w.told(t, a, time.Minute)
	w.told(t, a, 5*time.Hour)
	// Another process, and one that was restarted, tell nothing again.
	b := w.process("en")
	w.told(t, b, 20*time.Minute)
	w.told(t, b, time.Hour)
	// The first to see that it is over tells it.
	w.lead()
	w.told(t, a, 5*time.Minute, fmt.Sprintf(heardAgain, "25"))
	w.told(t, b, 5*time.Minute)
	// And again.
	w.told(t, b, 40*time.Hour, "Form IELTS tháng 11 (landing) has gone quiet\nNo lead for 1d 16h, usually 150. "+
		"The last one: 22:11 04/03. Open the page and send its form; has the campaign ended, add the form to notices.silence.mute.")
	w.told(t, a, 5*time.Minute)
	// One that is muted is neither told of, nor its return.
	c := w.process("en", "ielts tháng 11")
	w.told(t, c, 20*time.Minute)
	w.lead()
	w.told(t, c, 5*time.Minute)
	w.told(t, a, 5*time.Minute)
}

// While it cannot be known, nothing is told and nothing shown.
func TestSilenceThatIsNotKnown(t *testing.T) {
	for name, harm := range map[string]func(w *quietWorld, p *watched){
		"just started":                func(w *quietWorld, p *watched) { p.silence.watch.began = w.at.Add(10 * time.Hour) },
		"the index is behind":         func(w *quietWorld, p *watched) { w.lag = 10 * time.Minute },
		"the transform stands still":  func(w *quietWorld, p *watched) { w.waiting = 3 },
		"the streams cannot be asked": func(w *quietWorld, p *watched) { w.err = errors.New("no connection") },
		"the table cannot be opened": func(w *quietWorld, p *watched) {
			p.silence.open = func(context.Context) (told, error) { return nil, errors.New("no table") }
		},
		"another process was quicker": func(w *quietWorld, p *watched) {
			w.value, w.revision = []byte("[]"), 1
			p.silence.open = func(context.Context) (told, error) { return &slow{w}, nil }
		},
		"what was told cannot be read…": func(w *quietWorld, p *watched) { w.lag, w.value, w.revision = time.Hour, []byte("{"), 5 },
	} {
		w := &quietWorld{at: wednesday, records: 7}
		w.form("landing", "lead", "f", wednesday)
		p := w.process("en")
		harm(w, p)
		w.told(t, p, 4*time.Hour)
		w.told(t, p, 4*time.Hour)
		if name == "another process was quicker" || name == "the table cannot be opened" {
			continue
		}
		w.at = w.at.Add(silenceEvery)
		if quiet, known := p.silence.watch.current(t.Context()); known || len(quiet) > 0 {
			t.Errorf("%s: %v %+v", name, known, quiet)
		}
		if found := p.silence.watch.findings(t.Context()); len(found) != 1 || found[0].Level != pipeline.OK || !strings.Contains(found[0].What, "not known") {
			t.Errorf("%s: %+v", name, found)
		}
		if n := collected(t, p.silence.watch); len(n) != 0 {
			t.Errorf("%s: metrics %v", name, n)
		}
		// A lot waits, but it is being worked on.
		w.err, w.lag, w.value, w.revision = nil, 0, nil, 0
		p.silence.watch.began = wednesday
		p.silence.open = func(context.Context) (told, error) { return w, nil }
		w.records++
		w.at = w.at.Add(time.Hour)
		p.look(t.Context())
		if len(p.to.told) != 1 {
			t.Errorf("%s: and then %q", name, p.to.told)
		}
	}
}

// slow is a table that somebody else writes first.
type slow struct{ *quietWorld }

func (s *slow) Set(context.Context, string, []byte, uint64) (uint64, error) { return 0, bus.ErrChanged }

// collected are the metrics, by name and source.
func collected(t *testing.T, s *silence) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(s)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			out[f.GetName()+"/"+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	return out
}

// Form names come from whoever posts: they are no labels, and short where they are shown.
func TestSilenceOfHostileForms(t *testing.T) {
	w := &quietWorld{at: wednesday}
	hostile := "<at id=all></at> \x00\x1b[31m\r\n" + strings.Repeat("x", 200)
	w.form("landing", "lead", hostile, wednesday)
	for i := range 40 {
		w.form("gone", "lead", fmt.Sprint("f", i), wednesday)
	}
	w.form("landing", kindTurn, "chat", wednesday)
	w.form("zalo", "lead", "", wednesday)
	p := w.process("both")
	w.at = w.at.Add(8 * time.Hour)
	quiet, known := p.silence.watch.current(t.Context())
	if !known || len(quiet) != 42 {
		t.Fatalf("%v, %d are quiet", known, len(quiet))
	}
	got := collected(t, p.silence.watch)
	want := map[string]float64{
		"mekong_silent_forms/landing": 1, "mekong_silent_forms/zalo": 1, "mekong_silent_forms/other": 40,
		"mekong_form_silent_seconds/landing": 8 * 3600, "mekong_form_silent_seconds/zalo": 8 * 3600, "mekong_form_silent_seconds/other": 8 * 3600,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("metrics %v, want %v", got, want)
	}
	found := p.silence.watch.findings(t.Context())
	if len(found) != 21 || found[20].What != "and 22 forms more have gone quiet" {
		t.Errorf("%d findings: %+v", len(found), found[len(found)-1])
	}
	p.look(t.Context())
	if len(p.to.told) != 42 {
		t.Errorf("%d are told of", len(p.to.told))
	}
	for _, text := range append(p.to.told, found[0].What) {
		if strings.ContainsAny(text, "<>\x00\x1b\r") || len(text) > 900 {
			t.Errorf("it says %q", text)
		}
	}
	if s := formName(rhythm.Form{Source: "landing", Name: hostile}); !strings.HasPrefix(s, "at id=all /at 31m xxx") || !strings.HasSuffix(s, "x… (landing)") {
		t.Errorf("the form is called %q", s)
	}
	if s := formName(rhythm.Form{Source: "landing", Name: " \n"}); s != "landing" {
		t.Errorf("a form without a name is called %q", s)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		45 * time.Minute: "45m", 3 * time.Hour: "3h", 3*time.Hour + 20*time.Minute: "3h 20m", 48 * time.Hour: "2d", 50*time.Hour + 40*time.Minute: "2d 2h", 0: "0m",
	} {
		if got := span(d); got != want {
			t.Errorf("%s is written %q, want %q", d, got, want)
		}
	}
}

// Through the real streams, index and table: a form that brought a lead every half hour
// for three weeks, and none for ten hours, is told of once, also beside a restart; the
// doctor within and the metrics say it too.
func TestSilenceOfAForm(t *testing.T) {
	r := start(t, configured(t, t.TempDir(), oneSink), Options{Only: []string{RoleTransform, RoleConsole}})
	now := time.Now().UTC().Truncate(time.Second)
	var raws []pipeline.Raw
	for at := now.Add(-22 * 24 * time.Hour); at.Before(now.Add(-10 * time.Hour)); at = at.Add(30 * time.Minute) {
		raws = append(raws, pipeline.Raw{ID: fmt.Sprint("landing-", at.Unix()), Source: "landing", Format: "ladipage.form", Received: at,
			Meta: map[string]string{"content_type": "application/json"}, Body: []byte(`{"form_id":"IELTS tháng 11","phone":"0900000000"}`)})
	}
	if err := r.Bus.Emit(t.Context(), raws...); err != nil {
		t.Fatal(err)
	}
	poll(t, time.Minute, func() string {
		if n := r.Trace.Records(); n != int64(len(raws)) {
			return fmt.Sprintf("%d of %d leads are in the index", n, len(raws))
		}
		return ""
	})
	watch := r.watchSilence()
	if again := r.watchSilence(); again != watch {
		t.Fatal("there are two watches")
	}
	watch.mu.Lock()
	watch.began, watch.looked = now.Add(-time.Hour), time.Time{}
	watch.mu.Unlock()
	var told [2][]string
	for i := range told {
		to := &recorder{}
		n := r.newNotices(nil)
		n.to, n.say, n.log = to, "both", slog.New(slog.DiscardHandler)
		n.begin()
		n.look(t.Context())
		told[i] = to.told
	}
	if len(told[0]) != 1 || !strings.HasPrefix(told[0][0], "Biểu mẫu IELTS tháng 11 (landing) im ắng / Form IELTS tháng 11 (landing) has gone quiet\nKhông có lead nào trong 10h") {
		t.Errorf("told %q", told[0])
	}
	if len(told[1]) != 0 {
		t.Errorf("after a restart it told %q", told[1])
	}
	checks := r.silenceChecks()
	if len(checks) != 1 {
		t.Fatalf("%d checks", len(checks))
	}
	if found := checks[0].Run(t.Context()); !says(found, pipeline.Warn, "no lead from IELTS tháng 11 (landing) for 10h") {
		t.Errorf("the doctor says %+v", found)
	}
	if _, text := r.operators("/metrics"); !strings.Contains(text, `mekong_silent_forms{source="landing"} 1`) {
		t.Error("the metrics do not say it")
	}
	// Where it is off, nothing watches.
	r.config.Notices.Silence.Off = true
	if r.watchSilence() != nil || len(r.silenceChecks()) != 0 || r.newNotices(nil).silence != nil {
		t.Error("it is off, and somebody watches")
	}
}
