package sheetsim

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// The scopes that open a spreadsheet.
const (
	scopeSheets   = "https://www.googleapis.com/auth/spreadsheets"
	scopeReadonly = "https://www.googleapis.com/auth/spreadsheets.readonly"
	scopeDrive    = "https://www.googleapis.com/auth/drive"
	scopeDriveRO  = "https://www.googleapis.com/auth/drive.readonly"
	scopeFile     = "https://www.googleapis.com/auth/drive.file"
)

var (
	writeScopes = []string{scopeSheets, scopeDrive, scopeFile}
	readScopes  = []string{scopeSheets, scopeReadonly, scopeDrive, scopeDriveRO, scopeFile}
)

// account is a service account.
type account struct {
	email   string
	project string // its number
	key     *rsa.PrivateKey
	keyID   string
	gone    bool
}

// grant is what an access token stands for.
type grant struct {
	email   string
	client  string // OAuth client, or the service account itself
	project string
	scopes  []string
	until   time.Time
	refresh *refresh // nil for a service account
}

func (g *grant) any(of []string) bool {
	return slices.ContainsFunc(g.scopes, func(s string) bool { return slices.Contains(of, s) })
}

// only says whether scope is all that opens a spreadsheet for this token.
func (g *grant) only(scope string) bool {
	return slices.Contains(g.scopes, scope) && !slices.ContainsFunc(g.scopes, func(s string) bool {
		return s != scope && slices.Contains(readScopes, s)
	})
}

// AddAccount makes a service account with a key. What it returns is the key file
// as the Cloud console hands it out, its token_uri under baseURL. The account's
// project is [ProjectOf] its address.
func (s *Sim) AddAccount(email string) (keyJSON func(baseURL string) []byte) {
	s.mu.Lock()
	n := s.made
	s.made++
	s.mu.Unlock()
	key := s.opts.Keys.key(n)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("sheetsim: no key: " + err.Error())
	}
	a := &account{email: email, project: ProjectOf(email), key: key}
	s.set(func() {
		a.keyID = fmt.Sprintf("%016x%016x", s.rand.Uint64(), s.rand.Uint64())
		s.accounts[email] = a
	})
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return func(baseURL string) []byte {
		out, err := json.MarshalIndent(map[string]string{
			"type": "service_account", "project_id": "mekong-sim", "private_key_id": a.keyID, "private_key": text,
			"client_email": email, "client_id": "1" + a.project, "auth_uri": baseURL + "/o/oauth2/auth",
			"token_uri": baseURL + "/token", "universe_domain": "googleapis.com",
		}, "", "  ")
		if err != nil {
			panic("sheetsim: no key file: " + err.Error())
		}
		return out
	}
}

// RemoveAccount deletes a service account: its tokens die and no new ones are given.
func (s *Sim) RemoveAccount(email string) {
	s.set(func() {
		if a := s.accounts[email]; a != nil {
			a.gone = true
		}
		s.dropTokens(func(g *grant) bool { return g.email == email })
	})
}

// ExpireTokens makes every access token invalid from now on, as if their time was up.
func (s *Sim) ExpireTokens() { s.set(func() { s.dropTokens(func(*grant) bool { return true }) }) }

func (s *Sim) dropTokens(which func(*grant) bool) {
	for t, g := range s.tokens {
		if which(g) {
			delete(s.tokens, t)
		}
	}
}

// ProjectOf is the number of the Cloud project that an address or OAuth client
// belongs to: one per domain of an address, one per client.
func ProjectOf(name string) string {
	if _, domain, ok := strings.Cut(name, "@"); ok {
		name = domain
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return fmt.Sprint(100_000_000_000 + h.Sum64()%900_000_000_000)
}

// issue makes an access token. The caller holds the lock.
func (s *Sim) issue(g grant) (string, int) {
	g.until = s.now().Add(s.opts.TokenLife)
	token := "ya29." + s.id(60)
	s.tokens[token] = &g
	return token, int(s.opts.TokenLife/time.Second) - 1
}

// admit is what happens to a call before its content is looked at: token, API,
// scope, quota.
func (c *call) admit() *failure {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	token, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		token = c.query.Get("access_token")
	}
	g := s.tokens[token]
	if g == nil || !s.now().Before(g.until) {
		return unauthenticated()
	}
	c.who = g
	if s.disabled[g.project] {
		return apiDisabled(g.project)
	}
	need := readScopes
	if c.route.write || c.route.filter {
		need = writeScopes
	}
	if !g.any(need) {
		return scopeTooSmall(c.route.method)
	}
	return s.charge(c)
}
