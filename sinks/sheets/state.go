package sheets

import (
	"context"
	"encoding/json"
	"time"
)

// state is what outlives the process. All else is in the spreadsheet: which column is
// what, which fence is the newest, which tab is the month's.
type state struct {
	At string `json:"at,omitempty"` // the spreadsheet that is written to
	// Doubt are fences whose requests may still arrive.
	Doubt []savedDoubt `json:"doubt,omitempty"`
}

type savedDoubt struct {
	Tab string    `json:"tab"`
	N   int64     `json:"n"`
	At  time.Time `json:"at"`
}

// recall reads Memory once. What cannot be read is found anew: a full spreadsheet says
// that it is full.
func (s *Sink) recall(ctx context.Context) {
	if s.loaded || s.opts.Memory == nil {
		return
	}
	data, err := s.opts.Memory.Load(ctx)
	if err != nil {
		return // asked again at the next use
	}
	s.loaded = true
	var st state
	if json.Unmarshal(data, &st) != nil {
		return
	}
	s.saved = string(data)
	for i, l := range s.links {
		if l.ID == st.At && i > s.at {
			s.at = i
			s.mu.Lock()
			s.where = l.ID
			s.mu.Unlock()
		}
	}
	for _, d := range st.Doubt {
		f := s.fences[d.Tab]
		if f == nil {
			f = &fences{}
			s.fences[d.Tab] = f
		}
		f.doubt = append(f.doubt, doubted{d.N, d.At})
	}
}

// keep writes Memory if there is anything new. A failure is tried again after the next
// write.
func (s *Sink) keep(ctx context.Context) {
	if s.opts.Memory == nil || !s.loaded {
		return
	}
	st := state{At: s.links[s.at].ID}
	for at, f := range s.fences {
		f.prune(s.now())
		for _, d := range f.doubt {
			st.Doubt = append(st.Doubt, savedDoubt{at, d.n, d.at})
		}
	}
	data, err := json.Marshal(st)
	if err != nil || string(data) == s.saved {
		return
	}
	if ctx.Err() != nil {
		// The stop is what makes a doubt worth keeping.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
	}
	if s.opts.Memory.Save(ctx, data) == nil {
		s.saved = string(data)
	}
}
