package larkchat

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// memory holds the last so many names it was given, and forgets the oldest.
type memory struct {
	names map[[16]byte]bool
	ring  [][16]byte
	next  int
}

func newMemory(n int) *memory {
	// Two names are kept of each record: its key and itself.
	return &memory{names: map[[16]byte]bool{}, ring: make([][16]byte, 0, 2*n)}
}

// short keeps a name small, and a customer's data out of memory.
func short(name string) [16]byte {
	sum := sha256.Sum256([]byte(name))
	return [16]byte(sum[:16])
}

func (m *memory) has(name string) bool { return m.names[short(name)] }

func (m *memory) add(name string) {
	h := short(name)
	if m.names[h] {
		return
	}
	m.names[h] = true
	if len(m.ring) < cap(m.ring) {
		m.ring = append(m.ring, h)
		return
	}
	delete(m.names, m.ring[m.next])
	m.ring[m.next] = h
	m.next = (m.next + 1) % len(m.ring)
}

// mark names something by all that it is made of.
func mark(name string, of any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %#v", name, of))
	return hex.EncodeToString(sum[:])
}
