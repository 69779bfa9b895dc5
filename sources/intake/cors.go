package intake

import (
	"net/http"
	"strings"
)

// Bounds of what a preflight may ask for, and how long a browser may remember
// the answer: two hours is the most that Chrome does.
const (
	maxAsked = 1024
	maxAge   = "7200"
)

// origins are the page origins that may read an answer. CORS is not what keeps
// strangers out, the token is: a request from another origin is stored all the
// same, only its page is not told.
type origins struct {
	any   bool
	exact map[string]bool
	under []suffix
}

// suffix matches any subdomain: "https://*.example.com".
type suffix struct{ before, after string }

var anywhere = origins{any: true}

func newOrigins(list []string) origins {
	o := origins{any: len(list) == 0, exact: map[string]bool{}}
	for _, s := range list {
		s = strings.ToLower(strings.TrimSuffix(s, "/"))
		if before, after, ok := strings.Cut(s, "*"); s == "*" {
			o.any = true
		} else if ok {
			o.under = append(o.under, suffix{before, after})
		} else {
			o.exact[s] = true
		}
	}
	return o
}

func (o *origins) has(origin string) bool {
	if o.any {
		return true
	}
	origin = strings.ToLower(origin)
	if o.exact[origin] {
		return true
	}
	for _, u := range o.under {
		if len(origin) > len(u.before)+len(u.after) && strings.HasPrefix(origin, u.before) && strings.HasSuffix(origin, u.after) {
			return true
		}
	}
	return false
}

var varyOrigin = []string{"Origin"}

// allow puts the headers on an answer that let the page read it.
func (o *origins) allow(h http.Header, r *http.Request) {
	h["Vary"] = varyOrigin
	if origin := r.Header["Origin"]; len(origin) > 0 && o.has(origin[0]) {
		h["Access-Control-Allow-Origin"] = origin[:1:1]
	}
}

// preflight answers the question a browser asks before it sends JSON or any
// header of its own. Whatever header a page's author added is let through, not
// only the known ones: it proves nothing and a refusal would lose the lead.
func (rt *route) preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Vary"] = []string{"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}
	if h["Access-Control-Allow-Origin"] != nil {
		h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
		h.Set("Access-Control-Allow-Headers", rt.headers+asked(r.Header.Get("Access-Control-Request-Headers")))
		h.Set("Access-Control-Max-Age", maxAge)
		if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
			h.Set("Access-Control-Allow-Private-Network", "true")
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// asked returns the header names in list, each behind a comma, that are names.
func asked(list string) string {
	if len(list) > maxAsked {
		return ""
	}
	var b strings.Builder
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" {
			b.WriteString(", ")
			b.WriteString(name)
		}
	}
	return b.String()
}
