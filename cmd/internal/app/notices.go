package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/worker"
	"mekong/sinks/larkchat"
	"mekong/sinks/token"
)

// noticesEvery is how often it is looked whether there is something to tell.
const noticesEvery = 30 * time.Second

// notifier is what brings alerts to operators; [larkchat.Notifier] is one.
type notifier interface {
	Notify(ctx context.Context, title, text string) error
	Flush(ctx context.Context) error
}

// openNotifier makes the one that is configured.
func openNotifier(c *config.Config) (*larkchat.Notifier, error) {
	bot := config.LarkChat{Hook: c.Notices.Lark.Hook, Secret: c.Notices.Lark.Secret, Format: "card", Timeout: 20 * time.Second}
	n, err := larkchat.NewNotifier("notices.lark", bot, larkchat.Options{})
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	return n, nil
}

// notices tells operators what needs them, once for each change: that a sink is held
// for longer than a while, and that it goes on; that records were buried; that a
// sign-in is about to end, no longer works, and is good again; that a form has gone quiet,
// and that it brings leads again.
//
// Each process tells of its own work only. What it tells is names of sinks, sources and
// forms, times, counts, and reasons, which hold nothing of a record. Whether the message arrives is
// no matter to any sink.
type notices struct {
	to    notifier
	say   language
	after time.Duration
	zone  *time.Location
	now   func() time.Time
	log   *slog.Logger

	sinks   []sinkFacts
	graves  func() (n int, why string) // of the transform stage; nil: it does not run here
	logins  map[string]login           // by sink
	silence *silenceNotices            // nil: this process keeps no index, or it is off

	// Of run alone.
	began   time.Time
	held    map[string]time.Time      // since when, as it was told, by sink
	buried  map[string]int            // as it was told, by sink; "" is the transform stage
	levels  map[string]pipeline.Level // as it was told, by sink
	failing string                    // why the last message could not be sent
}

// sinkFacts is where the facts about a sink come from; [worker.Deliver] has them.
type sinkFacts interface {
	Held() (since time.Time, why string)
	Buried() (n int, why string)
	Sink() string
}

// delivery gives a loop its sink's name.
type delivery struct{ *worker.Deliver }

func (d delivery) Sink() string { return d.Name }

// login is a person's sign-in, as far as it is told of.
type login interface {
	Standing(ctx context.Context) (token.Standing, error)
	Findings(ctx context.Context, setting, login string) []pipeline.Finding
}

// newNotices makes the notices of this process. t is its transform loop, nil for none.
func (a *App) newNotices(t *worker.Transform) *notices {
	n := &notices{
		to: a.notifier, say: language(a.config.Notices.Language), after: a.config.Notices.After, zone: time.UTC, now: time.Now, log: a.log,
		logins: map[string]login{}, silence: a.newSilenceNotices(),
	}
	if zone, err := time.LoadLocation(a.config.Timezone); err == nil { // else config has said so
		n.zone = zone
	}
	for _, d := range a.delivers {
		n.sinks = append(n.sinks, delivery{d})
	}
	if t != nil {
		n.graves = t.Buried
	}
	if a.larks != nil {
		for sink, s := range a.larks.sessions {
			n.logins[sink] = s
		}
	}
	return n
}

// run looks every so often until ctx ends.
func (n *notices) run(ctx context.Context, every time.Duration) error {
	n.begin()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			n.look(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

func (n *notices) begin() {
	n.began = n.now()
	n.held, n.buried, n.levels = map[string]time.Time{}, map[string]int{}, map[string]pipeline.Level{}
}

// look tells what has changed.
func (n *notices) look(ctx context.Context) {
	for _, s := range n.sinks {
		n.lookHeld(ctx, s)
		n.lookBuried(ctx, s.Sink(), s.Buried)
	}
	if n.graves != nil {
		n.lookBuried(ctx, "", n.graves)
	}
	for _, sink := range slices.Sorted(maps.Keys(n.logins)) {
		n.lookLogin(ctx, sink)
	}
	n.lookSilence(ctx)
	err := n.to.Flush(ctx)
	switch {
	case ctx.Err() != nil:
	case err == nil && n.failing != "":
		n.failing = ""
		n.log.Info("notices arrive again")
	case err != nil && err.Error() != n.failing:
		n.failing = err.Error()
		n.log.Warn("a notice did not arrive; it is sent again", "error", err)
	}
}

// tell queues an alert. It fails only when ctx has ended, and then nobody is told
// anything more.
func (n *notices) tell(ctx context.Context, title, text string) { _ = n.to.Notify(ctx, title, text) }

func (n *notices) lookHeld(ctx context.Context, s sinkFacts) {
	now, sink := n.now(), s.Sink()
	since, why := s.Held()
	if told, ok := n.held[sink]; ok && !told.Equal(since) {
		delete(n.held, sink)
		n.tell(ctx, n.say.title(saidOver, sink), n.say.text(toldOver, n.clock(told), n.clock(now)))
	}
	if _, ok := n.held[sink]; !ok && !since.IsZero() && now.Sub(since) >= n.after {
		n.held[sink] = since
		n.tell(ctx, n.say.title(saidHeld, sink), n.say.text(toldHeld, n.clock(since))+"\n"+why)
	}
}

func (n *notices) lookBuried(ctx context.Context, sink string, of func() (int, string)) {
	count, why := of()
	if count == n.buried[sink] {
		return
	}
	n.buried[sink] = count
	title := n.say.title(saidBuried, sink)
	if sink == "" {
		title = n.say.title(saidRefused)
	}
	// Since the start, so that the last of several texts says it all.
	n.tell(ctx, title, n.say.text(toldBuried, count, n.clock(n.began))+"\n"+why)
}

func (n *notices) lookLogin(ctx context.Context, sink string) {
	l := n.logins[sink]
	if _, err := l.Standing(ctx); err != nil {
		return // the store is away, which says nothing about the sign-in
	}
	worst := pipeline.Finding{}
	for _, f := range l.Findings(ctx, identitySetting(sink), larkLogin(sink)) {
		if f.Level > worst.Level {
			worst = f
		}
	}
	if worst.Level == n.levels[sink] {
		return
	}
	n.levels[sink] = worst.Level
	switch worst.Level {
	case pipeline.Fail:
		n.tell(ctx, n.say.title(saidBroken, sink), n.say.text(toldLogin, larkLogin(sink))+"\n"+worst.What)
	case pipeline.Warn:
		n.tell(ctx, n.say.title(saidEnding, sink), n.say.text(toldLogin, larkLogin(sink))+"\n"+worst.What)
	default:
		n.tell(ctx, n.say.title(saidMended, sink), n.say.text(toldMended))
	}
}

// identitySetting is the path under which a sink's sign-in is told of.
func identitySetting(sink string) string { return config.Path("sinks", sink, "larkbase", "identity") }

func (n *notices) clock(t time.Time) string { return t.In(n.zone).Format("15:04 02/01") }
