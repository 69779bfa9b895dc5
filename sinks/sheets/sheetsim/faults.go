package sheetsim

import (
	"net/http"
	"slices"
	"time"
)

// Kind is what a fault does to a call.
type Kind int

// The kinds of fault. With [Fault.Applied] a call is carried out first.
const (
	Unavailable  Kind = iota // 503 UNAVAILABLE
	Internal                 // 500 INTERNAL
	Timeout                  // 504 DEADLINE_EXCEEDED, what more than 180 s of work is taken to end in
	RateLimited              // 429, not counted by [Sim.Quota429s]; Legacy has the older wording
	Unauthorized             // 401 although the token is valid
	Page                     // Status (0: 502) with an HTML page
	Reset                    // the connection is closed without an answer
	Hang                     // no answer until the caller goes away
	Cut                      // the JSON stops half-way, in a response that is whole for HTTP
	Short                    // the connection closes half-way through the body
	Slow                     // Delay (0: 180 s) of simulated time, then as usual
	Late404                  // a call that would be answered 404 is answered 503 the first time
	TokenRefused             // the token endpoint answers 400 with Code (default invalid_grant)
)

// Fault is a misfortune that strikes calls.
type Fault struct {
	On          []Method // which methods; none: all of the API, not [Token]
	Writes      bool     // only methods that write
	Reads       bool     // only methods that do not
	Spreadsheet string   // "": any
	Account     string   // address; "": any
	Kind        Kind
	Applied     bool // strikes after the call was carried out, if it was; a refused call is not struck

	Style  *ErrorStyle // nil: the simulator's
	Legacy bool
	Status int
	Code   string        // of TokenRefused: invalid_grant, invalid_client, unauthorized_client
	Delay  time.Duration // of Slow

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

// Fault arms a fault. Of several that match a call, the first armed strikes.
func (s *Sim) Fault(f Fault) *Armed {
	f.On = slices.Clone(f.On)
	if f.Kind == TokenRefused && len(f.On) == 0 {
		f.On = []Method{Token}
	}
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

// strike draws the fault for a call, nil for none. The caller holds the lock.
func (s *Sim) strike(c *call) *armed {
	for _, a := range s.faults {
		if a.Kind == Late404 || !a.matches(c) || a.Next > 0 && a.left == 0 {
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
		if c.route.method == Token {
			return false
		}
	} else if !slices.Contains(a.On, c.route.method) {
		return false
	}
	if a.Writes && !c.route.write || a.Reads && c.route.write {
		return false
	}
	return (a.Account == "" || c.who != nil && c.who.email == a.Account) && (a.Spreadsheet == "" || c.id == a.Spreadsheet)
}

// unstrike takes back a fault that waits for calls that succeed.
func (s *Sim) unstrike(c *call) {
	s.set(func() {
		c.fault.struck--
		if c.fault.Next > 0 {
			c.fault.left++
		}
	})
}

// missing is the answer for a spreadsheet that is not there, which the live
// service once gave as 503 first (`sinks.md` §A3). The caller holds the lock.
func (s *Sim) missing(id string) *failure {
	for _, a := range s.faults {
		if a.Kind == Late404 && (a.Spreadsheet == "" || a.Spreadsheet == id) && !s.fresh[id] {
			s.fresh[id] = true
			a.struck++
			return unavailable()
		}
	}
	return notFound()
}

// play does to a call what its fault is, given the answer that it would have had.
// Not done means that the call goes on as usual.
func (c *call) play(f Fault, good reply) (rep reply, done bool) {
	refuse := func(e *failure) (reply, bool) {
		e.style = f.Style
		return e.reply(c.s.style()), true
	}
	switch f.Kind {
	case Unavailable:
		return refuse(unavailable())
	case Internal:
		return refuse(internal())
	case Timeout:
		return refuse(deadline())
	case RateLimited:
		kind, limit := "read", 60
		if c.route.write {
			kind = "write"
		}
		project := "100000000000"
		if c.who != nil {
			project = c.who.project
		}
		return refuse(tooMany(project, kind, " per user", limit, f.Legacy))
	case Unauthorized:
		return refuse(unauthenticated())
	case TokenRefused:
		code := f.Code
		if code == "" {
			code = "invalid_grant"
		}
		return oauthError(400, code, tokenText(code)), true
	case Page:
		status := f.Status
		if status == 0 {
			status = http.StatusBadGateway
		}
		return reply{status: status, kind: "text/html; charset=UTF-8", body: []byte("<!DOCTYPE html>\n<html lang=en>\n<title>Error " + http.StatusText(status) +
			"</title>\n<p><b>The server encountered a temporary error and could not complete your request.</b>\n<p>Please try again in 30 seconds.\n</html>\n")}, true
	case Reset:
		return reply{drop: true}, true
	case Hang:
		return reply{hang: true}, true
	case Cut, Short:
		if !f.Applied {
			good = reply{status: 200, kind: "application/json; charset=UTF-8", body: []byte(`{"spreadsheetId":"` + c.id + `"}`)}
		}
		if f.Kind == Short {
			good.claim = len(good.body)
		}
		good.body = good.body[:len(good.body)/2]
		return good, true
	case Slow:
		d := f.Delay
		if d == 0 {
			d = 180 * time.Second
		}
		c.s.wait(c.r, d)
		return good, f.Applied
	}
	return good, false
}
