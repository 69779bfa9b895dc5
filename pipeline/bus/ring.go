package bus

// ring remembers the last hundred thousand sequences that were settled.
type ring struct {
	set  map[uint64]struct{}
	line []uint64
	next int
}

const ringSize = 100_000

func newRing() *ring { return &ring{set: map[uint64]struct{}{}} }

// add notes n sequences from seq on and reports whether the first was there.
// Runs are made of first deliveries only, so one look is enough.
func (r *ring) add(seq uint64, n int64) bool {
	if _, ok := r.set[seq]; ok {
		return true
	}
	for i := range uint64(n) {
		if len(r.line) < ringSize {
			r.line = append(r.line, seq+i)
		} else {
			delete(r.set, r.line[r.next])
			r.line[r.next] = seq + i
			r.next = (r.next + 1) % ringSize
		}
		r.set[seq+i] = struct{}{}
	}
	return false
}
