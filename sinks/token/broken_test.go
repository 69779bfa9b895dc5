package token

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mekong/pipeline"
)

func TestKilledBetweenExchangeAndSave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.start(), w.start()
		if err := a.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		want(t, b, "a-1")
		time.Sleep(accessLife)
		a.after = a.kill
		if _, err := a.Token(t.Context()); !errors.Is(err, errKilled) || errors.Is(err, ErrReauthorise) {
			t.Fatalf("the killed one: %v", err)
		}
		// While the dead one's lease lasts, the other says who it waits for.
		if _, err := b.Token(t.Context()); err == nil || errors.Is(err, ErrReauthorise) {
			t.Fatalf("under the dead one's lease: %v", err)
		}
		time.Sleep(LeaseTTL)
		for range 1000 {
			_, err := b.Token(t.Context())
			var broken *BrokenError
			if !errors.Is(err, ErrReauthorise) || !errors.As(err, &broken) || broken.Why != LostAnswer {
				t.Fatalf("the survivor says %v", err)
			}
			time.Sleep(time.Second)
		}
		if w.vendor.asked != 2 || b.count(Broken) != 1 {
			t.Errorf("%d exchanges and %d notices, want 2 and 1: not a loop", w.vendor.asked, b.count(Broken))
		}
		// A third process knows it from the store, without a call.
		c := w.start()
		if _, err := c.Token(t.Context()); !errors.Is(err, ErrReauthorise) || !strings.Contains(err.Error(), string(LostAnswer)) || w.vendor.asked != 2 {
			t.Errorf("a new process says %v after %d exchanges", err, w.vendor.asked)
		}
		found := c.Findings(t.Context(), "sinks.crm.larkbase", "mekong login lark crm")
		if len(found) != 1 || found[0].Level != pipeline.Fail || !strings.Contains(found[0].What, string(LostAnswer)) || !strings.Contains(found[0].Fix, "mekong login lark crm") {
			t.Errorf("findings %+v", found)
		}
		// Signing in mends it for all, without a restart.
		if err := c.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		want(t, b, "a-3")
		want(t, c, "a-3")
	})
}

// A process that was paused past its lease had the answer all along: what the others
// took for the end is mended when it wakes.
func TestAPausedProcessSavesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.start(), w.start()
		if err := a.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(accessLife)
		a.after = func() { time.Sleep(5 * time.Minute) }
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = a.Token(t.Context()) })
		time.Sleep(LeaseTTL + time.Second)
		if _, err := b.Token(t.Context()); !errors.Is(err, ErrReauthorise) {
			t.Fatalf("meanwhile: %v", err)
		}
		wg.Wait() // its own limit has passed: it could not save then
		want(t, a, "a-2")
		want(t, b, "a-2")
	})
}

func TestASessionEnds(t *testing.T) {
	for _, c := range []struct {
		why   Reason
		ruin  func(*world, *Pair)
		sleep time.Duration
		asked int
	}{
		{NoRenewal, func(_ *world, p *Pair) { p.Refresh = Token{} }, accessLife, 0},
		{Expired, func(*world, *Pair) {}, 8 * 24 * time.Hour, 0},
		{Revoked, func(w *world, _ *Pair) { w.vendor.err = Reauthorise(Revoked, errors.New("code 20064")) }, accessLife, 1},
		{Burnt, func(w *world, _ *Pair) { w.vendor.valid = "another" }, accessLife, 1},
	} {
		t.Run(string(c.why), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				p := w.start()
				pair := w.vendor.signIn()
				c.ruin(w, &pair)
				if err := p.SignIn(t.Context(), pair); err != nil {
					t.Fatal(err)
				}
				want(t, p, "a-1")
				time.Sleep(c.sleep)
				for range 10 {
					_, err := p.Token(t.Context())
					var broken *BrokenError
					if !errors.As(err, &broken) || broken.Why != c.why {
						t.Fatalf("got %v", err)
					}
				}
				if w.vendor.asked != c.asked {
					t.Errorf("%d exchanges, want %d", w.vendor.asked, c.asked)
				}
			})
		})
	}
}

func TestAnotherKeyCannotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if err := w.start().SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		p := w.start(func(o *SessionOptions) { o.Store = NewStore(w.entries, w.leases, testKey(t, 9)) })
		_, err := p.Token(t.Context())
		if !errors.Is(err, ErrReauthorise) || !errors.Is(err, ErrKey) {
			t.Errorf("got %v", err)
		}
		if err := p.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		want(t, p, "a-2")
	})
}

func TestKeepHoldsAnIdleSessionAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start()
		if err := p.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		for range 30 {
			time.Sleep(24 * time.Hour)
			if err := p.Keep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		want(t, p, "a-31")
		st, err := p.Standing(t.Context())
		if err != nil || st.Epoch != 31 || len(st.Before) != stepsKept || st.Before[4].Epoch != 30 {
			t.Errorf("standing %+v, %v", st, err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestFindingsWarnBeforeItHurts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start()
		pair := w.vendor.signIn()
		pair.Ends = time.Now().Add(20 * 24 * time.Hour)
		if err := p.SignIn(t.Context(), pair); err != nil {
			t.Fatal(err)
		}
		levels := func() (s string) {
			for _, f := range p.Findings(t.Context(), "sinks.crm", "login") {
				s += f.Level.String() + " "
			}
			return s
		}
		if got := levels(); got != "ok " {
			t.Errorf("fresh: %s", got)
		}
		time.Sleep(6 * 24 * time.Hour)
		if got := levels(); got != "ok warn " {
			t.Errorf("a day before the refresh token ends: %s", got)
		}
		if err := p.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got := levels(); got != "ok warn " {
			t.Errorf("two weeks before the consent ends: %s", got)
		}
	})
}

// The stored entry holds no token in clear, and no error tells one.
func TestNothingIsStoredInClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if err := w.start().SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		b, _, err := w.entries.Get(t.Context(), "lark.user.crm")
		if err != nil || strings.Contains(string(b), "r-1") || strings.Contains(string(b), "a-1") || strings.Contains(string(b), "access") {
			t.Errorf("stored as %q, %v", b, err)
		}
	})
}
