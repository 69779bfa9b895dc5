package google

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/token"
)

func TestFiftyCallersOneFetch(t *testing.T) {
	w := newWorld(t)
	a := w.account()
	var wg sync.WaitGroup
	got := make([]string, 50)
	for i := range got {
		wg.Go(func() {
			tok, err := a.Token(t.Context())
			if err != nil {
				t.Error(err)
			}
			got[i] = tok.Value.Reveal()
		})
	}
	wg.Wait()
	if n := w.times("/token"); n != 1 {
		t.Errorf("%d fetches", n)
	}
	for _, s := range got {
		if s != "ya29.invented-access-1" {
			t.Errorf("got %q", s)
		}
	}
	if a.Email() != testEmail || a.AccountID() != "invented-project/"+testEmail {
		t.Errorf("it is %s, %s", a.Email(), a.AccountID())
	}
	// It is replaced ahead of its end, at a moment of its own, and not before.
	w.advance(54 * time.Minute)
	if tok, err := a.Token(t.Context()); err != nil || tok.Value.Reveal() != "ya29.invented-access-1" {
		t.Errorf("five minutes ahead: %v", err)
	}
	w.advance(2*time.Minute + 30*time.Second)
	if tok, err := a.Token(t.Context()); err != nil || tok.Value.Reveal() != "ya29.invented-access-2" {
		t.Errorf("three minutes ahead: %v", err)
	}
}

// guarded is an API that takes one token, or none.
func guarded(t *testing.T, good string) (address string, seen *[]string) {
	var mu sync.Mutex
	seen = new([]string)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		*seen = append(*seen, r.Header.Get("Authorization"))
		mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer "+good {
			rw.WriteHeader(401)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL, seen
}

// call is what a client does with a provider: a refused token is said to be, and the
// call made once more.
func call(t *testing.T, p token.Provider, address string) (status int, err error) {
	t.Helper()
	for second := false; ; second = true {
		tok, err := p.Token(t.Context())
		if err != nil {
			return 0, err
		}
		req, err := http.NewRequestWithContext(t.Context(), "POST", address, strings.NewReader("the body"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+tok.Value.Reveal())
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 401 || second {
			return resp.StatusCode, nil
		}
		p.Refused(tok)
	}
}

func TestARefusedToken(t *testing.T) {
	w := newWorld(t)
	a := w.account()
	api, seen := guarded(t, "ya29.invented-access-2")
	if status, err := call(t, a, api); err != nil || status != 200 {
		t.Fatal(status, err)
	}
	if got := fmt.Sprint(*seen); got != "[Bearer ya29.invented-access-1 Bearer ya29.invented-access-2]" {
		t.Errorf("the API saw %s", got)
	}
	if n := w.times("/token"); n != 2 {
		t.Errorf("%d fetches", n)
	}
	// Where every token is refused: one more each time, and after a while none.
	never, seen := guarded(t, "another")
	for i := range 5 {
		if status, err := call(t, a, never); err != nil || status != 401 {
			t.Fatal(status, err)
		}
		if len(*seen) != 2*(i+1) || w.times("/token") != 2+i+1 {
			t.Fatalf("after %d calls: %d requests, %d fetches", i+1, len(*seen), w.times("/token"))
		}
	}
	var err error
	for i := 0; i < 200 && err == nil; i++ {
		_, err = call(t, a, never)
	}
	if !errors.Is(err, token.ErrStorm) || w.times("/token") != 60 {
		t.Errorf("a loop: %d fetches, %v", w.times("/token"), err)
	}
	if wait, held := pipeline.IsHold(Verdict(err)); !held || wait <= 0 {
		t.Errorf("the verdict: %v for %s", Verdict(err), wait)
	}
	w.clean("the storm", Verdict(err).Error())
}

// A key that was replaced is used without a restart, once the old one's token is
// refused or over; that of another account is not.
func TestAKeyIsReplaced(t *testing.T) {
	w := newWorld(t)
	path := w.file("key.json", w.keyFile())
	a := w.account(func(o *AccountOptions) { o.JSON, o.File = config.Secret{}, path })
	first, err := a.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.keys = map[string]*rsa.PublicKey{"kid-2": &testKey().PublicKey}
	w.mu.Unlock()
	a.Refused(first)
	_, err = a.Token(t.Context())
	if e := As(err); e == nil || e.Class != Setup || e.Code != "invalid_grant" || !strings.Contains(e.Fix, accountsPage) {
		t.Errorf("with a key that was deleted: %v", err)
	}
	w.clean("a deleted key", err.Error())
	if err := os.WriteFile(path, w.keyFile(func(f map[string]any) { f["private_key_id"] = "kid-2" }), 0o600); err != nil {
		t.Fatal(err)
	}
	if tok, err := a.Token(t.Context()); err != nil || tok.Same(first) {
		t.Errorf("with the new key: %v", err)
	}
	if err := os.WriteFile(path, w.keyFile(func(f map[string]any) { f["client_email"] = "other@invented-project.iam.gserviceaccount.com" }), 0o600); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Hour)
	if _, err := a.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "another account") || a.Email() != testEmail {
		t.Errorf("with another account's key: %v", err)
	}
}

func TestTwoProcessesShareAToken(t *testing.T) {
	w := newWorld(t)
	store := w.store()
	var events []token.Event
	share := func(o *AccountOptions) { o.Share = store }
	one := w.account(share)
	two := w.account(share, func(o *AccountOptions) { o.OnToken = func(e token.Event) { events = append(events, e) } })
	first, err := one.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := two.Token(t.Context()); err != nil || !got.Same(first) || w.times("/token") != 1 {
		t.Errorf("the second fetched its own: %v, %d", err, w.times("/token"))
	}
	if len(events) != 1 || events[0].What != token.Shared {
		t.Errorf("events %+v", events)
	}
	one.Refused(first)
	two.Refused(first)
	next, err := one.Token(t.Context())
	if err != nil || next.Same(first) {
		t.Errorf("after a refusal: %v", err)
	}
	if got, err := two.Token(t.Context()); err != nil || !got.Same(next) || w.times("/token") != 2 {
		t.Errorf("after a refusal: %v, %d fetches", err, w.times("/token"))
	}
}

// An account that cannot be read when it is made says so, and can be put right.
func TestCredentialsComeLater(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "later.json")
	a := w.account(func(o *AccountOptions) { o.JSON, o.File = config.Secret{}, path })
	_, err := a.Token(t.Context())
	if _, held := pipeline.IsHold(Verdict(err)); !held || !strings.Contains(err.Error(), "not there") || a.Email() != "" {
		t.Errorf("without a file: %v", err)
	}
	found := a.Findings(t.Context(), "sinks.sales.sheets")
	if len(found) != 1 || found[0].Level != pipeline.Fail || found[0].Setting != "sinks.sales.sheets.credentials" || found[0].Fix == "" {
		t.Errorf("%+v", found)
	}
	if err := os.WriteFile(path, w.keyFile(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Token(t.Context()); err != nil || a.Email() != testEmail {
		t.Errorf("with one: %v", err)
	}
}

func TestAWorkloadIdentity(t *testing.T) {
	w := newWorld(t)
	path := w.file("workload.json", w.workloadFile())
	a := w.account(func(o *AccountOptions) { o.JSON, o.File = config.Secret{}, path })
	if a.Email() != testEmail || a.AccountID() != "123456789012/"+testEmail {
		t.Errorf("it is %q, %q", a.Email(), a.AccountID())
	}
	if _, err := a.Token(t.Context()); err != nil || w.times("/sts") != 1 {
		t.Fatal(err)
	}
	if found := a.Findings(t.Context(), "s"); len(found) != 1 || found[0].Level != pipeline.OK || !strings.Contains(found[0].What, "workload identity") {
		t.Errorf("%+v", found)
	}
	// Without an account of its own it is named by its pool.
	direct := w.account(func(o *AccountOptions) {
		o.JSON = config.NewSecret(string(w.workloadFile(func(f map[string]any) { delete(f, "service_account_impersonation_url") })))
	})
	if tok, err := direct.Token(t.Context()); err != nil || tok.Value.Reveal() != "invented-federated" || direct.Email() != "" || !strings.Contains(direct.AccountID(), "workloadIdentityPools") {
		t.Errorf("directly: %v, %q", err, direct.AccountID())
	}
	for name, c := range map[string]struct {
		path, says string
		fault      func(http.ResponseWriter)
	}{
		"another issuer": {"/sts", "refused", func(rw http.ResponseWriter) { refuse(rw, 400, "invalid_grant", "eyJhbGciOi") }},
		"no pool":        {"/sts", "pool", func(rw http.ResponseWriter) { refuse(rw, 400, "invalid_target", "") }},
		"a wrong client": {"/sts", "client", func(rw http.ResponseWriter) { refuse(rw, 401, "invalid_client", "") }},
		"no role": {"generateAccessToken", "may not act", func(rw http.ResponseWriter) {
			reply(rw, 403, map[string]any{"error": map[string]any{"code": 403, "status": "PERMISSION_DENIED", "message": "Permission 'iam.serviceAccounts.getAccessToken' denied"}})
		}},
		"no API": {"generateAccessToken", "not enabled", func(rw http.ResponseWriter) {
			reply(rw, 403, map[string]any{"error": map[string]any{"code": 403, "status": "PERMISSION_DENIED", "details": []any{map[string]any{"reason": "SERVICE_DISABLED"}}}})
		}},
		"no account": {"generateAccessToken", "does not exist", func(rw http.ResponseWriter) {
			reply(rw, 404, map[string]any{"error": map[string]any{"code": 404, "status": "NOT_FOUND"}})
		}},
	} {
		w.breaks(func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, c.path) {
				c.fault(rw)
				return true
			}
			return false
		})
		_, err := w.account(func(o *AccountOptions) { o.JSON, o.File = config.Secret{}, path }).Token(t.Context())
		if e := As(err); e == nil || e.Class != Setup || !strings.Contains(e.Msg, c.says) || e.Fix == "" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		w.clean(name, err.Error())
	}
	w.breaks(nil)
	gone := w.account(func(o *AccountOptions) {
		o.JSON = config.NewSecret(string(w.workloadFile(func(f map[string]any) { f["credential_source"] = map[string]any{"file": "/not/there"} })))
	})
	if _, err := gone.Token(t.Context()); As(err) == nil || As(err).Class != Setup {
		t.Errorf("without its own token: %v", err)
	}
}

// What the machine offers by itself, in the order of Google's libraries.
func TestTheMachinesOwnCredentials(t *testing.T) {
	w := newWorld(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("APPDATA", filepath.Join(home, ".config"))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(w.srv.URL, "http://"))
	own := func() *Account { return w.account(func(o *AccountOptions) { o.JSON = config.Secret{} }) }

	a := own()
	if _, err := a.Token(t.Context()); err != nil || a.Email() != testEmail || a.AccountID() != "this machine" {
		t.Errorf("the metadata server's: %v, %q", err, a.Email())
	}
	w.breaks(func(rw http.ResponseWriter, r *http.Request) bool {
		rw.WriteHeader(404)
		return strings.HasPrefix(r.URL.Path, "/computeMetadata")
	})
	_, err := own().Token(t.Context())
	if e := As(err); e == nil || e.Class != Setup || !strings.Contains(e.Msg, "no service account is attached") {
		t.Errorf("none is attached: %v", err)
	}
	w.breaks(nil)

	folder := filepath.Join(home, ".config", "gcloud")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "application_default_credentials.json"), []byte(`{"type":"authorized_user","client_id":"x","client_secret":"hidden","refresh_token":"hidden"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = own().Token(t.Context())
	if e := As(err); e == nil || !strings.Contains(e.Msg, "person's own login") || !strings.Contains(e.Fix, "mekong login google") || strings.Contains(err.Error(), "hidden") {
		t.Errorf("gcloud's: %v", err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", w.file("adc.json", w.keyFile()))
	if a := own(); a.Email() != testEmail {
		t.Errorf("by the environment variable: %q", a.Email())
	} else if _, err := a.Token(t.Context()); err != nil {
		t.Error(err)
	}
	if e := As(noMachine(errors.New("could not find default credentials"))); e.Class != Setup || !strings.Contains(e.Msg, "no credentials") {
		t.Errorf("nothing anywhere: %v", e)
	}
}

// Of Google's libraries' own logs, which an environment variable turns on, nothing
// comes.
func TestNoLog(t *testing.T) {
	w := newWorld(t)
	t.Setenv("GOOGLE_SDK_GO_LOGGING_LEVEL", "debug")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = write
	_, err = w.account().Token(t.Context())
	os.Stderr = stderr
	_ = write.Close()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(read); err != nil || len(text) > 0 {
		t.Errorf("it logged: %s (%v)", text, err)
	}
}
