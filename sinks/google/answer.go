package google

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"cloud.google.com/go/auth"
	"golang.org/x/oauth2"
)

// answerLimit bounds what is read of an answer that is an error.
const answerLimit = 64 << 10

// answer is what is known of what a token endpoint said: nothing of it is a secret,
// but words may be, until [plain] has seen them.
type answer struct {
	status  int
	code    string // an identifier, such as invalid_grant or PERMISSION_DENIED
	subtype string // likewise
	words   string // the description, as it came
	page    bool   // a page for people, not an answer
	wait    time.Duration
	skew    time.Duration // their clock less ours, if dated
	dated   bool
}

// witness lets requests pass and remembers the last answer: its errors, and its clock.
// The libraries keep neither for every kind of credential. It serves one fetch.
type witness struct {
	base http.RoundTripper
	now  func() time.Time

	mu    sync.Mutex
	last  *answer
	skew  time.Duration
	dated bool
}

// RoundTrip looks at the answer to r.
func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	begun := w.now()
	resp, err := w.base.RoundTrip(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = nil
	if err != nil {
		return nil, err
	}
	a := &answer{status: resp.StatusCode}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// Theirs has whole seconds, and was written somewhere in between.
		took := w.now().Sub(begun)
		a.skew, a.dated = at.Add(time.Second/2).Sub(begun.Add(took/2)).Round(time.Second), true
		w.skew, w.dated = a.skew, true
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		a.read(resp.Header, body)
	} else {
		a.page = strings.Contains(resp.Header.Get("Content-Type"), "html")
	}
	w.last = a
	return resp, nil
}

// heard is the last answer, nil if there was none.
func (w *witness) heard() *answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// clock is how far the other end's clock is from ours, if it told.
func (w *witness) clock() (skew time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.skew, w.dated
}

// answerIn is the answer that a library's error carries, nil if it carries none.
func answerIn(err error) *answer {
	var of *oauth2.RetrieveError
	var au *auth.Error
	var resp *http.Response
	var body []byte
	switch {
	case errors.As(err, &of):
		resp, body = of.Response, of.Body
	case errors.As(err, &au):
		resp, body = au.Response, au.Body
	default:
		return nil
	}
	a := &answer{}
	header := http.Header{}
	if resp != nil {
		a.status, header = resp.StatusCode, resp.Header
	}
	a.read(header, body)
	if of != nil && a.code == "" {
		a.code, a.words = identifier(of.ErrorCode), of.ErrorDescription
	}
	return a
}

// read takes in what an error says: OAuth's two fields, or an error of Google's APIs,
// which the calls behind a workload identity give.
func (a *answer) read(h http.Header, body []byte) {
	if n, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After"))); err == nil && n > 0 {
		a.wait = time.Duration(min(n, 300)) * time.Second
	}
	var flat struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
		Subtype     string          `json:"error_subtype"`
	}
	body = bytes.TrimSpace(body)
	if json.Unmarshal(body, &flat) != nil {
		a.page = bytes.HasPrefix(body, []byte("<")) || strings.Contains(h.Get("Content-Type"), "html")
		return
	}
	a.words, a.subtype = flat.Description, identifier(flat.Subtype)
	var code string
	var api struct {
		Status  string `json:"status"`
		Message string `json:"message"`
		Details []struct {
			Reason string `json:"reason"`
		} `json:"details"`
	}
	switch {
	case json.Unmarshal(flat.Error, &code) == nil:
		a.code = identifier(code)
	case json.Unmarshal(flat.Error, &api) == nil:
		a.code, a.words = identifier(api.Status), api.Message
		for _, d := range api.Details {
			if a.subtype == "" {
				a.subtype = identifier(d.Reason)
			}
		}
	}
}

// says reports whether the description has one of the words, which are lower case.
func (a *answer) says(words ...string) bool {
	text := strings.ToLower(a.words)
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// identifier returns s if it looks like a name in a protocol; else "".
func identifier(s string) string {
	if len(s) > 60 {
		return ""
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.' {
			return ""
		}
	}
	return s
}

// plain returns a description if it is a sentence of plain words and short, and so
// can hold neither a token nor whose it is; else "".
func plain(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 200 {
		return ""
	}
	for word := range strings.FieldsSeq(s) {
		word = strings.Trim(word, `.,:;()'"`)
		digits := 0
		for _, r := range word {
			switch {
			case unicode.IsDigit(r):
				digits++
			case r > unicode.MaxASCII || !unicode.IsLetter(r) && r != '_' && r != '-' && r != '\'':
				return ""
			}
		}
		if len(word) > 24 || digits > 3 || digits > 0 && digits < len(word) {
			return ""
		}
	}
	return s
}
