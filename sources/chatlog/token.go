package chatlog

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"

	"mekong/config"
	"mekong/sources/request"
)

// tokenHeaders are where chatbots put a token; X-Bp-Secret is Botpress's
// (`sources.md` §3.1). Authorization holds it alone or behind "Bearer".
var tokenHeaders = []string{"Token", "X-Api-Key", "Authorization", "X-Webhook-Token", "X-Bp-Secret"}

const signatureHeader = "X-Chatbase-Signature"

// tokens are the hashes of what is accepted, any of them at any time. None at
// all accepts everybody.
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

// admit checks where a request is from. signed says that what it holds may be
// Chatbase's: no secret is configured, or the signature is right.
func (r *Receiver) admit(req *http.Request, body []byte) (signed bool, err error) {
	sent := req.Header.Get(signatureHeader)
	signed = r.secret.IsZero() || sent != "" && validSignature(r.secret.Reveal(), body, sent)
	switch {
	case !signed && sent != "":
		return false, errSignature
	case signed && sent != "" && !r.secret.IsZero(): // stands for a token
		return true, nil
	case len(r.tokens) == 0 && !r.secret.IsZero(): // whoever set a secret wants no strangers
		return false, errSignature
	case r.tokens.admit(req, r.path):
		return signed, nil
	}
	return false, errToken
}

// Sign proves a body as a chatbot would that posts to the source c describes, for trying
// it out: it sets headers in h.
func Sign(c config.ChatLog, h http.Header, body []byte) {
	for _, token := range append([]config.Secret{c.Token}, c.Tokens...) {
		if !token.IsZero() {
			h.Set(tokenHeaders[0], token.Reveal())
			break
		}
	}
	if !c.ChatbaseSecret.IsZero() {
		mac := hmac.New(sha1.New, []byte(c.ChatbaseSecret.Reveal()))
		mac.Write(body)
		h.Set(signatureHeader, hex.EncodeToString(mac.Sum(nil)))
	}
}

// validSignature compares with the HMAC-SHA-1 of body under secret, in
// hexadecimal: Chatbase's documentation calls it the SHA-1 of the raw body with
// the secret key (`sources.md` §3.1).
func validSignature(secret string, body []byte, sent string) bool {
	got, err := hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(sent), "sha1="))
	if err != nil {
		return false
	}
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(mac.Sum(nil), got)
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

var (
	errToken = request.Unauthorized(
		"The token is missing or is not one of this source's: send it as a Token or Authorization header, or as the last part of the URL.")
	errSignature = request.Unauthorized(
		"The x-chatbase-signature is missing or wrong: compare chatbase_secret with the secret key of the webhook in Chatbase.")
)
