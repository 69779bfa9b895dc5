package larksim

import (
	"encoding/json"
	"time"
)

// refreshFrom is the life left from which on the endpoint hands out the same
// token again (`lark.md` §1.2).
const refreshFrom = 30 * time.Minute

type tenantToken struct {
	app     *app
	value   string
	expires time.Time
	revoked bool
}

// tenantTokenInternal is POST auth/v3/tenant_access_token/internal (§1.2).
func tenantTokenInternal(c *call) (any, *failure) {
	t, left, f := c.mint()
	if f != nil {
		return nil, f
	}
	return flat{struct {
		Code   int    `json:"code"`
		Msg    string `json:"msg"`
		Token  string `json:"tenant_access_token"`
		Expire int    `json:"expire"`
	}{Msg: "ok", Token: t, Expire: left}}, nil
}

// appTokenInternal is POST auth/v3/app_access_token/internal; for an app made for
// one tenant, both tokens are the same string (§1.3).
func appTokenInternal(c *call) (any, *failure) {
	t, left, f := c.mint()
	if f != nil {
		return nil, f
	}
	return flat{struct {
		Code   int    `json:"code"`
		Msg    string `json:"msg"`
		App    string `json:"app_access_token"`
		Expire int    `json:"expire"`
		Tenant string `json:"tenant_access_token"`
	}{Msg: "ok", App: t, Expire: left, Tenant: t}}, nil
}

// mint checks the credentials in the body and returns a token with its seconds
// left: the current one while 30 minutes or more are left, else a new one beside it.
func (c *call) mint() (string, int, *failure) {
	var in struct {
		ID     string `json:"app_id"`
		Secret string `json:"app_secret"`
	}
	if err := json.Unmarshal(c.body, &in); err != nil || in.ID == "" || in.Secret == "" {
		return "", 0, fail(10003)
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[in.ID]
	if a == nil {
		return "", 0, fail(99991543)
	}
	c.app = a
	a.fetches++
	switch {
	case !same(a.Secret, in.Secret):
		return "", 0, fail(10015)
	case a.Disabled || a.Uninstalled:
		return "", 0, fail(10014)
	}
	now := s.now()
	t := a.current
	fresh := t != nil && !t.revoked && t.expires.Sub(now) >= refreshFrom
	if t == nil || !fresh && !(a.stuck && now.Before(t.expires)) {
		for v, old := range s.tokens {
			if !now.Before(old.expires) {
				delete(s.tokens, v)
			}
		}
		t = &tenantToken{app: a, value: s.id("t-", 40), expires: now.Add(s.opts.TokenLife)}
		s.tokens[t.value], a.current, a.stuck = t, t, false
	}
	return t.value, int(t.expires.Sub(now) / time.Second), nil
}

// RevokeTenantToken makes every tenant token of an app worthless: calls with it
// are refused with 99991663, and the next fetch brings a new one.
func (s *Sim) RevokeTenantToken(appID string) { s.set(func() { s.revoke(appID) }) }

// PoisonTenantToken does the same, but the token endpoint goes on handing out the
// refused token until it expires: a client that replays forever is found out.
func (s *Sim) PoisonTenantToken(appID string) {
	s.set(func() { s.revoke(appID); s.apps[appID].stuck = true })
}

func (s *Sim) revoke(appID string) {
	a := s.mustApp(appID)
	for _, t := range s.tokens {
		if t.app == a {
			t.revoked = true
		}
	}
}

// TokenFetches is how often an app asked for a tenant or app token, with success
// or without.
func (s *Sim) TokenFetches(appID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.apps[appID]; a != nil {
		return a.fetches
	}
	return 0
}
