package console

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// policy lets a page use our own files only, run no script that stands in it, send
// its forms to us only, and be shown in nobody's frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// hardened tells browsers what to refuse, on every answer.
func hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// visitor is who asks for a page, and in which language.
type visitor struct {
	session
	tongue tongue
}

type room func(http.ResponseWriter, *http.Request, visitor)

// signedIn opens a page to those who are signed in and have the role.
func (c *Console) signedIn(need Role, in room) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := visitor{tongue: c.pages.tongue(r)}
		var ok bool
		if v.session, ok = c.sessions.find(c.shown(r)); !ok {
			c.turnAway(w, r)
			return
		}
		if v.role < need {
			c.fault(w, r, v, http.StatusForbidden, "fault.role")
			return
		}
		in(w, r, v)
	})
}

// turnAway asks a person to sign in, and tells a program that it must.
func (c *Console) turnAway(w http.ResponseWriter, r *http.Request) {
	person := r.Method == http.MethodGet || strings.Contains(r.Header.Get("Accept"), "text/html")
	if !person || strings.HasPrefix(r.URL.Path, "/api/") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":"sign in"}` + "\n"))
		return
	}
	to, at := "/login", *r.URL
	if r.Method != http.MethodGet {
		first, _, _ := strings.Cut(strings.TrimPrefix(at.Path, "/"), "/")
		at.Path = "/" + first // the page that the form was on
	}
	if next := remembered(&at); next != "" {
		to += "?next=" + url.QueryEscape(next)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// pagesOf are where somebody is taken to after signing in.
var pagesOf = []string{"flow", "leads", "lead", "buried", "sources", "sinks", "health", "forget", "activity"}

// remembered is the page that was asked for, without what was searched there, which may
// be somebody's number; "" for what is no page of ours.
func remembered(u *url.URL) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if !slices.Contains(pagesOf, first) || within(u.Path) != u.Path {
		return ""
	}
	if id := u.Query().Get("id"); first == "lead" && id == "" {
		return "/leads"
	} else if first == "lead" {
		return u.Path + "?" + url.Values{"id": {id}}.Encode()
	}
	return u.Path
}

// formMost bounds what a form may hold.
const formMost = 64 << 10

// act opens a form's address to those who are signed in, have the role, and sent the
// form from a page of ours.
func (c *Console) act(need Role, in room) http.Handler {
	return c.signedIn(need, func(w http.ResponseWriter, r *http.Request, v visitor) {
		r.Body = http.MaxBytesReader(w, r.Body, formMost)
		shown := []byte(r.PostFormValue("csrf"))
		if !ours(r) || subtle.ConstantTimeCompare(shown, []byte(v.csrf)) != 1 {
			c.fault(w, r, v, http.StatusForbidden, "fault.form")
			return
		}
		in(w, r, v)
	})
}

// ours says that a browser does not tell of another page as the sender. Under the
// policy no-referrer a form of ours has the origin "null", as a hostile frame would
// have: a form's token is what tells them apart.
func ours(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin":
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

// within makes an address that surely is one of ours: a path, whatever was asked for.
func within(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	u.Fragment = ""
	return u.RequestURI()
}
