package sheetsim

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is one request to the API on its way through.
type call struct {
	s     *Sim
	r     *http.Request
	route route
	id    string // spreadsheet, unescaped
	arg   string // range, metadata or sheet id, unescaped
	query url.Values
	body  []byte
	who   *grant
	fault *armed
}

// ServeHTTP answers a call of the API, of the token endpoint, of the login pages,
// or shows a spreadsheet's page.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, s.opts.MaxBody)
	if strings.HasPrefix(r.URL.Path, "/v4/") {
		s.api(r).send(w, r)
		return
	}
	s.door(w, r)
}

func (s *Sim) api(r *http.Request) reply {
	c := &call{s: s, r: r, query: r.URL.Query()}
	if !c.find() { // Google answers with a page where no method is
		return reply{status: http.StatusNotFound, kind: "text/html; charset=UTF-8", body: []byte("<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p>The requested URL was not found on this server.\n</html>\n")}
	}
	c.enter()
	defer c.leave()
	rep := c.serve()
	s.set(func() { s.record.answered(c, rep) })
	return rep
}

func (s *Sim) style() ErrorStyle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts.Errors
}

// enter counts the call in its spreadsheet.
func (c *call) enter() {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.record.begun(c, now)
	if b := s.books[c.id]; b != nil {
		b.inFlight++
		b.peak = max(b.peak, b.inFlight)
		at := now.UnixNano()
		if b.called && at-b.last < int64(time.Second) {
			b.crowded++
		}
		b.called, b.last = true, at
	}
}

func (c *call) leave() {
	c.s.set(func() {
		if b := c.s.books[c.id]; b != nil {
			b.inFlight--
		}
	})
}

// serve is the whole of a call but for its sending.
func (c *call) serve() reply {
	s := c.s
	body, err := io.ReadAll(c.r.Body)
	if err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return (&failure{code: 413, status: "INVALID_ARGUMENT", reason: "uploadTooLarge", message: "Request payload size exceeds the limit: " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes."}).reply(s.style())
		}
		return reply{drop: true}
	}
	c.body = body
	if f := c.admit(); f != nil {
		return f.reply(s.style())
	}
	s.mu.Lock()
	latency := s.opts.Latency
	fault := s.strike(c)
	s.mu.Unlock()
	s.wait(c.r, latency)
	if fault != nil && !fault.Applied {
		if rep, done := c.play(fault.Fault, reply{}); done {
			return rep
		}
	}
	rep := c.answer()
	if fault != nil && fault.Applied {
		if rep.failed() {
			s.unstrike(c)
			return rep
		}
		rep, _ = c.play(fault.Fault, rep)
	}
	return rep
}

// answer does what the call asks for.
func (c *call) answer() reply {
	style := c.s.style()
	if f := c.checkQuery(); f != nil {
		return f.reply(style)
	}
	mask, f := parseMask(c.query.Get("fields"), c.route.out)
	if f != nil {
		return f.reply(style)
	}
	var ask any
	if c.route.in != nil {
		if ask, f = c.decode(); f != nil {
			return f.reply(style)
		}
	}
	v, f := c.route.do(c, ask, mask)
	if f != nil {
		return f.reply(style)
	}
	out, err := json.Marshal(v)
	if err != nil {
		panic("sheetsim: an answer that cannot be written: " + err.Error())
	}
	return reply{status: 200, kind: "application/json; charset=UTF-8", body: mask.apply(out)}
}

// open is the spreadsheet of the call. The caller holds the lock.
func (c *call) open() (*book, *failure) {
	b := c.s.books[c.id]
	if b == nil {
		return nil, c.s.missing(c.id)
	}
	role := max(b.roles[c.who.email], b.roles[Anyone])
	if c.who.only(scopeFile) && !b.apps[c.who.client] {
		return nil, c.s.missing(c.id)
	}
	need := Reader
	if c.route.write {
		need = Writer
	}
	if role < need {
		return nil, forbidden()
	}
	if b.office {
		return nil, officeFile()
	}
	return b, nil
}

// reset ends the connection as a machine that dies does: with a reset where the
// connection can be had, else by closing it.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
		return
	}
	panic(http.ErrAbortHandler)
}

// send writes the answer, or breaks the connection as a fault wants it.
func (p reply) send(w http.ResponseWriter, r *http.Request) {
	if p.hang {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	if p.drop {
		reset(w)
		return
	}
	h := w.Header()
	if p.kind != "" {
		h.Set("Content-Type", p.kind)
	}
	for k, v := range p.header {
		h.Set(k, v)
	}
	n := len(p.body)
	if p.claim > 0 {
		n = p.claim
	}
	h.Set("Content-Length", strconv.Itoa(n))
	w.WriteHeader(p.status)
	// The caller may be gone; there is nobody to tell.
	_, _ = w.Write(p.body)
	if n > len(p.body) {
		panic(http.ErrAbortHandler)
	}
}
