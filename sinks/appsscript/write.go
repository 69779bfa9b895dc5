package appsscript

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"

	"mekong/pipeline"
)

var errStrange = &failure{what: "the script's answer is not about the rows it was sent", fix: fixDeploy}

var errClosed = pipeline.Hold(errors.New("appsscript: the sink is closed"), 0)

// Write stores batch; see [pipeline.Sink] and the package comment.
func (s *Sink) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	out := make([]pipeline.Outcome, len(batch))
	var rest []*entry
	for i := range batch {
		e, err := newEntry(i, &batch[i])
		if err != nil {
			out[i].Err = pipeline.Permanent(err)
			continue
		}
		rest = append(rest, e)
	}
	if len(rest) == 0 {
		return out
	}
	inOrder(rest)
	w := &writing{s: s, rest: rest, out: out}
	err := s.alone(ctx, func(settled *doubt) error { return w.all(ctx, settled) })
	for _, e := range w.rest {
		out[e.at].Err = err
	}
	w.blame()
	return out
}

// writing is one Write under way.
type writing struct {
	s        *Sink
	rest     []*entry // without a fate
	out      []pipeline.Outcome
	stored   bool     // something was
	suspects []*entry // that the script broke on, each by itself
	broke    error    // how
}

// all sends the entries in parts. Its error is for what is left then.
func (w *writing) all(ctx context.Context, settled *doubt) error {
	for len(w.rest) > 0 {
		p, err := w.s.pack(w.rest)
		if err != nil {
			return err
		}
		err = w.s.store(ctx, p, settled, w.out)
		settled = nil
		var f *failure
		switch {
		case err == nil:
			w.stored = true
		case len(p.entries) == 1 && errors.As(err, &f) && f.broke:
			w.suspects, w.broke = append(w.suspects, p.entries[0]), f
			if !w.stored && len(w.suspects) == 2 {
				return verdict(f) // it breaks on anything
			}
		default:
			return verdict(err)
		}
		w.rest = w.rest[len(p.entries):]
	}
	return nil
}

// blame settles the suspects. A script that takes others and breaks on one record may
// do so for that record's sake: this is counted, and in the end the record is buried.
// One that takes none is broken itself.
func (w *writing) blame() {
	for _, e := range w.suspects {
		if w.out[e.at].Err = w.broke; !w.stored {
			w.out[e.at].Err = verdict(w.broke)
		}
	}
}

// store sends one part, unless it is what was in doubt and is settled by now. An error
// is for all of the part.
func (s *Sink) store(ctx context.Context, p *part, settled *doubt, out []pipeline.Outcome) error {
	var a *answer
	var err error
	if settled != nil && settled.payload == p.payload {
		a = settled.answer
	} else if a, err = s.ask(ctx, rand.Text(), p.payload); err != nil {
		return err
	}
	if len(a.Rows) != len(p.entries) {
		return errStrange
	}
	for i, e := range p.entries {
		out[e.at] = pipeline.Outcome{Ref: link(a, a.Rows[i])}
	}
	for _, refused := range a.Errors {
		if refused.I < 0 || refused.I >= len(p.entries) {
			return errStrange
		}
		out[p.entries[refused.I].at] = pipeline.Outcome{Err: pipeline.Permanent(errors.New("appsscript: the script refuses this record: it has no key or no version"))}
	}
	s.count(p.left+a.Left, p.cut)
	return nil
}

// count keeps what Check tells of values that went nowhere or only in part.
func (s *Sink) count(left int, cut map[string]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left += left
	for name, n := range cut {
		if len(s.cut) < 1000 || s.cut[name] > 0 {
			s.cut[name] += n
		}
	}
}

// alone calls f with nobody else at the script, after what was in doubt is settled. Its
// error carries a verdict.
func (s *Sink) alone(ctx context.Context, f func(settled *doubt) error) error {
	if err := acquire(ctx, s.turn); err != nil {
		return err
	}
	defer func() { s.turn <- struct{}{} }()
	if s.isClosed() {
		return errClosed
	}
	leave, err := s.opts.Gates.enter(ctx, s.deployment)
	if err != nil {
		return err
	}
	defer leave()
	settled, err := s.settle(ctx)
	if err != nil {
		return verdict(err)
	}
	return verdict(f(settled))
}

var spreadsheetID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)

// link is the address of a row. It leads to another one once somebody has sorted.
func link(a *answer, row int) string {
	if row < 1 || !spreadsheetID.MatchString(a.ID) {
		return ""
	}
	return fmt.Sprintf("https://docs.google.com/spreadsheets/d/%s/edit#gid=%d&range=A%d", a.ID, a.GID, row)
}
