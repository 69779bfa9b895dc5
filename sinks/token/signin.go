package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mekong/pipeline"
)

// SignIn saves what a person's consent brought, over whatever there was. Every
// process that has a [Session] on the entry uses it within half a minute.
func (s *Session) SignIn(ctx context.Context, p Pair) error {
	if p.Access.Value.IsZero() {
		return errors.New("the sign-in brought no access token")
	}
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		v, revision, err := s.load(ctx)
		var broken *BrokenError
		if err != nil && !errors.As(err, &broken) {
			return err
		}
		now := s.o.Now()
		if p.SignedIn.IsZero() {
			p.SignedIn = now
		}
		if p.Access.Issued.IsZero() {
			p.Access.Issued = now
		}
		v.put(p, now)
		v.Attempts = nil
		_, err = s.o.Store.save(ctx, s.o.Name, v, revision)
		if errors.Is(err, ErrChanged) { // a renewal came between; the sign-in replaces it
			next := time.NewTimer(pause)
			select {
			case <-next.C:
				continue
			case <-ctx.Done():
				next.Stop()
				return ctx.Err()
			}
		}
		if err != nil {
			return fmt.Errorf("the sign-in cannot be saved: %w", err)
		}
		s.mu.Lock()
		s.unsaved, s.broken = nil, nil
		s.mu.Unlock()
		s.take(v)
		return nil
	}
}

// Standing is how a sign-in stands in the store. It holds no token.
type Standing struct {
	SignedIn       time.Time
	AccessExpires  time.Time
	RefreshExpires time.Time // unless it is used before; zero: not told
	Ends           time.Time // of the consent, however often renewed; zero: not told
	Scopes         []string
	Epoch          uint64 // pairs so far
	Before         []Step // the last few of them, newest last
	Broken         error  // a [BrokenError] when somebody has to sign in; [ErrStorm] when it is left alone
}

// Standing reads how the sign-in stands; nothing is renewed. A broken sign-in is no
// error here.
func (s *Session) Standing(ctx context.Context) (Standing, error) {
	v, _, err := s.load(ctx)
	var broken *BrokenError
	if errors.As(err, &broken) {
		return Standing{Broken: broken}, nil
	}
	if err != nil {
		return Standing{}, err
	}
	return Standing{
		SignedIn: v.SignedIn, AccessExpires: v.Access.Expires, RefreshExpires: v.Refresh.Expires, Ends: v.Ends,
		Scopes: v.Scopes, Epoch: v.Epoch, Before: v.Steps, Broken: s.hopeless(v),
	}, nil
}

// Findings says in an operator's words how the sign-in stands: setting is the path
// it is told under, and login the command that mends it. It only reads.
func (s *Session) Findings(ctx context.Context, setting, login string) []pipeline.Finding {
	again := "sign in again: " + login
	st, err := s.Standing(ctx)
	if err != nil {
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: setting, What: err.Error(), Fix: "see that the bus can be reached"}}
	}
	now := s.o.Now()
	alive := now.Before(st.AccessExpires)
	switch {
	case errors.Is(st.Broken, ErrReauthorise) && !alive:
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: setting, What: st.Broken.Error(), Fix: again}}
	case errors.Is(st.Broken, ErrReauthorise):
		return []pipeline.Finding{{Level: pipeline.Warn, Setting: setting, What: fmt.Sprintf("works until %s and cannot be renewed: %v", moment(st.AccessExpires), st.Broken), Fix: again}}
	case st.Broken != nil:
		return []pipeline.Finding{{
			Level: pipeline.Fail, Setting: setting, What: fmt.Sprintf("%v; it is left alone for %s", st.Broken, Wait(st.Broken).Round(time.Second)),
			Fix: "see that no other program uses the same sign-in, and that the app is still allowed what it asks for; then " + again,
		}}
	}
	what := fmt.Sprintf("signed in; the access token ends %s and is renewed by itself", moment(st.AccessExpires))
	if !st.RefreshExpires.IsZero() {
		what += ", at the latest by " + moment(st.RefreshExpires)
	}
	found := []pipeline.Finding{{Level: pipeline.OK, Setting: setting, What: what}}
	if !st.RefreshExpires.IsZero() && st.RefreshExpires.Sub(now) < 48*time.Hour {
		found = append(found, pipeline.Finding{
			Level: pipeline.Warn, Setting: setting, What: "the sign-in ends " + moment(st.RefreshExpires) + " unless it is used before",
			Fix: "let mekong run, which renews it, or " + again,
		})
	}
	if !st.Ends.IsZero() && st.Ends.Sub(now) < 14*24*time.Hour {
		found = append(found, pipeline.Finding{
			Level: pipeline.Warn, Setting: setting, What: "the consent ends " + moment(st.Ends) + ", and no renewal prolongs it", Fix: again,
		})
	}
	return found
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}
