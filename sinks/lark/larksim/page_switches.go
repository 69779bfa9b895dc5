package larksim

import (
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"sync"
)

// Switch is a misfortune that a person brings about with a button on the page of the
// Bases, and mends with the same button.
type Switch struct {
	Break, Mend string // what the button says
	On, Off     func() // what it does; they may call the simulator
}

// board holds the switches of the page. Its lock is held while one is turned, so that
// two people do not do so at once; it is never taken with that of the simulator held.
// The rest is changed with both of them held, and read with either.
type board struct {
	mu       sync.Mutex
	switches []Switch
	on       []bool
	turned   int
}

// OpenSwitches puts switches on the page of the Bases, all of them off, in place of
// those that were there.
func (s *Sim) OpenSwitches(switches ...Switch) {
	s.board.mu.Lock()
	defer s.board.mu.Unlock()
	s.set(func() { s.board.switches, s.board.on = slices.Clone(switches), make([]bool, len(switches)) })
}

type switchView struct {
	N    int
	On   bool
	Text string
}

// switchViews is what the page shows. The caller holds the lock.
func (s *Sim) switchViews() []switchView {
	var out []switchView
	for i, on := range s.board.on {
		v := switchView{N: i, On: on, Text: s.board.switches[i].Break}
		if on {
			v.Text = s.board.switches[i].Mend
		}
		out = append(out, v)
	}
	return out
}

// turnSwitch is POST /sim/switch: somebody pressed a button. A form of another site
// cannot send JSON.
func turnSwitch(c *call) (any, *failure) {
	var in struct {
		Switch int  `json:"switch"`
		On     bool `json:"on"`
	}
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || json.Unmarshal(c.body, &in) != nil {
		return markup{status: http.StatusBadRequest, page: []byte("not JSON")}, nil
	}
	b := &c.s.board
	b.mu.Lock()
	defer b.mu.Unlock()
	if in.Switch < 0 || in.Switch >= len(b.switches) {
		return markup{status: http.StatusNotFound, page: []byte("no such switch")}, nil
	}
	if b.on[in.Switch] != in.On {
		turn := b.switches[in.Switch].Off
		if in.On {
			turn = b.switches[in.Switch].On
		}
		turn()
		c.s.set(func() { b.on[in.Switch] = in.On; b.turned++ })
	}
	return markup{status: http.StatusNoContent}, nil
}
