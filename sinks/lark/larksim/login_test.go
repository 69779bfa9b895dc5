package larksim_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"mekong/sinks/lark/larksim"
)

const (
	callback = "http://127.0.0.1:9999/callback"
	verifier = "a-verifier-that-is-long-enough-for-the-rule-of-43"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// visit opens a page and does not follow redirects.
func (w *world) visit(method, path string, form url.Values) (status int, location *url.URL, page string) {
	w.t.Helper()
	req, err := http.NewRequest(method, host+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := w.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	location, _ = url.Parse(resp.Header.Get("Location"))
	return resp.StatusCode, location, string(b)
}

func authorizeQuery(change func(url.Values)) string {
	q := url.Values{"client_id": {appID}, "response_type": {"code"}, "redirect_uri": {callback}, "state": {"s&1"},
		"scope": {"bitable:app offline_access"}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"}}
	if change != nil {
		change(q)
	}
	return "/open-apis/authen/v1/authorize?" + q.Encode()
}

// code logs in without a person and returns the code.
func (w *world) code(change func(url.Values)) string {
	w.t.Helper()
	status, to, page := w.visit("GET", authorizeQuery(change), nil)
	if status != http.StatusFound {
		w.t.Fatalf("authorize: %d %s", status, page)
	}
	return to.Query().Get("code")
}

// oauth is an answer of the v2 token endpoint.
type oauth struct {
	status  int
	Code    int    `json:"code"`
	Access  string `json:"access_token"`
	Expires int    `json:"expires_in"`
	Refresh string `json:"refresh_token"`
	Life    int    `json:"refresh_token_expires_in"`
	Scope   string `json:"scope"`
	Error   string `json:"error"`
	About   string `json:"error_description"`
}

func (w *world) exchange(body any) oauth {
	w.t.Helper()
	a := w.as(context.Background(), "", "POST", "/open-apis/authen/v2/oauth/token", body)
	out := oauth{status: a.status}
	// The field "error" is text here; answer's own decoding of it failed, as it should.
	if err := json.Unmarshal(a.raw, &out); err != nil {
		w.t.Fatalf("%s: %v", a.raw, err)
	}
	return out
}

func codeBody(code string, change map[string]string) map[string]string {
	b := map[string]string{"grant_type": "authorization_code", "client_id": appID, "client_secret": secret, "code": code, "redirect_uri": callback, "code_verifier": verifier}
	for k, v := range change {
		b[k] = v
	}
	return b
}

func refreshBody(token string) map[string]string {
	return map[string]string{"grant_type": "refresh_token", "client_id": appID, "client_secret": secret, "refresh_token": token}
}

func TestConsentPage(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.AddUser(larksim.User{OpenID: "ou_x", Name: `<script>alert(1)</script>`})
	status, _, page := w.visit("GET", authorizeQuery(nil), nil)
	if status != 200 || strings.Contains(page, "<script>") || !strings.Contains(page, "bitable:app") || strings.Contains(page, "http://") {
		t.Fatalf("page %d: %s", status, page)
	}
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page)[1]
	form := url.Values{"id": {id}, "user": {"ou_an"}, "do": {"approve"}}
	status, to, _ := w.visit("POST", "/open-apis/authen/v1/authorize", form)
	if status != 302 || !strings.HasPrefix(to.String(), callback+"?") || to.Query().Get("state") != "s&1" || to.Query().Get("code") == "" {
		t.Fatalf("approved: %d %s", status, to)
	}
	if status, _, _ := w.visit("POST", "/open-apis/authen/v1/authorize", form); status != 400 {
		t.Errorf("the page was answered twice: %d", status)
	}
	if got := w.exchange(codeBody(to.Query().Get("code"), nil)); got.Code != 0 {
		t.Errorf("exchange %+v", got)
	}
	_, _, page = w.visit("GET", authorizeQuery(nil), nil)
	id = regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page)[1]
	_, to, _ = w.visit("POST", "/open-apis/authen/v1/authorize", url.Values{"id": {id}, "user": {"ou_an"}, "do": {"deny"}})
	if to.Query().Get("error") != "access_denied" || to.Query().Get("state") != "s&1" {
		t.Errorf("denied: %s", to)
	}

	for code, change := range map[string]func(url.Values){
		"20048": func(q url.Values) { q.Set("client_id", "cli_none") },
		"20029": func(q url.Values) { q.Set("redirect_uri", "https://example.com/") },
		"20027": func(q url.Values) { q.Set("scope", "drive:drive") },
		"20001": func(q url.Values) { q.Set("code_challenge_method", "S512") },
	} {
		status, to, page := w.visit("GET", authorizeQuery(change), nil)
		if status != 400 || !strings.Contains(page, code) || to.String() != "" {
			t.Errorf("%s: %d %s", code, status, page)
		}
	}
	if status, _, page := w.visit("GET", authorizeQuery(func(q url.Values) { q.Set("scope", strings.Repeat("bitable:app ", 51)) }), nil); status != 400 || !strings.Contains(page, "20001") {
		t.Errorf("51 scopes: %d", status)
	}
}

func TestCodeExchange(t *testing.T) {
	w := newWorld(t, larksim.Options{AutoApprove: true})
	w.AddApp(larksim.App{ID: "cli_two", Secret: secret})
	w.AddApp(larksim.App{ID: "cli_off", Secret: secret, Disabled: true})
	w.AddApp(larksim.App{ID: "cli_out", Secret: secret, Uninstalled: true})
	for _, c := range []struct {
		name   string
		code   int
		kind   string
		change map[string]string
	}{
		{"no grant", 20001, "invalid_request", map[string]string{"grant_type": ""}},
		{"other grant", 20036, "unsupported_grant_type", map[string]string{"grant_type": "password"}},
		{"no code", 20001, "invalid_request", map[string]string{"code": ""}},
		{"unknown client", 20048, "invalid_client", map[string]string{"client_id": "cli_none"}},
		{"wrong secret", 20002, "invalid_client", map[string]string{"client_secret": "x"}},
		{"disabled", 20069, "unauthorized_client", map[string]string{"client_id": "cli_off"}},
		{"not installed", 20009, "unauthorized_client", map[string]string{"client_id": "cli_out"}},
		{"unknown code", 20003, "invalid_grant", map[string]string{"code": "x"}},
		{"another client", 20024, "invalid_grant", map[string]string{"client_id": "cli_two"}},
		{"redirect", 20071, "invalid_grant", map[string]string{"redirect_uri": callback + "2"}},
		{"verifier", 20049, "invalid_grant", map[string]string{"code_verifier": "x"}},
		{"duplicate scope", 20067, "invalid_scope", map[string]string{"scope": "bitable:app bitable:app"}},
		{"scope not granted", 20068, "invalid_scope", map[string]string{"scope": "im:message"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := w.exchange(codeBody(w.code(nil), c.change))
			if got.Code != c.code || got.status != 400 || got.Error != c.kind || got.About == "" {
				t.Errorf("got %+v", got)
			}
		})
	}
	if got := w.exchange("{"); got.Code != 20063 {
		t.Errorf("malformed: %+v", got)
	}
	code := w.code(nil)
	got := w.exchange(codeBody(code, nil))
	if got.Code != 0 || !strings.HasPrefix(got.Access, "eyJ") || got.Expires != 7200 || got.Life != 604800 || got.Scope != "bitable:app offline_access" {
		t.Fatalf("exchange: %+v", got)
	}
	if again := w.exchange(codeBody(code, nil)); again.Code != 20065 {
		t.Errorf("code used twice: %+v", again)
	}
	late := w.code(nil)
	w.Advance(5 * time.Minute)
	if got := w.exchange(codeBody(late, nil)); got.Code != 20004 {
		t.Errorf("code after 5 minutes: %+v", got)
	}
	if got := w.exchange(codeBody(w.code(nil), map[string]string{"scope": "bitable:app"})); got.Refresh != "" || got.Scope != "bitable:app" {
		t.Errorf("without offline_access: %+v", got)
	}
	plain := w.code(func(q url.Values) { q.Set("code_challenge", verifier); q.Del("code_challenge_method") })
	form := url.Values{}
	for k, v := range codeBody(plain, nil) {
		form.Set(k, v)
	}
	if status, _, body := w.visit("POST", "/open-apis/authen/v2/oauth/token", form); status != 200 {
		t.Errorf("plain challenge, as a form: %d %s", status, body)
	}
	w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpUserToken}, Kind: larksim.Answer, Code: 20072, Next: 1})
	if got := w.exchange(codeBody("x", nil)); got.status != 503 || got.Code != 20072 || got.Error == "" {
		t.Errorf("unavailable: %+v", got)
	}
}

func TestRefreshTokens(t *testing.T) {
	w := newWorld(t, larksim.Options{AutoApprove: true})
	w.Grant("ou_an", baseID, larksim.CanEdit)
	call := func(token string) answer {
		return w.as(context.Background(), token, "GET", w.fieldsPath(""), nil)
	}
	first := w.exchange(codeBody(w.code(nil), nil))
	call(first.Access).want(t, 0)
	second := w.exchange(refreshBody(first.Refresh))
	if second.Code != 0 || second.Refresh == first.Refresh || second.Access == first.Access {
		t.Fatalf("refresh: %+v", second)
	}
	w.Advance(59 * time.Second)
	call(first.Access).want(t, 0)
	w.Advance(time.Second)
	call(first.Access).want(t, 99991677)
	call(second.Access).want(t, 0)
	if got := w.exchange(refreshBody(first.Refresh)); got.Code != 20073 || got.status != 400 {
		t.Errorf("used twice: %+v", got)
	}
	if got := w.exchange(refreshBody("eyJx")); got.Code != 20026 {
		t.Errorf("unknown: %+v", got)
	}
	// A refresh that was carried out and whose answer was lost: the chain is broken.
	w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpUserToken}, Kind: larksim.Drop, Applied: true, Next: 1})
	if a := w.as(context.Background(), "", "POST", "/open-apis/authen/v2/oauth/token", refreshBody(second.Refresh)); a.err == nil {
		t.Error("the connection was to be dropped")
	}
	if got := w.exchange(refreshBody(second.Refresh)); got.Code != 20073 {
		t.Errorf("after the lost answer: %+v", got)
	}
	if s := w.Logins(); s != (larksim.Logins{Exchanged: 1, Refreshed: 2, Burnt: 2}) {
		t.Errorf("counted %+v", s)
	}

	_, third := w.Login(appID, "ou_an", "bitable:app", "offline_access")
	w.Advance(7 * 24 * time.Hour)
	if got := w.exchange(refreshBody(third)); got.Code != 20037 {
		t.Errorf("after 7 days: %+v", got)
	}
	access, fourth := w.Login(appID, "ou_an", "bitable:app", "offline_access")
	w.RevokeUser(appID, "ou_an")
	if got := w.exchange(refreshBody(fourth)); got.Code != 20064 {
		t.Errorf("revoked: %+v", got)
	}
	call(access).want(t, 99991668)

	// A chain that never breaks still ends a year after the consent.
	_, r := w.Login(appID, "ou_an", "bitable:app", "offline_access")
	days := 0
	for ; days <= 400; days += 5 {
		w.Advance(5 * 24 * time.Hour)
		got := w.exchange(refreshBody(r))
		if got.Code == 20064 {
			break
		}
		r = got.Refresh
	}
	if days != 365 {
		t.Errorf("the consent ended after %d days", days)
	}
	w.AddApp(larksim.App{ID: "cli_norefresh", Secret: secret, Scopes: []string{"offline_access"}, NoRefresh: true})
	_, r = w.Login("cli_norefresh", "ou_an", "offline_access")
	if got := w.exchange(map[string]string{"grant_type": "refresh_token", "client_id": "cli_norefresh", "client_secret": secret, "refresh_token": r}); got.Code != 20074 {
		t.Errorf("switch off: %+v", got)
	}
}
