package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/worker"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/token"
)

// recorder is a notifier that writes down what it is told.
type recorder struct {
	told    []string
	flushed int
	err     error
}

func (r *recorder) Notify(_ context.Context, title, text string) error {
	r.told = append(r.told, title+"\n"+text)
	return nil
}

func (r *recorder) Flush(context.Context) error {
	r.flushed++
	return r.err
}

// fate is what a sink says of itself.
type fate struct {
	since  time.Time
	why    string
	buried int
	reason string
}

func (f *fate) Sink() string              { return "crm" }
func (f *fate) Held() (time.Time, string) { return f.since, f.why }
func (f *fate) Buried() (int, string)     { return f.buried, f.reason }

// standing is a sign-in.
type standing struct {
	level pipeline.Level
	err   error
}

func (s *standing) Standing(context.Context) (token.Standing, error) { return token.Standing{}, s.err }

func (s *standing) Findings(_ context.Context, setting, login string) []pipeline.Finding {
	return []pipeline.Finding{{Level: pipeline.OK, What: "fine"}, {Level: s.level, Setting: setting, What: fmt.Sprint("level ", s.level), Fix: login}}
}

// watched is notices on a clock that is moved by hand.
type watched struct {
	*notices
	to    *recorder
	sink  *fate
	login *standing
	at    time.Time
	log   bytes.Buffer
}

func newWatched(l language) *watched {
	w := &watched{to: &recorder{}, sink: &fate{}, login: &standing{}, at: time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC)}
	w.notices = &notices{
		to: w.to, say: l, after: 2 * time.Minute, zone: time.UTC, now: func() time.Time { return w.at }, log: slog.New(slog.NewTextHandler(&w.log, nil)),
		sinks: []sinkFacts{w.sink}, graves: func() (int, string) { return 0, "" }, logins: map[string]login{"crm": w.login},
	}
	w.begin()
	return w
}

// after moves the clock, looks, and demands that just this is told then.
func (w *watched) after(t *testing.T, d time.Duration, want ...string) {
	t.Helper()
	w.at = w.at.Add(d)
	w.to.told = nil
	w.look(t.Context())
	if len(w.to.told) != len(want) {
		t.Fatalf("at %s it told %q, want %q", w.at.Format(time.TimeOnly), w.to.told, want)
	}
	for i, text := range want {
		if w.to.told[i] != text {
			t.Errorf("at %s it told\n%s\nwant\n%s", w.at.Format(time.TimeOnly), w.to.told[i], text)
		}
	}
}

func TestNoticesOfAHold(t *testing.T) {
	w := newWatched("en")
	w.after(t, 30*time.Second)
	// A bot that waits for its second, and another such wait right after it.
	w.sink.since, w.sink.why = w.at, "5 a second"
	w.after(t, 90*time.Second)
	w.sink.since = w.at
	w.after(t, 60*time.Second)
	w.sink.since = time.Time{}
	w.after(t, 30*time.Second)
	// One that lasts is told once, however its reason changes, and so is its end.
	w.sink.since, w.sink.why = w.at, "no column" // 09:03:30
	w.after(t, 119*time.Second)
	w.after(t, time.Second, "Sink crm is held\nSince 09:03 03/03. Its records wait and none is lost; it is tried again by itself.\nno column")
	w.sink.why = "403"
	w.after(t, time.Hour)
	w.sink.since = time.Time{}
	w.after(t, 30*time.Second, "Sink crm goes on\nIt was held from 09:03 03/03 to about 10:06 03/03.")
	w.after(t, time.Hour)
	// One that ended and began again between two looks is two.
	w.sink.since = w.at.Add(-3 * time.Minute)
	w.after(t, 0, "Sink crm is held\nSince 11:03 03/03. Its records wait and none is lost; it is tried again by itself.\n403")
	w.sink.since = w.at.Add(10 * time.Second)
	w.after(t, 30*time.Second, "Sink crm goes on\nIt was held from 11:03 03/03 to about 11:06 03/03.")
	w.after(t, 2*time.Minute, "Sink crm is held\nSince 11:06 03/03. Its records wait and none is lost; it is tried again by itself.\n403")
}

func TestNoticesOfGraves(t *testing.T) {
	w := newWatched("en")
	w.after(t, time.Minute)
	w.sink.buried, w.sink.reason = 2, "too long"
	w.after(t, time.Minute, "Records for sink crm were buried\n2 since 09:00 03/03; nothing is deleted: mend the cause, then replay them.\ntoo long")
	w.after(t, time.Minute)
	w.sink.buried = 5
	w.after(t, time.Minute, "Records for sink crm were buried\n5 since 09:00 03/03; nothing is deleted: mend the cause, then replay them.\ntoo long")
	w.graves = func() (int, string) { return 1, "no transform" }
	w.after(t, time.Minute, "Deliveries were buried by the transform\n1 since 09:00 03/03; nothing is deleted: mend the cause, then replay them.\nno transform")
	w.after(t, time.Minute)
}

func TestNoticesOfASignIn(t *testing.T) {
	w := newWatched("en")
	w.after(t, time.Minute)
	w.login.level = pipeline.Warn
	w.after(t, time.Minute, "The sign-in of sink crm is about to end\nType: mekong login lark crm\nlevel "+pipeline.Warn.String())
	w.after(t, time.Minute)
	w.login.level = pipeline.Fail
	w.login.err = errors.New("the store is away")
	w.after(t, time.Minute)
	w.login.err = nil
	w.after(t, time.Minute, "The sign-in of sink crm no longer works\nType: mekong login lark crm\nlevel "+pipeline.Fail.String())
	w.after(t, time.Minute)
	w.login.level = pipeline.OK
	w.after(t, time.Minute, "The sign-in of sink crm is good again\nNothing needs to be done.")
	w.after(t, time.Minute)
}

func TestNoticesInTheirLanguage(t *testing.T) {
	for l, want := range map[language]string{
		"vi":   "Đích crm đang tạm dừng\nTừ 09:00 03/03. Bản ghi được giữ lại, không mất; Mekong tự thử lại.\n403",
		"en":   "Sink crm is held\nSince 09:00 03/03. Its records wait and none is lost; it is tried again by itself.\n403",
		"both": "Đích crm đang tạm dừng / Sink crm is held\nTừ 09:00 03/03. Bản ghi được giữ lại, không mất; Mekong tự thử lại.\nSince 09:00 03/03. Its records wait and none is lost; it is tried again by itself.\n403",
	} {
		w := newWatched(l)
		w.sink.since, w.sink.why = w.at, "403"
		w.after(t, time.Hour, want)
	}
	// Both take the same, so that no phrase shows a %!s.
	for _, p := range []phrase{saidHeld, saidOver, saidBuried, saidRefused, saidBroken, saidEnding, saidMended, toldHeld, toldOver, toldBuried, toldLogin, toldMended, saidQuiet, saidHeard, toldQuiet, toldHeard} {
		for _, verb := range []string{"%s", "%d", "%"} {
			if strings.Count(p.vi, verb) != strings.Count(p.en, verb) {
				t.Errorf("%q and %q take different things", p.vi, p.en)
			}
		}
	}
}

// A message that does not arrive is logged once, and once when the next one does.
func TestNoticesThatDoNotArrive(t *testing.T) {
	w := newWatched("en")
	for i, err := range []error{nil, errors.New("no connection"), errors.New("no connection"), errors.New("no such bot"), nil, nil} {
		w.to.err = err
		w.after(t, time.Minute)
		if w.to.flushed != i+1 {
			t.Errorf("flushed %d times", w.to.flushed)
		}
	}
	if text := w.log.String(); strings.Count(text, "\n") != 3 || !strings.Contains(text, "no connection") || !strings.Contains(text, "no such bot") || !strings.Contains(text, "arrive again") {
		t.Errorf("the log is\n%s", text)
	}
}

// Through the real loop, bot and simulator: a sink that is held is told of in the
// group, while the other goes on; and a bot that is not there disturbs nobody.
func TestNoticesInTheGroup(t *testing.T) {
	sim := larksim.New(larksim.Options{})
	sim.AddBotHook(larksim.BotHook{Token: "invented", Secret: "invented-secret"})
	srv := httptest.NewServer(sim)
	defer srv.Close()
	for bot, arrives := range map[string]bool{"invented": true, "gone": false} {
		c := configured(t, t.TempDir(), "notices: { lark: { hook: '"+srv.URL+"/open-apis/bot/v2/hook/"+bot+"', secret: invented-secret } }\n"+oneDead)
		c.Notices.After = time.Millisecond // less than the configuration lets anybody write
		e := &everything{said: map[string]*bytes.Buffer{}}
		a, err := New(t.Context(), c, Options{Logger: slog.New(slog.NewTextHandler(e, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 2)
		go func() { ran <- a.Run(ctx) }()
		n := a.newNotices((*worker.Transform)(nil))
		go func() { ran <- n.run(ctx, 10*time.Millisecond) }()
		r := &running{App: a, t: t, door: "http://" + a.Sources.Door.Addr().String() + "/in/landing"}
		if got := r.post("application/x-www-form-urlencoded", []byte("name=A&phone=0900000000")); got.status != http.StatusOK {
			t.Fatalf("answered %d", got.status)
		}
		poll(t, 30*time.Second, func() string {
			e.mu.Lock()
			defer e.mu.Unlock()
			posted := sim.Hooked()
			switch {
			case arrives && len(posted) == 0:
				return "nothing was told"
			case arrives && !bytes.Contains(posted[0].Body, []byte("Sink crm is held")):
				return "told " + string(posted[0].Body)
			case !arrives && (e.said["the log"] == nil || !strings.Contains(e.said["the log"].String(), "a notice did not arrive")):
				return "that it does not arrive is not logged"
			}
			return ""
		})
		r.settled("archive")
		cancel()
		for range 2 {
			if err := <-ran; err != nil {
				t.Error(err)
			}
		}
		a.Close()
		if said := e.said["the log"].String(); strings.Contains(said, "invented") || strings.Contains(said, "hook/") {
			t.Errorf("the log shows the bot's address or secret:\n%s", said)
		}
	}
	if n := len(sim.Hooked()); n != 1 {
		t.Errorf("%d messages in the group", n)
	}
}

func TestDoctorOfNotices(t *testing.T) {
	sim := httptest.NewServer(larksim.New(larksim.Options{}))
	c := parsed(t, t.TempDir(), "notices: { lark: { hook: '"+sim.URL+"/open-apis/bot/v2/hook/invented' } }")
	e := &examination{c: c}
	if found := e.notices(t.Context()); !says(found, pipeline.OK, "notices.lark.hook connected") {
		t.Errorf("%+v", found)
	}
	sim.Close()
	if found := e.notices(t.Context()); !says(found, pipeline.Fail, "notices.lark.hook cannot connect") {
		t.Errorf("%+v", found)
	}
	checks, done, err := Checks(c, DoctorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done()
	asked := 0
	for _, check := range checks {
		if check.Group == "notices" {
			asked++
		}
	}
	if checks, done, err = Checks(config.Default(), DoctorOptions{}); err != nil {
		t.Fatal(err)
	}
	done()
	for _, check := range checks {
		if check.Group == "notices" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("with and without an address it was asked %d times", asked)
	}
}
