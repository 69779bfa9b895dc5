package token

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// mint hands out t-1, t-2, … that live for a time, and counts.
type mint struct {
	life time.Duration
	took time.Duration
	err  error

	mu    sync.Mutex
	calls int
	same  string // handed out instead, when not empty
}

func (m *mint) fetch(ctx context.Context) (Token, error) {
	m.mu.Lock()
	m.calls++
	n, same, err := m.calls, m.same, m.err
	m.mu.Unlock()
	select {
	case <-time.After(m.took):
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
	if err != nil {
		return Token{}, err
	}
	value := fmt.Sprintf("t-%d", n)
	if same != "" {
		value = same
	}
	return Token{Value: NewSecret(value), Expires: time.Now().Add(m.life)}, nil
}

func (m *mint) set(f func()) { m.mu.Lock(); defer m.mu.Unlock(); f() }

func (m *mint) count() int { m.mu.Lock(); defer m.mu.Unlock(); return m.calls }

func want(t *testing.T, p Provider, value string) Token {
	t.Helper()
	tok, err := p.Token(t.Context())
	if err != nil || tok.Value.Reveal() != value {
		t.Fatalf("got token %q and error %v, want %q", tok.Value.Reveal(), err, value)
	}
	return tok
}

func TestFiftyCallersCauseOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{life: 2 * time.Hour, took: time.Second}
		c := Cache(5*time.Minute, m.fetch)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if tok, err := c.Token(t.Context()); err != nil || tok.Value.Reveal() != "t-1" {
					t.Errorf("got %q, %v", tok.Value.Reveal(), err)
				}
			})
		}
		wg.Wait()
		if m.count() != 1 {
			t.Errorf("%d fetches, want 1", m.count())
		}
	})
}

func TestACallerWhoLeavesTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{life: 2 * time.Hour, took: 10 * time.Second}
		c := Cache(5*time.Minute, m.fetch)
		first, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			before := time.Now()
			if _, err := c.Token(first); !errors.Is(err, context.Canceled) {
				t.Errorf("the caller who left got %v", err)
			}
			if d := time.Since(before); d > time.Second {
				t.Errorf("the caller who left was kept for %s", d)
			}
		})
		synctest.Wait()
		wg.Go(func() { want(t, c, "t-1") })
		synctest.Wait()
		leave()
		wg.Wait()
		if m.count() != 1 {
			t.Errorf("%d fetches, want 1", m.count())
		}
	})
}

func TestRefusedOnceIsFetchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{life: 2 * time.Hour}
		var events []What
		c := Cache(5*time.Minute, m.fetch, Watch(func(e Event) { events = append(events, e.What) }))
		old := want(t, c, "t-1")
		for range 50 {
			c.Refused(old)
		}
		want(t, c, "t-2")
		c.Refused(old) // late news of the old one
		want(t, c, "t-2")
		if m.count() != 2 {
			t.Errorf("%d fetches, want 2", m.count())
		}
		if got := fmt.Sprint(events); got != "[fetched dropped fetched]" {
			t.Errorf("events %s", got)
		}
		if s := c.Status(); s.Refused != 1 || s.Fetches != 2 || s.Err != nil || time.Until(s.Expires) != 2*time.Hour {
			t.Errorf("status %+v", s)
		}
	})
}

func TestTheSameTokenAgainIsAnErrorAndNotALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{life: 2 * time.Hour, same: "t-same"}
		c := Cache(5*time.Minute, m.fetch)
		c.Refused(want(t, c, "t-same"))
		for range 100 {
			_, err := c.Token(t.Context())
			if !errors.Is(err, ErrRefusedAgain) || Wait(err) <= 0 || strings.Contains(err.Error(), "t-same") {
				t.Fatalf("got %v, wait %s", err, Wait(err))
			}
		}
		if m.count() != 2 {
			t.Errorf("%d fetches for 100 calls, want 2", m.count())
		}
		// The refusal may have been the server's mistake: after a pause the token
		// is tried once, and if it is refused again, all is as before.
		time.Sleep(refusedPause)
		c.Refused(want(t, c, "t-same"))
		if _, err := c.Token(t.Context()); !errors.Is(err, ErrRefusedAgain) {
			t.Errorf("refused twice, then %v", err)
		}
		if m.count() != 4 {
			t.Errorf("%d fetches, want 4", m.count())
		}
		m.set(func() { m.same = "" })
		time.Sleep(refusedPause)
		want(t, c, "t-5")
	})
}

func TestAFetchOvertakenByARefusalIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{life: 2 * time.Hour}
		c := Cache(5*time.Minute, m.fetch)
		old := want(t, c, "t-1")
		time.Sleep(2*time.Hour - 3*time.Minute)
		m.set(func() { m.took, m.same = time.Second, "t-1" })
		var wg sync.WaitGroup
		wg.Go(func() { want(t, c, "t-3") }) // begins the fetch ahead
		synctest.Wait()
		c.Refused(old)
		wg.Go(func() { want(t, c, "t-3") })
		time.Sleep(500 * time.Millisecond)
		wg.Go(func() { m.set(func() { m.same = "" }) })
		// The fetch under way had its answer decided before the refusal.
		wg.Wait()
		if m.count() != 3 {
			t.Errorf("%d fetches, want 3", m.count())
		}
	})
}

func TestRefreshAheadBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{life: time.Hour}
		c := Cache(8*time.Minute, m.fetch)
		want(t, c, "t-1")
		time.Sleep(49*time.Minute + 59*time.Second)
		want(t, c, "t-1") // 8 minutes and a quarter of that before the end: 50 minutes
		time.Sleep(3 * time.Minute)
		m.set(func() { m.took = 5 * time.Second })
		var wg sync.WaitGroup
		wg.Go(func() { want(t, c, "t-2") })
		synctest.Wait()
		before := time.Now()
		for range 10 {
			want(t, c, "t-1")
		}
		if d := time.Since(before); d != 0 {
			t.Errorf("callers with a good token waited %s for the fetch", d)
		}
		wg.Wait()
		want(t, c, "t-2")
	})
}

func TestAFailedRefreshAheadCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{life: time.Hour}
		c := Cache(10*time.Minute, m.fetch)
		want(t, c, "t-1")
		down := errors.New("down")
		m.set(func() { m.err = down })
		time.Sleep(51 * time.Minute)
		for range 9 * 60 {
			time.Sleep(time.Second - time.Nanosecond)
			want(t, c, "t-1")
		}
		if n := m.count(); n < 10 || n > 40 {
			t.Errorf("%d fetches in nine minutes of failure, want one about every 30 seconds", n)
		}
		if err := c.Status().Err; !errors.Is(err, down) {
			t.Errorf("status says %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := c.Token(t.Context()); !errors.Is(err, down) {
			t.Errorf("past its end: %v", err)
		}
		m.set(func() { m.err = nil })
		if _, err := c.Token(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAStormOfRefusalsIsBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{life: time.Hour}
		c := Cache(time.Minute, m.fetch)
		var err error
		for range 1000 {
			var tok Token
			if tok, err = c.Token(t.Context()); err == nil {
				c.Refused(tok)
			}
		}
		if !errors.Is(err, ErrStorm) || Wait(err) <= 0 || m.count() != 60 {
			t.Fatalf("after %d fetches: %v, wait %s", m.count(), err, Wait(err))
		}
		time.Sleep(Wait(err))
		if _, err := c.Token(t.Context()); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

func TestATokenThatIsOverAtOnceIsNotUsed(t *testing.T) {
	for _, tok := range []Token{{}, {Value: NewSecret("t"), Expires: time.Now().Add(-time.Second)}} {
		c := Cache(time.Minute, func(context.Context) (Token, error) { return tok, nil })
		if _, err := c.Token(t.Context()); err == nil {
			t.Errorf("%+v was handed out", tok)
		}
	}
}

func TestAFetchThatPanicsOrHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Cache(time.Minute, func(context.Context) (Token, error) { panic("t-secret") })
		if _, err := c.Token(t.Context()); err == nil || strings.Contains(err.Error(), "t-secret") {
			t.Errorf("panic became %v", err)
		}
		c = Cache(time.Minute, func(ctx context.Context) (Token, error) { <-ctx.Done(); return Token{}, ctx.Err() })
		before := time.Now()
		if _, err := c.Token(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(before) != fetchLimit {
			t.Errorf("after %s: %v", time.Since(before), err)
		}
	})
}

func TestProcessesShareAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t, NewMemory(0, nil), NewMemory(LeaseTTL, nil))
		m := &mint{life: 2 * time.Hour}
		first := Cache(5*time.Minute, m.fetch, Sharing(store, "crm.tenant"))
		var events []What
		second := Cache(5*time.Minute, m.fetch, Sharing(store, "crm.tenant"), Watch(func(e Event) { events = append(events, e.What) }))
		want(t, first, "t-1")
		old := want(t, second, "t-1")
		// The server refuses it: one of the two fetches, the other finds that.
		first.Refused(old)
		want(t, first, "t-2")
		second.Refused(old)
		want(t, second, "t-2")
		if got := fmt.Sprint(events); got != "[shared dropped shared]" || m.count() != 2 {
			t.Errorf("events %s, %d fetches", got, m.count())
		}
		// A restart begins with what is there; one that is nearly over is not taken.
		want(t, Cache(5*time.Minute, m.fetch, Sharing(store, "crm.tenant")), "t-2")
		time.Sleep(116 * time.Minute)
		want(t, Cache(5*time.Minute, m.fetch, Sharing(store, "crm.tenant")), "t-3")
		want(t, first, "t-3")
	})
}

func TestAStoreInTroubleCostsAFetchAndNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := &flaky{Table: NewMemory(0, nil), err: errors.New("no quorum")}
		m := &mint{life: time.Hour}
		want(t, Cache(time.Minute, m.fetch, Sharing(newStore(t, broken, broken), "x")), "t-1")
		// Nor does an entry that another key sealed.
		entries := NewMemory(0, nil)
		want(t, Cache(time.Minute, m.fetch, Sharing(newStore(t, entries, entries), "x")), "t-2")
		want(t, Cache(time.Minute, m.fetch, Sharing(NewStore(entries, entries, testKey(t, 2)), "x")), "t-3")
		want(t, Cache(time.Minute, m.fetch, Sharing(NewStore(entries, entries, testKey(t, 2)), "x")), "t-3")
	})
}

// Whatever the callers do at once, a token that was refused is never handed out
// after the refusal, and fetches are never more than refusals and one.
func TestRefusalsAtOnce(t *testing.T) {
	m := &mint{life: time.Hour}
	c := Cache(time.Minute, m.fetch)
	c.storm.limit = 1 << 20
	var bad sync.Map
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				tok, err := c.Token(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if (i+g)%7 == 0 {
					c.Refused(tok)
					bad.Store(tok.Value.Reveal(), true)
					if next, err := c.Token(t.Context()); err != nil || next.Same(tok) {
						t.Errorf("after its refusal %q came again (%v)", next.Value.Reveal(), err)
					}
				}
			}
		})
	}
	wg.Wait()
	refused := 0
	bad.Range(func(any, any) bool { refused++; return true })
	if n := m.count(); n > refused+1 {
		t.Errorf("%d fetches for %d refused tokens", n, refused)
	}
}
