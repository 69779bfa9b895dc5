package transform

import (
	"slices"
	"time"

	"mekong/pipeline"
	"mekong/sources/form"
)

// build makes one record. It belongs to one goroutine; between two records it
// rests in its mapper's pool and keeps nothing of the last one but room.
type build struct {
	m        *mapper
	raw      pipeline.Raw
	kind     string // of the record being made
	items    []item
	slots    []int // by slot: the best item, plus one; 0 for none
	readers  []int // by configured field: likewise
	fields   map[string]any
	flags    []string
	suffixes map[string]int // how often a name was taken, once one was
	machine  machine
	link     string
	occurred time.Time
	asked    bool // the form has a consent box
	secrets  bool // the body mentions a one-time password
	plusLost bool // a '+' may have become a space on the way
}

// reset forgets the last record, so that nobody's data stays in the pool.
func (b *build) reset() {
	clear(b.items)
	clear(b.slots)
	clear(b.readers)
	clear(b.flags)
	*b = build{m: b.m, items: b.items[:0], slots: b.slots, readers: b.readers, flags: b.flags[:0], machine: b.machine}
}

// maxRoom is how many items a build may keep room for. One huge form should
// not hold memory for ever.
const maxRoom = 256

// collect cleans what came and notes the best candidate for every output.
// Empty fields and one-time passwords end here.
func (b *build) collect(sent []form.Field) {
	b.items = slices.Grow(b.items, len(sent))
	var buf [64]byte
	for i := range sent {
		f := &sent[i]
		e, secret := b.m.lookup(f.Name, buf[:0])
		if secret || e != nil && e.drop {
			continue
		}
		if e != nil && e.slot == int(roleConsent)-1 {
			b.asked = true
		}
		b.items = append(b.items, item{sent: f, entry: e})
		it := &b.items[len(b.items)-1]
		if !b.read(it) {
			b.items = b.items[:len(b.items)-1]
			continue
		}
		if e == nil {
			continue
		}
		at := len(b.items)
		if e.slot >= 0 {
			if old := b.slots[e.slot]; old == 0 || e.rank < b.items[old-1].entry.rank {
				b.slots[e.slot] = at
			}
		}
		for _, r := range e.readers {
			if old := b.readers[r.field]; old == 0 || r.rank < b.items[old-1].rankFor(r.field) {
				b.readers[r.field] = at
			}
		}
	}
}

// best is the item that fills slot i, marked as used; nil for none. A list in
// a place for one value is used only in part, so it is kept whole as well, and
// so is what an expression may replace.
func (b *build) best(i int) *item {
	at := b.slots[i]
	if at == 0 {
		return nil
	}
	it := &b.items[at-1]
	it.used = len(it.list) < 2 && !b.m.computed[i]
	return it
}

// slot is [build.best] by role. The roles that stand alone are the first slots,
// in order.
func (b *build) slot(r role) *item { return b.best(int(r) - 1) }

// set stores an output that is the mapping's own.
func (b *build) set(name string, v any) { b.fields[name] = v }

// derive stores an output unless the configuration says where it comes from.
func (b *build) derive(name string, v any) {
	if !b.m.isConfigured(name) {
		b.fields[name] = v
	}
}

func (b *build) setFilled(name, v string) {
	if v != "" {
		b.derive(name, v)
	}
}

// isConfigured reports whether the configuration reads name from fields of its
// own choice.
func (m *mapper) isConfigured(name string) bool {
	for i := range m.fields {
		if m.fields[i].name == name {
			return m.fields[i].program == nil
		}
	}
	return false
}

// header is a fact of the request, clean.
func (b *build) header(name string) string {
	v := b.raw.Meta[name]
	if b.secrets {
		v = withoutOTP(v)
	}
	return clean(v)
}

func (b *build) flag(f string) { b.flags = append(b.flags, f) }

// record finishes: what is required, what is filtered, whose row it is.
func (b *build) record() (pipeline.Record, error) {
	m := b.m
	for _, name := range m.required {
		if v, ok := b.fields[name]; !ok || v == nil || v == "" {
			b.flag("missing_" + name)
		}
	}
	if m.where != nil {
		b.settleFlags()
		out, err := m.where.run(&b.machine, b)
		if err != nil {
			b.flag("where_error")
		} else if !asBool(out) {
			return pipeline.Record{}, pipeline.Filtered("transform." + m.source + ".where")
		}
	}
	b.settleFlags()
	key := b.key()
	for _, name := range m.drop {
		for _, suffix := range [...]string{"", "_local", "_raw", "_kind", "_suggest"} {
			delete(b.fields, name+suffix)
		}
	}
	return pipeline.Record{
		ID:       b.raw.ID,
		Key:      key,
		Kind:     b.kind,
		Source:   b.raw.Source,
		Occurred: b.occurred.UTC(),
		Received: b.raw.Received.UTC(),
		Fields:   b.fields,
	}, nil
}

// settleFlags stores the flags, sorted and each once. They are always there,
// so that a later record can take back what an earlier one said.
func (b *build) settleFlags() {
	slices.Sort(b.flags)
	b.flags = slices.Compact(b.flags)
	if len(b.flags) == 0 {
		b.fields["flags"] = noFlags
		return
	}
	b.fields["flags"] = slices.Clone(b.flags)
}

// noFlags has no room, so nobody can write to what all records share.
var noFlags any = []string{}
