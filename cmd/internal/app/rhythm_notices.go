package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mekong/pipeline/bus"
	"mekong/pipeline/rhythm"
)

// silenceTable keeps what was told of quiet forms, so that it is told once: by one of
// several processes, and not again after a restart.
const (
	silenceTable = "mekong-silence"
	silenceKey   = "told"
)

// toldForm is a quiet form that was told of.
type toldForm struct {
	Source string    `json:"source"`
	Name   string    `json:"name"`
	Since  time.Time `json:"since"`
	Missed float64   `json:"missed"`
}

// told is the memory of what was told; [bus.KV] is one.
type told interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Set(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
}

// silenceNotices tells of forms that go quiet, and of those that bring leads again.
type silenceNotices struct {
	watch  *silence
	open   func(context.Context) (told, error)
	memory told // nil until it could be opened
	looked time.Time
	why    string // why the last look failed, as it was logged
}

func (a *App) newSilenceNotices() *silenceNotices {
	s := a.watchSilence()
	if s == nil {
		return nil
	}
	return &silenceNotices{watch: s, open: func(ctx context.Context) (told, error) { return a.Bus.KV(ctx, silenceTable, 0) }}
}

// lookSilence tells what has changed since anybody told last. That it is told is written
// down first: of two processes that see the same, one is first.
func (n *notices) lookSilence(ctx context.Context) {
	s := n.silence
	if s == nil || n.now().Sub(s.looked) < silenceEvery {
		return
	}
	s.looked = n.now()
	begun, over, err := s.changes(ctx)
	switch {
	case ctx.Err() != nil || errors.Is(err, errUnknown) || errors.Is(err, bus.ErrChanged):
	case err != nil && err.Error() != s.why:
		s.why = err.Error()
		n.log.Warn("whether forms have gone quiet is not known", "error", err)
	case err == nil:
		s.why = ""
	}
	if err != nil {
		return
	}
	now := n.now()
	for _, q := range begun {
		n.log.Warn("a form has gone quiet", "source", q.Source, "since", q.Since, "usual", int(q.Missed))
		n.tell(ctx, n.say.title(saidQuiet, formName(q.Form)),
			n.say.text(toldQuiet, span(now.Sub(q.Since)), fmt.Sprintf("%.0f", q.Missed), n.clock(q.Since)))
	}
	for _, o := range over {
		n.log.Info("a form brings leads again", "source", o.Source, "since", o.Since)
		n.tell(ctx, n.say.title(saidHeard, formName(o.Form)), n.say.text(toldHeard, n.clock(o.Since), fmt.Sprintf("%.0f", o.Missed)))
	}
}

// changes are the forms that have gone quiet and those that have brought a lead again
// since it was last written down, which it now is. A form that is muted, or has been quiet
// for so long that it has ended, is left out without a word.
func (s *silenceNotices) changes(ctx context.Context) (begun, over []rhythm.Quiet, err error) {
	if s.memory == nil {
		if s.memory, err = s.open(ctx); err != nil {
			s.memory = nil
			return nil, nil, err
		}
	}
	value, revision, err := s.memory.Get(ctx, silenceKey)
	if err != nil && !errors.Is(err, bus.ErrAbsent) {
		return nil, nil, err
	}
	var was []toldForm
	if err == nil {
		if err := json.Unmarshal(value, &was); err != nil {
			was = nil // of another version; what is quiet is told once more
		}
	}
	before := make([]rhythm.Quiet, len(was))
	for i, f := range was {
		before[i] = rhythm.Quiet{Form: rhythm.Form{Source: f.Source, Name: f.Name}, Since: f.Since, Missed: f.Missed}
	}
	quiet, last, err := s.watch.look(ctx, before)
	if err != nil {
		return nil, nil, err
	}
	is := map[rhythm.Form]bool{}
	now := make([]toldForm, 0, len(quiet))
	for _, q := range quiet {
		is[q.Form] = true
		i := slices.IndexFunc(before, func(b rhythm.Quiet) bool { return b.Form == q.Form })
		// One that brought a lead and went quiet again between two looks is told again.
		if i < 0 || q.Since.After(before[i].Since) {
			begun = append(begun, q)
		} else {
			q.Missed = before[i].Missed // as it was told: what is only more of it is not written
		}
		now = append(now, toldForm{q.Source, q.Name, q.Since, q.Missed})
	}
	for _, b := range before {
		if !is[b.Form] && last[b.Form].After(b.Since) && !s.watch.mutes(b.Source, b.Name) {
			over = append(over, b)
		}
	}
	order := func(a, b toldForm) int { return strings.Compare(a.Source+"/"+a.Name, b.Source+"/"+b.Name) }
	slices.SortFunc(now, order)
	slices.SortFunc(was, order)
	if len(begun) == 0 && slices.EqualFunc(now, was, func(a, b toldForm) bool {
		return a.Source == b.Source && a.Name == b.Name && a.Since.Equal(b.Since)
	}) {
		return nil, over, nil
	}
	value, err = json.Marshal(now)
	if err != nil {
		return nil, nil, fmt.Errorf("the forms that are quiet: %w", err)
	}
	if _, err := s.memory.Set(ctx, silenceKey, value, revision); err != nil {
		return nil, nil, err
	}
	return begun, over, nil
}
