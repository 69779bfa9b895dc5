package larksim

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
)

// maxScopes is how many scopes one consent may ask for (`lark.md` §1.4).
const maxScopes = 50

// authorize is GET authen/v1/authorize: the consent page, or with
// [Options.AutoApprove] straight the redirect. What is wrong with the request is
// told on the page, as it is there.
func authorize(c *call) (any, *failure) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	req, code := c.consentRequest()
	if code != 0 {
		return refusalPage(code), nil
	}
	if s.opts.AutoApprove {
		if len(s.users) == 0 {
			return refusalPage(20008), nil
		}
		return s.approve(req, s.users[0]), nil
	}
	id := s.id("", 32)
	s.login.asked[id] = &req
	view := consentView{ID: id, App: req.app.Name, Scopes: req.scopes, Back: hostOf(req.redirect)}
	if view.App == "" {
		view.App = req.app.ID
	}
	for _, u := range s.users {
		view.Users = append(view.Users, *u)
	}
	return page200(consentPage, view), nil
}

// consentRequest reads and checks the query.
func (c *call) consentRequest() (consentRequest, int) {
	q := c.query
	a := c.s.apps[q.Get("client_id")]
	if a == nil {
		a = c.s.apps[q.Get("app_id")] // its older name
	}
	if a == nil {
		return consentRequest{}, 20048
	}
	req := consentRequest{app: a, redirect: q.Get("redirect_uri"), state: q.Get("state"), scopes: scopeList(q.Get("scope")),
		challenge: q.Get("code_challenge"), challengeMethod: q.Get("code_challenge_method")}
	switch {
	case a.Disabled:
		return req, 20069
	case a.Brand != c.s.opts.Brand:
		return req, 20046
	case !slices.Contains(a.Redirects, req.redirect):
		return req, 20029
	case q.Get("response_type") != "code" && q.Has("client_id"), len(req.scopes) > maxScopes:
		return req, 20001
	case !within(req.scopes, a.inForce):
		return req, 20027
	}
	switch req.challengeMethod {
	case "":
		req.challengeMethod = "plain"
	case "plain", "S256":
	default:
		return req, 20001
	}
	return req, 0
}

// consent is the answer to the page.
func consent(c *call) (any, *failure) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return refusalPage(20001), nil
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	req := s.login.asked[form.Get("id")]
	if req == nil {
		return refusalPage(20001), nil
	}
	delete(s.login.asked, form.Get("id"))
	u := s.user(form.Get("user"), "open_id")
	switch {
	case form.Get("do") != "approve":
		return redirect(req.redirect, url.Values{"error": {"access_denied"}}, req.state), nil
	case u == nil:
		return refusalPage(20008), nil
	}
	return s.approve(*req, u), nil
}

// approve makes a code and sends the browser back with it.
func (s *Sim) approve(req consentRequest, u *User) markup {
	code := s.id("", 40)
	now := s.now()
	for v, old := range s.login.codes {
		if now.Sub(old.expires) > 24*codeLife {
			delete(s.login.codes, v)
		}
	}
	s.login.codes[code] = &loginCode{consentRequest: req, user: u, expires: now.Add(codeLife)}
	return redirect(req.redirect, url.Values{"code": {code}}, req.state)
}

// redirect sends the browser to a registered address, state and all.
func redirect(to string, with url.Values, state string) markup {
	if state != "" {
		with.Set("state", state)
	}
	u, err := url.Parse(to)
	if err != nil {
		return refusalPage(20029)
	}
	q := u.Query()
	for k, v := range with {
		q[k] = v
	}
	u.RawQuery = q.Encode()
	return markup{status: http.StatusFound, location: u.String()}
}

// proves says whether a verifier answers the challenge of its login.
func proves(challenge, method, verifier string) bool {
	if challenge == "" {
		return verifier == ""
	}
	if method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return same(challenge, verifier)
}

func hostOf(uri string) string {
	if u, err := url.Parse(uri); err == nil {
		return u.Host
	}
	return ""
}

type consentView struct {
	ID, App, Back string
	Scopes        []string
	Users         []User
}

// pageHead is the head of the login pages: everything they need is in them.
const pageHead = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Lark (simulated)</title>
<style>body{font:16px/1.5 system-ui,sans-serif;background:#f5f6f7;color:#1f2329;display:grid;place-items:center;min-height:100vh;margin:0}
main{background:#fff;border-radius:12px;padding:2rem;width:min(26rem,86vw);box-shadow:0 4px 24px #1f232914}h1{font-size:1.2rem;margin-top:0}
code{background:#eff0f1;border-radius:4px;padding:.1em .4em}button,select{font:inherit;padding:.5em 1em;border-radius:8px;border:1px solid #d0d3d6;background:#fff}
button[value=approve]{background:#1456f0;color:#fff;border:0}small{color:#646a73}</style><main>`

// The pages are parsed once and never changed.
var (
	consentPage = template.Must(template.New("consent").Parse(pageHead + `<h1>{{.App}} asks for access</h1>
<form method="post" action="/open-apis/authen/v1/authorize"><input type="hidden" name="id" value="{{.ID}}">
<p>Sign in as <select name="user">{{range .Users}}<option value="{{.OpenID}}">{{.Name}}</option>{{end}}</select></p>
<p>It may then:</p><ul>{{range .Scopes}}<li><code>{{.}}</code></li>{{else}}<li>know who you are</li>{{end}}</ul>
<p><button name="do" value="approve">Authorise</button> <button name="do" value="deny">Decline</button></p></form>
<small>A simulated consent page. You return to {{.Back}}.</small></main></html>`))
	errorPage = template.Must(template.New("error").Parse(pageHead + `<h1>The login cannot go on</h1><p>Error code: <code>{{.Code}}</code></p><p>{{.Name}}</p></main></html>`))
)

func refusalPage(code int) markup {
	m := page200(errorPage, struct {
		Code int
		Name string
	}{code, means(code).name})
	m.status = http.StatusBadRequest
	return m
}

func page200(t *template.Template, v any) markup {
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		panic("larksim: a page that cannot be shown: " + err.Error())
	}
	return markup{status: http.StatusOK, page: b.Bytes()}
}
