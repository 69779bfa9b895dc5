package ladipage

import (
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// burst is how much may come at once, in seconds' worth of the rate: an
	// advertisement that goes well is not an attack.
	burst = 10
	// mostForms is how many forms have a limit of their own. The sender chooses
	// the names, so there must be a bound.
	mostForms = 4096
)

// limits holds one limit per form and page, not per address: a flood through
// LadiPage comes from LadiPage's servers (`sources.md` §4.7). The forms beyond
// mostForms share one limit, so that inventing names gains nothing.
type limits struct {
	rate rate.Limit
	size int
	seed maphash.Seed

	mu     sync.Mutex
	forms  map[uint64]*limit
	others limit
	swept  time.Time
}

type limit struct {
	bucket *rate.Limiter
	used   time.Time
}

func newLimits(perSecond float64) *limits {
	l := &limits{
		rate:  rate.Limit(perSecond),
		size:  max(1, int(perSecond*burst)),
		seed:  maphash.MakeSeed(),
		forms: make(map[uint64]*limit),
	}
	l.others.bucket = rate.NewLimiter(l.rate, l.size)
	return l
}

// admit takes one from the limit of the form with id on page. When there is none
// left it says how long until there is.
func (l *limits) admit(id, page string, now time.Time) (wait time.Duration, ok bool) {
	key := maphash.String(l.seed, id)*31 + maphash.String(l.seed, page)
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.forms[key]
	if f == nil {
		if len(l.forms) >= mostForms {
			l.sweep(now)
		}
		if f = &l.others; len(l.forms) < mostForms {
			f = &limit{bucket: rate.NewLimiter(l.rate, l.size)}
			l.forms[key] = f
		}
	}
	f.used = now
	if f.bucket.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - f.bucket.TokensAt(now)
	return time.Duration(missing / float64(l.rate) * float64(time.Second)), false
}

// sweep forgets the forms that have been quiet for long enough to be full again.
// Walking them all is done once a second at most.
func (l *limits) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	full := time.Duration(float64(l.size) / float64(l.rate) * float64(time.Second))
	for k, f := range l.forms {
		if now.Sub(f.used) > full {
			delete(l.forms, k)
		}
	}
}
