package transform

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mekong/pipeline"
	"mekong/sources/form"
)

// build makes one record. It belongs to one goroutine; between two records it
// rests in its mapper's pool and keeps nothing of the last one but room.
type build struct {
	m        *mapper
	raw      pipeline.Raw
	items    []item
	slots    []int // by slot: the best item, plus one; 0 for none
	readers  []int // by configured field: likewise
	fields   map[string]any
	flags    []string
	suffixes map[string]int // how often a name was taken, once one was
	link     string
	occurred time.Time
	asked    bool // the form has a consent box
	agreed   bool
	secrets  bool // the body mentions a one-time password
	plusLost bool // a '+' may have become a space on the way
}

// reset forgets the last record, so that nobody's data stays in the pool.
func (b *build) reset() {
	clear(b.items)
	clear(b.slots)
	clear(b.readers)
	clear(b.flags)
	*b = build{m: b.m, items: b.items[:0], slots: b.slots, readers: b.readers, flags: b.flags[:0]}
}

// maxRoom is how many items a build may keep room for. One huge form should
// not hold memory for ever.
const maxRoom = 256

// item is one incoming field that holds something.
type item struct {
	sent  *form.Field
	entry *entry   // what the mapping does with it, nil for nothing
	one   string   // its value, clean, when it has one
	list  []string // its values, clean and filled, when it came as a list
	used  bool     // some output holds its value
}

// first is the value where only one makes sense.
func (it *item) first() string {
	if len(it.list) > 0 {
		return it.list[0]
	}
	return it.one
}

// text is everything, as one text.
func (it *item) text() string {
	if it.list != nil {
		return strings.Join(it.list, ", ")
	}
	return it.one
}

// whole is the value as it is stored.
func (it *item) whole() any {
	if it.list != nil {
		return it.list
	}
	return it.one
}

func oneLine(s string) string {
	if strings.IndexByte(s, '\n') >= 0 {
		return strings.ReplaceAll(s, "\n", " ")
	}
	return s
}

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

func (it *item) rankFor(field int) int {
	for _, r := range it.entry.readers {
		if r.field == field {
			return r.rank
		}
	}
	return 0
}

// lookup finds what the mapping does with a name. Most are in the table as they
// are written; the rest are folded.
func (m *mapper) lookup(name string, buf []byte) (e *entry, secret bool) {
	if e, ok := m.names[name]; ok {
		return e, false
	}
	if len(name) > form.MaxName {
		return nil, strings.Contains(asciiLower(name), "otp_code")
	}
	// A script may have bracketed its names: data[phone], fields[phone].
	inner := name
	if strings.HasSuffix(name, "]") {
		if outer, rest, ok := strings.Cut(name, "["); ok && len(rest) > 1 && isWrapper(outer) {
			inner = rest[:len(rest)-1]
		}
	}
	key := appendKey(buf, inner)
	if isOTP(key) {
		return nil, true
	}
	return m.names[string(key)], false
}

func isWrapper(name string) bool {
	switch name {
	case "data", "form", "fields", "form_data":
		return true
	}
	return false
}

// read cleans the values of an item and reports whether any is filled.
func (b *build) read(it *item) bool {
	values := it.sent.Values
	if len(values) == 1 && !it.sent.List {
		v := values[0]
		if b.secrets {
			v = withoutOTP(v)
		}
		if it.one = clean(v); it.one == "" {
			return false
		}
		list, ok := jsonList(it.one)
		if !ok {
			return true
		}
		values, it.one = list, ""
	}
	it.list = make([]string, 0, len(values))
	same := true
	for _, v := range values {
		if b.secrets {
			v = withoutOTP(v)
		}
		if v = clean(v); v != "" {
			it.list = append(it.list, v)
			same = same && v == it.list[0]
		}
	}
	if len(it.list) == 0 {
		return false
	}
	if same && len(values) > 1 && len(it.sent.Values) == len(values) && !it.sent.List {
		// One name sent again with the same value says nothing new.
		it.one, it.list = it.list[0], nil
	}
	return true
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

// rest keeps every field that no output holds yet.
func (b *build) rest() {
	for i := range b.items {
		it := &b.items[i]
		if !it.used {
			b.keep(it.sent.Name, it.whole())
		}
	}
}

// keep stores a field under its own name, or as near to it as is free.
func (b *build) keep(name string, v any) {
	name = strings.TrimSuffix(cleanLine(name), "[]")
	if name == "" {
		name = "unnamed"
	} else if b.m.taken[name] {
		name += "_sent"
	}
	if _, ok := b.fields[name]; ok {
		if b.suffixes == nil {
			b.suffixes = map[string]int{}
		}
		n := max(2, b.suffixes[name]+1)
		for ; ; n++ {
			next := name + "_" + strconv.Itoa(n)
			if _, ok := b.fields[next]; !ok && !b.m.taken[next] {
				b.suffixes[name] = n
				name = next
				break
			}
		}
	}
	b.fields[name] = v
}

// maxBody bounds the text of a body that stands in a record; all of it is in
// the Raw.
const maxBody = 16 << 10

// body keeps the text of what could not be taken apart: a body that is no form,
// the pieces without a name, what is beyond the bound of form.Parse.
func (b *build) body(p form.Parsed, err error) {
	bare := slices.Contains(p.Flags, form.FlagBareName)
	switch {
	case err != nil, bare && len(b.items) == 0:
		b.flag("body_not_understood")
	case slices.Contains(p.Flags, form.FlagTooManyFields):
	case bare:
		b.bareNames(p.Fields)
		return
	default:
		return
	}
	text := string(b.raw.Body[:min(len(b.raw.Body), 4*maxBody)])
	if b.secrets {
		text = withoutOTP(text)
	}
	text, cut := bounded(clean(text), maxBody)
	if cut || len(b.raw.Body) > 4*maxBody {
		b.flag("body_truncated")
	}
	b.setFilled("body", clean(text))
}

// bareNames keeps names without a value, where some of them had no '=' either:
// they may be the rest of a value that held a raw '&'.
func (b *build) bareNames(fields []form.Field) {
	var bare []string
	for i := range fields {
		f := &fields[i]
		if len(f.Values) != 1 || f.Values[0] != "" || f.List {
			continue
		}
		e, secret := b.m.lookup(f.Name, nil)
		text := f.Name
		if b.secrets {
			text = withoutOTP(text)
		}
		if text = clean(text); e == nil && !secret && text != "" {
			bare = append(bare, text)
		}
	}
	if len(bare) > 0 {
		b.keep("", bare)
	}
}

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
		out, err := m.where.run(b)
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
		Kind:     m.kind,
		Source:   b.raw.Source,
		Occurred: b.occurred.UTC(),
		Received: b.raw.Received,
		Fields:   b.fields,
	}, nil
}

// settleFlags stores the flags, sorted and each once. They are always there,
// so that a later record can take back what an earlier one said.
func (b *build) settleFlags() {
	slices.Sort(b.flags)
	b.flags = slices.Compact(b.flags)
	b.fields["flags"] = append(make([]string, 0, len(b.flags)), b.flags...)
}
