package google

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/auth"
	"golang.org/x/oauth2"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/token"
)

// hidden is in every answer of these tests where an answer could quote what it was
// sent, and may come out nowhere.
const hidden = "eyJhbGciOiJSUzI1NiJ9.hidden.0900000000"

// row is one way for a token endpoint to fail.
type row struct {
	name   string
	status int
	code   string
	words  string
	body   string // in place of code and words
	class  Class
	says   string // in the message
	fix    string // in what to do
	on     string // setting
}

func (r row) serve(rw http.ResponseWriter) {
	if r.body != "" {
		if strings.HasPrefix(r.body, "<") {
			rw.Header().Set("Content-Type", "text/html; charset=UTF-8")
		} else {
			rw.Header().Set("Content-Type", "application/json")
		}
		rw.WriteHeader(r.status)
		fmt.Fprint(rw, r.body)
		return
	}
	refuse(rw, r.status, r.code, r.words)
}

// common is what every party can meet.
var common = []row{
	{name: "internal", status: 500, code: "server_error", class: Down, says: "fails"},
	{name: "internal failure", status: 500, code: "internal_failure", words: hidden, class: Down, says: "fails"},
	{name: "unavailable", status: 503, code: "temporarily_unavailable", class: Down, says: "fails"},
	{name: "a page, 502", status: 502, body: "<!DOCTYPE html><title>Error 502</title>" + hidden, class: Down, says: "fails"},
	{name: "a page, 403", status: 403, body: "<html>" + hidden, class: Down, says: "page"},
	{name: "a page, 200", status: 200, body: "<html>" + hidden, class: Down, says: "page"},
	{name: "no token, 200", status: 200, body: `{"x":"` + hidden + `"}`, class: Down, says: "another service"},
	{name: "torn, 200", status: 200, body: `{"access_token":"` + hidden, class: Down, says: "another service"},
	{name: "too often", status: 429, code: "rate_limit_exceeded", class: Down, says: "too often"},
	{name: "elsewhere", status: 302, body: "{}", class: Setup, says: "elsewhere"},
	{name: "not there", status: 404, body: "{}", class: Setup, says: "no sign-in service"},
	{name: "unknown", status: 400, code: "made_up_code", words: hidden, class: Setup, says: "dislikes"},
	{name: "no identifier", status: 400, code: hidden + " ", words: hidden, class: Setup, says: "dislikes"},
	{name: "not OAuth's", status: 400, body: `{"error":["` + hidden + `"]}`, class: Setup, says: "dislikes"},
	{name: "a policy", status: 400, code: "invalid_grant", words: "Blocked by organization policy constraints/iam.x " + hidden, class: Setup, says: "policy"},
	{name: "an administrator", status: 400, code: "admin_policy_enforced", class: Setup, says: "policy"},
}

func TestWhyAnAccountGetsNoToken(t *testing.T) {
	for _, r := range append([]row{
		{name: "key deleted", status: 400, code: "invalid_grant", words: "Invalid JWT Signature.", class: Setup, says: "deleted or disabled", fix: accountsPage, on: "credentials"},
		{name: "account deleted", status: 400, code: "invalid_grant", words: "Invalid grant: account not found", class: Setup, says: "does not exist any more", fix: "share the spreadsheet", on: "credentials"},
		{name: "no such user", status: 400, code: "invalid_grant", words: "Not a valid email or user ID.", class: Setup, says: "does not exist any more", on: "credentials"},
		{name: "disabled", status: 400, code: "invalid_grant", words: "The account is disabled", class: Setup, says: "disabled", fix: accountsPage, on: "credentials"},
		{name: "clock", status: 400, code: "invalid_grant", words: "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.", class: Clock, says: "clock is wrong", fix: "set-ntp"},
		{name: "audience", status: 400, code: "invalid_grant", words: "Failed audience check", class: Setup, says: "another address", on: "credentials"},
		{name: "some reason", status: 400, code: "invalid_grant", words: "Something " + hidden, class: Setup, says: "does not take the account's key", fix: accountsPage, on: "credentials"},
		{name: "not this way", status: 401, code: "unauthorized_client", words: "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.", class: Setup, says: "for this scope", on: "credentials"},
		{name: "denied", status: 403, code: "access_denied", words: "Requested client not authorized.", class: Setup, says: "does not give", on: "credentials"},
		{name: "scope", status: 400, code: "invalid_scope", words: "Invalid OAuth scope or ID token audience provided.", class: Setup, says: "scope"},
	}, common...) {
		w := newWorld(t)
		w.breaks(func(rw http.ResponseWriter, _ *http.Request) bool { r.serve(rw); return true })
		a := w.account()
		_, err := a.Token(t.Context())
		w.judge(r, err)
		if w.times("/token") != 1 {
			t.Errorf("%s: asked %d times", r.name, w.times("/token"))
		}
		for _, f := range a.Findings(t.Context(), "sinks.sales.sheets") {
			w.clean(r.name, f.What+f.Fix)
		}
	}
}

// judge holds an error against its row, and that it shows nothing.
func (w *world) judge(r row, err error) {
	t := w.t
	t.Helper()
	e := As(err)
	if e == nil {
		t.Errorf("%s: %v", r.name, err)
		return
	}
	if e.Class != r.class || !strings.Contains(e.Msg, r.says) || !strings.Contains(e.Fix, r.fix) || e.Fix == "" || r.on != "" && e.Setting != r.on {
		t.Errorf("%s: class %s, setting %q: %v; %s", r.name, e.Class, e.Setting, e, e.Fix)
	}
	wait, held := pipeline.IsHold(Verdict(err))
	if !held || (e.Class == Down) != (wait > 0) || wait > time.Minute {
		t.Errorf("%s: the verdict holds for %s (%v)", r.name, wait, held)
	}
	level := pipeline.Fail
	if r.class == Down {
		level = pipeline.Warn
	}
	f := Diagnose(err, Where{Setting: "sinks.sales.sheets", Login: "mekong login google sales"})
	if f.Level != level || f.What == "" || f.Fix == "" || !strings.HasPrefix(f.Setting, "sinks.sales.sheets") {
		t.Errorf("%s: %+v", r.name, f)
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, Verdict(err)), Verdict(err).Error(), f.What, f.Fix} {
		w.clean(r.name, text)
		if strings.Contains(text, hidden) || strings.Contains(text, "hidden") {
			t.Errorf("%s: it quotes: %s", r.name, text)
		}
	}
}

func TestWhyAPersonGetsNoToken(t *testing.T) {
	for _, r := range append([]row{
		{name: "revoked", status: 400, code: "invalid_grant", words: "Token has been expired or revoked.", class: Ended, says: "Testing", fix: "sign in again"},
		{name: "bad request", status: 400, code: "invalid_grant", words: "Bad Request", class: Ended, says: "taken back", fix: "sign in again"},
		{name: "asks again", status: 400, body: `{"error":"invalid_grant","error_description":"reauth related error (invalid_rapt)","error_subtype":"invalid_rapt"}`, class: Ended, says: "every so often", fix: "administrator"},
		{name: "no such client", status: 401, code: "invalid_client", words: "The OAuth client was not found.", class: Setup, says: "no such OAuth client", fix: clientsPage, on: "client_id"},
		{name: "client deleted", status: 401, code: "deleted_client", words: "The OAuth client was deleted.", class: Setup, says: "no such OAuth client", fix: clientsPage, on: "client_id"},
		{name: "client disabled", status: 401, code: "disabled_client", class: Setup, says: "disabled", fix: clientsPage, on: "client_id"},
		{name: "wrong secret", status: 401, code: "invalid_client", words: "Unauthorized", class: Setup, says: "do not belong together", fix: clientsPage, on: "client_secret"},
		{name: "no secret", status: 400, code: "invalid_request", words: "client_secret is missing.", class: Setup, says: "secret is missing", on: "client_secret"},
		{name: "client of another type", status: 401, code: "unauthorized_client", words: "Unauthorized", class: Setup, says: "in this way", fix: "desktop app", on: "client_id"},
		{name: "not a tester", status: 403, code: "access_denied", class: Setup, says: "test users", fix: audiencePage},
		{name: "scope", status: 400, code: "invalid_scope", class: Setup, says: "scope"},
		{name: "inside only", status: 403, code: "org_internal", class: Setup, says: "its own organisation", fix: audiencePage, on: "client_id"},
		{name: "way back", status: 400, code: "redirect_uri_mismatch", class: Setup, says: "way back", fix: "desktop app", on: "client_id"},
	}, common...) {
		w := newWorld(t)
		a := w.oauth()
		w.breaks(func(rw http.ResponseWriter, _ *http.Request) bool { r.serve(rw); return true })
		_, err := a.Refresh(t.Context(), token.NewSecret(w.refresh))
		if (r.class == Ended) != errors.Is(err, token.ErrReauthorise) {
			t.Errorf("%s: %v ends it: %v", r.name, err, errors.Is(err, token.ErrReauthorise))
		}
		w.judge(r, err)
		if w.times("/token") != 1 {
			t.Errorf("%s: sent %d times", r.name, w.times("/token"))
		}
	}
}

// Trouble on the way is told apart, is nobody's here to mend, and names no address.
func TestNoAnswer(t *testing.T) {
	w := newWorld(t)
	hang := make(chan struct{})
	w.breaks(func(rw http.ResponseWriter, r *http.Request) bool {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		return true
	})
	defer close(hang)
	a := w.account()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := a.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's own limit: %v", err)
	} else if _, held := pipeline.IsHold(Verdict(err)); !held {
		t.Errorf("the verdict on it: %v", Verdict(err))
	}
	if v := Verdict(fmt.Errorf("x: %w", context.Canceled)); v != context.Canceled {
		t.Errorf("given up: %v", v)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	_ = l.Close()
	cut := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Length", "100")
		rw.WriteHeader(400)
		_, _ = rw.Write([]byte(hidden))
	}))
	defer cut.Close()
	trusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	trusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	trusted.StartTLS()
	defer trusted.Close()
	for name, c := range map[string]struct {
		address string
		class   Class
	}{
		"refused": {"http://" + dead + "/token", Down}, "cut": {cut.URL + "/token", Down},
		"not trusted": {trusted.URL + "/token", Setup}, "no name": {"http://invented.invalid/token", Down},
	} {
		key := w.keyFile(set("token_uri", c.address))
		_, err := w.account(func(o *AccountOptions) { o.JSON = config.NewSecret(string(key)) }).Token(t.Context())
		oauth := w.oauth(func(o *OAuthOptions) { o.TokenEndpoint = c.address })
		_, other := oauth.Refresh(t.Context(), token.NewSecret("1//hidden"))
		for _, err := range []error{err, other} {
			e := As(err)
			if e == nil || e.Class != c.class || e.Fix == "" {
				t.Errorf("%s: %v", name, err)
				continue
			}
			w.clean(name, err.Error())
			if text := err.Error() + e.Fix; strings.Contains(text, dead) || strings.Contains(text, "hidden") {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
}

// What Google's own clients return for want of a token is understood as well.
func TestTheLibrariesErrors(t *testing.T) {
	resp := func(status int) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {"7"}}}
	}
	around := func(err error) error {
		return &url.Error{Op: "Post", URL: "https://sheets.googleapis.com/v4/spreadsheets/hidden/values/hidden", Err: err}
	}
	body := []byte(`{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`)
	for name, c := range map[string]struct {
		err   error
		class Class
		code  string
	}{
		"an account's":       {around(&auth.Error{Response: resp(400), Body: body}), Ended, "invalid_grant"},
		"a person's":         {around(&oauth2.RetrieveError{Response: resp(400), Body: body, ErrorCode: "invalid_grant"}), Ended, "invalid_grant"},
		"a person's inside":  {around(&auth.Error{Err: &oauth2.RetrieveError{Response: resp(401), Body: []byte(`{"error":"invalid_client"}`), ErrorCode: "invalid_client"}}), Setup, "invalid_client"},
		"a code alone":       {around(&oauth2.RetrieveError{ErrorCode: "invalid_client", ErrorDescription: "Unauthorized"}), Setup, "invalid_client"},
		"a page":             {around(&auth.Error{Response: resp(502), Body: []byte("<html>hidden")}), Down, ""},
		"a form":             {around(&oauth2.RetrieveError{Response: resp(400), Body: []byte("error=invalid_scope"), ErrorCode: "invalid_scope"}), Setup, "invalid_scope"},
		"nothing in it":      {around(&auth.Error{}), Setup, ""},
		"no answer":          {around(errors.New("dial tcp: hidden")), Down, ""},
		"too slow":           {around(os.ErrDeadlineExceeded), Down, ""},
		"a name":             {around(&net.DNSError{Name: "hidden"}), Down, ""},
		"a certificate":      {around(x509.CertificateInvalidError{Reason: x509.Expired}), Clock, ""},
		"another's":          {around(x509.UnknownAuthorityError{}), Setup, ""},
		"our own inside":     {around(pipeline.Hold(&Error{Class: Setup, Msg: "x"}, 0)), Setup, ""},
		"a session's end":    {around(token.Reauthorise(token.Revoked, &Error{Class: Ended, Code: "invalid_grant", Msg: "x"})), Ended, "invalid_grant"},
		"nobody signed in":   {token.Reauthorise(token.NotSignedIn, nil), Ended, ""},
		"another's lease":    {around(token.ErrLeased), Down, ""},
		"a storm":            {around(token.ErrStorm), Setup, ""},
		"the store's":        {errors.New("the saved sign-in cannot be read: no responders"), Down, ""},
		"who knows what":     {errors.New("hidden " + hidden), Down, ""},
		"plain but too long": {errors.New(strings.Repeat("word ", 100)), Down, ""},
	} {
		e := Classify(c.err)
		if e.Class != c.class || e.Code != c.code {
			t.Errorf("%s: %s, %q: %v", name, e.Class, e.Code, e)
		}
		v := Verdict(c.err)
		if _, held := pipeline.IsHold(v); !held || strings.Contains(v.Error(), "hidden") || strings.Contains(v.Error(), "googleapis.com/v4") {
			t.Errorf("%s: %v", name, v)
		}
		if errors.Is(c.err, token.ErrReauthorise) != errors.Is(v, token.ErrReauthorise) {
			t.Errorf("%s: the verdict forgets that it is over", name)
		}
		if f := Diagnose(c.err, Where{Setting: "s"}); f.Level == pipeline.OK || c.class == Ended && !strings.Contains(f.Fix, "sign in again") || strings.Contains(f.What+f.Fix, "hidden") {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if Classify(around(&auth.Error{Response: resp(503)})).Wait != 7*time.Second {
		t.Error("Retry-After is not heeded")
	}
	if got := Classify(errors.New("the saved sign-in cannot be read: no responders")).Error(); !strings.Contains(got, "no responders") {
		t.Errorf("plain words are lost: %s", got)
	}
	if Verdict(nil) != nil {
		t.Error("nothing has a verdict")
	}
}

func TestPlainWords(t *testing.T) {
	for text, ok := range map[string]bool{
		"Token has been expired or revoked.": true, "Invalid JWT: Token must be short-lived (60 minutes)": true, "client_secret is missing.": true,
		"the key eyJhbGciOiJSUzI1NiJ9 is bad": false, "a@example.com may not": false, "0900000000": false, "số điện thoại": false,
		"https://example.com": false, "ya29.a0AfH": false, strings.Repeat("a ", 150): false, strings.Repeat("a", 30): false,
	} {
		if (plain(text) != "") != ok {
			t.Errorf("%q: %q", text, plain(text))
		}
	}
}

// The clock is looked at by the answers' own, and warned about before it hurts.
func TestTheClock(t *testing.T) {
	for skew, says := range map[time.Duration]string{0: "", 50 * time.Second: "", 3 * time.Minute: "slow", -3 * time.Minute: "fast", 20 * time.Minute: "slow", 2 * time.Hour: "slow", -20 * time.Minute: "fast"} {
		w := newWorld(t)
		w.skew = skew
		a := w.account()
		found := a.Findings(t.Context(), "s")
		hurts := skew > time.Hour || skew < -5*time.Minute
		last := found[len(found)-1]
		if says == "" && len(found) != 1 || says != "" && (last.Level != pipeline.Warn || !strings.Contains(last.What, says)) || hurts != (found[0].Level == pipeline.Fail) {
			t.Errorf("%s: %+v", skew, found)
		}
		if _, err := a.Token(t.Context()); hurts && (Classify(err).Class != Clock || Classify(err).Skew.Round(time.Minute) != skew || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %+v", skew, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{"error":"invalid_grant","error_description":"x"}`, `{"error":{"status":"PERMISSION_DENIED","message":"x","details":[{"reason":"SERVICE_DISABLED"}]}}`, `[{"error":{}}]`, "<html>", "", "null", `{"error":null}`, `{"error":{"details":[1]}}`} {
		f.Add(400, s)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		a := &answer{status: status}
		a.read(http.Header{}, []byte(body))
		for _, p := range []party{anybody, account, workload, person, login, device} {
			e := explain(p, a)
			if e.Msg == "" || e.Fix == "" || e.Class == "" || len(e.Error()) > 1000 {
				t.Fatalf("%d: %+v", p, e)
			}
		}
	})
}
