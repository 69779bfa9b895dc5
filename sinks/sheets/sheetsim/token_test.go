package sheetsim_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/api/sheets/v4"

	"mekong/sinks/sheets/sheetsim"
)

// signed is a JWT with these claims, by the key of a key file.
func signed(t *testing.T, keyFile []byte, head, claims map[string]any) string {
	t.Helper()
	var file struct {
		Key string `json:"private_key"`
	}
	if err := json.Unmarshal(keyFile, &file); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(file.Key))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(head) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func (w *world) form(path string, v url.Values) (int, map[string]any) {
	w.t.Helper()
	resp, err := http.PostForm(w.url+path, v)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, out
}

func TestAServiceAccountsAssertionIsVerified(t *testing.T) {
	w := newWorld(t, sheetsim.Options{Now: sheetsim.Frozen(start)})
	other := w.AddAccount("other@example.com")
	now := start.Unix()
	good := func() map[string]any {
		return map[string]any{"iss": writer, "scope": sheets.SpreadsheetsScope, "aud": w.url + "/token", "iat": now, "exp": now + 3600}
	}
	for name, c := range map[string]struct {
		key    func(string) []byte
		alg    string
		change func(map[string]any)
		says   string // empty: a token
	}{
		"good":          {w.key, "RS256", func(map[string]any) {}, ""},
		"other key":     {other, "RS256", func(map[string]any) {}, "Invalid JWT Signature."},
		"no algorithm":  {w.key, "none", func(map[string]any) {}, "Invalid JWT Signature."},
		"unknown":       {w.key, "RS256", func(m map[string]any) { m["iss"] = "nobody@example.com" }, "account not found"},
		"audience":      {w.key, "RS256", func(m map[string]any) { m["aud"] = "https://a.example/token" }, "audience"},
		"clock ahead":   {w.key, "RS256", func(m map[string]any) { m["iat"], m["exp"] = now+600, now+4200 }, "reasonable timeframe"},
		"clock behind":  {w.key, "RS256", func(m map[string]any) { m["iat"], m["exp"] = now-7200, now-3600 }, "reasonable timeframe"},
		"too long":      {w.key, "RS256", func(m map[string]any) { m["exp"] = now + 7200 }, "reasonable timeframe"},
		"no scope":      {w.key, "RS256", func(m map[string]any) { m["scope"] = "" }, "scope"},
		"somebody else": {w.key, "RS256", func(m map[string]any) { m["sub"] = "boss@example.com" }, "unauthorized"},
	} {
		claims := good()
		c.change(claims)
		code, out := w.form("/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {signed(t, c.key(w.url), map[string]any{"alg": c.alg, "typ": "JWT"}, claims)}})
		if c.says == "" {
			if token, _ := out["access_token"].(string); code != 200 || token == "" || out["expires_in"] != 3599.0 {
				t.Errorf("%s: %d %v", name, code, out)
			}
			continue
		}
		if text, _ := out["error_description"].(string); code < 400 || !strings.Contains(text, c.says) {
			t.Errorf("%s: %d %v, want %q", name, code, out, c.says)
		}
	}
	w.RemoveAccount(writer)
	if code, out := w.form("/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {signed(t, w.key(w.url), map[string]any{"alg": "RS256"}, good())}}); code != 400 || out["error"] != "invalid_grant" {
		t.Errorf("a deleted account: %d %v", code, out)
	}
}

func TestFaultsOfTheTokenEndpoint(t *testing.T) {
	w := newWorld(t, sheetsim.Options{})
	for _, c := range []struct {
		fault sheetsim.Fault
		says  string
	}{
		{sheetsim.Fault{Kind: sheetsim.TokenRefused}, "Token has been expired or revoked."},
		{sheetsim.Fault{Kind: sheetsim.TokenRefused, Code: "invalid_client"}, "invalid_client"},
		{sheetsim.Fault{Kind: sheetsim.Page, On: []sheetsim.Method{sheetsim.Token}}, "<!DOCTYPE html>"},
	} {
		c.fault.Next = 1
		f := w.Fault(c.fault)
		_, err := w.service(w.key).Spreadsheets.Get(bookID).Do()
		if err == nil || !strings.Contains(err.Error(), c.says) || f.Struck() != 1 {
			t.Errorf("%+v: %v, want %q", c.fault, err, c.says)
		}
	}
}

const (
	clientID = "desk.apps.example.com"
	person   = "an@example.com"
)

// signIn goes through the consent page as a browser would.
func (w *world) signIn(conf *oauth2.Config, form url.Values, options ...oauth2.AuthCodeOption) *url.URL {
	w.t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	at, err := url.Parse(conf.AuthCodeURL("state1", options...))
	if err != nil {
		w.t.Fatal(err)
	}
	all := at.Query()
	for k, v := range form {
		all[k] = v
	}
	resp, err := browser.PostForm(w.url+at.Path, all)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		w.t.Fatalf("the page answers %d without sending back: %v", resp.StatusCode, err)
	}
	return back
}

func (w *world) oauth(scopes ...string) *oauth2.Config {
	w.AddClient(clientID, "invented")
	w.AddUser(person)
	w.Share(bookID, person, sheetsim.Writer)
	return &oauth2.Config{ClientID: clientID, ClientSecret: "invented", RedirectURL: "http://127.0.0.1:7777/back", Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: w.url + "/o/oauth2/auth", TokenURL: w.url + "/token", DeviceAuthURL: w.url + "/device/code", AuthStyle: oauth2.AuthStyleInParams}}
}

func TestALoopbackSignInWithPKCE(t *testing.T) {
	w := newWorld(t, sheetsim.Options{Testing: true})
	conf := w.oauth(sheets.SpreadsheetsScope)
	verifier := oauth2.GenerateVerifier()
	options := []oauth2.AuthCodeOption{oauth2.AccessTypeOffline, oauth2.S256ChallengeOption(verifier)}
	ctx := context.Background()

	back := w.signIn(conf, url.Values{"deny": {"1"}}, options...)
	if back.Query().Get("error") != "access_denied" || back.Query().Get("state") != "state1" || back.Query().Get("code") != "" {
		t.Errorf("refused: %v", back)
	}
	back = w.signIn(conf, url.Values{"account": {person}}, options...)
	code := back.Query().Get("code")
	if back.Host != "127.0.0.1:7777" || back.Query().Get("state") != "state1" || code == "" {
		t.Fatalf("sent back to %v", back)
	}
	if _, err := conf.Exchange(ctx, code, oauth2.VerifierOption("wrong-verifier-that-is-long-enough-to-be-one")); err == nil {
		t.Error("a wrong verifier was taken")
	}
	if _, err := conf.Exchange(ctx, code, oauth2.VerifierOption(verifier)); err == nil {
		t.Error("a code was good twice")
	}
	code = w.signIn(conf, url.Values{"account": {person}}, options...).Query().Get("code")
	tok, err := conf.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil || tok.RefreshToken == "" {
		t.Fatalf("exchange: %v, %+v", err, tok)
	}
	client, err := sheets.NewService(ctx, option.WithEndpoint(w.url), option.WithTokenSource(conf.TokenSource(ctx, &oauth2.Token{RefreshToken: tok.RefreshToken})))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Spreadsheets.Get(bookID).Do(); err != nil {
		t.Errorf("with the refresh token: %v", err)
	}
	refresh := func() string {
		_, err := conf.TokenSource(ctx, &oauth2.Token{RefreshToken: tok.RefreshToken}).Token()
		var r *oauth2.RetrieveError
		if errors.As(err, &r) {
			return r.ErrorCode
		}
		if err != nil {
			t.Fatal(err)
		}
		return ""
	}
	w.Advance(6 * 24 * time.Hour)
	same(t, "on the sixth day", refresh(), "")
	w.Advance(25 * time.Hour)
	same(t, "after a week in testing", refresh(), "invalid_grant")

	code = w.signIn(conf, url.Values{"account": {person}}, options...).Query().Get("code")
	if tok, err = conf.Exchange(ctx, code, oauth2.VerifierOption(verifier)); err != nil {
		t.Fatal(err)
	}
	w.Revoke(person)
	same(t, "after the person took it back", refresh(), "invalid_grant")
	conf.ClientSecret = "other"
	same(t, "with a wrong secret", refresh(), "invalid_client")
}

func TestTheConsentPageRefusesWhatIsWrong(t *testing.T) {
	w := newWorld(t, sheetsim.Options{})
	w.oauth()
	for what, q := range map[string]url.Values{
		"client":   {"client_id": {"other"}, "redirect_uri": {"http://127.0.0.1:1/"}, "response_type": {"code"}, "scope": {"a"}},
		"redirect": {"client_id": {clientID}, "redirect_uri": {"https://a.example/"}, "response_type": {"code"}, "scope": {"a"}},
		"scope":    {"client_id": {clientID}, "redirect_uri": {"http://127.0.0.1:1/"}, "response_type": {"code"}},
	} {
		code, body := w.send("GET", "/o/oauth2/v2/auth?"+q.Encode(), "", "")
		if code != 400 || !strings.Contains(body, "Access blocked") {
			t.Errorf("%s: %d", what, code)
		}
	}
	code, body := w.send("GET", "/o/oauth2/v2/auth?"+url.Values{"client_id": {clientID}, "redirect_uri": {"http://127.0.0.1:1/"}, "response_type": {"code"}, "scope": {"a<b"}, "state": {`"><script>`}}.Encode(), "", "")
	if code != 200 || !strings.Contains(body, person) || strings.Contains(body, "<script>") {
		t.Errorf("the page: %d %s", code, body)
	}
}

func TestADevicesSignIn(t *testing.T) {
	w := newWorld(t, sheetsim.Options{Now: sheetsim.Frozen(start)})
	conf := w.oauth(sheets.DriveFileScope)
	ask := func(scope string) (int, map[string]any) {
		return w.form("/device/code", url.Values{"client_id": {clientID}, "scope": {scope}})
	}
	if code, out := ask(sheets.SpreadsheetsScope); code != 400 || out["error"] != "invalid_scope" {
		t.Errorf("devices may not ask for every spreadsheet: %d %v", code, out)
	}
	_, out := ask(sheets.DriveFileScope)
	device, _ := out["device_code"].(string)
	user, _ := out["user_code"].(string)
	poll := func() (int, map[string]any) {
		return w.form("/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {device}, "client_id": {conf.ClientID}, "client_secret": {conf.ClientSecret}})
	}
	if code, out := poll(); code != 428 || out["error"] != "authorization_pending" {
		t.Errorf("before consent: %d %v", code, out)
	}
	if code, out := poll(); code != 403 || out["error"] != "slow_down" {
		t.Errorf("too often: %d %v", code, out)
	}
	w.Advance(6 * time.Second)
	if code, _ := w.send("POST", "/device?user_code="+user, "", ""); code != 200 {
		t.Errorf("the page: %d", code)
	}
	if w.ApproveDevice("AAAA-AAAA", person) || !w.ApproveDevice(user, person) {
		t.Error("a wrong code was taken, or the right one not")
	}
	code, out := poll()
	token, _ := out["access_token"].(string)
	if code != 200 || out["refresh_token"] == "" {
		t.Fatalf("after consent: %d %v", code, out)
	}
	if code, _ := w.send("GET", "/v4/spreadsheets/"+bookID, token, ""); code != 404 {
		t.Errorf("a spreadsheet that was not picked: %d", code)
	}
	w.OpenWith(bookID, clientID)
	if code, _ := w.send("GET", "/v4/spreadsheets/"+bookID, token, ""); code != 200 {
		t.Errorf("a spreadsheet that was picked: %d", code)
	}
	if code, _ := w.form("/revoke", url.Values{"token": {token}}); code != 200 {
		t.Errorf("revoke: %d", code)
	}
	if code, _ := w.send("GET", "/v4/spreadsheets/"+bookID, token, ""); code != 401 {
		t.Errorf("after revoking: %d", code)
	}
}
