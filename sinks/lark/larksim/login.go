package larksim

import (
	"slices"
	"strings"
	"time"
)

// The lives of what a login gives (`lark.md` §1.4).
const (
	codeLife      = 5 * time.Minute
	refreshLife   = 7 * 24 * time.Hour
	refreshLifeV1 = 30 * 24 * time.Hour
	graceLife     = time.Minute // of the old access token after a refresh
	consentLife   = 365 * 24 * time.Hour
)

// loginState is who consented to what, and the tokens that came of it.
type loginState struct {
	asked    map[string]*consentRequest
	codes    map[string]*loginCode
	access   map[string]*accessToken
	refresh  map[string]*refreshToken
	consents map[[2]string]time.Time // of app and user
	stats    Logins
}

// consentRequest is a consent page that was shown and not yet answered.
type consentRequest struct {
	app                        *app
	redirect, state            string
	scopes                     []string
	challenge, challengeMethod string
}

// loginCode is what the redirect carries; used once.
type loginCode struct {
	consentRequest
	user    *User
	expires time.Time
	used    bool
}

type accessToken struct {
	app     *app
	user    *User
	expires time.Time
	scopes  []string
}

type refreshToken struct {
	accessToken
	access  string // the access token of the same pair
	v1      bool
	used    bool
	revoked bool
}

// Logins counts what happened to user tokens.
type Logins struct {
	Exchanged int // codes for a pair
	Refreshed int // refresh tokens for a pair
	Burnt     int // refresh tokens that were presented again after they had been used
}

func newLogin() loginState {
	return loginState{asked: map[string]*consentRequest{}, codes: map[string]*loginCode{}, access: map[string]*accessToken{},
		refresh: map[string]*refreshToken{}, consents: map[[2]string]time.Time{}}
}

// Logins is what happened to user tokens so far.
func (s *Sim) Logins() Logins {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.login.stats
}

// Login consents for a user without a browser and returns a pair of v2 tokens;
// refresh is "" without the scope offline_access.
func (s *Sim) Login(appID, openID string, scopes ...string) (access, refresh string) {
	s.set(func() {
		u := s.user(openID, "open_id")
		if u == nil {
			panic("larksim: no user " + openID)
		}
		a := s.mustApp(appID)
		s.consent(a, u)
		p := s.pair(a, u, scopes, false)
		access, refresh = p.access, p.refresh
	})
	return access, refresh
}

// RevokeUser ends every login of a user with an app: its access tokens are
// unknown (99991668), its refresh tokens revoked (20064).
func (s *Sim) RevokeUser(appID, openID string) {
	s.set(func() {
		for v, t := range s.login.access {
			if t.app.ID == appID && t.user.OpenID == openID {
				delete(s.login.access, v)
			}
		}
		for _, t := range s.login.refresh {
			if t.app.ID == appID && t.user.OpenID == openID {
				t.revoked = true
			}
		}
	})
}

func (s *Sim) consent(a *app, u *User) { s.login.consents[[2]string{a.ID, u.OpenID}] = s.now() }

// tokens is one issued pair.
type tokens struct {
	access, refresh string
	scopes          []string
	refreshFor      time.Duration
}

// pair issues an access token, and a refresh token beside it where one is due.
func (s *Sim) pair(a *app, u *User, scopes []string, v1 bool) tokens {
	now := s.now()
	for v, t := range s.login.access {
		// Expired ones are kept for a day, so that they are told from unknown ones.
		if now.Sub(t.expires) > 24*time.Hour {
			delete(s.login.access, v)
		}
	}
	p := tokens{scopes: scopes, refreshFor: refreshLife}
	prefix, length := "eyJ", 1200
	if v1 {
		prefix, length, p.refreshFor = "u-", 40, refreshLifeV1
	}
	p.access = s.id(prefix, length)
	t := accessToken{app: a, user: u, scopes: scopes, expires: now.Add(s.opts.TokenLife)}
	s.login.access[p.access] = &t
	if !v1 && !slices.Contains(scopes, "offline_access") {
		return p
	}
	if v1 {
		prefix = "ur-"
	}
	p.refresh = s.id(prefix, length)
	r := &refreshToken{accessToken: t, access: p.access, v1: v1}
	r.expires = now.Add(p.refreshFor)
	s.login.refresh[p.refresh] = r
	return p
}

// renew exchanges a refresh token: it is used up at once, and the old access
// token lives on for its grace. The code is 0 or why not. narrowed is nil for the
// scopes there were.
func (s *Sim) renew(a *app, value string, narrowed []string, v1 bool) (tokens, int) {
	now := s.now()
	t := s.login.refresh[value]
	switch {
	case t == nil || t.v1 != v1:
		return tokens{}, 20026
	case t.app != a:
		return tokens{}, 20024
	case t.used:
		s.login.stats.Burnt++
		return tokens{}, 20073
	case t.revoked, now.Sub(s.login.consents[[2]string{a.ID, t.user.OpenID}]) > consentLife:
		return tokens{}, 20064
	case !now.Before(t.expires):
		return tokens{}, 20037
	case a.NoRefresh:
		return tokens{}, 20074
	}
	if code := able(a, t.user); code != 0 {
		return tokens{}, code
	}
	scopes := t.scopes
	if narrowed != nil {
		if scopes = narrowed; !within(narrowed, t.scopes) {
			return tokens{}, 20068
		}
	}
	t.used = true
	if old := s.login.access[t.access]; old != nil && old.expires.After(now.Add(graceLife)) {
		old.expires = now.Add(graceLife)
	}
	s.login.stats.Refreshed++
	return s.pair(a, t.user, scopes, v1), 0
}

// redeem exchanges a code. redirect and verifier are "" in v1, which has neither.
func (s *Sim) redeem(a *app, value, redirect, verifier string, narrowed []string, v1 bool) (tokens, int) {
	c := s.login.codes[value]
	switch {
	case c == nil:
		return tokens{}, 20003
	case c.app != a:
		return tokens{}, 20024
	case c.used:
		return tokens{}, 20065
	case !s.now().Before(c.expires):
		return tokens{}, 20004
	case !v1 && c.redirect != redirect:
		return tokens{}, 20071
	case !v1 && !proves(c.challenge, c.challengeMethod, verifier):
		return tokens{}, 20049
	}
	if code := able(a, c.user); code != 0 {
		return tokens{}, code
	}
	scopes := c.scopes
	if narrowed != nil {
		if scopes = narrowed; !within(narrowed, c.scopes) {
			return tokens{}, 20068
		}
	}
	c.used = true
	s.consent(a, c.user)
	s.login.stats.Exchanged++
	return s.pair(a, c.user, scopes, v1), 0
}

// able says whether a user may have a token of an app.
func able(a *app, u *User) int {
	switch {
	case u.Frozen:
		return 20066
	case !a.reaches(u):
		return 20010
	}
	return 0
}

func within(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(whole, s) })
}

// scopeList reads scopes that are divided by spaces.
func scopeList(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	return strings.Fields(s)
}
