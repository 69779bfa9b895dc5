package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mekong/cmd/internal/app"
	"mekong/config"
)

const (
	googleSecret  = "GOCSPX-invented"
	googleAccess  = "ya29.invented-access"
	googleRefresh = "1//invented-refresh"
)

// googleWorld is a sign-in service that agrees by itself, and a configuration.
type googleWorld struct {
	t       *testing.T
	srv     *httptest.Server
	dir     string
	config  string
	refuses atomic.Pointer[string] // error of the token endpoint
	ends    atomic.Int64           // refresh_token_expires_in
	bare    atomic.Bool            // no refresh token comes
}

func newGoogleWorld(t *testing.T) *googleWorld {
	t.Helper()
	w := &googleWorld{t: t, dir: t.TempDir()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /o/oauth2/auth", func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		http.Redirect(rw, r, q.Get("redirect_uri")+"?code=4%2Finvented&state="+url.QueryEscape(q.Get("state")), http.StatusFound)
	})
	mux.HandleFunc("POST /device/code", func(rw http.ResponseWriter, _ *http.Request) {
		if code := w.refuses.Load(); code != nil {
			rw.WriteHeader(400)
			_ = json.NewEncoder(rw).Encode(map[string]any{"error": *code})
			return
		}
		_ = json.NewEncoder(rw).Encode(map[string]any{"device_code": "invented-device", "user_code": "ABCD-EFGH", "verification_url": "https://www.google.com/device", "expires_in": 60, "interval": 1})
	})
	mux.HandleFunc("POST /token", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		if code := w.refuses.Load(); code != nil || r.FormValue("client_secret") != googleSecret {
			if code == nil {
				code = new(string)
				*code = "invalid_client"
			}
			rw.WriteHeader(400)
			_ = json.NewEncoder(rw).Encode(map[string]any{"error": *code})
			return
		}
		out := map[string]any{"access_token": googleAccess, "expires_in": 3599, "token_type": "Bearer", "scope": "https://www.googleapis.com/auth/spreadsheets"}
		if !w.bare.Load() {
			out["refresh_token"] = googleRefresh
		}
		if n := w.ends.Load(); n > 0 {
			out["refresh_token_expires_in"] = n
		}
		_ = json.NewEncoder(rw).Encode(out)
	})
	w.srv = httptest.NewServer(mux)
	t.Cleanup(w.srv.Close)
	t.Setenv("GOOGLE_CLIENT_SECRET", googleSecret)
	w.config = filepath.Join(w.dir, "mekong.yaml")
	text := "data_dir: " + filepath.Join(w.dir, "data") + `
sinks:
  archive: { mongodb: { database: mekong, collection: records } }
  shop:
    sheets: { spreadsheet: "https://docs.google.com/spreadsheets/d/1Invented/edit#gid=0", credentials: key.json }
  sales:
    sheets:
      spreadsheet: https://docs.google.com/spreadsheets/d/1Invented/edit#gid=0
      identity: user
      client_id: 123-invented.apps.googleusercontent.com
      client_secret: ${GOOGLE_CLIENT_SECRET}
      token_endpoint: ` + w.srv.URL + "/token\n"
	if err := os.WriteFile(w.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return w
}

// login runs the command beside whoever consents.
func (w *googleWorld) login(ctx context.Context, in io.Reader, o *output, args ...string) <-chan error {
	done := make(chan error, 1)
	go func() {
		c := &cli{in: in, out: o, err: o, config: w.config, logLevel: "info"}
		cmd := c.loginGoogleCommand()
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs(args)
		cmd.SetOut(o)
		cmd.SetErr(o)
		err := cmd.ExecuteContext(ctx)
		all := o.String()
		if err != nil {
			all += err.Error()
		}
		for _, secret := range []string{googleSecret, googleAccess, googleRefresh, "invented-device"} {
			if strings.Contains(all, secret) {
				w.t.Errorf("%v shows a secret:\n%s", args, all)
			}
		}
		done <- err
	}()
	return done
}

// saved is the access token that any mekong on the folder finds.
func (w *googleWorld) saved() (string, error) {
	w.t.Helper()
	c, err := config.Load(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	store, done, err := app.OpenTokens(w.t.Context(), c, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer done()
	who, err := app.GoogleIdentity("sales", *c.Sinks["sales"].Sheets, store, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	got, err := who.Token(w.t.Context())
	return got.Value.Reveal(), err
}

func TestLoginToGoogleInTheBrowser(t *testing.T) {
	w := newGoogleWorld(t)
	var o output
	done := w.login(t.Context(), strings.NewReader(""), &o, "sales", "--no-browser")
	_, page := browse(t, &o, http.DefaultClient)
	if err := <-done; err != nil || !strings.Contains(page, "Signed in") || !strings.Contains(o.String(), "Signed in for sales") {
		t.Fatalf("%v\n%s\n%s", err, o.String(), page)
	}
	if got, err := w.saved(); err != nil || got != googleAccess {
		t.Errorf("saved %d letters, %v", len(got), err)
	}
}

func TestLoginToGoogleByPasting(t *testing.T) {
	w := newGoogleWorld(t)
	w.ends.Store(604799)
	var o output
	in, typed := io.Pipe()
	done := w.login(t.Context(), in, &o, "sales", "--paste")
	away := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ends, _ := browse(t, &o, away) // where nothing listens
	if _, err := io.WriteString(typed, ends+"\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || !strings.Contains(o.String(), "in Testing") {
		t.Fatalf("%v\n%s", err, o.String())
	}
	if got, err := w.saved(); err != nil || got != googleAccess {
		t.Errorf("nothing was saved: %v", err)
	}
}

func TestLoginToGoogleWithACode(t *testing.T) {
	w := newGoogleWorld(t)
	w.bare.Store(true)
	var o output
	if err := <-w.login(t.Context(), strings.NewReader(""), &o, "sales", "--device"); err != nil {
		t.Fatal(err)
	}
	if says := o.String(); !strings.Contains(says, "ABCD-EFGH") || !strings.Contains(says, "https://www.google.com/device") || !strings.Contains(says, "no refresh token") {
		t.Errorf("it says %s", says)
	}
}

func TestLoginToGoogleFails(t *testing.T) {
	w := newGoogleWorld(t)
	var usage usageError
	for name, says := range map[string]string{"nobody": "no sink", "archive": "not one of Google", "shop": "identity: user"} {
		var o output
		if err := <-w.login(t.Context(), strings.NewReader(""), &o, name); !errors.As(err, &usage) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for args, says := range map[string]string{"--no-browser --wait 30ms": "nobody agreed", "--paste": "no answer", "--paste --device": "none of the others", "--redirect nowhere": "redirect"} {
		var o output
		if err := <-w.login(t.Context(), strings.NewReader(""), &o, append([]string{"sales"}, strings.Fields(args)...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", args, err)
		}
	}
	for code, says := range map[string]string{"invalid_scope": "--paste", "invalid_client": "client_secret"} {
		w.refuses.Store(&code)
		var o output
		if err := <-w.login(t.Context(), strings.NewReader(""), &o, "sales", "--device"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", code, err)
		}
	}
	code := "admin_policy_enforced"
	w.refuses.Store(&code)
	var o output
	done := w.login(t.Context(), strings.NewReader(""), &o, "sales", "--no-browser")
	_, page := browse(t, &o, http.DefaultClient)
	if err := <-done; err == nil || !strings.Contains(err.Error(), "administrator") || !strings.Contains(page, "Not signed in") {
		t.Errorf("%v\n%s", err, page)
	}
	if _, err := w.saved(); err == nil {
		t.Error("something was saved")
	}
	w.refuses.Store(nil)
	ctx, cancel := context.WithCancel(t.Context())
	in, _ := io.Pipe()
	var waiting output
	done = w.login(ctx, in, &waiting, "sales", "--paste")
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(waiting.String(), "> ") && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a stop is a success")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a stop is not heard while it waits for a line")
	}
}
