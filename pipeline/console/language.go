package console

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// languages are those there are; the first is spoken where nothing is asked for.
var languages = []string{"vi", "en"}

const languageCookie = "mekong_language"

// tongue says things in one language.
type tongue struct {
	code    string
	zone    *time.Location
	now     func() time.Time
	sayings *sayings // nil: what others say is said as it came
}

func (p *pages) in(code string) tongue { return tongue{code, p.zone, p.now, p.sayings} }

// tongue is the language that was chosen, or else the first of ours that the browser
// asks for.
func (p *pages) tongue(r *http.Request) tongue {
	if k, err := r.Cookie(languageCookie); err == nil && slices.Contains(languages, k.Value) {
		return p.in(k.Value)
	}
	best, most := languages[0], 0.0
	for i, part := range strings.SplitN(r.Header.Get("Accept-Language"), ",", 20) {
		tag, q, weighed := strings.Cut(strings.TrimSpace(part), ";q=")
		weight := 1.0
		if weighed {
			weight, _ = strconv.ParseFloat(q, 64)
		}
		weight -= float64(i) / 1e6 // of equals the first
		code, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if slices.Contains(languages, code) && weight > most {
			best, most = code, weight
		}
	}
	return p.in(best)
}

// chooseLanguage remembers the choice, and goes back to where it was made.
func (c *Console) chooseLanguage(w http.ResponseWriter, r *http.Request) {
	code := r.PathValue("code")
	if !slices.Contains(languages, code) {
		http.NotFound(w, r)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: languageCookie, Value: code, Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: c.encrypted(r)})
	http.Redirect(w, r, within(r.URL.Query().Get("next")), http.StatusSeeOther)
}

// say is the text of a key, with args in the places of its verbs. A key that there is
// none of says itself; a test keeps that from happening.
func (l tongue) say(key string, args ...any) string {
	text, ok := words[key]
	if !ok {
		return key
	}
	s := text.en
	if l.code == "vi" {
		s = text.vi
	}
	if len(args) > 0 {
		s = fmt.Sprintf(s, args...)
	}
	return s
}

func (l tongue) funcs() template.FuncMap {
	return template.FuncMap{
		"say": l.say, "told": l.tell, "num": l.number, "rate": l.rate, "ago": l.ago, "exact": l.exact, "span": l.span,
		"links": linked, "asset": func(name string) string { return "/assets/" + name + "?v=" + assetVersion },
		"other": func() string { return languages[1-slices.Index(languages, l.code)] },
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"join":  strings.Join, "did": l.named("did."), "cause": l.named("cause."),
		"day": l.day, "due": l.due, "mark": short, "place": l.named("place."),
	}
}

// number writes thousands apart, as the language does.
func (l tongue) number(n any) string {
	s := fmt.Sprint(n)
	digits := strings.TrimPrefix(s, "-")
	sign, dot := s[:len(s)-len(digits)], "."
	if l.code == "en" {
		dot = ","
	}
	var parts []string
	for len(digits) > 3 {
		parts = append([]string{digits[len(digits)-3:]}, parts...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, parts...), dot)
}

// rate writes so many a second, or a minute when they are few.
func (l tongue) rate(perSecond float64) string {
	unit := l.say("unit.second")
	if perSecond > 0 && perSecond < 0.5 {
		perSecond, unit = perSecond*60, l.say("unit.minute")
	}
	if perSecond >= 100 {
		return l.number(int64(perSecond+0.5)) + unit
	}
	s := strings.TrimSuffix(strconv.FormatFloat(perSecond, 'f', 1, 64), ".0")
	if l.code == "vi" {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s + unit
}

// span writes a duration in its largest unit that fits.
func (l tongue) span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return l.say("span.seconds", int(d/time.Second))
	case d < time.Hour:
		return l.say("span.minutes", int(d/time.Minute))
	case d < 48*time.Hour:
		return l.say("span.hours", int(d/time.Hour))
	}
	return l.say("span.days", int(d/(24*time.Hour)))
}

// ago writes how long a moment is past, or how far it is off.
func (l tongue) ago(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	d := l.now().Sub(t)
	if d < 0 {
		return l.say("time.in", l.span(-d))
	}
	if d < time.Second {
		return l.say("time.now")
	}
	return l.say("time.ago", l.span(d))
}

// exact writes a moment in full, in the zone of the configuration.
func (l tongue) exact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	layout := "2006-01-02 15:04:05"
	if l.code == "vi" {
		layout = "15:04:05 02/01/2006"
	}
	return t.In(l.zone).Format(layout)
}

// day writes a date, in the zone of the configuration.
func (l tongue) day(t time.Time) string {
	layout := time.DateOnly
	if l.code == "vi" {
		layout = "02/01/2006"
	}
	return t.In(l.zone).Format(layout)
}

// due is how far off a date is that something is due at, or how long it is over.
type due struct {
	At   time.Time
	Over bool
	By   time.Duration
}

func (l tongue) due(t time.Time) due {
	by := t.Sub(l.now())
	return due{t, by < 0, by.Abs()}
}

// named says a name that others chose, in the words for it where there are some.
func (l tongue) named(kind string) func(string) string {
	return func(name string) string {
		if _, ok := words[kind+name]; ok {
			return l.say(kind + name)
		}
		return name
	}
}
