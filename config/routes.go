package config

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// route is a path of the intake listener that a source claims.
type route struct {
	setting *report
	path    string
}

var routeRule = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`)

// checkRoute looks at a path on the intake listener and claims it for the
// source whose setting r is.
func checkRoute(r *report, path string) {
	switch {
	case r.failed():
		return
	case !r.set() && !routeRule.MatchString(path):
		return // made of the source's name, which is reported itself
	case !strings.HasPrefix(path, "/"):
		r.bad(r.quote(path)+" does not begin with /", "write a path, such as /in/landing")
		return
	case len(path) > 200 || !routeRule.MatchString(path):
		r.bad(r.quote(path)+" is not a plain path", "write names of letters, digits, - and _ with single slashes between them, and none at the end")
		return
	}
	r.doc.routes = append(r.doc.routes, route{r, path})
}

// checkRoutes reports claims that are in each other's way. A token may stand
// behind a path as its last element, so one path may not begin another. Of two,
// the one that stands later in the file is reported.
func checkRoutes(d *document) {
	slices.SortStableFunc(d.routes, func(a, b route) int {
		return cmp.Compare(d.find(a.setting.path).line, d.find(b.setting.path).line)
	})
	taken := map[string]string{"/healthz": ""} // path to the setting that claims it
	above := map[string]string{}               // paths that begin a taken one
	for _, r := range d.routes {
		owner, same := taken[r.path]
		other, clash := above[r.path]
		for p := up(r.path); p != "" && !clash; p = up(p) {
			other, clash = taken[p]
		}
		switch {
		case same && owner == "" || clash && other == "":
			r.setting.bad("/healthz tells whether Mekong is up", "choose another path")
			continue
		case same:
			r.setting.bad("the path is taken by "+owner, "choose another")
			continue
		case clash:
			r.setting.bad("of this path and that of "+other+" one begins the other", "a token may stand behind a path, so choose one apart, such as /in/name")
			continue
		}
		taken[r.path] = r.setting.path
		for p := up(r.path); p != ""; p = up(p) {
			above[p] = r.setting.path
		}
	}
}

// up is path without its last element; "" is the root.
func up(path string) string { return path[:strings.LastIndexByte(path, '/')] }
