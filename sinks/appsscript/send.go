package appsscript

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call sends one request once. The error is ctx's own or a *failure. An answer is one
// that the script has signed and that says that it was done.
func (s *Sink) call(ctx context.Context, batch, payload string) (*answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeout(ctx, s.conf.Timeout)
	defer cancel()
	body, sig, err := s.seal(batch, payload)
	if err != nil {
		return nil, &failure{what: "a request cannot be written", fix: "mekong doctor says more"}
	}
	resp, err := s.post(limit, body)
	if err != nil {
		return nil, lost(ctx, err)
	}
	location := resp.Header.Get("Location")
	redirected := resp.StatusCode >= 300 && resp.StatusCode <= 399 && location != ""
	if redirected {
		_ = resp.Body.Close() // a page about having moved
		to, f := s.allowed(location)
		if f != nil {
			return nil, f
		}
		if resp, err = s.get(limit, to); err != nil {
			// The script has run by now, whatever is wrong here.
			return nil, ran(lost(ctx, err))
		}
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, ran(lost(ctx, err))
	}
	if resp.StatusCode == http.StatusOK && len(text) <= maxAnswer {
		if a, ok := s.open(text, batch, sig); ok {
			return s.judge(a)
		}
	}
	f := s.page(resp, text)
	f.doubtful = f.doubtful || redirected
	return nil, f
}

// post is the first half of a call. Nothing but the body is of ours.
func (s *Sink) post(ctx context.Context, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url.String(), strings.NewReader(body))
	if err != nil {
		return nil, errors.New("no request")
	}
	// Anything else is taken for a form (`sinks.md` B1).
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "mekong")
	return s.client.Do(req)
}

// get is the second half: the answer's one-time address, with no header of ours and no
// word of where we come from.
func (s *Sink) get(ctx context.Context, to *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return nil, errors.New("no request")
	}
	req.Header.Set("User-Agent", "mekong")
	return s.client.Do(req)
}

// answerHosts are where answers are fetched (`sinks.md` B2).
var answerHosts = map[string]bool{"script.googleusercontent.com": true, "script.google.com": true}

// allowed is the address of a redirect, if it may be followed.
func (s *Sink) allowed(location string) (*url.URL, *failure) {
	to, err := s.url.Parse(location)
	if err != nil {
		return nil, &failure{what: "it redirects to what is no address", fix: fixURL, doubtful: true}
	}
	switch host := strings.ToLower(to.Hostname()); {
	case host == "accounts.google.com":
		return nil, login()
	case to.User != nil:
	case s.conf.Endpoint != "" && to.Scheme == s.url.Scheme && to.Host == s.url.Host:
		return to, nil
	case s.conf.Endpoint == "" && to.Scheme == "https" && answerHosts[host] && (to.Port() == "" || to.Port() == "443"):
		return to, nil
	}
	return nil, &failure{what: "it redirects to a host that is not Google's for scripts, which is not followed", fix: fixURL, doubtful: true}
}

// lost is what there is to say without an answer. It is ctx's error when ctx has ended.
func lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	f := &failure{what: "the connection ended without an answer", fix: "it is asked again", doubtful: true}
	switch {
	case errors.As(err, &dns):
		f.what, f.fix, f.doubtful = "the name script.google.com cannot be resolved", "see that this machine can reach the internet", false
	case errors.As(err, &op) && op.Op == "dial":
		f.what, f.fix, f.doubtful = "no connection", "see that this machine can reach script.google.com, and that no firewall is between", false
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		f.what, f.fix, f.setting, f.slow = "no answer in time", "if this goes on, look under Executions in the script, and raise timeout", "timeout", true
	}
	return f
}

// ran marks a failure as one after the script has run.
func ran(err error) error {
	var f *failure
	if errors.As(err, &f) {
		f.doubtful = true
	}
	return err
}

// retryAfter is what an answer asks to wait, 0 if it does not say. An hour at most is
// believed.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(h.Get("Retry-After")), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, time.Hour)
}
