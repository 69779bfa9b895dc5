package webhook

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mekong/pipeline"
	"mekong/sinks/outbound"
)

// presetLark is the webhook of a Lark Base automation.
const presetLark = "lark_automation"

// setUp says what to do about a status that is about the destination's set-up and not
// about a record.
var setUp = map[int]string{
	http.StatusUnauthorized:      "it wants other credentials: correct bearer, headers or hmac",
	http.StatusForbidden:         "it refuses these credentials or this machine's address: see the receiver's settings",
	http.StatusNotFound:          "there is nothing at the address: copy url again from the receiver",
	http.StatusMethodNotAllowed:  "the address takes no POST: copy url again from the receiver",
	http.StatusGone:              "the address was given up: make a new one at the receiver and set url",
	http.StatusProxyAuthRequired: "a proxy in front of it wants credentials: have the receiver's operator look",
}

// judge gives an answer its verdict. It is never quoted: it may repeat the request.
func (s *Sink) judge(status int, header http.Header, answer []byte, ruled bool) error {
	success := status >= 200 && status <= 299
	if ruled && s.statuses != nil {
		success = s.statuses[status]
	}
	fail := func(what string) error { return fmt.Errorf("webhook: %s answers %d: %s", s.host(), status, what) }
	if ruled && s.conf.Preset == presetLark {
		if err, known := s.larkCode(answer); known {
			return err
		}
	}
	switch {
	case success && ruled && s.ruled && !s.rule.Holds(answer):
		return fail("the answer does not say success: " + s.rule.Path() + " is another value, or there is none")
	case success:
		return nil
	case setUp[status] != "":
		return pipeline.Hold(fail(setUp[status]), 0)
	case status >= 300 && status <= 399:
		return pipeline.Hold(fail("it redirects, which is not followed: set url to the address it leads to"), 0)
	case status == http.StatusTooManyRequests:
		return pipeline.Hold(fail("too many requests"), retryAfter(header, s.now()))
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		return pipeline.Hold(fail("it failed"), retryAfter(header, s.now()))
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		return pipeline.Permanent(fail("it does not take this record's content"))
	case status == http.StatusRequestEntityTooLarge:
		return pipeline.Permanent(fail("the record is too large for it"))
	case status == http.StatusUnsupportedMediaType:
		return pipeline.Permanent(fail("it takes no JSON of this kind"))
	}
	return fail("what that means is not known here")
}

// larkCodes are those of a Base automation (`lark.md` §8.2). All but the first are
// hearsay, and what is not here is of unknown cause.
var larkCodes = map[int]struct {
	words     string
	permanent bool
}{
	800004509: {words: "the workflow is disabled: switch it on in the Base, Automations"},
	800005649: {words: "the workflow wants another token: set bearer to the one its trigger shows"},
	800005650: {words: "this machine's address is not on the workflow's list: add it there, or empty the list"},
	800005646: {words: "the workflow takes this for a loop: it must not lead back to itself"},
	800005647: {words: "the record is longer than 4 MiB", permanent: true},
}

// larkCode judges an answer by the code in it; not known leaves it to the status.
func (s *Sink) larkCode(answer []byte) (err error, known bool) {
	var env struct {
		Code *int `json:"code"`
	}
	if json.Unmarshal(answer, &env) != nil || env.Code == nil {
		return nil, false
	}
	c, ok := larkCodes[*env.Code]
	if !ok {
		return nil, false
	}
	err = fmt.Errorf("webhook: %s answers code %d: %s", s.host(), *env.Code, c.words)
	if c.permanent {
		return pipeline.Permanent(err), true
	}
	return pipeline.Hold(err, 0), true
}

// longestWait is the longest that a receiver is believed when it asks to wait.
const longestWait = time.Hour

// retryAfter is what the answer asks to wait, 0 if it does not say.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(n)*time.Second, longestWait)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), longestWait)
	}
	return 0
}

// silent is an error of the network in words that quote no address.
func silent(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, outbound.ErrPrivate):
		return outbound.Told(err)
	case errors.As(err, &dns):
		return "the name cannot be resolved"
	case errors.As(err, &cert):
		return "the certificate is not accepted"
	case errors.As(err, &record):
		return "it speaks no TLS"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed without a whole answer"
	case strings.Contains(err.Error(), "tls:"):
		return "no secure connection"
	}
	return "the connection failed"
}
