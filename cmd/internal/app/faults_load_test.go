//go:build unix

package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/cmd/internal/leads"
)

// people is how many persons submit again and again.
const people = 40

// senders remember what they sent and what they were told.
type senders struct {
	doors []string // addresses
	mu    sync.Mutex
	next  uint64
	leads map[uint64]bool // sent; true: accepted
	last  [people]int     // the newest submission of each person that was accepted
	tried [people]int     // and that was sent at all
	saved int             // those accepted in all
	fails int             // requests that were not answered 200
	gap   time.Duration   // the longest time in which nothing was accepted
	at    time.Time
}

func newSenders(doors []string) *senders {
	return &senders{doors: doors, leads: map[uint64]bool{}, at: time.Now()}
}

// run sends about rate submissions a second until ctx ends, and ends when each has been
// answered or given up.
func (s *senders) run(ctx context.Context, rate int, rnd *rand.Rand) {
	var wg sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	slots := make(chan struct{}, 64)
	busy := [people]sync.Mutex{}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			wg.Wait()
			return
		}
		if rnd.IntN(4) == 0 {
			who := rnd.IntN(people)
			wg.Go(func() {
				if busy[who].TryLock() { // a person sends one after the other
					defer busy[who].Unlock()
					s.person(ctx, who)
				}
			})
			continue
		}
		select {
		case slots <- struct{}{}:
			wg.Go(func() {
				defer func() { <-slots }()
				s.lead(ctx)
			})
		default: // all wait for an answer
		}
	}
}

// lead sends a new one, and the same again while it is not answered, as the browser or
// LadiPage's servers do.
func (s *senders) lead(ctx context.Context) {
	s.mu.Lock()
	n := s.next
	s.next++
	s.leads[n] = false
	s.mu.Unlock()
	contentType, body := leads.Make(n).Encode(leads.Kinds[n%3])
	if s.insist(ctx, "/in/landing", contentType, body) {
		s.mu.Lock()
		s.leads[n] = true
		s.mu.Unlock()
	}
}

// person sends what one has to say next. It is not sent again: who gives up writes
// something else next time.
func (s *senders) person(ctx context.Context, who int) {
	s.mu.Lock()
	s.tried[who]++
	n := s.tried[who]
	s.mu.Unlock()
	l := leads.Lead{{Name: "name", Value: "Nguyễn Văn A"}, {Name: "phone", Value: fmt.Sprintf("09100%05d", who)},
		{Name: "email", Value: personMail(who)}, {Name: "message", Value: strconv.Itoa(n)}}
	contentType, body := l.Encode(leads.URLEncoded)
	if s.insist(ctx, "/in/people", contentType, body) {
		s.mu.Lock()
		s.last[who] = max(s.last[who], n)
		s.mu.Unlock()
	}
}

func personMail(who int) string { return fmt.Sprintf("person%d@example.com", who) }

// insist sends body up to eight times, to whichever door answers.
func (s *senders) insist(ctx context.Context, path, contentType string, body []byte) bool {
	headers := map[string]string{"Content-Type": contentType, "Token": secretToken}
	for try := range 8 {
		call, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
		s.mu.Lock()
		door := s.doors[(int(s.next)+try)%len(s.doors)]
		s.mu.Unlock()
		got, err := send(call, "http://"+door+path, body, headers)
		cancel()
		if err == nil && got.status == http.StatusOK && got.ID != "" {
			s.mu.Lock()
			s.saved++
			now := time.Now()
			s.gap = max(s.gap, now.Sub(s.at))
			s.at = now
			s.mu.Unlock()
			return true
		}
		s.mu.Lock()
		s.fails++
		s.mu.Unlock()
		if pause(context.WithoutCancel(ctx), time.Duration(50<<try)*time.Millisecond) != nil {
			return false
		}
	}
	return false
}

// missing is how much of what was accepted is not yet in a destination.
func (s *senders) missing(held rows) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, accepted := range s.leads {
		if accepted && len(held[mail(k)]) == 0 {
			n++
		}
	}
	for who, last := range s.last {
		if says := held[personMail(who)]; last > 0 && !slices.ContainsFunc(says, func(v string) bool { k, _ := strconv.Atoi(v); return k >= last }) {
			n++
		}
	}
	return n
}

// check holds what a destination has against what was sent: what was accepted once, what
// was never answered at most once, nothing else, and of each person the newest.
func (s *senders) check(t testing.TB, where string, held rows) (stored, lost, doubled int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	stale, strange := 0, 0
	for k, accepted := range s.leads {
		switch n := len(held[mail(k)]); {
		case n > 1:
			doubled++
		case n == 1:
			stored++
		case accepted:
			lost++
		}
	}
	for who := range people {
		says := held[personMail(who)]
		switch {
		case len(says) > 1:
			doubled++
		case len(says) == 0 && s.last[who] > 0:
			lost++
		case len(says) == 1:
			stored++
			if n, err := strconv.Atoi(says[0]); err != nil || n < s.last[who] || n > s.tried[who] {
				stale++
			}
		}
	}
	for address := range held {
		var n uint64
		if _, err := fmt.Sscanf(strings.TrimPrefix(address, "lead"), "%d@example.com", &n); err == nil && n < s.next && address == mail(n) {
			continue
		}
		var who int
		if _, err := fmt.Sscanf(strings.TrimPrefix(address, "person"), "%d@example.com", &who); err == nil && who < people && address == personMail(who) {
			continue
		}
		strange++
	}
	if lost+doubled+stale+strange > 0 {
		t.Errorf("%s: %d lost, %d doubled, %d hold what an older submission said, %d were never sent", where, lost, doubled, stale, strange)
	}
	return stored, lost, doubled
}
