package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/doctor"
	"mekong/pipeline/rhythm"
	"mekong/pipeline/trace"
)

const (
	silenceEvery = 3 * time.Minute  // between two looks
	silenceGrace = 15 * time.Minute // after the start: what came while nobody listened comes again first
	silenceLag   = 5 * time.Minute  // an index that is further behind says nothing about silence
	silenceForms = 500              // those with the most leads are watched
	silenceLeast = 20               // leads, in eight weeks, of a form that is read at all
	silenceSpan  = 8 * 7 * 24 * time.Hour
	silenceLimit = 20 * time.Second // for one look
)

// silence watches for forms that have gone quiet, by what the index of leads has counted.
// It says nothing while it cannot know: just after the start, while the index is behind,
// and while deliveries wait for the transform, which would be leads of some form.
type silence struct {
	index   hourly
	flow    flowing
	mutes   func(source, form string) bool
	sources map[string]bool // those configured
	zone    *time.Location
	now     func() time.Time
	began   time.Time

	mu     sync.Mutex
	quiet  []rhythm.Quiet // as of the last look that could know
	looked time.Time
	known  bool
	last   uint64 // of RECORDS, and when that was read
	lastAt time.Time
}

// hourly is what an index knows; [trace.Index] is one.
type hourly interface {
	Hours(ctx context.Context, since time.Time, least, forms int) ([]trace.Hours, error)
	Lag(context.Context) ([]trace.Lag, error)
}

// flowing is what the streams know; [bus.Bus] is one.
type flowing interface {
	Behind(ctx context.Context, stages ...string) (waiting uint64, stage string, err error)
	Extent(context.Context, bus.Log) (bus.Extent, error)
}

// watchSilence gives the watch of this process, which it registers when it is first asked
// for; nil where the process keeps no index, or where nothing is to be told.
func (a *App) watchSilence() *silence {
	if a.Trace == nil || a.config.Notices.Silence.Off {
		return nil
	}
	s := &silence{index: a.Trace, flow: a.Bus, mutes: a.config.Notices.Silence.Mutes, sources: map[string]bool{}, zone: time.UTC, now: time.Now, began: time.Now()}
	if zone, err := time.LoadLocation(a.config.Timezone); err == nil { // else config has said so
		s.zone = zone
	}
	for _, name := range a.config.SourceNames() {
		s.sources[name] = true
	}
	var there prometheus.AlreadyRegisteredError
	if err := a.registry.Register(s); errors.As(err, &there) {
		if first, ok := there.ExistingCollector.(*silence); ok {
			return first
		}
	}
	return s
}

// silenceChecks is what the doctor asks from within.
func (a *App) silenceChecks() []doctor.Check {
	s := a.watchSilence()
	if s == nil {
		return nil
	}
	return []doctor.Check{{Group: "forms", Setting: config.Path("notices", "silence"), Timeout: silenceLimit, Run: s.findings}}
}

// errUnknown means that it cannot be known whether a form is quiet.
var errUnknown = errors.New("it is not known whether forms are quiet")

// look tells which forms are quiet, and when each form brought its last lead. before are
// those that were quiet already.
func (s *silence) look(ctx context.Context, before []rhythm.Quiet) (quiet []rhythm.Quiet, last map[rhythm.Form]time.Time, err error) {
	now := s.now()
	ctx, cancel := context.WithTimeout(ctx, silenceLimit)
	defer cancel()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.known, s.looked = err == nil, now; s.known {
			s.quiet = quiet
		}
	}()
	if err := s.sure(ctx, now); err != nil {
		return nil, nil, err
	}
	all, err := s.index.Hours(ctx, now.Add(-silenceSpan), silenceLeast, silenceForms)
	if err != nil {
		return nil, nil, err
	}
	histories := historiesOf(all)
	last = map[rhythm.Form]time.Time{}
	for _, h := range histories {
		last[h.Form] = h.Last
	}
	for _, q := range rhythm.Judge(now, s.zone, histories, before) {
		if !s.mutes(q.Source, q.Name) {
			quiet = append(quiet, q)
		}
	}
	return quiet, last, nil
}

// sure fails with errUnknown while a silence may be our own.
func (s *silence) sure(ctx context.Context, now time.Time) error {
	waiting, _, err := s.flow.Behind(ctx, bus.StageTransform)
	if err != nil {
		return err
	}
	records, err := s.flow.Extent(ctx, bus.LogRecords)
	if err != nil {
		return err
	}
	s.mu.Lock()
	stuck := waiting > 0 && records.Last == s.last
	if now.Sub(s.lastAt) >= time.Minute { // a moment without a record is none
		s.last, s.lastAt = records.Last, now
	} else {
		stuck = false
	}
	s.mu.Unlock()
	if stuck || now.Sub(s.began) < silenceGrace {
		return errUnknown
	}
	lags, err := s.index.Lag(ctx)
	if err != nil {
		return err
	}
	for _, l := range lags {
		if l.Stream == trace.Records && l.Behind > silenceLag {
			return errUnknown
		}
	}
	return nil
}

// kindTurn is the kind of what is said in chats. People chat in bursts, and a bot that
// nobody talks to is not broken.
const kindTurn = "turn"

// historiesOf adds up the kinds of a form.
func historiesOf(all []trace.Hours) []rhythm.History {
	var out []rhythm.History
	at := map[rhythm.Form]int{}
	for _, h := range all {
		if h.Kind == kindTurn {
			continue
		}
		f := rhythm.Form{Source: h.Source, Name: h.Form}
		i, ok := at[f]
		if !ok {
			i = len(out)
			at[f] = i
			out = append(out, rhythm.History{Form: f, Hours: map[int64]int{}})
		}
		for _, c := range h.Counts {
			out[i].Hours[c.Hour] += c.Records
		}
		if h.Last.After(out[i].Last) {
			out[i].Last = h.Last
		}
	}
	return out
}

// current is what is quiet, as of some minutes ago at most; false: not known.
func (s *silence) current(ctx context.Context) ([]rhythm.Quiet, bool) {
	s.mu.Lock()
	now, fresh := s.now(), s.looked
	quiet, known := s.quiet, s.known
	if now.Sub(fresh) >= silenceEvery {
		s.looked = now // who asks meanwhile is told what is known
	}
	s.mu.Unlock()
	if now.Sub(fresh) < silenceEvery {
		return quiet, known
	}
	if quiet, _, err := s.look(ctx, quiet); err == nil {
		return quiet, true
	}
	return nil, false
}

var (
	silentFormsDesc = prometheus.NewDesc("mekong_silent_forms",
		"Forms of a source that bring no lead though they usually do; missing while it is not known.", []string{"source"}, nil)
	silentSecondsDesc = prometheus.NewDesc("mekong_form_silent_seconds",
		"How long the form of a source has been quiet that has been so for the longest, of those that should bring leads; 0 when none is.", []string{"source"}, nil)
)

// Describe implements prometheus.Collector.
func (s *silence) Describe(ch chan<- *prometheus.Desc) {
	ch <- silentFormsDesc
	ch <- silentSecondsDesc
}

// Collect implements prometheus.Collector. Forms are named by whoever posts, so they are
// no labels; sources are, and those no longer configured are one.
func (s *silence) Collect(ch chan<- prometheus.Metric) {
	quiet, known := s.current(context.Background())
	if !known {
		return
	}
	forms, longest := map[string]int{}, map[string]time.Duration{}
	for name := range s.sources {
		forms[name] = 0
	}
	for _, q := range quiet {
		name := q.Source
		if !s.sources[name] {
			name = "other"
		}
		forms[name]++
		longest[name] = max(longest[name], s.now().Sub(q.Since))
	}
	for name, n := range forms {
		ch <- prometheus.MustNewConstMetric(silentFormsDesc, prometheus.GaugeValue, float64(n), name)
		ch <- prometheus.MustNewConstMetric(silentSecondsDesc, prometheus.GaugeValue, longest[name].Seconds(), name)
	}
}

// findings is what the doctor says about it from within.
func (s *silence) findings(ctx context.Context) []pipeline.Finding {
	setting := config.Path("notices", "silence")
	quiet, known := s.current(ctx)
	switch {
	case !known:
		return []pipeline.Finding{{Setting: setting, What: "whether a form has gone quiet is not known yet: the index of leads is being brought up, or deliveries wait"}}
	case len(quiet) == 0:
		return []pipeline.Finding{{Setting: setting, What: "no form is quieter than usual, of those whose rhythm is known"}}
	}
	var out []pipeline.Finding
	for i, q := range quiet {
		if i == 20 {
			out = append(out, pipeline.Finding{Level: pipeline.Warn, Setting: setting, What: fmt.Sprintf("and %d forms more have gone quiet", len(quiet)-i)})
			break
		}
		out = append(out, pipeline.Finding{Level: pipeline.Warn, Setting: config.Path("sources", q.Source),
			What: fmt.Sprintf("no lead from %s for %s, usually %.0f", formName(q.Form), span(s.now().Sub(q.Since)), q.Missed),
			Fix:  "open the page and send its form; has the campaign ended, add the form to notices.silence.mute"})
	}
	return out
}

// formName is a form as people read it. Its name comes from whoever posts.
func formName(f rhythm.Form) string {
	const most = 60 // letters
	var b strings.Builder
	n := 0
	for _, r := range f.Name {
		if n++; n > most {
			b.WriteRune('…')
			break
		}
		if !unicode.IsPrint(r) || strings.ContainsRune("<>[]`", r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	if name := strings.Join(strings.Fields(b.String()), " "); name != "" {
		return name + " (" + f.Source + ")"
	}
	return f.Source
}

// span is a length of time in two units at most, which both languages read.
func span(d time.Duration) string {
	d = d.Round(time.Minute)
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	switch {
	case days > 0 && hours > 0:
		return fmt.Sprintf("%dd %dh", days, hours)
	case days > 0:
		return fmt.Sprintf("%dd", days)
	case hours > 0 && minutes > 0:
		return fmt.Sprintf("%dh %dm", hours, minutes)
	case hours > 0:
		return fmt.Sprintf("%dh", hours)
	}
	return fmt.Sprintf("%dm", minutes)
}
