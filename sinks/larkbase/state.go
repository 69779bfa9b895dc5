package larkbase

import (
	"context"
	"encoding/json"
	"time"

	"mekong/sinks/lark"
)

// state is what outlives the process.
type state struct {
	Columns bindings          `json:"columns,omitempty"`
	Budget  *lark.BudgetState `json:"budget,omitempty"`
	// Doubt is a create of unknown outcome: the keys, and since when. What was to be
	// written is not kept; the worker brings it again.
	Doubt *savedDoubt `json:"doubt,omitempty"`
	Mixed bool        `json:"mixed,omitempty"` // there are records whose Key is not their ID
	Begun *begun      `json:"begun,omitempty"`
}

type savedDoubt struct {
	Table string    `json:"table"`
	Keys  []string  `json:"keys"`
	Since time.Time `json:"since"`
}

// recall reads Memory once. What cannot be read is found anew: columns by their
// names, and calls already spent show in the platform's own count.
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
	for table, names := range st.Columns {
		for name, id := range names {
			if s.bound[table][name] == "" {
				s.setBinding(table, name, id)
			}
		}
	}
	if st.Budget != nil && s.own {
		s.budget.Saved(s.budget.Merge(*st.Budget))
	}
	s.mixed = s.mixed || st.Mixed
	if s.begun == nil {
		s.begun = st.Begun
	}
	if d := st.Doubt; d != nil && s.doubt == nil && len(d.Keys) > 0 {
		s.doubt = &doubt{table: d.Table, keys: d.Keys, since: d.Since, known: make([]known, len(d.Keys))}
		for i := range s.doubt.known {
			s.doubt.known[i] = known{table: d.Table, at: d.Since}
		}
	}
}

// keep writes Memory if there is anything new. A failure costs no more than what
// [Sink.recall] says, and is tried again after the next write.
func (s *Sink) keep(ctx context.Context) {
	if s.opts.Memory == nil || !s.loaded {
		return
	}
	st := state{Columns: s.bound, Mixed: s.mixed, Begun: s.begun}
	if s.own {
		b := s.budget.State()
		st.Budget = &b
	}
	if d := s.doubt; d != nil {
		st.Doubt = &savedDoubt{d.table, d.keys, d.since}
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

// ref is the address of a row, "" when its id is unknown. What cannot be an id of
// the platform's is not made part of an address.
func (s *Sink) ref(t *table, id string) string {
	if t == nil || !plainID(id) {
		return ""
	}
	u := s.address(t)
	if u == "" {
		return ""
	}
	return u + "&record=" + id
}

// address is that of a table; "" when it has none.
func (s *Sink) address(t *table) string {
	t.once.Do(func() {
		l := s.link.On(s.conf.Endpoint)
		l.TableID, l.ViewID = t.id, ""
		t.url = l.URL()
	})
	return t.url
}
