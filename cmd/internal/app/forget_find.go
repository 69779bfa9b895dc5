package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/sinks"
	"mekong/sinks/mongodb"
)

// Found is where a person is, as it may be shown: of the person only what [Masked]
// leaves.
type Found struct {
	Who      []string          // the phones and addresses that were looked for
	Names    []string          // as they were given
	Also     []string          // other phones and addresses beside them: perhaps the same person
	Places   map[bus.Place]int // messages
	Rows     map[string]int    // rows found, of sinks that can be read
	Unread   []string          // sinks that cannot: their rows are found by what is in the streams
	Silent   map[string]string // sinks that could not be searched now, with why
	Oldest   time.Time         // when the first of it came in
	Evidence []Evidence

	person sought
	keys   map[string]bool
	ids    map[string]bool // of deliveries and records
	kept   []bus.Kept      // without their contents
}

// Evidence is that of a consent, which may have to be shown after its person is
// forgotten. It names nobody.
type Evidence struct {
	Record   string         `json:"record"`
	Source   string         `json:"source"`
	Received time.Time      `json:"received"`
	Occurred time.Time      `json:"occurred"`
	Fields   map[string]any `json:"fields"` // consent…, form, page
}

// Any reports whether there is anything to erase.
func (f *Found) Any() bool { return len(f.kept) > 0 || len(f.keys) > 0 }

// Keys is how many rows there may be in each destination.
func (f *Found) Keys() int { return len(f.keys) }

// Find looks for a person everywhere: a phone in any spelling, an address, or the ID of
// one of its records. It reads all that is kept, so it takes a while where that is much;
// nothing is written.
func (o *Operator) Find(ctx context.Context, term string) (*Found, error) {
	p, err := newSought()
	if err != nil {
		return nil, err
	}
	if !p.learn(term) {
		if err := o.learnByID(ctx, p, term); err != nil {
			return nil, err
		}
		if !p.known() {
			return nil, fmt.Errorf("%q is no phone, no address, and no record of that ID with one is kept: %w", term, errNobody)
		}
	}
	opened, done, err := o.openSinks(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return o.find(ctx, p, opened)
}

// learnByID takes whoever a record of that ID names.
func (o *Operator) learnByID(ctx context.Context, p sought, id string) error {
	return o.app.Bus.Walk(ctx, bus.Records, bus.Span{}, func(k bus.Kept) error {
		if r, err := k.Record(); err == nil && (r.ID == id || deliveryID(r.ID, id) != "") {
			p.learnFrom(r)
		}
		return nil
	})
}

// openSinks opens all sinks of the configuration, beside a mekong that may be writing
// to them.
func (o *Operator) openSinks(ctx context.Context) ([]sinks.Opened, func(), error) {
	v := &App{config: o.app.config, log: o.app.log, registry: prometheus.NewRegistry(), Bus: o.app.Bus}
	how := sinks.Options{LocalMongoDB: func() (mongodb.Options, error) { return v.visitMongoDB(ctx) }}
	if err := v.openLarks(ctx, &how); err != nil {
		v.Close()
		return nil, nil, err
	}
	if err := v.openGoogles(ctx, &how); err != nil {
		v.Close()
		return nil, nil, err
	}
	opened, err := sinks.Open(v.config, nil, how)
	if err != nil {
		v.Close()
		return nil, nil, err
	}
	for _, s := range opened {
		v.later(func() { _ = s.Sink.Close() })
	}
	return opened, v.Close, nil
}

// search is a hunt through everything. It goes round until a round finds nothing new:
// a delivery leads to its records, a record to its row, a turn to its conversation.
type search struct {
	*Found
	of       func(pipeline.Raw) pipeline.Transform
	raws     map[string]bool // IDs of deliveries
	sessions map[string]bool // source and conversation
	seen     map[string]bool // by place and number
	names    map[string]bool
	also     map[string]bool
	evident  map[string]bool
}

func (o *Operator) find(ctx context.Context, p sought, opened []sinks.Opened) (*Found, error) {
	of, err := transforms(o.app.config)
	if err != nil {
		return nil, err
	}
	s := &search{
		Found: &Found{person: p, keys: map[string]bool{}, ids: map[string]bool{}, Places: map[bus.Place]int{}, Rows: map[string]int{}, Silent: map[string]string{}},
		of:    of, raws: map[string]bool{}, sessions: map[string]bool{}, seen: map[string]bool{},
		names: map[string]bool{}, also: map[string]bool{}, evident: map[string]bool{},
	}
	upTo := map[bus.Place]uint64{}
	for _, place := range bus.Places {
		if upTo[place], err = o.app.Bus.Newest(ctx, place); err != nil {
			return nil, err
		}
	}
	rows := map[string]bool{}
	for before := -1; before != s.size(); {
		before = s.size()
		for _, place := range bus.Places {
			if upTo[place] == 0 {
				continue
			}
			err := o.app.Bus.Walk(ctx, place, bus.Span{Until: upTo[place]}, func(k bus.Kept) error { s.look(k); return nil })
			if err != nil {
				return nil, err
			}
		}
		for _, sink := range opened {
			if sink.Read == nil || s.Silent[sink.Name] != "" {
				continue
			}
			err := sink.Read(ctx, time.Time{}, func(r pipeline.Record) error {
				if s.ours(r) && !rows[sink.Name+"\n"+r.Key] {
					rows[sink.Name+"\n"+r.Key] = true
					s.Rows[sink.Name]++
					s.take(r)
				}
				return nil
			})
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				s.Silent[sink.Name] = err.Error()
			}
		}
	}
	for _, sink := range opened {
		if sink.Read == nil {
			s.Unread = append(s.Unread, sink.Name)
		}
	}
	for _, text := range append(p.sortedPhones(), p.sortedEmails()...) {
		s.Who = append(s.Who, MaskedText(text))
	}
	s.Names = slices.Sorted(maps.Keys(s.names))
	s.Also = slices.Sorted(maps.Keys(s.also))
	slices.SortFunc(s.Evidence, func(a, b Evidence) int { return a.Received.Compare(b.Received) })
	return s.Found, nil
}

func (s *search) size() int { return len(s.seen) + len(s.keys) + len(s.raws) + len(s.sessions) }

// look takes a message if it is about the person.
func (s *search) look(k bus.Kept) {
	id := fmt.Sprint(k.Place, k.Seq)
	if s.seen[id] {
		return
	}
	if s.deliveryHere(k) || s.recordHere(k) {
		s.seen[id] = true
		s.Places[k.Place]++
		if s.Oldest.IsZero() || k.Stored.Before(s.Oldest) {
			s.Oldest = k.Stored
		}
		s.kept = append(s.kept, k.Bare())
	}
}

// deliveryHere reads a message as a delivery.
func (s *search) deliveryHere(k bus.Kept) bool {
	if k.Place == bus.Records || k.Place == bus.Graves && k.Grave().Stage != bus.StageTransform {
		return false
	}
	raw, err := k.Raw()
	if err != nil {
		return s.person.inBody(k.Data()) || s.person.inBody([]byte(k.Envelope()))
	}
	rs, _ := todays(s.of, raw) // whatever it is, the body is looked through as well
	ours := s.raws[raw.ID] || s.person.inBody(raw.Body) || s.person.inBody([]byte(k.Envelope()))
	for _, r := range rs {
		ours = ours || s.ours(r)
	}
	if !ours {
		return false
	}
	s.raws[raw.ID], s.ids[raw.ID] = true, true
	for _, r := range rs {
		s.take(r)
	}
	return true
}

// recordHere reads a message as a record.
func (s *search) recordHere(k bus.Kept) bool {
	if k.Place != bus.Records && (k.Place != bus.Graves || k.Grave().Stage == bus.StageTransform) {
		return false
	}
	r, err := k.Record()
	if err != nil {
		return s.person.inBody(k.Data())
	}
	if !s.ours(r) {
		return false
	}
	s.take(r)
	return true
}

// ours reports whether a record is about the person: it names it, or it is part of a
// delivery, a row or a conversation of it and names nobody else.
func (s *search) ours(r pipeline.Record) bool {
	if s.person.inRecord(r) || s.raws[r.ID] {
		return true
	}
	if base, part, ok := cutLast(r.ID, "/"); ok && part != "" && s.raws[base] {
		return true
	}
	if session := sessionOf(r); session != "" && s.sessions[session] {
		return true
	}
	return s.keys[r.Key] && !s.person.another(r)
}

// take notes what a record of the person leads to, and what may be shown of it.
func (s *search) take(r pipeline.Record) {
	s.keys[r.Key], s.ids[r.ID] = true, true
	if session := sessionOf(r); session != "" {
		s.sessions[session] = true
	}
	if name, ok := r.Fields["name"].(string); ok && name != "" {
		s.names[MaskedText(name)] = true
	}
	if tel, ok := r.Fields["phone"].(string); ok && isE164(tel) && !s.person.phones[tel] {
		s.also[MaskedText(tel)] = true
	}
	if mail, ok := r.Fields["email"].(string); ok && strings.Contains(mail, "@") && !s.person.emails[strings.ToLower(mail)] {
		s.also[MaskedText(mail)] = true
	}
	fields := map[string]any{}
	for name, v := range r.Fields {
		if name == "consent" || strings.HasPrefix(name, "consent_") {
			fields[name] = v
		}
	}
	if len(fields) == 0 || s.evident[r.ID] {
		return
	}
	s.evident[r.ID] = true
	for _, name := range []string{"form", "page"} {
		if v, ok := r.Fields[name]; ok {
			fields[name] = v
		}
	}
	s.Evidence = append(s.Evidence, Evidence{r.ID, r.Source, r.Received, r.Occurred, fields})
}

// sessionOf is the conversation that a record belongs to; "" when it is none.
func sessionOf(r pipeline.Record) string {
	if id, ok := r.Fields["session"].(string); ok && id != "" {
		return r.Source + "\n" + id
	}
	return ""
}

// cutLast cuts around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
