package sheetsim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
)

// loginState is what the consent pages know: clients, people, and what they granted.
type loginState struct {
	clients   map[string]string // id → secret
	users     []string
	codes     map[string]*consent
	devices   map[string]*consent // by device code
	refreshes map[string]*refresh
}

func newLogin() loginState {
	return loginState{clients: map[string]string{}, codes: map[string]*consent{}, devices: map[string]*consent{}, refreshes: map[string]*refresh{}}
}

// consent is a grant on its way: a code, or a device code with its user code.
type consent struct {
	client, redirect string
	challenge, how   string // PKCE
	scopes           []string
	email            string // empty until a person has approved
	denied           bool
	offline          bool
	until            time.Time
	userCode         string
	polled           time.Time
}

// refresh is a refresh token's grant.
type refresh struct {
	client, email string
	scopes        []string
	until         time.Time // zero: no end
	revoked       bool
}

const (
	codeLife    = 10 * time.Minute
	deviceLife  = 30 * time.Minute
	devicePause = 5 * time.Second
	testingLife = 7 * 24 * time.Hour
)

// AddClient makes an OAuth client of the kind for desktop programs and devices:
// any loopback address may be its redirect. Its project is [ProjectOf] its id.
func (s *Sim) AddClient(id, secret string) { s.set(func() { s.login.clients[id] = secret }) }

// AddUser makes a person with a Google account.
func (s *Sim) AddUser(email string) {
	s.set(func() { s.login.users = append(s.login.users, email) })
}

// Revoke takes back what a person has granted, as in the account's settings: all
// refresh and access tokens of theirs die.
func (s *Sim) Revoke(email string) {
	s.set(func() {
		for _, r := range s.login.refreshes {
			if r.email == email {
				r.revoked = true
			}
		}
		s.dropTokens(func(g *grant) bool { return g.email == email })
	})
}

// ApproveDevice answers a device's request for its user, as the page at /device does.
func (s *Sim) ApproveDevice(userCode, email string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.login.devices {
		if d.userCode == userCode && s.now().Before(d.until) && slices.Contains(s.login.users, email) {
			d.email = email
			return true
		}
	}
	return false
}

// client checks id and secret of a token call. The caller holds the lock.
func (s *Sim) client(r *http.Request) (string, *reply) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	want, known := s.login.clients[id]
	if !known || subtle.ConstantTimeCompare([]byte(want), []byte(secret)) != 1 {
		rep := oauthError(401, "invalid_client", tokenText("invalid_client"))
		return "", &rep
	}
	return id, nil
}

func (s *Sim) byCode(r *http.Request) reply {
	id, bad := s.client(r)
	if bad != nil {
		return *bad
	}
	code := r.PostForm.Get("code")
	c := s.login.codes[code]
	delete(s.login.codes, code) // a code is good once
	if c == nil || c.client != id || !s.now().Before(c.until) {
		return oauthError(400, "invalid_grant", "Malformed auth code.")
	}
	if c.redirect != r.PostForm.Get("redirect_uri") {
		return oauthError(400, "redirect_uri_mismatch", "Bad Request")
	}
	if c.challenge != "" {
		verifier := r.PostForm.Get("code_verifier")
		got := verifier
		if c.how == "S256" {
			sum := sha256.Sum256([]byte(verifier))
			got = base64.RawURLEncoding.EncodeToString(sum[:])
		}
		if verifier == "" || got != c.challenge {
			return oauthError(400, "invalid_grant", "Invalid code verifier.")
		}
	}
	return s.granted(c)
}

// granted is the answer to a consent: an access token, and with offline access a
// refresh token.
func (s *Sim) granted(c *consent) reply {
	g := grant{email: c.email, client: c.client, project: ProjectOf(c.client), scopes: c.scopes}
	out := map[string]any{"token_type": "Bearer", "scope": strings.Join(c.scopes, " ")}
	if c.offline {
		g.refresh = &refresh{client: c.client, email: c.email, scopes: c.scopes}
		if s.opts.Testing {
			g.refresh.until = s.now().Add(testingLife)
			out["refresh_token_expires_in"] = int(testingLife / time.Second)
		}
		token := "1//" + s.id(60)
		s.login.refreshes[token] = g.refresh
		out["refresh_token"] = token
	}
	out["access_token"], out["expires_in"] = s.issue(g)
	return jsonReply(200, out)
}

func (s *Sim) byRefresh(r *http.Request) reply {
	id, bad := s.client(r)
	if bad != nil {
		return *bad
	}
	f := s.login.refreshes[r.PostForm.Get("refresh_token")]
	switch {
	case f == nil || f.revoked || !f.until.IsZero() && !s.now().Before(f.until):
		return oauthError(400, "invalid_grant", tokenText("invalid_grant"))
	case f.client != id:
		return oauthError(401, "unauthorized_client", "Unauthorized")
	}
	token, life := s.issue(grant{email: f.email, client: f.client, project: ProjectOf(f.client), scopes: f.scopes, refresh: f})
	return jsonReply(200, map[string]any{"access_token": token, "expires_in": life, "token_type": "Bearer", "scope": strings.Join(f.scopes, " ")})
}

func (s *Sim) byDevice(r *http.Request) reply {
	id, bad := s.client(r)
	if bad != nil {
		return *bad
	}
	code := r.PostForm.Get("device_code")
	d := s.login.devices[code]
	now := s.now()
	switch {
	case d == nil || d.client != id:
		return oauthError(400, "invalid_grant", "Malformed device code.")
	case !now.Before(d.until):
		return oauthError(400, "expired_token", "The device code has expired.")
	case d.denied:
		return oauthError(403, "access_denied", "Forbidden")
	case d.email == "":
		early := now.Before(d.polled.Add(devicePause - 500*time.Millisecond))
		d.polled = now
		if early {
			return oauthError(403, "slow_down", "Forbidden")
		}
		return oauthError(428, "authorization_pending", "Precondition Required")
	}
	delete(s.login.devices, code)
	return s.granted(d)
}

// revokeCall is POST /revoke.
func (s *Sim) revokeCall(r *http.Request) reply {
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		return oauthError(400, "invalid_request", "Bad Request")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token := r.Form.Get("token")
	f := s.login.refreshes[token]
	if g := s.tokens[token]; f == nil && g != nil {
		f = g.refresh
		delete(s.tokens, token)
		if f == nil {
			return jsonReply(200, map[string]any{})
		}
	}
	if f == nil || f.revoked {
		return oauthError(400, "invalid_token", "Token expired or revoked")
	}
	// Logging out in one place ends every grant of that client and account (§A6).
	for _, o := range s.login.refreshes {
		if o.client == f.client && o.email == f.email {
			o.revoked = true
		}
	}
	s.dropTokens(func(g *grant) bool { return g.client == f.client && g.email == f.email })
	return jsonReply(200, map[string]any{})
}
