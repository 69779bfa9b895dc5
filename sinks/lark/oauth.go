package lark

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"mekong/sinks/token"
)

const (
	// consentLife is how long a consent lasts, however often it is renewed.
	consentLife = 365 * 24 * time.Hour
	// mostScopes is how many a consent may ask for.
	mostScopes = 50
	// offline is the scope without which there is no refresh token.
	offline = "offline_access"
)

// OAuth signs a person in and renews that, by the v2 calls (`lark.md` §1.4). It may be
// used from any number of goroutines.
type OAuth struct {
	transport
	v1   bool
	apps *token.Cached // the app token that v1 wants
}

// NewOAuth makes the calls of app o.AppID. Tokens, Share and Budget are not used.
func NewOAuth(o Options) (*OAuth, error) {
	t, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	return &OAuth{transport: t}, nil
}

// NewOAuthV1 speaks the legacy calls instead, for an app that has v1 tokens only.
// Refresh tokens of the one do not work with the other, and v1 knows no PKCE.
func NewOAuthV1(o Options) (*OAuth, error) {
	a, err := NewOAuth(o)
	if err != nil {
		return nil, err
	}
	a.v1 = true
	a.apps = token.Cache(tenantEarly, a.appToken, token.Clock(a.now))
	return a, nil
}

// Consent is one attempt at a sign-in: what goes to the browser and what must come
// back.
type Consent struct {
	URL      string // the page where the person consents
	Redirect string
	State    string
	verifier string // of PKCE
}

// Consent begins a sign-in. redirect must be registered with the app, letter by
// letter (20029 on the page otherwise); of scopes, offline_access need not be named.
func (a *OAuth) Consent(redirect string, scopes []string) (Consent, error) {
	u, err := url.Parse(redirect)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return Consent{}, errors.New("lark: the redirect address is none")
	}
	scopes = slices.Clone(scopes)
	if !slices.Contains(scopes, offline) {
		scopes = append(scopes, offline)
	}
	if len(scopes) > mostScopes {
		return Consent{}, errors.New("lark: a consent asks for at most 50 scopes")
	}
	c := Consent{Redirect: redirect, State: rand.Text(), verifier: rand.Text() + rand.Text()}
	sum := sha256.Sum256([]byte(c.verifier))
	q := url.Values{
		"client_id": {a.appID}, "response_type": {"code"}, "redirect_uri": {redirect},
		"scope": {strings.Join(scopes, " ")}, "state": {c.State},
	}
	if !a.v1 {
		q.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
		q.Set("code_challenge_method", "S256")
	}
	c.URL = a.accounts + "/open-apis/authen/v1/authorize?" + q.Encode()
	return c, nil
}

// Exchange buys a pair with the code that the consent page gave, once.
func (a *OAuth) Exchange(ctx context.Context, c Consent, code string) (token.Pair, error) {
	if a.v1 {
		return a.pairV1(ctx, "/open-apis/authen/v1/oidc/access_token", map[string]string{"grant_type": "authorization_code", "code": code})
	}
	p, err := a.pair(ctx, map[string]string{
		"grant_type": "authorization_code", "client_id": a.appID, "client_secret": a.secret.Reveal(),
		"code": code, "redirect_uri": c.Redirect, "code_verifier": c.verifier,
	})
	return a.signedIn(p), err
}

func (a *OAuth) signedIn(p token.Pair) token.Pair {
	p.SignedIn = a.now()
	p.Ends = p.SignedIn.Add(consentLife)
	return p
}

// Refresh buys the next pair with a refresh token, which works once. It is what a
// [token.Session] exchanges by; nobody else should call it, because a pair that is
// not saved is lost. An error in which errors.Is finds [token.ErrReauthorise] is
// final.
func (a *OAuth) Refresh(ctx context.Context, refresh token.Secret) (token.Pair, error) {
	if a.v1 {
		return a.pairV1(ctx, "/open-apis/authen/v1/oidc/refresh_access_token", map[string]string{"grant_type": "refresh_token", "refresh_token": refresh.Reveal()})
	}
	return a.pair(ctx, map[string]string{
		"grant_type": "refresh_token", "client_id": a.appID, "client_secret": a.secret.Reveal(), "refresh_token": refresh.Reveal(),
	})
}

// Session is the provider of a sign-in that was saved in store under name: it is
// shared with every process that has the same. watch may be nil.
func (a *OAuth) Session(store *token.Store, name string, watch func(token.Event)) *token.Session {
	return token.NewSession(token.SessionOptions{Store: store, Name: name, Exchange: a.Refresh, Now: a.now, Watch: watch})
}

// pair makes the v2 call, whose answer is flat.
func (a *OAuth) pair(ctx context.Context, body map[string]string) (token.Pair, error) {
	var out struct {
		Access       string `json:"access_token"`
		Expires      int64  `json:"expires_in"`
		Refresh      string `json:"refresh_token"`
		RefreshUntil int64  `json:"refresh_token_expires_in"`
		Scope        string `json:"scope"`
	}
	b, err := encode(body)
	if err != nil {
		return token.Pair{}, err
	}
	r := Request{Op: OpUserToken, Method: http.MethodPost, Path: "/open-apis/authen/v2/oauth/token", Free: true, Write: true}
	answer := a.send(ctx, r, b, "")
	e := answer.judgeFlat(explainOAuth, &out)
	a.told(r, answer, e)
	if e != nil {
		return token.Pair{}, verdictOAuth(e)
	}
	p := token.Pair{Access: a.issued(out.Access, out.Expires), Scopes: strings.Fields(out.Scope)}
	if out.Refresh != "" {
		p.Refresh = a.issued(out.Refresh, out.RefreshUntil)
		if out.RefreshUntil <= 0 {
			p.Refresh.Expires = time.Time{}
		}
	}
	return p, nil
}

// pairV1 makes a v1 call, whose answer is in an envelope and whose token is the app's.
func (a *OAuth) pairV1(ctx context.Context, path string, body map[string]string) (token.Pair, error) {
	var out struct {
		Access       string `json:"access_token"`
		Expires      int64  `json:"expires_in"`
		Refresh      string `json:"refresh_token"`
		RefreshUntil int64  `json:"refresh_expires_in"`
		Scope        string `json:"scope"`
	}
	b, err := encode(body)
	if err != nil {
		return token.Pair{}, err
	}
	r := Request{Op: OpUserToken, Method: http.MethodPost, Path: path, Free: true, Write: true}
	for second := false; ; second = true {
		app, err := a.apps.Token(ctx)
		if err != nil {
			return token.Pair{}, err
		}
		answer := a.send(ctx, r, b, app.Value.Reveal())
		e := answer.verdict(explainOAuth, dataInto(&out))
		a.told(r, answer, e)
		if e != nil && e.Class == Stale {
			a.apps.Refused(app)
			if !second {
				continue
			}
		}
		if e != nil {
			return token.Pair{}, verdictOAuth(e)
		}
		break
	}
	p := token.Pair{Access: a.issued(out.Access, out.Expires), Scopes: strings.Fields(out.Scope)}
	if out.Refresh != "" {
		p.Refresh = a.issued(out.Refresh, out.RefreshUntil)
	}
	if body["grant_type"] == "authorization_code" {
		p = a.signedIn(p)
	}
	return p, nil
}

// final says which codes end a sign-in, and what they mean for the session.
var final = map[int]token.Reason{
	20026: token.Revoked, 20037: token.Expired, 20064: token.Revoked, 20073: token.Burnt, 20038: token.Revoked, 99991669: token.Revoked,
}

// verdictOAuth is e for a session: final, or to be tried again. Nothing about a
// sign-in is a record's fault.
func verdictOAuth(e *Error) error {
	if why, ok := final[e.Code]; ok {
		return token.Reauthorise(why, e)
	}
	if e.Class == Unknown || e.Class == Bug || e.Class == Data {
		e.Class = Setup
	}
	if e.HTTP == 0 && !e.Ambiguous {
		return token.Unsent(e)
	}
	return e
}

// explainOAuth is what the codes of the login calls mean (`lark.md` §1.4); the others
// are as everywhere.
func explainOAuth(n, status int) code {
	if c, ok := oauthCodes[n]; ok {
		return c
	}
	return explain(n, status)
}

// oauthCodes is never written to.
var oauthCodes = map[int]code{
	20050: {words: "the sign-in service failed", class: Down, wait: time.Second, maybe: true},
	20072: {words: "the sign-in service is not available", class: Down, wait: time.Second, maybe: true},

	20026: {words: "the refresh token is invalid, or one of another version", class: Setup},
	20037: {words: "the refresh token has expired", class: Setup},
	20038: {words: "the refresh token is not known", class: Setup},
	20064: {words: "the refresh token was revoked", class: Setup},
	20073: {words: "the refresh token was used already", class: Setup},

	20003: {words: "the code is not known", class: Setup},
	20004: {words: "the code has expired: it is good for five minutes", class: Setup},
	20065: {words: "the code was used already", class: Setup},

	20002: {words: "app_secret is wrong", class: Setup},
	20048: {words: "there is no such app", class: Setup},
	20069: {words: "the app is disabled", class: Setup},
	20009: {words: "the app is not installed in this tenant", class: Setup},
	20024: {words: "the code or token belongs to another app", class: Setup},
	20046: {words: "the app belongs to the other brand", class: Setup},
	20014: {words: "the app token was refused", class: Stale},

	20008: {words: "there is no such user", class: Setup},
	20066: {words: "the user's account is not active", class: Setup},
	20010: {words: "the user is outside the app's availability", class: Setup},

	20001: {words: "a parameter is missing", class: Bug},
	20036: {words: "the grant type was disliked", class: Bug},
	20063: {words: "the request was malformed", class: Bug},
	20067: {words: "a scope is named twice", class: Setup},
	20068: {words: "a scope was not granted", class: Setup},
	20070: {words: "two ways of authentication at once", class: Bug},
	20071: {words: "the redirect address differs from the one of the consent", class: Setup},
	20049: {words: "the proof of who asked (PKCE) was refused", class: Setup},
	20074: {words: "the app may not refresh: the console's switch for it is off, or was not published", class: Setup},

	20027: {words: "a scope is not enabled on the app", class: Setup},
	20029: {words: "the redirect address is not registered with the app", class: Setup},
}
