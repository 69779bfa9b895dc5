package larkbot

import "time"

// Bounds of events that come in parts. The SDK keeps parts for five seconds
// (`lark.md` §6.7).
const (
	maxParts   = 64
	maxPending = 64
	maxEvent   = 900 << 10 // bytes of a whole event: it becomes one NATS message
	partsLife  = 10 * time.Second
)

// parts puts events together that come as several frames. It belongs to one
// goroutine.
type parts struct {
	events map[string]*pending
}

type pending struct {
	since time.Time
	got   [][]byte
	left  int
	size  int
}

// add takes part seq of sum of the event called id, and returns the whole when it
// was the last. What makes no sense, or is too much, is dropped: the platform sends
// again what was not answered.
func (p *parts) add(id string, sum, seq int, part []byte, now time.Time) []byte {
	if sum <= 1 {
		if len(part) > maxEvent {
			return nil
		}
		return part
	}
	if sum > maxParts || seq < 0 || seq >= sum || id == "" {
		return nil
	}
	for other, e := range p.events {
		if now.Sub(e.since) > partsLife {
			delete(p.events, other)
		}
	}
	e := p.events[id]
	switch {
	case e != nil && len(e.got) != sum:
		delete(p.events, id)
		return nil
	case e == nil && len(p.events) >= maxPending:
		return nil
	case e == nil:
		if p.events == nil {
			p.events = map[string]*pending{}
		}
		e = &pending{since: now, got: make([][]byte, sum), left: sum}
		p.events[id] = e
	}
	if e.got[seq] == nil {
		e.got[seq] = append([]byte{}, part...)
		e.left--
		e.size += len(part)
	}
	if e.size > maxEvent {
		delete(p.events, id)
		return nil
	}
	if e.left > 0 {
		return nil
	}
	delete(p.events, id)
	whole := make([]byte, 0, e.size)
	for _, b := range e.got {
		whole = append(whole, b...)
	}
	return whole
}
