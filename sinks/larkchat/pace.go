package larkchat

import (
	"sync"
	"time"
)

// pace keeps a bot under its limits without asking: the platform's refusal does not
// say how long to wait. It knows of this process only; what others send through the
// same bot is met as a refusal.
type pace struct {
	mu    sync.Mutex
	rules []rule
	sent  []time.Time // the last most of the largest rule, oldest first
}

type rule struct {
	most int
	span time.Duration
}

// take counts a message in at now, or says how long it has to wait.
func (p *pace) take(now time.Time) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	keep := 0
	for _, r := range p.rules {
		keep = max(keep, r.most)
		if i := len(p.sent) - r.most; i >= 0 {
			if left := r.span - now.Sub(p.sent[i]); left > wait && left <= r.span {
				wait = left
			}
		}
	}
	if wait > 0 {
		return wait
	}
	if p.sent = append(p.sent, now); len(p.sent) > keep {
		p.sent = append(p.sent[:0], p.sent[len(p.sent)-keep:]...)
	}
	return 0
}
