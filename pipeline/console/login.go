package console

import (
	"crypto/subtle"
	"net/http"
	"strconv"
	"time"
)

// doors are what is open without a sign-in: signing in, choosing a language, and the
// files that make up how a page looks.
func (c *Console) doors(mux *http.ServeMux) {
	mux.HandleFunc("GET /login", c.loginPage)
	mux.HandleFunc("POST /login", c.login)
	mux.HandleFunc("GET /language/{code}", c.chooseLanguage)
	mux.HandleFunc("GET /assets/{file}", serveAsset)
	mux.Handle("POST /logout", c.act(Viewer, c.logout))
}

// The names of our cookies. The prefix has browsers refuse a session that somebody on
// an unencrypted connection, or a neighbour's subdomain, tries to set.
const (
	sessionCookie = "mekong_session"
	formCookie    = "mekong_form"
	hostPrefix    = "__Host-"
)

func (c *Console) cookie(r *http.Request, name, value string, same http.SameSite, most time.Duration) *http.Cookie {
	k := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: same, MaxAge: int(most / time.Second)}
	if most < 0 {
		k.MaxAge = -1
	}
	if c.encrypted(r) {
		k.Name, k.Secure = hostPrefix+name, true
	}
	return k
}

// kept is the value of a cookie of ours.
func (c *Console) kept(r *http.Request, name string) string {
	if c.encrypted(r) {
		name = hostPrefix + name
	}
	k, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return k.Value
}

// shown is the session that a request shows.
func (c *Console) shown(r *http.Request) string { return c.kept(r, sessionCookie) }

type loginView struct {
	Form, Next      string
	Passwords, Link bool
	Wrong, Wait     string
}

func (c *Console) loginPage(w http.ResponseWriter, r *http.Request) {
	next := within(r.URL.Query().Get("next"))
	if token := r.URL.Query().Get("token"); token != "" {
		c.byLink(w, r, token)
		return
	}
	if _, ok := c.sessions.find(c.shown(r)); ok {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	c.askAgain(w, r, http.StatusOK, loginView{Next: next})
}

// askAgain shows the form. It holds a value that a cookie holds too: another site can
// make a browser send the one, and not know the other.
func (c *Console) askAgain(w http.ResponseWriter, r *http.Request, status int, v loginView) {
	v.Form, v.Passwords, v.Link = secret(), len(c.users.list) > 0, c.users.link != nil
	http.SetCookie(w, c.cookie(r, formCookie, v.Form, http.SameSiteStrictMode, time.Hour))
	c.show(w, r, visitor{tongue: c.pages.tongue(r)}, status, "login", v)
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formMost)
	next := within(r.PostFormValue("next"))
	form := c.kept(r, formCookie)
	if form == "" || !ours(r) || subtle.ConstantTimeCompare([]byte(form), []byte(r.PostFormValue("form"))) != 1 {
		c.askAgain(w, r, http.StatusForbidden, loginView{Next: next, Wrong: "login.stale"})
		return
	}
	c.enter(w, r, next, http.SameSiteStrictMode, func() (User, bool) {
		if token := r.PostFormValue("token"); token != "" {
			return c.users.byToken(token)
		}
		return c.users.byPassword(r.PostFormValue("name"), r.PostFormValue("password"))
	})
}

// byLink signs in with the link that was printed at start. Its cookie is Lax: where
// the link is clicked in a chat, browsers do not send a Strict one to the page that
// follows.
func (c *Console) byLink(w http.ResponseWriter, r *http.Request, token string) {
	c.enter(w, r, "/", http.SameSiteLaxMode, func() (User, bool) { return c.users.byToken(token) })
}

// enter tries to sign in, as often as the address may.
func (c *Console) enter(w http.ResponseWriter, r *http.Request, next string, same http.SameSite, find func() (User, bool)) {
	from := c.address(r)
	if !c.attempts.try(from) {
		wait := c.attempts.wait(from).Round(time.Second) + time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
		c.askAgain(w, r, http.StatusTooManyRequests, loginView{Next: next, Wrong: "login.many", Wait: wait.String()})
		return
	}
	u, ok := find()
	if !ok {
		c.log.Warn("a sign-in to the console failed", "from", from.String())
		c.askAgain(w, r, http.StatusUnauthorized, loginView{Next: next, Wrong: "login.wrong"})
		return
	}
	c.attempts.good(from)
	id := c.sessions.begin(u, c.shown(r))
	http.SetCookie(w, c.cookie(r, sessionCookie, id, same, sessionMost))
	http.SetCookie(w, c.cookie(r, formCookie, "", http.SameSiteStrictMode, -1))
	c.note(Entry{Who: u.Name, What: "signed in"})
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request, v visitor) {
	c.sessions.end(v.id)
	http.SetCookie(w, c.cookie(r, sessionCookie, "", http.SameSiteStrictMode, -1))
	c.note(Entry{Who: v.user, What: "signed out"})
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}
