package trace

import "time"

// The index rests so that leads go first. Usually it works a third of the time at most. In a
// rush, when every bit of the machine may be wanted, it takes small parts and works a
// twentieth of the time: of one processor, and less of it where there are several. That is
// enough for some hundred leads a second; beyond that the index falls behind, says so
// ([Index.Lag]), and comes back when the rush is over. Only if it has not come back for a
// long time does it take more.
const (
	restIdle    = 2  // times as long as it worked
	restTraffic = 19 // with traffic
	restLate    = 9  // with traffic, and behind for lateAfter
	restLatest  = 3  // with traffic, and behind for latestAfter
	lateAfter   = time.Minute
	latestAfter = 10 * time.Minute
	restMost    = 2 * time.Second
	restLongest = 5 * time.Second // with traffic
	traffic     = 200             // messages a second, over all streams: some eighty leads
	smallParts  = 4               // with traffic, a part is smaller by this
)

// pace is what Run knows about the traffic.
type pace struct {
	at       time.Time // of the last look
	ends     uint64    // how many messages the streams had then
	caughtUp time.Time // when the index was last up with the streams
	share    int       // how many times smaller than usual the next part is
}

// newPace begins as in a rush: what there is of traffic is not known yet.
func newPace(now time.Time) pace { return pace{at: now, caughtUp: now, share: smallParts} }

// rest is how long to rest after a round that took so long and ended now. The streams have
// had ends messages by then, and there may be more to read.
func (p *pace) rest(now time.Time, took time.Duration, ends uint64, more bool) time.Duration {
	grew, over := float64(ends)-float64(p.ends), now.Sub(p.at)
	known := p.ends > 0 && over > 0
	p.at, p.ends = now, ends
	if !more {
		p.caughtUp = now
	}
	busy := !known || grew >= traffic*over.Seconds()
	p.share = 1
	if busy {
		p.share = smallParts
	}
	switch late := now.Sub(p.caughtUp); {
	case !busy && !more:
		return lookEvery
	case !busy:
		return min(restIdle*took, restMost)
	case late > latestAfter:
		return max(lookEvery, min(restLatest*took, restLongest))
	case late > lateAfter:
		return max(lookEvery, min(restLate*took, restLongest))
	default:
		return max(lookEvery, min(restTraffic*took, restLongest))
	}
}
