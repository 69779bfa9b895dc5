package larksim

import (
	"bytes"
	"net/http"
	"slices"
	"time"
)

// Kind is what a fault does to a call.
type Kind int

// The kinds of fault.
const (
	Answer    Kind = iota // the platform's Code, in its usual envelope
	Timeout               // HTTP 504 with 1255040: the two duplicate traps are this and the next two
	Drop                  // the connection is closed without an answer
	Hang                  // no answer until the caller goes away
	HTTPError             // a bare HTTP Status without JSON
	Page                  // HTTP Status with an HTML page, as a proxy answers
	Cut                   // the JSON stops half-way, in a response that is whole for HTTP
	Short                 // the connection closes half-way through the body
	Slow                  // Delay of real time, then as usual
	Throttle              // 99991400 with HTTP 429 and both headers; Delay is what they say
	Refuse                // the token is refused (99991663, a user's 99991668) without being revoked
	Blank                 // reads succeed and show nothing
)

// Fault is a misfortune that strikes calls.
type Fault struct {
	On      []Op // which endpoints; none: all that take a token
	App     string
	Base    string // app_token; "": any
	Holding string // text that the request's body has somewhere, as it is sent; "": any
	Kind    Kind
	Applied bool // strikes after the call was carried out, if it was; otherwise nothing is done

	Code   int           // of Answer; sent with the status the table of codes has
	Msg    string        // of Answer; "": the code's name
	Status int           // of HTTPError and Page (0: 502), and of Answer (0: the code's)
	Delay  time.Duration // of Slow and Throttle

	Next   int     // the next that many matching calls; 0: see Chance
	Chance float64 // each matching call with this probability, from the seed; 0 with Next 0: every call
}

type armed struct {
	Fault
	left   int
	struck int
}

// Armed is a fault that waits for its calls.
type Armed struct {
	s *Sim
	a *armed
}

// Inject arms a fault. Of several that match a call, the first armed strikes.
func (s *Sim) Inject(f Fault) *Armed {
	f.On = slices.Clone(f.On)
	a := &armed{Fault: f, left: f.Next}
	s.set(func() { s.faults = append(s.faults, a) })
	return &Armed{s, a}
}

// Struck is how many calls the fault has struck.
func (f *Armed) Struck() int {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	return f.a.struck
}

// Remove disarms the fault.
func (f *Armed) Remove() {
	f.s.set(func() { f.s.faults = slices.DeleteFunc(f.s.faults, func(a *armed) bool { return a == f.a }) })
}

// ClearFaults disarms every fault.
func (s *Sim) ClearFaults() { s.set(func() { s.faults = nil }) }

// strike draws the fault for a call, nil for none.
func (s *Sim) strike(c *call) *armed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draw(c, false)
}

// refusal says whether a Refuse fault strikes. The caller holds the lock.
func (s *Sim) refusal(c *call) bool { return s.draw(c, true) != nil }

func (s *Sim) draw(c *call, refuse bool) *armed {
	for _, a := range s.faults {
		if (a.Kind == Refuse) != refuse || !a.matches(c) || a.Next > 0 && a.left == 0 {
			continue
		}
		if a.Next == 0 && a.Chance > 0 && s.rand.Float64() >= a.Chance {
			continue
		}
		if a.Next > 0 {
			a.left--
		}
		a.struck++
		c.fault = a
		return a
	}
	return nil
}

func (a *armed) matches(c *call) bool {
	if len(a.On) == 0 {
		if c.route.auth == openDoor {
			return false
		}
	} else if !slices.Contains(a.On, c.route.op) {
		return false
	}
	return (a.App == "" || c.app != nil && c.app.ID == a.App) && (a.Base == "" || c.vars["app_token"] == a.Base) &&
		bytes.Contains(c.body, []byte(a.Holding))
}

// unstrike takes back a fault that waits for calls that succeed.
func (s *Sim) unstrike(c *call) {
	s.set(func() {
		c.fault.struck--
		if c.fault.Next > 0 {
			c.fault.left++
		}
		c.fault = nil
	})
}

// play does to a call what its fault is, given the answer that it would have had.
// Not done means that the call goes on as usual.
func (c *call) play(f Fault, good reply) (rep reply, done bool) {
	rep = reply{status: f.Status, kind: "text/plain; charset=utf-8", log: c.logID}
	if rep.status == 0 {
		rep.status = http.StatusBadGateway
	}
	switch f.Kind {
	case Answer:
		return c.answer(nil, &failure{code: f.Code, msg: f.Msg, status: f.Status}), true
	case Timeout:
		return c.answer(nil, fail(1255040)), true
	case Drop:
		return reply{drop: true, log: c.logID}, true
	case Hang:
		return reply{hang: true, log: c.logID}, true
	case HTTPError:
		rep.body = []byte(http.StatusText(rep.status) + "\n")
		return rep, true
	case Page:
		rep.kind = "text/html"
		rep.body = []byte("<html>\r\n<head><title>" + http.StatusText(rep.status) + "</title></head>\r\n<body>\r\n<center><h1>" +
			http.StatusText(rep.status) + "</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")
		return rep, true
	case Cut, Short:
		if !f.Applied {
			good = c.answer(map[string]any{"records": []any{map[string]any{"fields": map[string]any{}}}}, nil)
		}
		if f.Kind == Short {
			good.claim = len(good.body)
		}
		good.body = good.body[:len(good.body)/2]
		return good, true
	case Throttle:
		return c.answer(nil, throttled(50, f.Delay)), true
	case Slow:
		wait(c.r.Context(), f.Delay)
		return good, f.Applied
	}
	return good, false
}
