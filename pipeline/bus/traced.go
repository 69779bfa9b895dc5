package bus

import "github.com/nats-io/nats.go"

// A message may take along which trace it is part of, as W3C Trace Context spells
// it: version-trace-span-flags, 55 characters. The bus carries it and does not know
// what it means.
const (
	headerTrace = "traceparent"
	// headerTraceBefore is that of the trace a message was part of before it was
	// buried or replayed: what happens to it now is another.
	headerTraceBefore = "Mekong-Trace-Before"
	// metaTrace is where a Raw brings it. It becomes a header and no part of the
	// envelope: what is stored of a delivery is the same whether it is traced or not.
	metaTrace = "traceparent"
)

// traceOf is s if it can be a trace context, else "".
func traceOf(s string) string {
	if len(s) != 55 {
		return ""
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 2, i == 35, i == 52:
			if c != '-' {
				return ""
			}
		case c < '0' || c > '9' && c < 'a' || c > 'f':
			return ""
		}
	}
	return s
}

// Trace is the trace context that the message came with, and that of the trace
// which it was part of before it was buried or replayed. Either may be "".
func (d *Delivery[T]) Trace() (now, before string) {
	if d.msg == nil {
		return "", ""
	}
	h := d.msg.Headers()
	return traceOf(h.Get(headerTrace)), traceOf(h.Get(headerTraceBefore))
}

// Trace is the trace context that the message came with; "" when there is none.
func (k Kept) Trace() string { return lastTrace(k.header) }

// lastTrace is the trace that a message was part of last.
func lastTrace(h nats.Header) string {
	if now := traceOf(h.Get(headerTrace)); now != "" {
		return now
	}
	return traceOf(h.Get(headerTraceBefore))
}
