package bus

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

func isFull(err error) bool { return errors.Is(err, ErrFull) }

// noise is n bytes that do not compress, the same for the same seed.
func noise(n, seed int) []byte {
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// poll waits for a condition, ten seconds at most.
func poll(t testing.TB, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the condition did not come about")
		}
	}
}
