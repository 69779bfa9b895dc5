package google

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/sinks/token"
)

const loginCommand = "mekong login google sales"

// signIn is a person who has signed in, as one of the processes on store sees it.
func (w *world) signIn(a *OAuth, store *token.Store) *Person {
	w.t.Helper()
	p := a.Person(store, "google.user.sales", loginCommand, nil)
	now := w.now()
	if err := p.SignIn(w.t.Context(), token.Pair{
		Access:  token.Token{Value: token.NewSecret(w.hide("ya29.invented-first")), Issued: now, Expires: now.Add(time.Hour)},
		Refresh: token.Token{Value: token.NewSecret(w.refresh)}, SignedIn: now,
	}); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// Two processes live on one sign-in through a hundred renewals: each is made once,
// and the refresh token, which never comes back, stays.
func TestTwoProcessesShareASignIn(t *testing.T) {
	w := newWorld(t)
	a, store := w.oauth(), w.store()
	people := []*Person{w.signIn(a, store), a.Person(store, "google.user.sales", loginCommand, nil)}
	for i := range 100 {
		w.advance(time.Hour)
		var wg sync.WaitGroup
		got := make([]string, 6)
		for j := range got {
			wg.Go(func() {
				tok, err := people[j%2].Token(t.Context())
				if err != nil {
					t.Error(err)
				}
				got[j] = tok.Value.Reveal()
			})
		}
		wg.Wait()
		for _, s := range got {
			if s != got[0] || s == "" {
				t.Fatalf("after %d hours they have %q", i+1, got)
			}
		}
	}
	if n := w.times("/token"); n != 100 {
		t.Errorf("%d exchanges", n)
	}
	if st, err := people[1].Standing(t.Context()); err != nil || st.Epoch != 101 || !st.RefreshExpires.IsZero() {
		t.Errorf("%+v, %v", st, err)
	}
	// Refused, it is renewed once for both.
	tok, err := people[0].Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	people[0].Refused(tok)
	next, err := people[0].Token(t.Context())
	if err != nil || next.Same(tok) {
		t.Errorf("refused: %v", err)
	}
	people[1].Refused(tok)
	if got, err := people[1].Token(t.Context()); err != nil || !got.Same(next) || w.times("/token") != 101 {
		t.Errorf("refused: %v, %d exchanges", err, w.times("/token"))
	}
}

func TestASignInIsTakenBack(t *testing.T) {
	w := newWorld(t)
	a, store := w.oauth(), w.store()
	p := w.signIn(a, store)
	found := p.Findings(t.Context(), "sinks.sales.sheets")
	if len(found) != 2 || found[0].Level != pipeline.OK || found[1].Level != pipeline.OK || !strings.Contains(found[1].What, "was not told") {
		t.Errorf("%+v", found)
	}
	w.mu.Lock()
	w.refresh = "1//another"
	w.mu.Unlock()
	w.advance(30 * 24 * time.Hour)
	for range 5 {
		_, err := p.Token(t.Context())
		if _, held := pipeline.IsHold(Verdict(err)); !held || !errors.Is(err, token.ErrReauthorise) {
			t.Fatalf("taken back: %v", err)
		}
		w.clean("taken back", Verdict(err).Error())
		if f := Diagnose(err, Where{Setting: "sinks.sales.sheets", Login: loginCommand}); f.Level != pipeline.Fail || !strings.Contains(f.Fix, loginCommand) || !strings.Contains(f.Fix, permissionsPage) {
			t.Errorf("%+v", f)
		}
	}
	if n := w.times("/token"); n != 1 {
		t.Errorf("asked %d times about a sign-in that is over", n)
	}
	found = p.Findings(t.Context(), "sinks.sales.sheets")
	if len(found) != 1 || found[0].Level != pipeline.Fail || !strings.Contains(found[0].Fix, loginCommand) || !strings.Contains(found[0].Fix, permissionsPage) {
		t.Errorf("%+v", found)
	}
	if p.Email() != "" || p.AccountID() != "person/"+testClient {
		t.Errorf("it is %q, %q", p.Email(), p.AccountID())
	}
}

// An app in Testing ends its sign-ins after seven days; that is told by the age.
func TestAnAppInTesting(t *testing.T) {
	w := newWorld(t)
	p := w.signIn(w.oauth(), w.store())
	for range 7*24 - 1 {
		w.advance(time.Hour)
		if _, err := p.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.mu.Lock()
	w.refresh = "1//another"
	w.mu.Unlock()
	w.advance(2 * time.Hour)
	if _, err := p.Token(t.Context()); !errors.Is(err, token.ErrReauthorise) {
		t.Fatal(err)
	}
	found := p.Findings(t.Context(), "sinks.sales.sheets")
	if len(found) != 1 || !strings.Contains(found[0].Fix, audiencePage) || !strings.Contains(found[0].Fix, loginCommand) {
		t.Errorf("%+v", found)
	}
}

// Where the end is told, it is warned about ahead, and no renewal forgets it.
func TestAnEndThatIsTold(t *testing.T) {
	w := newWorld(t)
	a, store := w.oauth(), w.store()
	p := w.signIn(a, store)
	w.mu.Lock()
	w.ends = 36 * 3600
	w.mu.Unlock()
	w.advance(time.Hour)
	if _, err := p.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.ends = 0
	w.mu.Unlock()
	w.advance(time.Hour)
	if _, err := p.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	found := p.Findings(t.Context(), "s")
	if len(found) != 2 || found[1].Level != pipeline.Warn || !strings.Contains(found[1].What, "ends") || !strings.Contains(found[1].Fix, loginCommand) {
		t.Errorf("%+v", found)
	}
}

// While Google fails nothing is counted and nothing is over; a wrong secret is not the
// sign-in's end either.
func TestTroubleEndsNoSignIn(t *testing.T) {
	w := newWorld(t)
	a := w.oauth()
	p := w.signIn(a, w.store())
	w.advance(time.Hour)
	for _, r := range []row{{status: 503, body: "<html>"}, {status: 429, code: "rate_limit_exceeded"}} {
		w.breaks(func(rw http.ResponseWriter, _ *http.Request) bool { r.serve(rw); return true })
		for range 30 {
			_, err := p.Token(t.Context())
			if wait, held := pipeline.IsHold(Verdict(err)); !held || wait == 0 || errors.Is(err, token.ErrStorm) || errors.Is(err, token.ErrReauthorise) || Classify(err).Class != Down {
				t.Fatalf("%d: %v", r.status, err)
			}
		}
		if found := p.Findings(t.Context(), "s"); len(found) != 1 || found[0].Level != pipeline.Warn {
			t.Errorf("%+v", found)
		}
	}
	w.breaks(func(rw http.ResponseWriter, _ *http.Request) bool {
		refuse(rw, 401, "invalid_client", "Unauthorized")
		return true
	})
	for range 20 {
		if _, err := p.Token(t.Context()); errors.Is(err, token.ErrReauthorise) || Classify(err).Class != Setup {
			t.Fatalf("a wrong secret: %v", err)
		}
	}
	if n := w.times("/token"); n != 62+10 {
		t.Errorf("asked %d times", n)
	}
	w.breaks(nil)
	w.advance(11 * time.Minute)
	if _, err := p.Token(t.Context()); err != nil {
		t.Errorf("when it is over: %v", err)
	}
}

func TestNobodyHasSignedIn(t *testing.T) {
	w := newWorld(t)
	p := w.oauth().Person(w.store(), "google.user.sales", loginCommand, nil)
	_, err := p.Token(t.Context())
	if !errors.Is(err, token.ErrReauthorise) {
		t.Fatal(err)
	}
	found := p.Findings(t.Context(), "s")
	if len(found) != 1 || found[0].Level != pipeline.Fail || !strings.Contains(found[0].Fix, loginCommand) {
		t.Errorf("%+v", found)
	}
}
