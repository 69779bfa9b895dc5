package larksim

import (
	"crypto/sha256"
	"encoding/json"
	"time"
)

// replayKey is the scope of a client_token: one app, one endpoint, one place in
// one Base. The platform does not say (`lark.md` §12); this is the narrowest.
type replayKey struct {
	app   string
	op    Op
	place string
	token string
}

// replay is one client_token in use or remembered.
type replay struct {
	body    [32]byte
	data    any
	running bool
	expires time.Time
}

// write carries out one change to a Base: it minds the client_token, the rule of
// one write in flight (§2.4) and the configured latency, and runs apply under the
// lock. apply must change nothing when it fails.
func (c *call) write(apply func() (any, *failure)) (any, *failure) {
	s := c.s
	s.mu.Lock()
	if _, f := c.base(CanEdit); f != nil {
		s.mu.Unlock()
		return nil, f
	}
	b := s.bases[c.vars["app_token"]]
	key, rp, done, f := c.claim()
	if f != nil || done {
		s.mu.Unlock()
		if f != nil {
			return nil, f
		}
		return rp.data, nil
	}
	f = b.enter(s.opts.MaxWriting)
	latency := s.opts.Latency
	s.mu.Unlock()

	var data any
	if f == nil {
		wait(c.r.Context(), latency)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b.writing--
	if f == nil {
		data, f = apply()
	}
	if rp != nil {
		if f != nil {
			delete(s.replays, key)
		} else {
			rp.running, rp.data, rp.expires = false, data, s.now().Add(s.opts.ClientTokenLife)
		}
	}
	return data, f
}

// enter counts a write into the Base, and refuses it when others are there.
// The refused one counts too, until it leaves: that is what "in flight" means.
func (b *base) enter(most int) *failure {
	b.writing++
	b.peak = max(b.peak, b.writing)
	if b.writing > 1 {
		b.overlaps++
	}
	if b.heldBy > 0 || most > 0 && b.writing > most {
		return fail(1254291)
	}
	b.writes++
	return nil
}

// claim looks at the client_token. Done means that its first call has been carried
// out and rp holds the answer. Without a token rp is nil. The caller holds the lock.
func (c *call) claim() (key replayKey, rp *replay, done bool, f *failure) {
	token := c.query.Get("client_token")
	switch c.route.op {
	case OpCreate, OpBatchCreate, OpFieldCreate:
	default:
		token = "" // not documented elsewhere, and not minded (§2, note 2)
	}
	if token == "" {
		return key, nil, false, nil
	}
	if !uuid4(token) {
		return key, nil, false, fail(1254037)
	}
	s, now := c.s, c.s.now()
	key = replayKey{c.app.ID, c.route.op, c.vars["app_token"] + "/" + c.vars["table_id"], token}
	body := canonical(c.body)
	old := s.replays[key]
	switch {
	case old == nil || !old.running && !now.Before(old.expires):
	case old.running:
		return key, nil, false, fail(1254608)
	case old.body != body:
		return key, nil, false, fail(1255006)
	default:
		return key, old, true, nil
	}
	if len(s.replays) > 64 {
		for k, r := range s.replays {
			if !r.running && !now.Before(r.expires) {
				delete(s.replays, k)
			}
		}
	}
	rp = &replay{body: body, running: true}
	s.replays[key] = rp
	return key, rp, false, nil
}

// canonical is a digest of what a body says, whatever the order of its names.
func canonical(body []byte) [32]byte {
	var v any
	if json.Unmarshal(body, &v) == nil {
		body = encode(v)
	}
	return sha256.Sum256(body)
}

// MaxInFlight is the largest number of writes that were in one Base at once.
func (s *Sim) MaxInFlight(appToken string) int {
	return s.ofBase(appToken, func(b *base) int { return b.peak })
}

// Overlaps is how many writes came to a Base while another was in it.
func (s *Sim) Overlaps(appToken string) int {
	return s.ofBase(appToken, func(b *base) int { return b.overlaps })
}

// Writes is how many writes a Base let in, whether or not they were then found good.
func (s *Sim) Writes(appToken string) int {
	return s.ofBase(appToken, func(b *base) int { return b.writes })
}

func (s *Sim) ofBase(appToken string, of func(*base) int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.bases[appToken]; b != nil {
		return of(b)
	}
	return 0
}
