package token

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mekong/pipeline"
)

func TestASessionIsRenewedAheadAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start()
		if _, err := p.Token(t.Context()); !errors.Is(err, ErrReauthorise) || !strings.Contains(err.Error(), string(NotSignedIn)) {
			t.Fatalf("before the sign-in: %v", err)
		}
		if err := p.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		want(t, p, "a-1")
		time.Sleep(accessLife * 59 / 100)
		want(t, p, "a-1")
		time.Sleep(accessLife * 12 / 100)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := p.Token(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		want(t, p, "a-2")
		if w.vendor.asked != 1 {
			t.Errorf("%d exchanges", w.vendor.asked)
		}
	})
}

func TestRefusedTokenIsReplacedWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.start(), w.start()
		if err := a.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		old := want(t, a, "a-1")
		want(t, b, "a-1")
		before := time.Now()
		a.Refused(old)
		want(t, a, "a-2")
		b.Refused(old)
		want(t, b, "a-2") // found, not bought
		a.Refused(old)
		want(t, a, "a-2")
		if d := time.Since(before); d != 0 || w.vendor.asked != 1 || w.vendor.burnt != 0 {
			t.Errorf("took %s and %d exchanges, %d burnt", d, w.vendor.asked, w.vendor.burnt)
		}
	})
}

// A renewal by another process is noticed before the old access token's minute of
// grace is over, without a single refusal.
func TestARenewalElsewhereIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.start(), w.start()
		if err := a.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		old := want(t, a, "a-1")
		want(t, b, "a-1")
		time.Sleep(10 * time.Second)
		a.Refused(old)
		want(t, a, "a-2")
		time.Sleep(45 * time.Second)
		want(t, b, "a-2")
	})
}

// Two processes, 100 refreshes, with pauses inside the exchange and kills at every
// moment that loses nothing: no refresh token is ever used twice.
func TestTwoProcessesShareOneSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rnd := rand.New(rand.NewPCG(1, 2))
		procs := []*process{w.start(), w.start()}
		if err := procs[0].SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		kills, pauses := 0, 0
		for round := 1; w.vendor.n <= 100; round++ {
			if round > 400 {
				t.Fatalf("only %d refreshes in %d rounds", w.vendor.n-1, round)
			}
			time.Sleep(accessLife * time.Duration(72+rnd.IntN(40)) / 100)
			i := rnd.IntN(2)
			p := procs[i]
			killed := false
			switch rnd.IntN(4) {
			case 0: // dies with the lease in its hand, before it asked
				p.mu.Lock()
				p.before = func() { p.kill(); killed = true }
				p.mu.Unlock()
			case 1: // is slow to ask, and to save
				d1, d2 := time.Duration(rnd.IntN(8))*time.Second, time.Duration(rnd.IntN(8))*time.Second
				p.mu.Lock()
				p.before, p.after = func() { time.Sleep(d1) }, func() { time.Sleep(d2) }
				p.mu.Unlock()
				pauses++
			}
			var wg sync.WaitGroup
			for _, p := range procs {
				for range 3 {
					d := time.Duration(rnd.IntN(50)) * time.Millisecond
					wg.Go(func() {
						time.Sleep(d)
						_, err := p.Token(t.Context())
						if err != nil && !errors.Is(err, errKilled) && !errors.Is(err, ErrLeased) {
							t.Errorf("round %d: %v", round, err)
						}
					})
				}
			}
			wg.Wait()
			p.mu.Lock()
			p.before, p.after = nil, nil // it was the other's turn
			p.mu.Unlock()
			if killed || rnd.IntN(5) == 0 { // some die in their sleep, with everything saved
				procs[i].kill()
				procs[i] = w.start()
				kills++
				time.Sleep(LeaseTTL)
			}
			for _, p := range procs {
				tok, err := p.Token(t.Context())
				if err != nil || !tok.Valid(time.Now()) {
					t.Fatalf("round %d: after all is well again: %v", round, err)
				}
			}
		}
		if w.vendor.burnt != 0 {
			t.Errorf("%d burnt refresh tokens", w.vendor.burnt)
		}
		if kills < 20 || pauses < 10 {
			t.Errorf("only %d kills and %d pauses: the test shows little", kills, pauses)
		}
	})
}

func TestWhatCannotBeSavedIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start()
		if err := p.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(accessLife)
		full := errors.New("disk full")
		p.after = func() { p.entries.set(nil, full) }
		if tok, err := p.Token(t.Context()); !errors.Is(err, full) || Wait(err) == 0 || !tok.Value.IsZero() {
			t.Fatalf("got %q, %v", tok.Value.Reveal(), err)
		}
		if _, err := p.Token(t.Context()); !errors.Is(err, full) {
			t.Fatalf("again: %v", err)
		}
		p.entries.set(nil, nil)
		want(t, p, "a-2")
		if w.vendor.asked != 1 || w.vendor.burnt != 0 {
			t.Errorf("%d exchanges, %d burnt", w.vendor.asked, w.vendor.burnt)
		}
	})
}

func TestNoExchangeWithoutLeaseOrMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start()
		if err := p.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(accessLife)
		down := errors.New("no quorum")
		p.leases.set(down, nil)
		if _, err := p.Token(t.Context()); !errors.Is(err, down) {
			t.Errorf("without leases: %v", err)
		}
		p.leases.set(nil, nil)
		p.entries.set(nil, down)
		if _, err := p.Token(t.Context()); !errors.Is(err, down) {
			t.Errorf("without writes: %v", err)
		}
		if w.vendor.asked != 0 {
			t.Errorf("%d exchanges", w.vendor.asked)
		}
	})
}

func TestAFailureThatPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start(func(o *SessionOptions) { o.StormLimit, o.StormWindow = 6, 10*time.Minute })
		if err := p.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		want(t, p, "a-1")
		down := errors.New("20050")
		w.vendor.err = down
		time.Sleep(accessLife * 71 / 100)
		before := w.vendor.asked
		for range 30 * 60 {
			want(t, p, "a-1") // the old one serves meanwhile
			time.Sleep(time.Second)
		}
		if n := w.vendor.asked - before; n < 6 || n > 25 {
			t.Errorf("%d exchanges in half an hour of failure", n)
		}
		time.Sleep(20 * time.Minute)
		w.vendor.mu.Lock()
		w.vendor.err = nil
		w.vendor.mu.Unlock()
		want(t, p, "a-2")
		if w.vendor.burnt != 0 {
			t.Errorf("%d burnt", w.vendor.burnt)
		}
	})
}

// What never reached the vendor is no attempt: however often it fails, the session
// goes on at once when the way is free again.
func TestWhatWasNotSentIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start(func(o *SessionOptions) { o.StormLimit = 3 })
		if err := p.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(accessLife)
		w.vendor.err = Unsent(errors.New("no connection"))
		for range 50 {
			if _, err := p.Token(t.Context()); err == nil || errors.Is(err, ErrStorm) {
				t.Fatalf("got %v", err)
			}
		}
		w.vendor.err = nil
		want(t, p, "a-2")
		var v saved
		if _, err := newStore(t, w.entries, w.leases).load(t.Context(), "lark.user.crm", &v); err != nil || len(v.Attempts) != 1 || v.Trying != nil || v.Lost {
			t.Errorf("%d attempts, trying %v, lost %t, %v", len(v.Attempts), v.Trying, v.Lost, err)
		}
	})
}

// Successful renewals that follow one another are a storm as well.
func TestASessionStormIsBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		small := func(o *SessionOptions) { o.StormLimit, o.StormWindow = 0, 0 }
		procs := []*process{w.start(small), w.start(small)}
		if err := procs[0].SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		var err error
		for i := range 200 {
			var tok Token
			p := procs[i%2]
			if tok, err = p.Token(t.Context()); err == nil {
				p.Refused(tok)
			}
		}
		if !errors.Is(err, ErrStorm) || Wait(err) <= 0 || w.vendor.asked != 10 {
			t.Fatalf("after %d exchanges: %v", w.vendor.asked, err)
		}
		found := procs[1].Findings(t.Context(), "x", "login")
		if len(found) != 1 || found[0].Level != pipeline.Fail || !strings.Contains(found[0].What, "too often") {
			t.Errorf("findings %+v", found)
		}
		time.Sleep(10 * time.Minute)
		want(t, procs[0], "a-12")
	})
}

func TestASignInDuringARenewalWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.start(), w.start()
		if err := a.SignIn(t.Context(), w.vendor.signIn()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(accessLife)
		a.after = func() {
			if err := b.SignIn(context.Background(), w.vendor.signIn()); err != nil {
				t.Error(err)
			}
		}
		want(t, a, "a-3")
		want(t, b, "a-3")
	})
}

// Where a refresh token works more than once, an exchange brings none and the old one
// stays, and an answer that was lost ends nothing.
func TestAReusableRefreshToken(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	clock := func() time.Time { return now }
	asked, lost := 0, false
	p := w.start(func(o *SessionOptions) {
		o.Reusable, o.Now, o.StormLimit = true, clock, 60
		o.Exchange = func(_ context.Context, refresh Secret) (Pair, error) {
			asked++
			switch {
			case lost:
				return Pair{}, errors.New("the line broke")
			case refresh.Reveal() != "r-for-good":
				return Pair{}, Reauthorise(Revoked, nil)
			}
			return Pair{Access: Token{Value: NewSecret(fmt.Sprint("a-", asked)), Issued: now, Expires: now.Add(time.Hour)}}, nil
		}
	})
	first := Pair{Access: Token{Value: NewSecret("a-0"), Issued: now, Expires: now.Add(time.Hour)}, Refresh: Token{Value: NewSecret("r-for-good")}}
	if err := p.SignIn(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		now = now.Add(time.Hour)
		lost = true
		for range 2 {
			if _, err := p.Token(t.Context()); err == nil || errors.Is(err, ErrReauthorise) {
				t.Fatalf("a lost answer: %v", err)
			}
		}
		lost = false
		if got, err := p.Token(t.Context()); err != nil || got.Value.Reveal() != fmt.Sprint("a-", asked) {
			t.Fatalf("got %q, %v", got.Value.Reveal(), err)
		}
	}
	st, err := p.Standing(t.Context())
	if err != nil || st.Epoch != 4 || st.Broken != nil || !st.RefreshExpires.IsZero() {
		t.Errorf("%+v, %v", st, err)
	}
	if f := p.Findings(t.Context(), "sinks.x", "login"); len(f) != 1 || strings.Contains(f[0].What, "unknown") {
		t.Errorf("%+v", f)
	}
	// Refused for good after two attempts without an end, it is not told as lost.
	if err := p.SignIn(t.Context(), Pair{Access: first.Access, Refresh: Token{Value: NewSecret("r-revoked")}}); err != nil {
		t.Fatal(err)
	}
	now, lost = now.Add(time.Hour), true
	for range 2 {
		if _, err := p.Token(t.Context()); err == nil {
			t.Fatal("there is a token")
		}
	}
	lost = false
	var broken *BrokenError
	if _, err := p.Token(t.Context()); !errors.As(err, &broken) || broken.Why != Revoked {
		t.Errorf("revoked: %v", err)
	}
}
