package sheetsim

import (
	"maps"
	"slices"
	"time"
)

// Counts are the calls that reached the API, refused ones included.
type Counts struct {
	Reads, Writes int
	ByMethod      map[Method]int
	ByMinute      []Minute // oldest first; minutes without a call are left out
	Failed        map[int]int
}

// Minute is one minute of the simulator's clock.
type Minute struct {
	At            time.Time
	Reads, Writes int
}

// ledger counts. It is guarded by [Sim.mu].
type ledger struct {
	byMethod map[Method]int
	byMinute map[int64]*Minute
	failed   map[int]int
	refused  int // by quota
}

func newLedger() ledger {
	return ledger{byMethod: map[Method]int{}, byMinute: map[int64]*Minute{}, failed: map[int]int{}}
}

func (l *ledger) begun(c *call, now time.Time) {
	l.byMethod[c.route.method]++
	at := now.Unix() / 60
	m := l.byMinute[at]
	if m == nil {
		m = &Minute{At: time.Unix(at*60, 0).In(now.Location())}
		l.byMinute[at] = m
	}
	if c.route.write {
		m.Writes++
	} else {
		m.Reads++
	}
}

func (l *ledger) answered(_ *call, rep reply) {
	if rep.drop || rep.hang {
		l.failed[0]++
	} else if rep.failed() {
		l.failed[rep.status]++
	}
}

// Calls counts what reached the API since the start, or since [Sim.ResetCalls].
// Failed is by HTTP status; 0 is a connection that got no answer.
func (s *Sim) Calls() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Counts{ByMethod: maps.Clone(s.record.byMethod), Failed: maps.Clone(s.record.failed)}
	for _, at := range slices.Sorted(maps.Keys(s.record.byMinute)) {
		m := *s.record.byMinute[at]
		out.Reads += m.Reads
		out.Writes += m.Writes
		out.ByMinute = append(out.ByMinute, m)
	}
	return out
}

// ResetCalls begins counting anew, peaks and refusals too.
func (s *Sim) ResetCalls() {
	s.set(func() {
		s.record = newLedger()
		for _, b := range s.books {
			b.peak, b.crowded = b.inFlight, 0
		}
	})
}

// MaxInFlight is the most calls that one spreadsheet had at once.
func (s *Sim) MaxInFlight(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.must(id).peak
}

// Crowded is how many calls to a spreadsheet began within a second, of the
// simulator's clock, after the one before. Google advises against them and
// refuses none (`sinks.md` §A2).
func (s *Sim) Crowded(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.must(id).crowded
}

// Quota429s is how many calls were refused because a minute's quota was spent.
// What a [Fault] refused is not counted.
func (s *Sim) Quota429s() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record.refused
}
