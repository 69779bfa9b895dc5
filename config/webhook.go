package config

import (
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Webhook posts records as JSON to an HTTP endpoint: the webhook of a Base
// automation, AnyCross, Bot Builder, a CRM.
type Webhook struct {
	URL          Secret            `yaml:"url" doc:"address the records are posted to; it is not shown, since such addresses often hold a token"`
	Preset       string            `yaml:"preset" oneof:"lark_automation" doc:"lark_automation: the webhook of a Lark Base automation, with its Client-Token and its codes; left out: any endpoint"`
	Bearer       Secret            `yaml:"bearer" doc:"sent as Authorization: Bearer …"`
	Headers      map[string]Secret `yaml:"headers" doc:"further headers of every request, by name; their values are not shown"`
	HMAC         WebhookHMAC       `yaml:"hmac" doc:"signature over the body of every request; without a secret there is none"`
	Body         string            `yaml:"body" doc:"template of the JSON for one record, such as {\"phone\": {{json .Fields.phone}}}; left out: id, key, kind, source, occurred, received, fields"`
	List         bool              `yaml:"list" doc:"send the records of a batch as one JSON list; false: one request for each record"`
	Success      WebhookSuccess    `yaml:"success" doc:"which answers mean that the records are stored"`
	IDHeader     string            `yaml:"id_header" doc:"header with the record's ID, by which the receiver knows a repetition; left out: Idempotency-Key, or what the preset has"`
	Forget       WebhookForget     `yaml:"forget" doc:"where to ask for rows to be erased"`
	Timeout      time.Duration     `yaml:"timeout" range:"1s..5m" doc:"for one request"`
	Writers      int               `yaml:"writers" range:"1..64" doc:"requests in flight at once, per process"`
	AllowPrivate bool              `yaml:"allow_private" doc:"let the address be one of this machine or of a private network, and plain http"`
}

// WebhookHMAC signs bodies.
type WebhookHMAC struct {
	Secret    Secret `yaml:"secret" doc:"key of the signature; empty: no signature"`
	Header    string `yaml:"header" doc:"header the signature is sent in"`
	Algorithm string `yaml:"algorithm" oneof:"sha256" doc:"hash of the HMAC"`
	Encoding  string `yaml:"encoding" oneof:"hex base64" doc:"how the signature is written"`
	Prefix    string `yaml:"prefix" doc:"what stands before the signature, such as sha256="`
}

// WebhookSuccess tells a stored record from a refused one.
type WebhookSuccess struct {
	Status []int  `yaml:"status" doc:"HTTP statuses that mean success; left out: 200 to 299"`
	JSON   string `yaml:"json" doc:"what the answer must hold as well, as path == value, such as code == 0 or data.state == \"ok\""`
}

// WebhookForget is where keys to be erased are posted.
type WebhookForget struct {
	URL Secret `yaml:"url" doc:"address that {\"keys\": […]} is posted to when a person is to be forgotten; left out: the destination must be asked by hand"`
}

func (w *Webhook) defaults(string) {
	w.Headers = map[string]Secret{}
	w.Timeout = 20 * time.Second
	w.Writers = 4
}

func (h *WebhookHMAC) defaults(string) {
	h.Header = "X-Signature"
	h.Algorithm = "sha256"
	h.Encoding = "hex"
}

func (s *WebhookSuccess) defaults(string) {}
func (f *WebhookForget) defaults(string)  {}
func (f *WebhookForget) check(*report)    {}

func (w *Webhook) check(r *report) {
	at := r.at("url")
	switch {
	case !w.URL.IsZero():
		checkHook(at, w.URL, w.AllowPrivate)
	case !at.failed():
		at.bad("not set", `copy the address from whoever receives, into an environment variable if it holds a token, and write "${WEBHOOK_URL}"`)
	}
	if !w.Forget.URL.IsZero() {
		checkHook(r.at("forget").at("url"), w.Forget.URL, w.AllowPrivate)
	}
	checkHeaderValue(r.at("bearer"), w.Bearer)
	for _, name := range slices.Sorted(maps.Keys(w.Headers)) {
		at := r.at("headers").at(name)
		switch {
		case !headerName.MatchString(name):
			at.bad("this cannot be the name of a header", "use letters, digits and -")
		case slices.Contains(ownHeaders, strings.ToLower(name)):
			at.bad("this header is Mekong's to set", "take it away")
		case strings.EqualFold(name, "Authorization") && !w.Bearer.IsZero():
			at.bad("bearer sets this header already", "keep one of the two")
		}
		checkHeaderValue(at, w.Headers[name])
	}
	if w.IDHeader != "" && !headerName.MatchString(w.IDHeader) {
		r.at("id_header").bad("this cannot be the name of a header", "use letters, digits and -")
	}
	if w.Body != "" {
		checkTemplate(r.at("body"), w.Body)
	}
	if w.Preset == "lark_automation" && w.List {
		r.at("list").bad("a Base automation takes one record in a request", "take list away")
	}
}

func (h *WebhookHMAC) check(r *report) {
	if !headerName.MatchString(h.Header) {
		r.at("header").bad("this cannot be the name of a header", "use letters, digits and -")
	}
	if strings.ContainsFunc(h.Prefix, func(c rune) bool { return c < ' ' || c > '~' }) {
		r.at("prefix").bad("it has characters that do not survive in a header", "use letters, digits and signs")
	}
}

func (s *WebhookSuccess) check(r *report) {
	for i, n := range s.Status {
		if n < 200 || n > 599 {
			r.at("status").item(i).bad("not the status of an answer", "write 200 to 599")
		}
	}
	if s.JSON != "" {
		if _, err := ParseAnswerRule(s.JSON); err != nil {
			r.at("json").bad(err.Error(), `write path == value, such as code == 0 or data.state == "ok"`)
		}
	}
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

// ownHeaders would break the request if they were set to anything.
var ownHeaders = []string{"host", "content-length", "content-type", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect"}

// checkHook accepts an address to post to. No problem quotes it: it holds a token.
func checkHook(r *report, s Secret, plain bool) {
	u, err := url.Parse(s.Reveal())
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || len(s.Reveal()) > 4096:
		r.bad("not the address of a webhook", "write https:// and the rest, as the receiver gives it")
	case u.User != nil:
		r.bad("a login inside the address is not sent", "put it in bearer or headers")
	case u.Scheme == "http" && !plain:
		r.bad("without TLS everybody on the way can read the records", "write https://, or set allow_private for a receiver on your own network")
	}
}

func checkHeaderValue(r *report, s Secret) {
	if strings.ContainsFunc(s.Reveal(), func(c rune) bool { return c < ' ' || c > '~' }) || strings.TrimSpace(s.Reveal()) != s.Reveal() {
		r.bad("it has characters that do not survive in a header", "use letters, digits and signs, in one line")
	}
}

// AnswerRule is a rule about a JSON answer: the value at a path of names equals one
// given value.
type AnswerRule struct {
	path []string
	want any
}

var answerPath = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*){0,7}$`)

// ParseAnswerRule reads path == value, where value is a number, a text in double
// quotes, true, false or null.
func ParseAnswerRule(text string) (AnswerRule, error) {
	path, value, ok := strings.Cut(text, "==")
	path = strings.TrimSpace(path)
	if !ok || len(text) > 500 || !answerPath.MatchString(path) {
		return AnswerRule{}, errors.New("this is not of the form path == value")
	}
	r := AnswerRule{path: strings.Split(path, ".")}
	if err := json.Unmarshal([]byte(value), &r.want); err != nil {
		return AnswerRule{}, errors.New("the value is neither a number, a text in double quotes, true, false nor null")
	}
	switch r.want.(type) {
	case []any, map[string]any:
		return AnswerRule{}, errors.New("the value must be a single one")
	}
	return r, nil
}

// Path is where the rule looks.
func (r AnswerRule) Path() string { return strings.Join(r.path, ".") }

// Holds reports whether answer is JSON that the rule holds for.
func (r AnswerRule) Holds(answer []byte) bool {
	var v any
	if json.Unmarshal(answer, &v) != nil {
		return false
	}
	for _, name := range r.path {
		object, ok := v.(map[string]any)
		if !ok {
			return false
		}
		if v, ok = object[name]; !ok {
			return false
		}
	}
	switch v.(type) {
	case []any, map[string]any: // not comparable
		return false
	}
	return v == r.want
}
