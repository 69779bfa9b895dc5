package trace

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	now := start
	p := newPace(now)
	ends := uint64(1000)
	for _, c := range []struct {
		name       string
		over, took time.Duration
		grew       uint64
		more       bool
		want       time.Duration
		share      int
	}{
		{"at the start nothing is known, as in a rush", time.Second, 100 * time.Millisecond, 0, true, 1900 * time.Millisecond, smallParts},
		{"to build with nobody about", time.Second, 300 * time.Millisecond, 0, true, 600 * time.Millisecond, 1},
		{"a slow disk", time.Second, 5 * time.Second, 3, true, restMost, 1},
		{"a few leads", time.Second, 10 * time.Millisecond, 150, false, lookEvery, 1},
		{"a rush", time.Second, 100 * time.Millisecond, 500, true, 1900 * time.Millisecond, smallParts},
		{"a rush that it keeps up with", time.Second, 20 * time.Millisecond, 250, false, 380 * time.Millisecond, smallParts},
		{"short work is no reason to look more often", time.Second, time.Millisecond, 250, false, lookEvery, smallParts},
		{"a rush that lasts", 59 * time.Second, 200 * time.Millisecond, 50_000, true, 3800 * time.Millisecond, smallParts},
		{"a slow machine", 500 * time.Millisecond, time.Second, 5000, true, restLongest, smallParts},
		{"behind for more than a minute", 2 * time.Second, 200 * time.Millisecond, 5000, true, 1800 * time.Millisecond, smallParts},
		{"behind for more than ten", 10 * time.Minute, time.Second, 500_000, true, 3 * time.Second, smallParts},
		{"over", time.Second, 300 * time.Millisecond, 0, true, 600 * time.Millisecond, 1},
		{"caught up", time.Second, 300 * time.Millisecond, 0, false, lookEvery, 1},
		{"and a new rush", time.Second, 100 * time.Millisecond, 500, true, 1900 * time.Millisecond, smallParts},
	} {
		now = now.Add(c.over)
		ends += c.grew
		if got := p.rest(now, c.took, ends, c.more); got != c.want || p.share != c.share {
			t.Errorf("%s: it rests %s with parts of 1/%d, want %s and 1/%d", c.name, got, p.share, c.want, c.share)
		}
	}
	// Streams that were made anew have fewer messages than before.
	if got := p.rest(now.Add(time.Second), time.Second, 1, true); got != 2*time.Second {
		t.Errorf("after the streams were made anew it rests %s", got)
	}
}
