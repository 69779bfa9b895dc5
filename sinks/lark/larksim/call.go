package larksim

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// call is one request on its way through the gateway to its handler.
type call struct {
	s     *Sim
	r     *http.Request
	route *route
	vars  map[string]string
	query url.Values
	body  []byte
	logID string

	app  *app  // whom the token belongs to
	user *User // set when it is a user's token

	applied bool   // the handler ran and succeeded
	fault   *armed // what struck this call, nil for nothing
}

// begin gives a request its log id.
func (s *Sim) begin(r *http.Request) *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &call{s: s, r: r, query: r.URL.Query(), logID: s.logID()}
}

// serve finds the route, lets the gateway look at the call, and has it carried
// out, with whatever fault is due.
func (c *call) serve() reply {
	rt, vars, code := c.s.find(c.r.Method, c.r.URL.Path)
	if code != 0 {
		return c.answer(nil, fail(code))
	}
	c.route, c.vars = rt, vars
	// First the body: until it is read, the server cannot see its caller leave.
	bad := c.read()
	if f := c.gate(); f != nil {
		return c.answer(nil, f)
	}
	fault := c.s.strike(c)
	if fault != nil && !fault.Applied {
		if rep, done := c.play(fault.Fault, reply{}); done {
			return rep
		}
	}
	if bad != nil {
		return c.answer(nil, bad)
	}
	data, f := rt.handle(c)
	c.applied = f == nil
	rep := c.answer(data, f)
	if fault != nil && fault.Applied {
		if f != nil {
			c.s.unstrike(c)
		} else if spoilt, done := c.play(fault.Fault, rep); done {
			rep = spoilt
		}
	}
	c.s.charge(c, rep)
	return rep
}

// read takes the body in, whole and bounded.
func (c *call) read() *failure {
	if c.r.Body == nil {
		return nil
	}
	limit := c.s.opts.MaxBody
	b, err := io.ReadAll(io.LimitReader(c.r.Body, int64(limit)+1))
	switch {
	case err != nil:
		return fail(1254000)
	case len(b) > limit:
		return fail(1254002)
	}
	c.body = b
	return nil
}

// decode reads the body as JSON into v. Other content types are malformed
// bodies to this API (`lark.md` §2.6, 1254000).
func (c *call) decode(v any) *failure {
	if t := c.r.Header.Get("Content-Type"); t != "" && !strings.HasPrefix(t, "application/json") {
		return fail(1254000)
	}
	if len(c.body) == 0 {
		return fail(1254000)
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		var shape *json.UnmarshalTypeError
		if errors.As(err, &shape) {
			return fail(1254001)
		}
		return fail(1254000)
	}
	return nil
}

// from is the caller's address without its port.
func (c *call) from() string {
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		return c.r.RemoteAddr
	}
	return host
}

// listed says whether the caller's address is in an allow-list of addresses and
// prefixes. An empty list allows everybody.
func (c *call) listed(allow []string) bool {
	if len(allow) == 0 {
		return true
	}
	ip, err := netip.ParseAddr(c.from())
	if err != nil {
		return false
	}
	for _, a := range allow {
		if p, err := netip.ParsePrefix(a); err == nil && p.Contains(ip) {
			return true
		}
		if one, err := netip.ParseAddr(a); err == nil && one == ip.Unmap() {
			return true
		}
	}
	return false
}
