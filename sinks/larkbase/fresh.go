package larkbase

import (
	"crypto/sha256"
	"time"
)

const (
	// lag is how long a row may stay invisible after it was written. The platform
	// says seconds (`lark.md` §2.4); longer than this it is taken for gone.
	lag = 30 * time.Second
	// glance is when to look again for what should be there.
	glance = 3 * time.Second
	// kept is how long what was written is believed without being read again. It
	// spares the look-up between the turns of a conversation.
	kept     = 2 * time.Minute
	freshMax = 20_000
)

// known is what is known of a row that was written a moment ago.
type known struct {
	table   string // its id
	id      string // "": it is there, under an id that was not told
	version string
	filled  []string // ids of columns; shared, not to be changed
	at      time.Time
}

// fresh are rows written a moment ago, by key, and rows erased, by id: what is read
// of either may be of before.
type fresh struct {
	rows   map[string]known
	erased map[string]time.Time
	oldest time.Time // nothing in either is older
}

func (f *fresh) put(key string, k known) {
	if f.rows == nil || len(f.rows) >= freshMax {
		f.rows = map[string]known{}
	}
	f.rows[key] = k
	f.notOlder(k.at)
}

func (f *fresh) erase(id string, at time.Time) {
	if f.erased == nil || len(f.erased) >= freshMax {
		f.erased = map[string]time.Time{}
	}
	f.erased[id] = at
	f.notOlder(at)
}

func (f *fresh) notOlder(at time.Time) {
	if f.oldest.IsZero() || at.Before(f.oldest) {
		f.oldest = at
	}
}

func (f *fresh) wasErased(id string, now time.Time) bool {
	at, ok := f.erased[id]
	return ok && now.Sub(at) < lag
}

// prune forgets what is old. It is asked before each write and looks through all that
// is kept; so it does that no more often than a part of it may have become old.
func (f *fresh) prune(now time.Time) {
	if f.oldest.IsZero() || now.Sub(f.oldest) < kept+kept/4 {
		return
	}
	f.oldest = time.Time{}
	for key, k := range f.rows {
		if now.Sub(k.at) >= kept {
			delete(f.rows, key)
		} else {
			f.notOlder(k.at)
		}
	}
	for id, at := range f.erased {
		if now.Sub(at) >= lag {
			delete(f.erased, id)
		} else {
			f.notOlder(at)
		}
	}
}

// seen are the keys that this process has written. A record of such a key is looked
// up first even if nothing else says that a row may exist. The oldest half is
// forgotten when it is full: then what a worker marks Again is all that is known,
// as it is after a restart.
type seen struct{ now, before map[[16]byte]struct{} }

const seenHalf = 100_000

func digest(key string) (d [16]byte) {
	sum := sha256.Sum256([]byte(key))
	copy(d[:], sum[:])
	return d
}

func (s *seen) has(key string) bool {
	d := digest(key)
	_, a := s.now[d]
	_, b := s.before[d]
	return a || b
}

func (s *seen) add(key string) {
	if s.now == nil || len(s.now) >= seenHalf {
		s.now, s.before = map[[16]byte]struct{}{}, s.now
	}
	s.now[digest(key)] = struct{}{}
}

func (s *seen) drop(key string) {
	d := digest(key)
	delete(s.now, d)
	delete(s.before, d)
}
