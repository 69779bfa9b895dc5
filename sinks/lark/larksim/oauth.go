package larksim

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
)

// tokenRequest is the body of authen/v2/oauth/token, JSON or form (`lark.md` §1.4).
type tokenRequest struct {
	Grant    string  `json:"grant_type"`
	ID       string  `json:"client_id"`
	Secret   string  `json:"client_secret"`
	Code     string  `json:"code"`
	Redirect string  `json:"redirect_uri"`
	Verifier string  `json:"code_verifier"`
	Refresh  string  `json:"refresh_token"`
	Scope    *string `json:"scope"`
}

func (c *call) tokenRequest() (in tokenRequest, ok bool) {
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		v, err := url.ParseQuery(string(c.body))
		if err != nil {
			return in, false
		}
		in = tokenRequest{Grant: v.Get("grant_type"), ID: v.Get("client_id"), Secret: v.Get("client_secret"), Code: v.Get("code"),
			Redirect: v.Get("redirect_uri"), Verifier: v.Get("code_verifier"), Refresh: v.Get("refresh_token")}
		if v.Has("scope") {
			s := v.Get("scope")
			in.Scope = &s
		}
		return in, true
	}
	return in, json.Unmarshal(c.body, &in) == nil
}

// oauthToken is POST authen/v2/oauth/token. Its errors have OAuth's shape.
func oauthToken(c *call) (any, *failure) {
	in, ok := c.tokenRequest()
	if !ok {
		return nil, fail(20063)
	}
	if id, secret, basic := c.r.BasicAuth(); basic {
		if in.Secret != "" {
			return nil, fail(20070)
		}
		in.ID, in.Secret = id, secret
	}
	given := map[string]string{"authorization_code": in.Code, "refresh_token": in.Refresh}
	switch what, known := given[in.Grant]; {
	case in.Grant != "" && !known:
		return nil, fail(20036)
	case in.Grant == "", in.ID == "", in.Secret == "", what == "":
		return nil, fail(20001)
	}
	var narrowed []string
	if in.Scope != nil && *in.Scope != "" {
		narrowed = scopeList(*in.Scope)
		sorted := slices.Sorted(slices.Values(narrowed))
		if len(slices.Compact(sorted)) != len(narrowed) {
			return nil, fail(20067)
		}
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[in.ID]
	switch {
	case a == nil:
		return nil, fail(20048)
	case a.Disabled:
		return nil, fail(20069)
	case a.Uninstalled:
		return nil, fail(20009)
	case !same(a.Secret, in.Secret):
		return nil, fail(20002)
	}
	c.app = a
	var p tokens
	var code int
	if in.Grant == "refresh_token" {
		p, code = s.renew(a, in.Refresh, narrowed, false)
	} else {
		p, code = s.redeem(a, in.Code, in.Redirect, in.Verifier, narrowed, false)
	}
	if code != 0 {
		return nil, fail(code)
	}
	out := map[string]any{"code": 0, "access_token": p.access, "expires_in": seconds(s.opts.TokenLife), "scope": strings.Join(p.scopes, " "), "token_type": "Bearer"}
	if p.refresh != "" {
		out["refresh_token"], out["refresh_token_expires_in"] = p.refresh, seconds(p.refreshFor)
	}
	return flat{out}, nil
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// oauthShape is how the v2 token endpoint tells an error.
func oauthShape(code int, name string) map[string]any {
	kind := "invalid_request"
	switch code {
	case 20003, 20004, 20024, 20026, 20037, 20049, 20064, 20065, 20071, 20073:
		kind = "invalid_grant"
	case 20002, 20048:
		kind = "invalid_client"
	case 20036:
		kind = "unsupported_grant_type"
	case 20067, 20068:
		kind = "invalid_scope"
	case 20008, 20009, 20010, 20066, 20069, 20074:
		kind = "unauthorized_client"
	case 20050:
		kind = "server_error"
	case 20072:
		kind = "temporarily_unavailable"
	}
	return map[string]any{"code": code, "error": kind, "error_description": name}
}

// The older endpoints, authen/v1/oidc/… and authen/v1/…: the app's token in the
// header, data in an envelope, every error with HTTP 200.

func oidcToken(c *call) (any, *failure)   { return c.oidc("authorization_code") }
func oidcRefresh(c *call) (any, *failure) { return c.oidc("refresh_token") }

func (c *call) oidc(grant string) (any, *failure) {
	refuse := func(code int) (any, *failure) { return nil, &failure{code: code, status: 200} }
	var in struct {
		Grant   string `json:"grant_type"`
		Code    string `json:"code"`
		Refresh string `json:"refresh_token"`
	}
	if json.Unmarshal(c.body, &in) != nil || in.Grant != grant || in.Code+in.Refresh == "" {
		return refuse(20001)
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tokens[strings.TrimPrefix(c.r.Header.Get("Authorization"), "Bearer ")]
	if t == nil || t.revoked || !s.now().Before(t.expires) {
		return refuse(20014)
	}
	c.app = t.app
	if t.app.Brand != s.opts.Brand {
		return refuse(20046)
	}
	var p tokens
	var code int
	if grant == "refresh_token" {
		p, code = s.renew(t.app, in.Refresh, nil, true)
		if code == 20026 {
			code = 20038
		}
	} else {
		p, code = s.redeem(t.app, in.Code, "", "", nil, true)
	}
	if code != 0 {
		return refuse(code)
	}
	return map[string]any{"access_token": p.access, "token_type": "Bearer", "expires_in": seconds(s.opts.TokenLife) - 1,
		"refresh_token": p.refresh, "refresh_expires_in": seconds(p.refreshFor) - 1, "scope": strings.Join(p.scopes, " ")}, nil
}

// userInfo is GET authen/v1/user_info: who a user token belongs to.
func userInfo(c *call) (any, *failure) {
	if c.user == nil {
		return nil, fail(99991668)
	}
	u := c.user
	return map[string]any{"name": u.Name, "en_name": u.Name, "open_id": u.OpenID, "union_id": u.UnionID, "user_id": u.UserID,
		"email": u.Email, "mobile": u.Mobile, "tenant_key": c.s.opts.Tenant, "avatar_url": ""}, nil
}
