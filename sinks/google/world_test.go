package google

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/sinks/token"
)

const (
	testEmail   = "mekong@invented-project.iam.gserviceaccount.com"
	testClient  = "123456789012-invented.apps.googleusercontent.com"
	testSecret  = "GOCSPX-invented-client-secret"
	assertionOf = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// testKey is made once: it takes a while.
var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func pemOf(t testing.TB, k any) string {
	t.Helper()
	b, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}))
}

// world is a stand-in for Google's sign-in service, and this machine's clock.
type world struct {
	t   *testing.T
	srv *httptest.Server

	mu      sync.Mutex
	ahead   time.Duration // this machine's clock, moved
	skew    time.Duration // Google's clock less ours
	keys    map[string]*rsa.PublicKey
	issued  int // tokens
	asked   map[string]int
	secrets []string // whatever may not be seen
	fault   func(w http.ResponseWriter, r *http.Request) bool
	refresh string // the one that works
	scope   string // granted; "": what was asked for
	ends    int    // refresh_token_expires_in
	pending int    // answers of the device flow before the code was entered
	codes   map[string]url.Values
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, keys: map[string]*rsa.PublicKey{"kid-1": &testKey().PublicKey}, asked: map[string]int{}, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", w.token)
	mux.HandleFunc("POST /device/code", w.device)
	mux.HandleFunc("GET /o/oauth2/auth", w.consent)
	mux.HandleFunc("POST /sts", w.sts)
	mux.HandleFunc("POST /v1/projects/-/serviceAccounts/"+testEmail+":generateAccessToken", w.impersonate)
	mux.HandleFunc("GET /computeMetadata/v1/instance/service-accounts/default/token", w.machine)
	mux.HandleFunc("GET /computeMetadata/v1/instance/service-accounts/default/email", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, testEmail) })
	w.srv = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body := http.MaxBytesReader(rw, r.Body, 1<<20)
		var b bytes.Buffer
		_, _ = b.ReadFrom(body)
		r.Body = struct {
			*bytes.Reader
			nopCloser
		}{bytes.NewReader(b.Bytes()), nopCloser{}}
		w.mu.Lock()
		w.asked[r.URL.Path]++
		rw.Header().Set("Date", time.Now().Add(w.ahead+w.skew).UTC().Format(http.TimeFormat))
		fault := w.fault
		if form, err := url.ParseQuery(b.String()); err == nil && form.Get("assertion") != "" {
			w.secrets = append(w.secrets, form.Get("assertion"))
		}
		w.mu.Unlock()
		if fault != nil && fault(rw, r) {
			return
		}
		mux.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.srv.Close)
	w.hide(testSecret)
	return w
}

type nopCloser struct{}

func (nopCloser) Close() error { return nil }

// now is this machine's clock.
func (w *world) now() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return time.Now().Add(w.ahead) }

func (w *world) advance(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.ahead += d }

func (w *world) hide(s string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, s)
	return s
}

func (w *world) breaks(f func(http.ResponseWriter, *http.Request) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
}

func (w *world) times(path string) int { w.mu.Lock(); defer w.mu.Unlock(); return w.asked[path] }

// clean holds that a text shows nothing that is hidden.
func (w *world) clean(what, text string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.secrets {
		if s != "" && strings.Contains(text, s) {
			w.t.Errorf("%s shows a secret: %s", what, text)
		}
	}
	if strings.Contains(text, "http://127.0.0.1") || strings.Contains(text, "PRIVATE KEY") {
		w.t.Errorf("%s shows an address or a key: %s", what, text)
	}
}

func reply(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(v)
}

func refuse(rw http.ResponseWriter, status int, code, words string) {
	reply(rw, status, map[string]string{"error": code, "error_description": words})
}

// mint is a new access token.
func (w *world) mint() string {
	w.mu.Lock()
	w.issued++
	n := w.issued
	w.mu.Unlock()
	return w.hide(fmt.Sprintf("ya29.invented-access-%d", n))
}

func (w *world) token(rw http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(rw, 400, "invalid_request", "")
		return
	}
	f := r.PostForm
	if f.Get("grant_type") == assertionOf {
		if code, words := w.wrong(f.Get("assertion")); code != "" {
			refuse(rw, 400, code, words)
			return
		}
		reply(rw, 200, map[string]any{"access_token": w.mint(), "token_type": "Bearer", "expires_in": 3599})
		return
	}
	if _, _, basic := r.BasicAuth(); basic {
		refuse(rw, 401, "invalid_client", "Unauthorized")
		return
	}
	switch {
	case f.Get("client_id") != testClient:
		refuse(rw, 401, "invalid_client", "The OAuth client was not found.")
		return
	case f.Get("client_secret") != testSecret:
		refuse(rw, 401, "invalid_client", "Unauthorized")
		return
	}
	out := map[string]any{"access_token": w.mint(), "token_type": "Bearer", "expires_in": 3599}
	w.mu.Lock()
	defer w.mu.Unlock()
	out["scope"] = Scope
	if w.scope != "" {
		out["scope"] = w.scope
	}
	if w.ends > 0 {
		out["refresh_token_expires_in"] = w.ends
	}
	switch f.Get("grant_type") {
	case "refresh_token":
		if f.Get("refresh_token") != w.refresh {
			refuse(rw, 400, "invalid_grant", "Token has been expired or revoked.")
			return
		}
	case "authorization_code":
		asked, ok := w.codes[f.Get("code")]
		delete(w.codes, f.Get("code"))
		sum := sha256.Sum256([]byte(f.Get("code_verifier")))
		if !ok || asked.Get("redirect_uri") != f.Get("redirect_uri") || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
			refuse(rw, 400, "invalid_grant", "Malformed auth code.")
			return
		}
		out["refresh_token"] = w.refresh
	case "urn:ietf:params:oauth:grant-type:device_code":
		if w.pending > 0 {
			w.pending--
			refuse(rw, 428, "authorization_pending", "Precondition Required")
			return
		}
		out["refresh_token"] = w.refresh
	default:
		refuse(rw, 400, "unsupported_grant_type", "Invalid grant_type: ")
		return
	}
	reply(rw, 200, out)
}

// wrong is what is wrong with an assertion, as Google puts it.
func (w *world) wrong(assertion string) (code, words string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return "invalid_grant", "Invalid JWT"
	}
	var head struct{ Alg, Kid string }
	var claims struct {
		Iss, Scope, Aud string
		Iat, Exp        int64
	}
	for i, v := range []any{&head, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(b, v) != nil {
			return "invalid_grant", "Invalid JWT"
		}
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	key := w.keys[head.Kid]
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	now := time.Now().Add(w.skew).Unix()
	switch {
	case claims.Iss != testEmail:
		return "invalid_grant", "Invalid grant: account not found"
	case err != nil || key == nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) != nil:
		return "invalid_grant", "Invalid JWT Signature."
	case claims.Iat > now+300 || claims.Exp < now || claims.Exp > claims.Iat+3600:
		return "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."
	case claims.Aud != w.srv.URL+"/token":
		return "invalid_grant", "Failed audience check. The right audience is " + w.srv.URL
	case claims.Scope != Scope:
		return "invalid_scope", "Invalid OAuth scope or ID token audience provided."
	}
	return "", ""
}

// consent agrees by itself.
func (w *world) consent(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for name, want := range map[string]string{"access_type": "offline", "prompt": "consent", "code_challenge_method": "S256", "client_id": testClient, "response_type": "code"} {
		if q.Get(name) != want {
			w.t.Errorf("the page is asked with %s=%q", name, q.Get(name))
		}
	}
	w.mu.Lock()
	code := fmt.Sprintf("4/invented-code-%d", len(w.codes)+1)
	w.codes[code] = q
	w.secrets = append(w.secrets, code)
	w.mu.Unlock()
	back := url.Values{"code": {code}, "state": {q.Get("state")}, "scope": {Scope}}
	http.Redirect(rw, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (w *world) device(rw http.ResponseWriter, r *http.Request) {
	reply(rw, 200, map[string]any{"device_code": w.hide("invented-device-code"), "user_code": "ABCD-EFGH", "expires_in": 1800, "interval": 1, "verification_url": "https://www.google.com/device"})
}

func (w *world) sts(rw http.ResponseWriter, r *http.Request) {
	if r.FormValue("subject_token") != "invented-subject-token" {
		refuse(rw, 400, "invalid_grant", "The subject token was issued by someone else")
		return
	}
	reply(rw, 200, map[string]any{"access_token": w.hide("invented-federated"), "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": 3600})
}

func (w *world) impersonate(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer invented-federated" {
		reply(rw, 401, map[string]any{"error": map[string]any{"code": 401, "status": "UNAUTHENTICATED"}})
		return
	}
	reply(rw, 200, map[string]any{"accessToken": w.mint(), "expireTime": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
}

func (w *world) machine(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Metadata-Flavor") != "Google" || r.FormValue("scopes") != Scope {
		rw.WriteHeader(403)
		return
	}
	reply(rw, 200, map[string]any{"access_token": w.mint(), "token_type": "Bearer", "expires_in": 3600})
}

// keyFile is a service account's key, changed as wished.
func (w *world) keyFile(change ...func(map[string]any)) []byte {
	w.t.Helper()
	text := pemOf(w.t, testKey())
	w.hide(strings.TrimSpace(strings.Split(text, "\n")[1]))
	f := map[string]any{
		"type": "service_account", "project_id": "invented-project", "private_key_id": "kid-1", "private_key": text,
		"client_email": testEmail, "client_id": "100000000000000000000", "token_uri": w.srv.URL + "/token", "universe_domain": "googleapis.com",
	}
	for _, c := range change {
		c(f)
	}
	b, err := json.Marshal(f)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// workloadFile is the file of a workload identity whose own token is in a file.
func (w *world) workloadFile(change ...func(map[string]any)) []byte {
	w.t.Helper()
	subject := w.file("subject", []byte(w.hide("invented-subject-token")))
	f := map[string]any{
		"type": "external_account", "audience": "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/pool/providers/provider",
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": w.srv.URL + "/sts",
		"service_account_impersonation_url": w.srv.URL + "/v1/projects/-/serviceAccounts/" + testEmail + ":generateAccessToken",
		"credential_source":                 map[string]any{"file": subject},
	}
	for _, c := range change {
		c(f)
	}
	b, err := json.Marshal(f)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) file(name string, text []byte) string {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// account is an account by its key file.
func (w *world) account(change ...func(*AccountOptions)) *Account {
	w.t.Helper()
	o := AccountOptions{JSON: config.NewSecret(string(w.keyFile())), Now: w.now}
	for _, c := range change {
		c(&o)
	}
	return NewAccount(o)
}

// oauth is the client that people sign in with; refresh becomes the token that works.
func (w *world) oauth(change ...func(*OAuthOptions)) *OAuth {
	w.t.Helper()
	w.mu.Lock()
	w.refresh = "1//invented-refresh"
	w.secrets = append(w.secrets, w.refresh)
	w.mu.Unlock()
	o := OAuthOptions{ClientID: testClient, ClientSecret: config.NewSecret(testSecret), TokenEndpoint: w.srv.URL + "/token", Now: w.now}
	for _, c := range change {
		c(&o)
	}
	a, err := NewOAuth(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) store() *token.Store {
	w.t.Helper()
	key, err := token.NewKey(make([]byte, 32))
	if err != nil {
		w.t.Fatal(err)
	}
	return token.NewStore(token.NewMemory(0, w.now), token.NewMemory(token.LeaseTTL, w.now), key)
}
