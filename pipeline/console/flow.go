package console

import (
	"encoding/json"
	"net/http"
	"time"

	"mekong/pipeline/bus"
)

// Snapshot is how everything stands at one moment.
type Snapshot struct {
	Durability string // what an answer of the door is worth
	Trouble    string // what keeps this process from taking leads in; empty: nothing
	Sources    []SourceNow
	Sinks      []SinkNow
}

// SourceNow is one way in.
type SourceNow struct {
	Name, Kind        string
	Here              bool  // it runs in this process, which is the only one that is counted
	Accepted, Refused int64 // requests since this process began
}

// SinkNow is one destination.
type SinkNow struct {
	Name, Kind string
	Accept     []string
	Balance    bus.Balance
	Here       bool      // this process delivers to it, and so knows whether it is held
	HeldSince  time.Time // zero: it is not, as far as is known here
	HeldWhy    string
	ByHand     Hold // a person's, which every process knows of
}

// The states of a sink or a source, by how much they need somebody.
const (
	stateIdle    = "idle"    // nothing comes
	stateFlowing = "flowing" // what comes goes on
	stateBehind  = "behind"  // what comes waits
	stateOff     = "off"     // what comes waits, and nobody fetches it
	stateHeld    = "held"    // the destination refuses for now
	statePaused  = "paused"  // a person holds it
)

// behindAfter is how old the oldest waiting record may be in good order.
const behindAfter = 15 * time.Second

func (s SinkNow) state(now time.Time, rate float64) string {
	b := s.Balance
	switch {
	case !s.ByHand.At.IsZero():
		return statePaused
	case !s.HeldSince.IsZero():
		return stateHeld
	case b.Waiting > 0 && !s.Here && b.Pulling == 0 && rate == 0:
		return stateOff
	case b.Waiting > 0 && !b.Oldest.IsZero() && now.Sub(b.Oldest) > behindAfter:
		return stateBehind
	case rate > 0 || b.Waiting > 0:
		return stateFlowing
	}
	return stateIdle
}

// sight is a snapshot with what only several of them together tell.
type sight struct {
	Snapshot
	At      time.Time
	Stored  []float64 // a second, by sink
	Arrived []float64 // a second, by source
	In      float64   // a second, all together
}

// facts are the texts of a sight by the names that the page has for them, and the
// states. The page and what keeps it current are both made from them, so they cannot
// differ.
type facts struct {
	Text  map[string]string `json:"text"`
	State map[string]string `json:"state"`
}

func (l tongue) facts(s sight) facts {
	f := facts{Text: map[string]string{}, State: map[string]string{}}
	f.Text["in"] = l.rate(s.In)
	f.Text["trouble"] = l.tell(s.Trouble)
	f.State["store"] = stateFlowing
	switch {
	case s.Trouble != "":
		f.State["store"] = stateHeld
	case s.In == 0:
		f.State["store"] = stateIdle
	}
	for i, n := range s.Sources {
		key, state := "source."+n.Name, stateIdle
		if s.Arrived[i] > 0 {
			state = stateFlowing
		}
		f.State[key] = state
		f.Text[key+".rate"] = l.rate(s.Arrived[i])
		f.Text[key+".count"] = l.say("flow.counts", l.number(n.Accepted), l.number(n.Refused))
		if !n.Here {
			f.Text[key+".rate"], f.Text[key+".count"] = "–", l.say("flow.elsewhere")
		}
	}
	for i, n := range s.Sinks {
		l.sinkFacts(&f, s, i, n)
	}
	return f
}

func (l tongue) sinkFacts(f *facts, s sight, i int, n SinkNow) {
	b, key := n.Balance, "sink."+n.Name
	if b.Missing < 0 {
		// What moved on while it was being read was seen at both places: no loss.
		b.Waiting = max(0, b.Waiting+b.Missing)
	}
	state := n.state(s.At, s.Stored[i])
	f.State[key] = state
	f.Text[key+".state"] = l.say("state." + state)
	f.Text[key+".rate"] = l.rate(s.Stored[i])
	f.Text[key+".waiting"] = l.say("flow.none")
	if b.Waiting > 0 {
		f.Text[key+".waiting"] = l.say("flow.waiting", l.number(b.Waiting))
		if !b.Oldest.IsZero() {
			f.Text[key+".waiting"] = l.say("flow.oldest", l.number(b.Waiting), l.span(s.At.Sub(b.Oldest)))
		}
	}
	f.Text[key+".why"] = ""
	switch state {
	case statePaused:
		f.Text[key+".why"] = l.say("flow.paused", n.ByHand.By, l.span(s.At.Sub(n.ByHand.At)), n.ByHand.Why)
	case stateHeld:
		f.Text[key+".why"] = l.say("flow.held", l.span(s.At.Sub(n.HeldSince)), l.tell(n.HeldWhy))
	case stateOff:
		f.Text[key+".why"] = l.say("flow.off", n.Name)
	}
	for name, count := range map[string]int64{"accepted": b.Accepted, "stored": b.Stored, "waits": b.Waiting, "buried": b.Buried, "filtered": b.Filtered} {
		f.Text[key+"."+name] = l.number(count)
	}
	f.Text[key+".missing"] = ""
	if b.Missing > 0 {
		f.Text[key+".missing"] = l.say("flow.missing", l.number(b.Missing))
	}
}

type flowView struct {
	sight
	facts
	Picture picture
	Charts  []chart
}

// refresh is for browsers without JavaScript; the others are told.
func (flowView) refresh() int { return 10 }

func (c *Console) flowPage(w http.ResponseWriter, r *http.Request, v visitor) {
	s, err := c.flow.look(r.Context())
	if err != nil {
		c.log.Warn("how everything stands cannot be told", "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
		return
	}
	c.show(w, r, v, http.StatusOK, "flow", flowView{s, v.tongue.facts(s), draw(s), c.flow.charts(v.tongue)})
}

// flowData is the same for programs.
func (c *Console) flowData(w http.ResponseWriter, r *http.Request, v visitor) {
	w.Header().Set("Content-Type", "application/json")
	s, err := c.flow.look(r.Context())
	if err != nil {
		c.log.Warn("how everything stands cannot be told", "error", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"error":"not known now"}` + "\n"))
		return
	}
	type line struct {
		Sink      string     `json:"sink"`
		State     string     `json:"state"`
		Accepted  int64      `json:"accepted"`
		Stored    int64      `json:"stored"`
		Waiting   int64      `json:"waiting"`
		Buried    int64      `json:"buried"`
		Filtered  int64      `json:"filtered"`
		Missing   int64      `json:"missing"`
		PerSecond float64    `json:"stored_per_second"`
		HeldSince *time.Time `json:"held_since,omitempty"`
		HeldWhy   string     `json:"held_why,omitempty"`
		HeldBy    string     `json:"held_by,omitempty"` // a person; empty: the destination, if anything
	}
	out := struct {
		At    time.Time `json:"at"`
		Sinks []line    `json:"sinks"`
	}{At: s.At.UTC(), Sinks: []line{}}
	for i, n := range s.Sinks {
		b := n.Balance
		one := line{Sink: n.Name, State: n.state(s.At, s.Stored[i]), Accepted: b.Accepted, Stored: b.Stored, Waiting: b.Waiting, Buried: b.Buried,
			Filtered: b.Filtered, Missing: b.Missing, PerSecond: s.Stored[i], HeldWhy: n.HeldWhy}
		since := n.HeldSince
		if hand := n.ByHand; !hand.At.IsZero() {
			since, one.HeldWhy, one.HeldBy = hand.At, hand.Why, hand.By
		}
		if !since.IsZero() {
			one.HeldSince = &since
		}
		out.Sinks = append(out.Sinks, one)
	}
	_ = json.NewEncoder(w).Encode(out)
}
