package config

import (
	"net/url"
	"time"
)

// LadiPage receives form submissions from LadiPage, from the visitor's browser
// and from LadiPage's servers alike. The defaults suit both (`sources.md` §1).
type LadiPage struct {
	Path    string        `yaml:"path" doc:"path on the intake listener; left out: /in/ and the source's name"`
	Token   Secret        `yaml:"token" doc:"what the sender must show, in a header or as the last element of the path; 16 characters or more; empty, and no tokens either: anybody may post"`
	Tokens  []Secret      `yaml:"tokens" doc:"further tokens that are valid too, while pages are republished with a new one"`
	Origins []string      `yaml:"origins" doc:"origins of the pages that may post from a browser, such as https://khoahoc.example.vn; empty: any"`
	MaxBody Size          `yaml:"max_body" range:"1KiB..900KiB" why:"a delivery is one NATS message, which is at most 1 MiB with its headers" doc:"larger submissions are refused with 413"`
	Rate    float64       `yaml:"rate" range:"0..100000" doc:"submissions per second and form before 429; bursts of ten seconds' worth pass; 0: no limit"`
	Window  time.Duration `yaml:"window" range:"1s..24h" why:"without one, every double click would be a second lead" doc:"the same submission again within this time is the same delivery"`
}

func (l *LadiPage) defaults(name string) {
	l.Path = "/in/" + name
	l.MaxBody = 900 << 10
	l.Rate = 50
	l.Window = 10 * time.Minute
}

func (l *LadiPage) check(r *report) {
	checkRoute(r.at("path"), l.Path)
	if !l.Token.IsZero() {
		checkSecret(r.at("token"), l.Token)
	}
	for i, s := range l.Tokens {
		at := r.at("tokens").item(i)
		switch {
		case at.failed():
		case s.IsZero():
			at.bad("an empty token would let anybody post", "write one, or take it away")
		default:
			checkSecret(at, s)
		}
	}
	for i, origin := range l.Origins {
		checkOrigin(r.at("origins").item(i), origin)
	}
	checkDistinct(r.at("origins"), l.Origins)
}

// checkOrigin accepts what a browser sends as Origin: scheme, host, port.
func checkOrigin(r *report, text string) {
	const fix = "write https:// and the host, nothing behind it, as in https://khoahoc.example.vn"
	if text == "*" {
		r.bad("* is no origin", "leave origins out to let every page post")
		return
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || text != u.Scheme+"://"+u.Host {
		r.bad(r.quote(text)+" is no origin", fix)
	}
}
