package transform

import (
	"math"
	"strings"
)

// configured fills the outputs that the mapping reads from fields. A name that
// the form did not fill may be that of a built-in output, such as utm_source
// out of the page's address.
func (b *build) configured() {
	for i := range b.m.fields {
		f := &b.m.fields[i]
		if f.program != nil {
			continue
		}
		if at := b.readers[i]; at > 0 {
			it := &b.items[at-1]
			it.used = b.convert(f, it) || it.used
			if f.name == "message_time" {
				b.happened(it.first())
			}
			continue
		}
		for _, name := range f.from {
			if v, ok := b.fields[name]; ok && name != f.name {
				b.convertValue(f, v)
				break
			}
		}
	}
}

// convert stores an item as f wants it and reports whether nothing of it is
// left out.
func (b *build) convert(f *field, it *item) bool {
	switch f.as {
	case "phone_vn":
		b.setPhone(f.name, it)
		return len(it.list) < 2
	case "raw":
		if len(it.sent.Values) > 1 || it.list != nil {
			b.set(f.name, it.whole())
			return true
		}
		v := it.sent.Values[0]
		if b.secrets {
			v = withoutOTP(v)
		}
		b.set(f.name, strings.ToValidUTF8(v, "\ufffd"))
		return true
	}
	b.convertValue(f, it.whole())
	return f.as != "email" || len(it.list) < 2
}

// convertValue stores v as f wants it. What cannot be is flagged and kept under
// the name with "_raw" behind it, so that a column of numbers holds numbers.
func (b *build) convertValue(f *field, v any) {
	text := clean(asText(v))
	if list, ok := v.([]string); ok && f.as == "email" && len(list) > 0 {
		text = list[0]
	}
	if text == "" {
		return
	}
	var out any
	ok := true
	switch f.as {
	case "":
		out = plainValue(v)
	case "text", "raw":
		out = text
	case "phone_vn":
		b.setPhoneText(f.name, text, false)
		return
	case "email":
		b.setEmail(f.name, text)
		return
	case "date":
		out, ok = formatDate(text, b.m.loc)
	case "number":
		switch n := v.(type) {
		case int:
			out = float64(n)
		case float64:
			out, ok = n, !math.IsNaN(n) && !math.IsInf(n, 0)
		default:
			out, ok = parseNumber(text)
		}
	case "bool":
		out, ok = parseBool(text)
	case "list":
		switch l := v.(type) {
		case []string:
			out = l
		case []any:
			out = asList(l)
		default:
			out = splitList(text)
		}
	}
	if ok {
		b.set(f.name, out)
	} else {
		b.flag(f.name + "_invalid")
		delete(b.fields, f.name)
	}
	if keepsRaw(f.as) && (!ok || asText(out) != text) {
		b.derive(f.name+"_raw", text)
	}
}

// plainValue is v as a record may hold it. Numbers are text: float64 is only
// for what the configuration declares a number.
func plainValue(v any) any {
	switch v := v.(type) {
	case string:
		return clean(v)
	case bool, []string:
		return v
	case []any:
		return asList(v)
	}
	return asText(v)
}

// compute runs the given expressions. One that fails leaves what was there.
func (b *build) compute(order []int) {
	for _, i := range order {
		f := &b.m.fields[i]
		if f.program.reads("flags") {
			b.settleFlags()
		}
		out, err := f.program.run(&b.machine, b)
		switch {
		case err != nil:
			b.flag(f.name + "_error")
		case asText(out) == "":
			delete(b.fields, f.name)
		default:
			b.convertValue(f, out)
		}
	}
}

// value implements [scope] over the record so far, then over what came.
func (b *build) value(name string) any {
	switch name {
	case "kind":
		return b.kind
	case "source":
		return b.raw.Source
	}
	if v, ok := b.fields[name]; ok {
		return v
	}
	if b.m.own[name] {
		return nil // an output that is empty, whatever the form called so
	}
	return b.sent(name)
}

// field implements [scope]: what the form sent under a name first.
func (b *build) field(name string) any {
	if v := b.sent(name); v != nil {
		return v
	}
	return coerce(b.fields[name], anyValue)
}

func (b *build) sent(name string) any {
	key := foldKey(name)
	for i := range b.items {
		if sent := b.items[i].sent.Name; sent == name || foldKey(sent) == key {
			return b.items[i].whole()
		}
	}
	return nil
}

// setPhone stores a phone and what belongs beside it.
func (b *build) setPhone(name string, it *item) {
	sent := it.sent.Values[0]
	b.setPhoneText(name, oneLine(it.first()), b.plusLost && len(sent) > 1 && sent[0] == ' ' && sent[1] != ' ')
}

func (b *build) setPhoneText(name, text string, plusLost bool) {
	p := parsePhone(text, plusLost)
	var raw any = text
	if p.kind == invalid {
		b.flag(name + "_invalid")
		delete(b.fields, name)
	} else {
		// Most numbers were typed in one of the two forms: one box will do.
		e164, local := raw, raw
		if p.e164 != text {
			e164 = p.e164
		}
		if p.local != text {
			local = p.local
		}
		b.set(name, e164)
		b.derive(beside(name, "_local"), local)
	}
	b.derive(beside(name, "_raw"), raw)
	b.derive(beside(name, "_kind"), boxKind(p.kind))
	if p.moved {
		b.flag(name + "_migrated")
	}
}

// boxKind is kind as a field's value, without an allocation.
func boxKind(kind string) any {
	switch kind {
	case mobile:
		return mobile
	case landline:
		return landline
	case hotline:
		return hotline
	case foreign:
		return foreign
	}
	return invalid
}

// setEmail stores an address and what belongs beside it.
func (b *build) setEmail(name, text string) {
	e := parseEmail(text)
	if e.address == "" {
		b.flag(name + "_invalid")
		delete(b.fields, name)
	} else {
		b.set(name, e.address)
	}
	if e.address != text {
		b.derive(beside(name, "_raw"), text)
	}
	if e.suggest != "" {
		b.derive(beside(name, "_suggest"), e.suggest)
		b.flag(name + "_suspect")
	}
	if e.filler {
		b.flag(name + "_filler")
	}
}

// beside joins a name and a suffix, without making a text for the usual ones.
func beside(name, suffix string) string {
	if name == "phone" {
		switch suffix {
		case "_local":
			return "phone_local"
		case "_raw":
			return "phone_raw"
		case "_kind":
			return "phone_kind"
		}
	}
	return name + suffix
}
