package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/sinks/lark"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/token"
)

// redirect is a registered redirect address on a port that is free.
func (w *world) redirect(scopes ...string) string {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	defer l.Close()
	address := "http://" + l.Addr().String() + "/lark/callback"
	w.sim.AddApp(larksim.App{ID: simAppID, Secret: simSecret, Scopes: scopes, Redirects: []string{address, lark.DefaultRedirect}})
	return address
}

var printedLink = regexp.MustCompile(`(?m)^  (http\S+)$`)

// browse opens the link that a command prints, once it does, as a person's browser
// would, and returns the page that it ends at.
func browse(t *testing.T, o *output, client *http.Client) (ends, page string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		m := printedLink.FindStringSubmatch(o.String())
		if m == nil {
			continue
		}
		resp, err := client.Get(m[1])
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if to := resp.Header.Get("Location"); to != "" {
			return to, ""
		}
		return resp.Request.URL.String(), string(text)
	}
	t.Fatalf("no link was printed:\n%s", o.String())
	return "", ""
}

// login runs the command beside whoever consents.
func (w *world) login(ctx context.Context, in io.Reader, o *output, args ...string) <-chan int {
	done := make(chan int, 1)
	go func() {
		done <- Main(ctx, append([]string{"login", "lark", "crm", "-c", w.config}, args...), in, o, o)
	}()
	return done
}

// saved is the access token that any mekong on the folder finds.
func (w *world) saved() (string, error) {
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
	oauth, err := app.LarkOAuth(*c.Sinks["crm"].LarkBase)
	if err != nil {
		w.t.Fatal(err)
	}
	got, err := oauth.Session(store, app.LarkSession("crm"), nil).Token(w.t.Context())
	return got.Value.Reveal(), err
}

func TestLoginInTheBrowser(t *testing.T) {
	t.Setenv("LARK_APP_SECRET", simSecret)
	w := newWorld(t, larksim.Options{AutoApprove: true})
	w.write(w.sink(w.link()))
	redirect := w.redirect("bitable:app", "offline_access")
	var o output
	done := w.login(t.Context(), strings.NewReader(""), &o, "--no-browser", "--redirect", redirect)
	_, page := browse(t, &o, http.DefaultClient)
	if code := <-done; code != exitOK || !strings.Contains(page, "Signed in") || !strings.Contains(o.String(), "Signed in for crm") {
		t.Fatalf("exit %d\n%s\n%s", code, o.String(), page)
	}
	got, err := w.saved()
	if err != nil || got == "" || strings.Contains(o.String(), got) {
		t.Errorf("the token that was saved is %d long (%v), and was shown: %v", len(got), err, strings.Contains(o.String(), got))
	}
	if n := w.sim.Logins(); n.Exchanged != 1 || n.Burnt != 0 {
		t.Errorf("the simulator saw %+v", n)
	}
	if !strings.Contains(o.String(), "crm does not use it: it writes as the app until it has identity: user") {
		t.Errorf("it does not say that the sink writes as the app:\n%s", o.String())
	}
}

func TestLoginByPasting(t *testing.T) {
	t.Setenv("LARK_APP_SECRET", simSecret)
	w := newWorld(t, larksim.Options{AutoApprove: true})
	w.write(w.sink(w.link()))
	redirect := w.redirect("bitable:app", "offline_access")
	var o output
	in, typed := io.Pipe()
	done := w.login(t.Context(), in, &o, "--paste", "--redirect", redirect)
	away := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ends, _ := browse(t, &o, away) // where nothing listens
	if _, err := io.WriteString(typed, ends+"\n"); err != nil {
		t.Fatal(err)
	}
	if code := <-done; code != exitOK {
		t.Fatalf("exit %d\n%s", code, o.String())
	}
	if got, err := w.saved(); err != nil || got == "" {
		t.Errorf("nothing was saved: %v", err)
	}
}

// The page refuses a scope that the app has not; the terminal says what to do, and so
// it does about a sign-in that cannot be renewed.
func TestLoginWithoutRenewal(t *testing.T) {
	t.Setenv("LARK_APP_SECRET", simSecret)
	w := newWorld(t, larksim.Options{AutoApprove: true})
	w.write(w.sink(w.link()))
	redirect := w.redirect("bitable:app")
	var o output
	done := w.login(t.Context(), strings.NewReader(""), &o, "--no-browser", "--redirect", redirect, "--wait", "1s")
	_, page := browse(t, &o, http.DefaultClient)
	if code := <-done; code != exitFailed || !strings.Contains(page, "20027") || !strings.Contains(o.String(), "20027, enable what it names") {
		t.Errorf("exit %d\n%s", code, o.String())
	}
	var told output
	(&cli{out: &told}).signedIn("crm", config.IdentityUser, token.Pair{Access: token.Token{Value: token.NewSecret("invented-access"), Expires: time.Now()}})
	if says := told.String(); !strings.Contains(says, "offline_access") || strings.Contains(says, "invented-access") || strings.Contains(says, "does not use it") {
		t.Errorf("it says %s", says)
	}
}

func TestLoginFails(t *testing.T) {
	t.Setenv("LARK_APP_SECRET", simSecret)
	w := newWorld(t, larksim.Options{AutoApprove: true})
	w.write(w.sink(w.link(), "  archive: { mongodb: { database: mekong, collection: records } }"))
	for args, says := range map[string]string{"nobody": "no sink", "archive": "not one of Lark"} {
		if code, _, errOut := w.run("", "login", "lark", args); code != exitUsage || !strings.Contains(errOut, says) {
			t.Errorf("%s: exit %d %s", args, code, errOut)
		}
	}
	redirect := w.redirect("bitable:app", "offline_access")
	if code, _, errOut := w.run("", "login", "lark", "crm", "--no-browser", "--redirect", redirect, "--wait", "50ms"); code != exitFailed || !strings.Contains(errOut, "20029") {
		t.Errorf("nobody agrees: exit %d %s", code, errOut)
	}
	for in, says := range map[string]string{"": "no answer", "hello\n": "whole address", redirect + "?code=a&state=b\n": "not the return of this sign-in"} {
		if code, _, errOut := w.run(in, "login", "lark", "crm", "--paste", "--redirect", redirect); code != exitFailed || !strings.Contains(errOut, says) {
			t.Errorf("%q: exit %d %s", in, code, errOut)
		}
	}
	if _, err := w.saved(); err == nil {
		t.Error("something was saved")
	}
	ctx, cancel := context.WithCancel(t.Context())
	in, _ := io.Pipe()
	var o output
	done := w.login(ctx, in, &o, "--paste", "--redirect", redirect)
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(o.String(), "> ") && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	select {
	case code := <-done:
		if code != exitFailed {
			t.Errorf("a stop: exit %d", code)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a stop is not heard while it waits for a line")
	}
}
