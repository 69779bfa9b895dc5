package lark

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// envelope is what nearly every answer is wrapped in (`lark.md` §0).
type envelope struct {
	Code  *int            `json:"code"`
	Msg   string          `json:"msg"`
	Data  json.RawMessage `json:"data"`
	Error json.RawMessage `json:"error"` // an object, and a word in OAuth's answers
}

// detail is the object in [envelope].Error.
type detail struct {
	LogID       string `json:"log_id"`
	Permissions []struct {
		Subject string `json:"subject"`
	} `json:"permission_violations"`
	Fields []struct {
		Field string `json:"field"`
	} `json:"field_violations"`
	Helps []struct {
		URL string `json:"url"`
	} `json:"helps"`
}

// judge decides what came back, and decodes "data" into out if it was success.
func (a *answer) judge(out any) *Error {
	if a.welcome(out) {
		return nil
	}
	return a.verdict(explain, dataInto(out))
}

// welcome reads an answer of success in one go: a batch's repeats all its rows, and to
// find its data first and read that then takes half as long again. What is not such an
// answer is false, and looked at closely.
func (a *answer) welcome(out any) bool {
	if a.err != nil || a.status != http.StatusOK || out == nil {
		return false
	}
	if m, ok := out.(*made); ok && m.read(a.body) {
		return true
	}
	// A pointer inside an interface is decoded into.
	env := struct {
		Code *int `json:"code"`
		Data any  `json:"data"`
	}{Data: out}
	return json.Unmarshal(a.body, &env) == nil && env.Code != nil && *env.Code == 0 && env.Data != nil
}

func dataInto(out any) func(envelope) error {
	return func(env envelope) error {
		if out == nil {
			return nil
		}
		if len(env.Data) == 0 {
			env.Data = []byte("{}")
		}
		return json.Unmarshal(env.Data, out)
	}
}

// judgeFlat is judge for answers that come without an envelope (tokens, OAuth). One
// without a code is taken for success if its status says so: what would be lost with
// it is a refresh token that works once.
func (a *answer) judgeFlat(table func(code, status int) code, out any) *Error {
	a.flat = true
	return a.verdict(table, func(envelope) error { return json.Unmarshal(a.body, out) })
}

func (a *answer) verdict(table func(code, status int) code, take func(envelope) error) *Error {
	e := &Error{Op: a.op, HTTP: a.status, LogID: identifier(first(a.header, "X-Tt-Logid", "X-Request-Id"))}
	if a.status == 0 {
		e.Class, e.Ambiguous = Down, a.write && a.sent
		if a.ctx != nil {
			e.Class, e.cause, e.Msg = Unknown, a.ctx, "given up by the caller"
			return e
		}
		e.Msg = a.err.Error()
		return e
	}
	var env envelope
	if a.err != nil || json.Unmarshal(a.body, &env) != nil || (env.Code == nil && !(a.flat && a.status == http.StatusOK)) {
		a.unreadable(e)
		return e
	}
	if env.Code == nil {
		env.Code = new(int)
	}
	if *env.Code == 0 && a.status < 400 {
		if take(env) == nil {
			return nil
		}
		// It was carried out and what it says about that is not understood.
		e.Msg, e.Ambiguous = "the answer has another shape than is known here", a.write
		return e
	}
	c := table(*env.Code, a.status)
	e.Code, e.Class, e.Msg, e.Shrink = *env.Code, c.class, c.words, c.shrink
	if name := env.Msg; c.class == Unknown && isName(name) {
		e.Msg += ": " + name
	}
	e.RetryAfter = max(c.wait, retryAfter(a.header, time.Now()))
	e.Ambiguous = a.write && (c.maybe || a.status == http.StatusGatewayTimeout)
	e.read(env)
	return e
}

// unreadable judges an answer that is not the platform's, or only half of it.
func (a *answer) unreadable(e *Error) {
	what := "the answer is not the platform's"
	if a.err != nil {
		what = a.err.Error()
	}
	if a.ctx != nil && a.err != nil {
		e.Class, e.cause, e.Msg, e.Ambiguous = Unknown, a.ctx, "given up by the caller", a.write
		return
	}
	e.RetryAfter = retryAfter(a.header, time.Now())
	switch s := a.status; {
	case s == http.StatusTooManyRequests:
		e.Class, e.Msg = Throttled, "too many calls"
	case s == http.StatusRequestEntityTooLarge:
		e.Class, e.Msg, e.Shrink = Large, "the request is too large for something on the way", true
	case s >= 300 && s < 400:
		e.Class, e.Msg = Setup, "something on the way redirects the call; redirects are not followed"
	case s == http.StatusNotFound || s == http.StatusMethodNotAllowed:
		e.Class, e.Msg = Setup, "there is no such call at this endpoint"
	case s >= 400 && s < 500:
		e.Class, e.Msg = Setup, "something on the way refused the call"
	default:
		e.Class, e.Msg, e.Ambiguous = Down, what, a.write
	}
}

// read takes the identifiers out of an error's details.
func (e *Error) read(env envelope) {
	var d detail
	if len(env.Error) > 0 && json.Unmarshal(env.Error, &d) != nil {
		d = detail{} // OAuth's word, or something unheard of
	}
	if id := identifier(d.LogID); id != "" {
		e.LogID = id
	}
	for _, p := range d.Permissions {
		if s := identifier(p.Subject); s != "" && len(e.Scopes) < 20 {
			e.Scopes = append(e.Scopes, s)
		}
	}
	if len(e.Scopes) == 0 && (e.Code == 99991672 || e.Code == 99991679) {
		e.Scopes = scopesIn(env.Msg)
	}
	for _, f := range d.Fields {
		if s := identifier(f.Field); s != "" && len(e.Violations) < 10 {
			e.Violations = append(e.Violations, s)
		}
	}
	if len(d.Helps) > 0 {
		e.HelpURL = helpURL(d.Helps[0].URL)
	}
}

// scopesIn finds the scopes that older answers list in brackets in their message.
func scopesIn(msg string) (scopes []string) {
	_, list, ok := strings.Cut(msg, "[")
	list, _, closed := strings.Cut(list, "]")
	if !ok || !closed {
		return nil
	}
	for s := range strings.SplitSeq(list, ",") {
		s = identifier(strings.TrimSpace(s))
		if strings.Contains(s, ":") && len(scopes) < 20 {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// helpURL is a deep link into the platform's own pages, and nobody else's.
func helpURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.User != nil || len(s) > 1000 {
		return ""
	}
	for _, brand := range []string{BrandLark, BrandFeishu} {
		if u.Host == "open."+domain(brand) {
			return u.String()
		}
	}
	return ""
}

// identifier returns s if it looks like the name of something, and so cannot be a
// person's data; else "".
func identifier(s string) string {
	if len(s) > 100 {
		return ""
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(":._-[]", r) {
			return ""
		}
	}
	return s
}

// isName reports whether a message is one word of letters, as the platform's names of
// errors are, and not a sentence that may quote a value.
func isName(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return s != "" && len(s) <= 60
}

func first(h http.Header, names ...string) string {
	for _, n := range names {
		if v := h.Get(n); v != "" {
			return v
		}
	}
	return ""
}

// retryAfter is how long the platform, or something on the way, asks us to wait; at
// most a day.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const most = 24 * time.Hour
	for _, name := range []string{"X-Ogw-Ratelimit-Reset", "Retry-After"} {
		v := strings.TrimSpace(h.Get(name))
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && n > 0 {
			if n > int64(most/time.Second) {
				return most
			}
			return time.Duration(n) * time.Second
		}
		if at, err := http.ParseTime(v); err == nil && at.After(now) {
			return min(most, at.Sub(now))
		}
	}
	return 0
}
