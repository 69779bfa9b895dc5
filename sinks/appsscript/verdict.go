package appsscript

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"mekong/pipeline"
)

// failure is why a call came to nothing, in an operator's words. Its text holds
// nothing that came from outside.
type failure struct {
	setting  string // of the sink's; "": url
	what     string // is so
	fix      string
	wait     time.Duration // the destination's own hint
	doubtful bool          // the script may have run, or be running
	slow     bool          // less at once may pass
	broke    bool          // the script stopped in the middle and said so
	ended    bool          // no run of it is alive, however far it came
}

func (f *failure) Error() string { return "appsscript: " + f.what + "; " + f.fix }

// verdict is err as the worker is to see it: a call is about no single record, so it
// is the destination's fault, and a stop is no verdict.
func verdict(err error) error {
	var f *failure
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &f):
		return pipeline.Hold(f, f.wait)
	}
	if _, held := pipeline.IsHold(err); held {
		return err
	}
	return pipeline.Hold(err, 0)
}

const (
	fixURL    = "copy the URL of the web app again: in the script, Deploy (Triển khai), Manage deployments (Quản lý các bản triển khai)"
	fixDeploy = "in the script, Deploy (Triển khai), Manage deployments (Quản lý các bản triển khai), pencil, Version: New version (Phiên bản mới), Deploy"
	fixAccess = "in the script, Deploy (Triển khai), Manage deployments (Quản lý các bản triển khai), pencil, Execute as: Me (Tôi), Who has access: Anyone (Bất kỳ ai), Deploy"
	fixSecret = "the property MEKONG_SECRET in the script's Project Settings (Cài đặt dự án) and secret here must be the same, letter by letter"
	fixBusy   = "nothing needs to be done unless it goes on; then look under Executions (Lượt thực thi) in the script"
)

// login is a deployment that wants somebody to sign in.
func login() *failure {
	return &failure{what: "the script lets in only people who have signed in with Google", fix: fixAccess}
}

// page judges what is no answer of the script. Its words come in the language of
// whoever owns the script, so only what stays the same in all of them is looked for.
func (s *Sink) page(resp *http.Response, text []byte) *failure {
	wait := retryAfter(resp.Header)
	switch status := resp.StatusCode; {
	case bytes.Contains(text, []byte("accounts.google.com")), bytes.Contains(text, []byte("ServiceLogin")), strings.Contains(resp.Header.Get("Location"), "//accounts.google.com/"):
		return login()
	case bytes.Contains(text, []byte("doPost")):
		return &failure{what: "the deployment has no function doPost: the code was saved but not deployed, or is another", fix: "paste Code.gs again and save it; then " + fixDeploy}
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return &failure{what: fmt.Sprintf("Google answers %d: the script is closed to others", status), fix: fixAccess}
	case status == http.StatusNotFound:
		// It happens for a moment, even after the script has run (`sinks.md` B2).
		return &failure{what: "Google answers 404: there is no such deployment, or it cannot be found for a moment", fix: "if it goes on, the deployment was archived: " + fixURL, doubtful: true}
	case status == http.StatusTooManyRequests:
		return &failure{what: "Google answers 429: too many requests", fix: fixBusy, wait: wait}
	case status >= 500:
		return &failure{what: fmt.Sprintf("Google answers %d", status), fix: fixBusy, wait: wait, doubtful: true}
	case status == http.StatusOK:
		return &failure{
			what:     "a page in place of an answer: most likely too many runs at once, a limit of the day is used up, or the script was stopped after its six minutes",
			fix:      "it is asked again; if it goes on, look under Executions (Lượt thực thi) in the script",
			doubtful: true, slow: true, ended: true, wait: wait,
		}
	default:
		return &failure{what: fmt.Sprintf("Google answers %d, and what that means is not known here", status), fix: fixURL, doubtful: true, wait: wait}
	}
}

// judge gives an answer of the script its verdict.
func (s *Sink) judge(a *answer) (*answer, error) {
	if !a.signed {
		// Only what can do no harm is believed of whoever this is.
		switch a.Code {
		case "auth":
			return nil, &failure{setting: "secret", what: "the script knows another secret", fix: fixSecret}
		case "setup":
			return nil, &failure{setting: "secret", what: "the script has no secret", fix: "in the script, Project Settings (Cài đặt dự án), Script Properties (Thuộc tính tập lệnh), add MEKONG_SECRET with the value of secret"}
		case "version":
			return nil, &failure{what: "the script speaks another version of the protocol", fix: "paste the Code.gs that came with this version of Mekong, save; then " + fixDeploy}
		case "parse":
			return nil, &failure{what: "the script could not read the request", fix: "see that nothing between this machine and Google changes requests"}
		}
		return nil, &failure{setting: "secret", what: "the answer is not signed by a script that knows the secret", fix: fixURL + "; and " + fixSecret, doubtful: true}
	}
	if a.OK {
		return a, nil
	}
	switch a.Code {
	case "clock":
		return nil, &failure{what: "this machine's clock is " + s.skew(a) + " Google's, and five minutes is the most", fix: "set the clock: switch on time synchronisation (NTP)"}
	case "busy":
		return nil, &failure{what: "another run of the script is at work", fix: fixBusy, wait: min(time.Duration(max(a.Wait, 0))*time.Second, time.Minute)}
	case "tab":
		return nil, &failure{setting: "tab", what: "the spreadsheet has no such tab, or none that is to be seen", fix: "write its name as the tab shows it; it has: " + names(a.Tabs)}
	case "full":
		return nil, &failure{what: "the spreadsheet has no cells left: 10 million is Google's limit", fix: "move old rows to another spreadsheet, or delete empty rows and columns"}
	case "op", "toomany":
		return nil, &failure{what: "the script does not know what it was asked for: it is of another version", fix: "paste the Code.gs that came with this version of Mekong, save; then " + fixDeploy}
	case "internal":
		return nil, &failure{what: "the script stopped at the step " + steps[a.Step], fix: advice(a.Step), slow: true, broke: true}
	}
	return nil, &failure{what: "the script refuses, and why is not known here", fix: "paste the Code.gs that came with this version of Mekong, save; then " + fixDeploy}
}

// steps are those of Code.gs that an answer may name.
var steps = map[string]string{
	"": "unknown", "parse": "parse", "open": "open", "lock": "lock", "ledger": "ledger", "tab": "tab", "headers": "headers", "rows": "rows",
	"read": "read", "write": "write", "erase": "erase", "look": "look", "flush": "flush",
}

func advice(step string) string {
	const see = "Executions (Lượt thực thi) in the script shows the error"
	switch step {
	case "open":
		return "the script must be inside the spreadsheet: make it with Extensions (Tiện ích mở rộng), Apps Script; " + see
	case "ledger", "headers", "rows", "write", "erase", "flush":
		return "see whether row 1, a column or the sheet is protected against the script's owner, or merged cells are in the way; " + see
	}
	return see
}

// skew is how far the clocks are apart, in words.
func (s *Sink) skew(a *answer) string {
	d := s.now().Sub(time.UnixMilli(a.Now)).Round(time.Second)
	if d < 0 {
		return (-d).String() + " behind"
	}
	return d.String() + " ahead of"
}

// names are what people called their tabs or columns, as far as a line holds them.
func names(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	var out []string
	for _, n := range list[:min(len(list), 20)] {
		if r := []rune(n); len(r) > 60 {
			n = string(r[:60]) + "…"
		}
		out = append(out, fmt.Sprintf("%q", n))
	}
	return strings.Join(out, ", ")
}
