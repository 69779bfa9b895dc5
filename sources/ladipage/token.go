package ladipage

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"mekong/config"
)

// tokenHeaders are where receivers of LadiPage look for the token (`sources.md`
// §6); Authorization holds it alone or behind "Bearer".
var tokenHeaders = []string{"Token", "X-Api-Key", "Authorization", "X-Webhook-Token"}

// tokens are the hashes of what is accepted, any of them at any time: published
// pages go on sending the old token until somebody publishes them again. None
// at all accepts everybody.
type tokens [][sha256.Size]byte

func newTokens(secrets []config.Secret) tokens {
	var t tokens
	for _, s := range secrets {
		if !s.IsZero() {
			t = append(t, sha256.Sum256([]byte(s.Reveal())))
		}
	}
	return t
}

// admit reports whether r shows an accepted token, in a header or as what
// follows path in its URL.
func (t tokens) admit(r *http.Request, path string) bool {
	if len(t) == 0 {
		return true
	}
	ok := false
	for _, name := range tokenHeaders {
		for _, v := range r.Header[name] {
			const bearer = "Bearer "
			if name == "Authorization" && len(v) > len(bearer) && strings.EqualFold(v[:len(bearer)], bearer) {
				v = v[len(bearer):]
			}
			ok = t.has(strings.TrimSpace(v)) || ok
		}
	}
	if rest, found := strings.CutPrefix(r.URL.Path, strings.TrimSuffix(path, "/")+"/"); found {
		ok = t.has(strings.TrimSuffix(rest, "/")) || ok
	}
	return ok
}

// has takes the same time whatever s is, but for its length: both sides are
// hashed, and every token is compared with.
func (t tokens) has(s string) bool {
	if s == "" {
		return false
	}
	sum := sha256.Sum256([]byte(s))
	ok := 0
	for i := range t {
		ok |= subtle.ConstantTimeCompare(sum[:], t[i][:])
	}
	return ok == 1
}
