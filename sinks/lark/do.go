package lark

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"mekong/sinks/token"
)

// MaxAnswer is how much of an answer is read, in bytes. The answer to a write of 500
// rows repeats them.
const MaxAnswer = 64 << 20

// Request is one call for [Client.Do].
type Request struct {
	Op     Op
	Method string
	Path   string // from "/open-apis/"; see [Path]
	Query  url.Values
	Body   any  // sent as JSON; nil: none
	Write  bool // it changes something, so an answer that cannot be read leaves that open
	Free   bool // it does not count against the monthly quota (`lark.md` §7.3)
}

const notJSON = "the request cannot be written as JSON"

// Path joins segments to a path, each escaped as one: an id never becomes two.
func Path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString("/")
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// Do makes a call and decodes the answer's "data" into out; nil leaves it.
//
// A refused token costs one failed call: a fresh one is asked for and the call made
// once more. Every error but ctx's own carries its verdict and an [Error]; ctx's is
// found in the [Error] by errors.Is and is no verdict.
func (c *Client) Do(ctx context.Context, r Request, out any) error {
	body, err := encode(r.Body)
	if err != nil {
		return &Error{Op: r.Op, Class: Bug, Msg: notJSON}
	}
	for second := false; ; second = true {
		if e := c.closed(r); e != nil {
			return e.Verdict()
		}
		t, err := c.tokens.Token(ctx)
		if err != nil {
			return c.noToken(ctx, r.Op, err)
		}
		e := c.call(ctx, r, body, t, out)
		switch {
		case e == nil:
			return nil
		case e.Class == Stale:
			c.tokens.Refused(t)
			if !second {
				continue
			}
		case e.Class == Quota:
			c.close(e)
		}
		return e.Verdict()
	}
}

// call sends once, within the budget.
func (c *Client) call(ctx context.Context, r Request, body []byte, t token.Token, out any) *Error {
	if c.budget != nil && !r.Free {
		if wait, ok := c.budget.take(); !ok {
			return &Error{Op: r.Op, Class: Quota, Msg: c.budget.spent(), RetryAfter: wait}
		}
	}
	a := c.send(ctx, r, body, t.Value.Reveal())
	e := a.judge(out)
	if c.budget != nil && !r.Free {
		c.budget.settle(a.counted())
	}
	c.told(r, a, e)
	return e
}

func (t *transport) told(r Request, a *answer, e *Error) {
	if t.onCall == nil {
		return
	}
	call := Call{Op: r.Op, HTTP: a.status, Quota: !r.Free && a.counted(), Took: a.took, Failed: e != nil}
	if e != nil {
		call.Code = e.Code
	}
	t.onCall(call)
}

// closed is the answer to a call while the month's calls are known to be spent.
func (c *Client) closed(r Request) *Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.until.Sub(c.now())
	if r.Free || c.spent == nil || left <= 0 {
		return nil
	}
	return &Error{Op: r.Op, Class: Quota, Code: c.spent.Code, Msg: c.spent.Msg, LogID: c.spent.LogID, RetryAfter: left}
}

// close stops calls for a while after the platform has said that the month's are
// spent. It is asked again every hour: plans are upgraded, and a refused call costs
// nothing.
func (c *Client) close(e *Error) {
	if e.Code == 0 {
		return // the own budget's word, which is free to ask
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spent, c.until = e, c.now().Add(e.RetryAfter)
}

// noToken is the error for a call that was not made for want of a token.
func (c *Client) noToken(ctx context.Context, op Op, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return &Error{Op: op, Class: Unknown, Msg: "given up before it was sent", cause: ctx.Err()}
	}
	if e := As(err); e != nil && !errors.Is(err, token.ErrReauthorise) {
		own := *e
		switch own.Class {
		case Setup, Throttled, Busy, Down, Quota, Stale:
		default:
			own.Class = Setup // whatever it is, no record is at fault
		}
		return own.Verdict()
	}
	e := &Error{Op: op, Class: Stale, Msg: "there is no token: " + err.Error(), RetryAfter: token.Wait(err), cause: err}
	if errors.Is(err, token.ErrReauthorise) {
		e.Class, e.Code = Setup, CodeOf(err)
	}
	return e.Verdict()
}

// answer is what came back, or why nothing did.
type answer struct {
	op     Op
	write  bool
	flat   bool // it has no envelope
	status int
	header http.Header
	body   []byte
	took   time.Duration
	sent   bool  // the request may have reached the platform
	err    error // no answer, or only a part of one
	ctx    error // the caller went away
}

// counted reports whether the call counts against the quota, as far as is known:
// failed ones do not (`lark.md` §7.3), and one without an answer may have.
func (a *answer) counted() bool { return a.sent && a.status < 400 }

// send makes one request. bearer is "" where the call takes no token.
func (t *transport) send(ctx context.Context, r Request, body []byte, bearer string) *answer {
	a := &answer{op: r.Op, write: r.Write}
	limit, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	// Only a transport that tells of connections can tell that it had none.
	var dialled, wrote atomic.Bool
	limit = httptrace.WithClientTrace(limit, &httptrace.ClientTrace{
		GetConn:      func(string) { dialled.Store(true) },
		WroteHeaders: func() { wrote.Store(true) },
	})
	address := t.endpoint + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	req, err := http.NewRequestWithContext(limit, r.Method, address, bytes.NewReader(body))
	if err != nil {
		a.err = errors.New("the request cannot be made")
		return a
	}
	if body == nil {
		req.Body, req.GetBody, req.ContentLength = http.NoBody, nil, 0
	}
	req.Header.Set("User-Agent", "mekong")
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	start := time.Now()
	resp, err := t.http.Do(req)
	if err == nil {
		a.status, a.header = resp.StatusCode, resp.Header
		a.body, err = io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
		_ = resp.Body.Close()
		if err == nil && len(a.body) > MaxAnswer {
			a.body, err = nil, errors.New("the answer is too long")
		}
	}
	a.took = time.Since(start)
	a.sent = a.status != 0 || wrote.Load() || (!dialled.Load() && !neverSent(err))
	if a.ctx = ctx.Err(); err != nil {
		a.err = silent(err)
	}
	return a
}

// neverSent knows the errors of transports that tell nothing else.
func neverSent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || (errors.As(err, &op) && op.Op == "dial")
}

// silent is an error of the network in words that quote no address and no query.
func silent(err error) error {
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return errors.New("the host's name cannot be resolved")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("no answer in time")
	case errors.As(err, &op) && op.Op == "dial":
		return errors.New("no connection")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the answer broke off")
	case errors.Is(err, io.EOF):
		return errors.New("the connection was closed without an answer")
	case strings.Contains(err.Error(), "tls:") || strings.Contains(err.Error(), "x509:"):
		return errors.New("no secure connection: the certificate was not accepted")
	case strings.Contains(err.Error(), "the answer is too long"):
		return fmt.Errorf("the answer is longer than %d MiB", MaxAnswer>>20)
	}
	return errors.New("the connection failed")
}
