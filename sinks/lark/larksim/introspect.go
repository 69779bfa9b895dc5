package larksim

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Calls is what came to one endpoint.
type Calls struct {
	Total  int
	OK     int         // carried out and answered as such
	Failed int         // refused, struck by a fault, or never answered
	Codes  map[int]int // of the failures, by the platform's code; 0: no code was told
}

// Request is one call in the log. It holds no body, query, header or token.
type Request struct {
	At      time.Time
	LogID   string
	Op      Op
	App     string // whose token it was, "" before that was known
	User    string // open id
	Base    string
	Table   string
	Status  int // 0: no answer
	Code    int
	Applied bool // it was carried out, whatever the caller was told
	Fault   bool // a fault struck it
}

// Row is one record for tests, in the order of creation.
type Row struct {
	ID       string
	Created  time.Time
	Modified time.Time
	// Fields by the column's present name, empty cells left out: string (also of a
	// single select), float64, bool, time.Time, []string (several options, people,
	// links, groups, files) or [Link].
	Fields map[string]any
}

// ledger counts and keeps what came.
type ledger struct {
	calls map[Op]*Calls
	total int
	log   []Request // a ring once it is full
	next  int
	most  int
}

func newLedger(most int) ledger { return ledger{calls: map[Op]*Calls{}, most: most} }

func (l *ledger) add(c *call, rep reply) {
	op := Op("unknown")
	if c.route != nil {
		op = c.route.op
	}
	if op == OpPage {
		return // it watches, and would fill the log with itself
	}
	l.total++
	n := l.calls[op]
	if n == nil {
		n = &Calls{Codes: map[int]int{}}
		l.calls[op] = n
	}
	silent := rep.drop || rep.hang
	n.Total++
	if silent || rep.status >= 400 || rep.code != 0 || c.fault != nil && (c.fault.Kind == Cut || c.fault.Kind == Short) {
		n.Failed++
		n.Codes[rep.code]++
	} else {
		n.OK++
	}
	r := Request{At: c.s.now(), LogID: c.logID, Op: op, Base: c.vars["app_token"], Table: c.vars["table_id"],
		Status: rep.status, Code: rep.code, Applied: c.applied, Fault: c.fault != nil}
	if silent {
		r.Status = 0
	}
	if c.app != nil {
		r.App = c.app.ID
	}
	if c.user != nil {
		r.User = c.user.OpenID
	}
	if len(l.log) < l.most {
		l.log = append(l.log, r)
		return
	}
	l.log[l.next] = r
	l.next = (l.next + 1) % l.most
}

// Calls is what came to each endpoint since the start or [Sim.ResetCalls]. A path
// that is none is under "unknown".
func (s *Sim) Calls() map[Op]Calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[Op]Calls, len(s.record.calls))
	for op, n := range s.record.calls {
		n := *n
		n.Codes = maps.Clone(n.Codes)
		out[op] = n
	}
	return out
}

// ResetCalls forgets the counts, the log, and the peaks of every Base; not the quota.
func (s *Sim) ResetCalls() {
	s.set(func() {
		s.record = newLedger(s.opts.LogLength)
		for _, b := range s.bases {
			b.peak, b.overlaps, b.writes = 0, 0, 0
		}
	})
}

// Requests is the log, oldest first, bounded by [Options.LogLength].
func (s *Sim) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Concat(s.record.log[s.record.next:], s.record.log[:s.record.next])
}

// Rows are the records of a table, by its id or name, lag or no lag. A table that
// is not there has none.
func (s *Sim) Rows(appToken, idOrName string) []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bases[appToken]
	if b == nil {
		return nil
	}
	t := b.table(idOrName)
	if t == nil {
		return nil
	}
	out := make([]Row, len(t.rows))
	for i, r := range t.rows {
		out[i] = Row{ID: r.id, Created: r.created, Modified: r.modified, Fields: make(map[string]any, len(r.cells))}
		for _, f := range t.fields {
			if v, ok := r.cells[f.id]; ok {
				out[i].Fields[f.name] = s.value(f, v)
			}
		}
	}
	return out
}

// RowCount is the number of records of a table.
func (s *Sim) RowCount(appToken, idOrName string) int {
	return s.ofBase(appToken, func(b *base) int {
		if t := b.table(idOrName); t != nil {
			return len(t.rows)
		}
		return 0
	})
}

func (s *Sim) value(f *field, v any) any {
	switch f.kind {
	case SingleSelect:
		name, _ := f.optionName(v.(string))
		return name
	case MultiSelect:
		return f.names(v.([]string))
	case DateTime:
		return time.UnixMilli(v.(int64)).In(s.opts.Location)
	}
	if ids, ok := v.([]string); ok {
		return slices.Clone(ids)
	}
	return v
}

// Fields are the columns of a table, by its id or name, in order.
func (s *Sim) Fields(appToken, idOrName string) []Field {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bases[appToken]
	if b == nil || b.table(idOrName) == nil {
		return nil
	}
	t := b.table(idOrName)
	out := make([]Field, len(t.fields))
	for i, f := range t.fields {
		out[i] = Field{ID: f.id, Name: f.name, Type: f.kind, UI: f.ui, Primary: i == 0, Hidden: f.hidden, About: f.about,
			Property: maps.Clone(f.property), Fixed: f.fixed}
		for _, o := range f.options {
			out[i].Options = append(out[i].Options, o.Name)
		}
	}
	return out
}

// Tables are the ids of a Base's tables by name.
func (s *Sim) Tables(appToken string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	if b := s.bases[appToken]; b != nil {
		for _, t := range b.tables {
			out[t.name] = t.id
		}
	}
	return out
}

// PutRow writes a record as a person does in the user interface, outside of every
// limit and count: a new one when id is "". The values are what the API takes.
func (s *Sim) PutRow(appToken, idOrName, id string, values map[string]any) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, t := s.mustTable(appToken, idOrName)
	g := given{ID: id, Fields: map[string]json.RawMessage{}}
	for name, v := range values {
		g.Fields[name] = encode(v)
	}
	w := &convert{s: s, table: t, idKind: "open_id"}
	changes, code := w.changes([]given{g}, id != "", false)
	if code != 0 {
		return "", codeError(code)
	}
	w.commit()
	return t.apply(s, changes, "ou_owner")[0].ID, nil
}

// RemoveRow deletes a record, as a person may at any time.
func (s *Sim) RemoveRow(appToken, idOrName, id string) {
	s.set(func() {
		_, t := s.mustTable(appToken, idOrName)
		t.drop([]string{id})
		t.touched()
	})
}

type codeError int

func (c codeError) Error() string {
	return "larksim: " + strconv.Itoa(int(c)) + " " + means(int(c)).name
}

func stamp(n int64) string { return strconv.FormatInt(n, 10) }
