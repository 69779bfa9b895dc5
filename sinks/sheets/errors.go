package sheets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"mekong/pipeline"
	"mekong/sinks/token"
)

// Class is what kind of failure a call met (`sinks.md` §A3).
type Class string

// The classes.
const (
	Throttled Class = "throttled" // 429: too many calls in this minute
	Down      Class = "down"      // 5xx, 408, a page in the place of an answer, no answer at all
	NoToken   Class = "no token"  // there is none to be had; nothing was sent
	Refused   Class = "refused"   // 401, with a fresh token too
	Denied    Class = "denied"    // 403: not shared with the account
	Disabled  Class = "disabled"  // 403: the API is not enabled in the project
	Scope     Class = "scope"     // 403: the token is not for spreadsheets
	Missing   Class = "missing"   // 404: no such spreadsheet, or no right to know
	NoTab     Class = "no tab"    // 400: a range or tab that is not there any more
	Grid      Class = "grid"      // 400: past the last row or column
	TooLong   Class = "too long"  // 400: a cell of more than 50,000 characters
	Full      Class = "full"      // 400: the spreadsheet's ten million cells
	Wide      Class = "wide"      // 400: the tab's 18,278 columns
	Office    Class = "office"    // 400: an .xlsx file, not a spreadsheet
	Protected Class = "protected" // 400 or 403: a protected range
	Fenced    Class = "fenced"    // 400: our fence is there already, or the one before is gone
	Odd       Class = "odd"       // any other 4xx
)

// Error is why a call failed. Its text is this package's own: neither the address nor
// what Google says is repeated, both of which may hold a person's data.
type Error struct {
	Class     Class
	Status    int           // HTTP; 0: no answer
	Ambiguous bool          // the call may have been carried out, or may still be
	Wait      time.Duration // how long Google wants to be left alone; 0: it does not say
	Link      string        // of Disabled: where the API is enabled
	Step      string        // of a batchUpdate: the request that was refused, such as "requests[2].updateCells"
	cause     error         // a token provider's, or a context's
}

var words = map[Class]string{
	Throttled: "Google wants no more calls in this minute",
	Down:      "Google, or the line to it, fails",
	NoToken:   "there is no access token",
	Refused:   "Google refuses the access token, and a fresh one as well",
	Denied:    "the spreadsheet is not shared with the account that writes",
	Disabled:  "the Google Sheets API is not enabled in the account's project",
	Scope:     "the access token is not for spreadsheets",
	Missing:   "there is no such spreadsheet",
	NoTab:     "the tab is not there any more, or was renamed",
	Grid:      "the tab has fewer rows or columns than it had",
	TooLong:   "a cell is longer than Google takes",
	Full:      "the spreadsheet has no room: ten million cells are the most",
	Wide:      "the tab has as many columns as Google allows",
	Office:    "the file is an Excel file that is only shown by Google Sheets",
	Protected: "a range of the tab is protected against the account that writes",
	Fenced:    "somebody else has written meanwhile",
	Odd:       "Google dislikes the request",
}

func (e *Error) Error() string {
	s := "sheets: " + words[e.Class]
	if e.Status != 0 {
		s += fmt.Sprintf(" (HTTP %d", e.Status)
		if e.Step != "" {
			s += ", " + e.Step
		}
		s += ")"
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap gives a token provider's error, or a context's.
func (e *Error) Unwrap() error { return e.cause }

// As returns the [Error] in err, nil if there is none.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

func classOf(err error) Class {
	if e := As(err); e != nil {
		return e.Class
	}
	return ""
}

// classify makes of an error of the official client one that may be shown. write says
// whether the call was one that changes something.
func classify(ctx context.Context, err error, write bool) error {
	if err == nil {
		return nil
	}
	var tok *tokenError
	var g *googleapi.Error
	switch {
	case errors.As(err, &tok):
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &Error{Class: NoToken, cause: tok.err, Wait: token.Wait(tok.err)}
	case errors.As(err, &g):
		e := answered(g)
		e.Ambiguous = e.Class == Down && write
		return e
	case ctx.Err() != nil:
		// Our own end; of a write nobody knows how far it came.
		return &Error{Class: Down, Ambiguous: write, cause: ctx.Err()}
	}
	return &Error{Class: Down, Ambiguous: write && sent(err), cause: errors.New(plainly(err))}
}

// sent reports whether anything of a call may have reached Google.
func sent(err error) bool {
	var op *net.OpError
	return !errors.As(err, &op) || op.Op != "dial"
}

// plainly says what went wrong with a connection, without the address that url.Error
// would print.
func plainly(err error) string {
	var address *url.Error
	var timeout interface{ Timeout() bool }
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, errTooLong):
		return errTooLong.Error()
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax):
		return "the answer stops half-way, or is none of the API's"
	case errors.Is(err, io.EOF):
		return "the connection was closed without an answer"
	case !sent(err):
		return "no connection"
	case errors.As(err, &address):
		return "the connection broke"
	}
	return "the answer cannot be read"
}

var (
	step       = regexp.MustCompile(`^Invalid (requests\[\d+\]\.[A-Za-z]{1,40})`)
	consolesOf = []string{"console.developers.google.com", "console.cloud.google.com"}
)

// answered reads an error body, of either format (`sinks.md` §A3).
func answered(g *googleapi.Error) *Error {
	b := readBody(g)
	e := &Error{Status: g.Code, Wait: retryAfter(g.Header)}
	if m := step.FindStringSubmatch(b.message); m != nil {
		e.Step = m[1]
	}
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(strings.ToLower(b.message), p) {
				return true
			}
		}
		return false
	}
	switch {
	case g.Code == http.StatusTooManyRequests, b.is("rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "quotaExceeded"), g.Code == 403 && has("quota exceeded", "insufficient tokens for quota"):
		e.Class = Throttled
	case g.Code >= 500, g.Code == http.StatusRequestTimeout, g.Code == 499, b.page:
		e.Class = Down
	case g.Code == http.StatusUnauthorized:
		e.Class = Refused
	case g.Code == http.StatusForbidden:
		switch {
		case b.is("accessNotConfigured", "SERVICE_DISABLED"), has("has not been used in project"):
			e.Class, e.Link = Disabled, b.link
		case b.is("insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), has("insufficient authentication scopes"):
			e.Class = Scope
		case has("protected"):
			e.Class = Protected
		default:
			e.Class = Denied
		}
	case g.Code == http.StatusNotFound:
		e.Class = Missing
	case has("must not be an office file"), g.Code == 400 && b.status == "FAILED_PRECONDITION" && has("not supported for this document"):
		e.Class = Office
	case has("namedrange", "named range"):
		e.Class = Fenced
	case has("above the limit of 10000000", "number of cells in the workbook"):
		e.Class = Full
	case has("number of columns in the sheet above"):
		e.Class = Wide
	case has("characters in a single cell"):
		e.Class = TooLong
	case has("protected"):
		e.Class = Protected
	case has("unable to parse range", "no grid with id", "no sheet with id"):
		e.Class = NoTab
	case has("exceeds grid limits", "beyond the last requested", "exceeds the grid", "is too large", "out of bounds", "grid size"):
		e.Class = Grid
	default:
		e.Class = Odd
	}
	return e
}

// body is what an error says, in the words of both formats.
type body struct {
	message, status, link string
	reasons               []string
	page                  bool // a page, not JSON
}

func (b body) is(reasons ...string) bool {
	for _, r := range b.reasons {
		for _, want := range reasons {
			if r == want {
				return true
			}
		}
	}
	return false
}

func readBody(g *googleapi.Error) body {
	type reply struct {
		Error struct {
			Message string
			Status  string
			Errors  []struct{ Reason string }
			Details []struct {
				Reason   string
				Metadata map[string]any
			}
		}
	}
	var one reply
	var list []reply
	text := strings.TrimSpace(g.Body)
	if json.Unmarshal([]byte(text), &one) != nil && json.Unmarshal([]byte(text), &list) == nil && len(list) > 0 {
		one = list[0]
	}
	b := body{message: one.Error.Message, status: one.Error.Status, page: strings.HasPrefix(text, "<")}
	if b.message == "" {
		b.message = g.Message
	}
	for _, e := range one.Error.Errors {
		b.reasons = append(b.reasons, e.Reason)
	}
	for _, d := range one.Error.Details {
		b.reasons = append(b.reasons, d.Reason)
		if text, ok := d.Metadata["activationUrl"].(string); ok {
			b.link = console(text)
		}
	}
	return b
}

// console is text if it is an address of Google's own console.
func console(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.User != nil || len(text) > 300 {
		return ""
	}
	for _, host := range consolesOf {
		if u.Host == host {
			return u.String()
		}
	}
	return ""
}

// retryAfter is documented nowhere for Sheets, so it is honoured and never needed.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n <= 0 {
		return 0
	}
	return time.Duration(min(n, 3600)) * time.Second // in this order: a large n would overflow
}

var (
	errClosed = pipeline.Hold(errors.New("sheets: the sink is closed"), 0)
	errBudget = errors.New("sheets: the account's calls of this minute are spent (writes_per_minute, reads_per_minute)")
	errRaced  = errors.New("sheets: rows are moved, or written by somebody else, while they are written to")
)

// held is a fault of the destination in an operator's words.
func held(what, fix string) error {
	return pipeline.Hold(fmt.Errorf("sheets: %s; %s", what, fix), 0)
}

// whole is the error of a call that was about no single record: it is never one's
// fault, and of a stop no verdict.
func whole(err error) error {
	if _, ok := pipeline.IsHold(err); err == nil || ok {
		return err
	}
	if stop := stopOf(err); stop != nil {
		return stop
	}
	if e := As(err); e != nil {
		if fix := advice[e.Class]; fix != "" {
			return pipeline.Hold(fmt.Errorf("%w; %s", e, fix), e.Wait)
		}
		return pipeline.Hold(e, e.Wait)
	}
	return pipeline.Hold(err, 0)
}

// stopOf is the context's error in err, if that is what ended the call.
func stopOf(err error) error {
	for _, stop := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, stop) {
			return stop
		}
	}
	return nil
}

// advice is what an operator does, short enough for a log; the findings of
// [Sink.Check] say more.
var advice = map[Class]string{
	Denied:    "share it with the account as an editor",
	Disabled:  "enable it in the Google Cloud console; mekong doctor has the link",
	Scope:     "use credentials that may write spreadsheets",
	Missing:   "put the link of the spreadsheet, as the browser shows it, into spreadsheet",
	NoTab:     "make the tab again, or correct tab or the link",
	Full:      "add the link of an empty spreadsheet to new_spreadsheets, or delete rows",
	Wide:      "delete columns that nobody needs",
	Office:    "open it and choose File, Save as Google Sheets, then use the new link",
	Protected: "take the protection away, or allow the account to edit the range",
	Refused:   "mekong doctor says what to do",
}
