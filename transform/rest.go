package transform

import (
	"slices"
	"strconv"
	"strings"

	"mekong/sources/form"
)

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
