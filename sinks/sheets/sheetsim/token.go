package sheetsim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// tokenCall answers POST /token: for service accounts, and for people by code,
// device code or refresh token (`sinks.md` §A6).
func (s *Sim) tokenCall(r *http.Request) reply {
	c := &call{s: s, r: r, route: route{method: Token}}
	s.mu.Lock()
	s.record.byMethod[Token]++
	fault := s.strike(c)
	s.mu.Unlock()
	if fault != nil && !fault.Applied {
		if rep, done := c.play(fault.Fault, reply{}); done {
			return rep
		}
	}
	rep := s.grantToken(r)
	if fault != nil && fault.Applied {
		if rep.failed() {
			s.unstrike(c)
			return rep
		}
		rep, _ = c.play(fault.Fault, rep)
	}
	return rep
}

func (s *Sim) grantToken(r *http.Request) reply {
	if r.Method != http.MethodPost {
		return oauthError(405, "invalid_request", "Only POST is allowed.")
	}
	if err := r.ParseForm(); err != nil {
		return oauthError(400, "invalid_request", "Bad form.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.PostForm.Get("grant_type") {
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		return s.byAssertion(r)
	case "authorization_code":
		return s.byCode(r)
	case "refresh_token":
		return s.byRefresh(r)
	case "urn:ietf:params:oauth:grant-type:device_code":
		return s.byDevice(r)
	}
	return oauthError(400, "unsupported_grant_type", "Invalid grant_type: "+r.PostForm.Get("grant_type"))
}

type claims struct {
	Issuer   string `json:"iss"`
	Scope    string `json:"scope"`
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

const badTime = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."

// byAssertion is the token of a service account. The caller holds the lock.
func (s *Sim) byAssertion(r *http.Request) reply {
	parts := strings.Split(r.PostForm.Get("assertion"), ".")
	if len(parts) != 3 {
		return oauthError(400, "invalid_request", "Bad Request")
	}
	var head struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	}
	var cl claims
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || unpack(parts[0], &head) != nil || unpack(parts[1], &cl) != nil {
		return oauthError(400, "invalid_grant", "Invalid JWT Signature.")
	}
	a := s.accounts[cl.Issuer]
	if a == nil || a.gone {
		return oauthError(400, "invalid_grant", "Invalid grant: account not found")
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if head.Alg != "RS256" || head.Kid != "" && head.Kid != a.keyID || rsa.VerifyPKCS1v15(&a.key.PublicKey, crypto.SHA256, sum[:], sig) != nil {
		return oauthError(400, "invalid_grant", "Invalid JWT Signature.")
	}
	if cl.Audience != "http://"+r.Host+"/token" && cl.Audience != "https://"+r.Host+"/token" {
		return oauthError(400, "invalid_grant", "Invalid JWT: Failed audience check. The right audience is https://oauth2.googleapis.com/token")
	}
	now, slack := s.now(), 5*time.Minute
	iat, exp := time.Unix(cl.Issued, 0), time.Unix(cl.Expires, 0)
	if !s.opts.AnyTime && (iat.After(now.Add(slack)) || exp.Before(now) || exp.Sub(iat) > time.Hour+time.Minute || !exp.After(iat)) {
		return oauthError(400, "invalid_grant", badTime)
	}
	if cl.Subject != "" && cl.Subject != cl.Issuer {
		return oauthError(401, "unauthorized_client", tokenText("unauthorized_client"))
	}
	if strings.TrimSpace(cl.Scope) == "" {
		return oauthError(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
	}
	token, life := s.issue(grant{email: a.email, client: a.email, project: a.project, scopes: strings.Fields(cl.Scope)})
	return jsonReply(200, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": life})
}

func unpack(part string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func jsonReply(status int, v any) reply {
	return reply{status: status, kind: "application/json; charset=utf-8", body: marshal(v), header: map[string]string{"Cache-Control": "no-store"}}
}

func oauthError(status int, code, text string) reply {
	return jsonReply(status, map[string]string{"error": code, "error_description": text})
}

// tokenText is what Google says with a code.
func tokenText(code string) string {
	switch code {
	case "invalid_grant":
		return "Token has been expired or revoked."
	case "invalid_client":
		return "The OAuth client was not found."
	case "unauthorized_client":
		return "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."
	}
	return "Bad Request"
}
