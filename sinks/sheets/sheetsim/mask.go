package sheetsim

import (
	"encoding/json"
	"reflect"
	"strings"
)

// mask is a parsed field mask: nil and the empty one take everything.
type mask struct {
	sub map[string]*mask
}

// has says whether the mask names the path, a part of it, or what is below it.
// Without a mask it is false.
func (m *mask) has(path ...string) bool {
	if m == nil {
		return false
	}
	for _, p := range path {
		if len(m.sub) == 0 || m.sub["*"] != nil {
			return true
		}
		if m = m.sub[p]; m == nil {
			return false
		}
	}
	return true
}

// takes is has, but true without a mask.
func (m *mask) takes(path ...string) bool { return m == nil || m.has(path...) }

// empty says that a mask in a request names nothing.
func (m *mask) empty() bool { return m == nil || len(m.sub) == 0 }

const deepestMask = 32

// parseMask reads "a,b.c,d(e,f/g)" and holds it against the names of a message.
func parseMask(text string, message reflect.Type) (*mask, *failure) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	p := maskParser{text: text}
	m := &mask{sub: map[string]*mask{}}
	if !p.list(m, 0) || p.i != len(text) {
		return nil, invalid("Request contains an invalid argument.")
	}
	if message != nil {
		if bad := m.check(schemaOf(message, nil), ""); bad != "" {
			return nil, badNames([]violation{{bad, "Error expanding 'fields' parameter. Cannot find matching fields for path '" + bad + "'."}})
		}
	}
	return m, nil
}

type maskParser struct {
	text string
	i    int
}

func (p *maskParser) list(into *mask, depth int) bool {
	if depth > deepestMask {
		return false
	}
	for {
		if !p.path(into, depth) {
			return false
		}
		if p.i < len(p.text) && p.text[p.i] == ',' {
			p.i++
			continue
		}
		return true
	}
}

func (p *maskParser) path(into *mask, depth int) bool {
	for n := 0; n < deepestMask; n++ {
		from := p.i
		for p.i < len(p.text) && !strings.ContainsRune(",./()", rune(p.text[p.i])) {
			p.i++
		}
		name := strings.TrimSpace(p.text[from:p.i])
		if name == "" {
			return false
		}
		next := into.sub[name]
		if next == nil {
			next = &mask{sub: map[string]*mask{}}
			into.sub[name] = next
		}
		if p.i < len(p.text) && (p.text[p.i] == '.' || p.text[p.i] == '/') {
			p.i++
			into = next
			continue
		}
		if p.i < len(p.text) && p.text[p.i] == '(' {
			p.i++
			if !p.list(next, depth+1) || p.i >= len(p.text) || p.text[p.i] != ')' {
				return false
			}
			p.i++
		}
		return true
	}
	return false
}

// check returns the first path that the message does not have, "" if there is none.
func (m *mask) check(s *schema, at string) string {
	for s.kind == listKind {
		s = s.elem
	}
	for name, sub := range m.sub {
		if name == "*" || s.kind == anyKind || s.kind == mapKind {
			continue
		}
		child := s.fields[name]
		if child == nil {
			return strings.TrimPrefix(at+"."+name, ".")
		}
		if bad := sub.check(child, at+"."+name); bad != "" {
			return bad
		}
	}
	return ""
}

// apply keeps of a JSON text what the mask names. Parts that are kept whole are
// not looked into.
func (m *mask) apply(src json.RawMessage) []byte {
	if m == nil || len(m.sub) == 0 || m.sub["*"] != nil || len(src) == 0 {
		return src
	}
	switch src[0] {
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(src, &list) != nil {
			return src
		}
		for i := range list {
			list[i] = m.apply(list[i])
		}
		return marshal(list)
	case '{':
		var all map[string]json.RawMessage
		if json.Unmarshal(src, &all) != nil {
			return src
		}
		kept := make(map[string]json.RawMessage, len(m.sub))
		for name, sub := range m.sub {
			if v, ok := all[name]; ok {
				kept[name] = sub.apply(v)
			}
		}
		return marshal(kept)
	}
	return src
}

func marshal(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic("sheetsim: an answer that cannot be written: " + err.Error())
	}
	return out
}
