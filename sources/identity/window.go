package identity

import (
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Window tells a repeat from a new delivery where the vendor gives no ID: the
// same content within a length of time is the same delivery.
//
// Time is cut into buckets as long as the window, and the bucket is part of the
// ID, so that any process, at any time, gives the same content in the same
// bucket the same ID without having seen it. A repeat across the edge of two
// buckets is recognised by remembering what was seen last: see [Window.Warm] for
// what a restart needs. Two processes do not share that memory; each edge is
// therefore sharp for a sender that moves from one to the other.
//
// It may be used from any number of goroutines at once.
type Window struct {
	length time.Duration
	size   int

	mu    sync.Mutex
	seen  map[[hashLen]byte]first
	order [][hashLen]byte // a ring: the next to be written is the next to be forgotten
	next  int
}

// first is when some content was first seen, and the bucket of its ID.
type first struct {
	at     int64 // nanoseconds since 1970
	bucket int64
}

// New returns a window of the given length that remembers at most size
// contents; what it has forgotten is still recognised within one bucket.
// It takes about 100 bytes for each. New panics unless both are positive.
func New(length time.Duration, size int) *Window {
	if length <= 0 || size <= 0 {
		panic("identity: a window has a length and a size")
	}
	return &Window{length: length, size: size, seen: make(map[[hashLen]byte]first)}
}

// ID returns the ID of content at now. The content of a delivery and of its
// repeat have the same sum. A clock that runs backwards gives no second ID.
func (w *Window) ID(source string, sum [32]byte, now time.Time) string {
	key := mix(source, sum)
	at := now.UnixNano()
	w.mu.Lock()
	f, ok := w.seen[key]
	if !ok || !w.within(f.at, at) {
		f = first{at: at, bucket: w.bucket(at)}
		w.remember(key, f)
	}
	w.mu.Unlock()

	var few [128]byte
	b := append(appendPrefix(few[:0], source), 'w')
	b = strconv.AppendInt(b, f.bucket, 36)
	b = append(b, '-')
	return string(hex.AppendEncode(b, key[:]))
}

// Warm remembers an ID that this or another window gave out, and when its
// delivery was received. Any other ID is passed over. After the IDs of the last
// window's length, oldest first, the window knows all that it knew before a
// restart.
func (w *Window) Warm(id string, received time.Time) {
	at := strings.LastIndexByte(id, '-')
	if at < 0 {
		return
	}
	rest, hash := id[:at], id[at+1:]
	at = strings.LastIndexByte(rest, '-')
	if at < 0 || !strings.HasPrefix(rest[at+1:], "w") || len(hash) != 2*hashLen {
		return
	}
	var key [hashLen]byte
	bucket, err := strconv.ParseInt(rest[at+2:], 36, 64)
	if _, bad := hex.Decode(key[:], []byte(hash)); err != nil || bad != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if f, ok := w.seen[key]; !ok || !w.within(f.at, received.UnixNano()) {
		w.remember(key, first{at: received.UnixNano(), bucket: bucket})
	}
}

func (w *Window) within(a, b int64) bool {
	d := b - a
	if d < 0 {
		d = -d
	}
	return d <= int64(w.length)
}

// bucket rounds towards the past, before 1970 as well.
func (w *Window) bucket(at int64) int64 {
	n := int64(w.length)
	b := at / n
	if at%n < 0 {
		b--
	}
	return b
}

// remember stores f in the place of the oldest. The caller holds mu.
func (w *Window) remember(key [hashLen]byte, f first) {
	if _, known := w.seen[key]; !known {
		if len(w.order) < w.size {
			w.order = append(w.order, key)
		} else {
			delete(w.seen, w.order[w.next])
			w.order[w.next] = key
			w.next = (w.next + 1) % len(w.order)
		}
	}
	w.seen[key] = f
}
