package larksim

import (
	"strconv"
	"time"
)

// windowKey is whom a frequency limit counts for: API × app (the tenant is one).
type windowKey struct {
	op      Op
	app     string
	seconds int
}

type window struct {
	opened time.Time
	calls  int
}

// quota is the basic calls of the current month.
type quota struct {
	month string
	calls int
	total int // over all months
}

// limit refuses a call that comes too often (99991400, §7.1) or in a month
// whose calls are spent (99991403, §7.3). A refused call counts for neither.
func (s *Sim) limit(c *call) *failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	appID := ""
	if c.app != nil {
		appID = c.app.ID
	}
	if s.opts.RateLimits {
		var open []*window
		for _, r := range c.route.rates {
			key := windowKey{c.route.op, appID, r.seconds}
			w := s.windows[key]
			span := time.Duration(r.seconds) * time.Second
			if w == nil || now.Sub(w.opened) >= span {
				w = &window{opened: now}
				s.windows[key] = w
			}
			if w.calls >= r.calls {
				return throttled(r.calls, w.opened.Add(span).Sub(now))
			}
			open = append(open, w)
		}
		for _, w := range open {
			w.calls++
		}
	}
	if c.route.free || s.opts.Quota == 0 {
		return nil
	}
	if s.turn(now); s.spent.calls >= s.opts.Quota {
		return fail(99991403)
	}
	return nil
}

// throttled is the refusal with both headers; the wait is in whole seconds, at least one.
func throttled(limit int, left time.Duration) *failure {
	wait := max(1, int((left+time.Second-1)/time.Second))
	f := fail(99991400)
	f.header = map[string]string{"x-ogw-ratelimit-limit": strconv.Itoa(limit), "x-ogw-ratelimit-reset": strconv.Itoa(wait)}
	return f
}

// charge counts a call against the month's quota unless it failed at the HTTP
// level: an error told with HTTP 200 costs like a success (§7.3, inferred), and
// so does a call that was carried out and whose answer got lost on the way.
func (s *Sim) charge(c *call, rep reply) {
	if c.route.free || rep.status >= 400 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(s.now())
	s.spent.calls++
	s.spent.total++
}

// turn opens a new account on the first of a month.
func (s *Sim) turn(now time.Time) {
	if m := now.Format("2006-01"); m != s.spent.month {
		s.spent.month, s.spent.calls = m, 0
	}
}

// QuotaUsed is how many calls counted against the quota in the current month.
func (s *Sim) QuotaUsed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(s.now())
	return s.spent.calls
}

// QuotaTotal is how many calls ever counted against the quota.
func (s *Sim) QuotaTotal() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spent.total
}
