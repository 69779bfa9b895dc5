package larksim

import (
	"strconv"
	"strings"
)

// formula makes a test of the filter of the deprecated list, for as much of that
// language as look-ups use (`lark.md` §2.2):
//
//	AND(…) OR(…) NOT(…)
//	CurrentValue.[Column] = "text"     also != > >= < <=, and a bare number
//	CurrentValue.[Column].contains("a", "b")
//
// Anything else is 1254018.
func (q query) formula(text string) (test, int) {
	if strings.TrimSpace(text) == "" {
		return nil, 0
	}
	p := &formulaParser{q: q, rest: text}
	t := p.expression(0)
	p.space()
	if t == nil || p.rest != "" {
		return nil, badFilter
	}
	return t, 0
}

type formulaParser struct {
	q    query
	rest string
}

func (p *formulaParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *formulaParser) take(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

// expression returns nil when there is none.
func (p *formulaParser) expression(depth int) test {
	if depth > 20 {
		return nil
	}
	for _, name := range []string{"AND", "OR", "NOT"} {
		if !p.take(name + "(") {
			continue
		}
		var tests []test
		for {
			t := p.expression(depth + 1)
			if t == nil {
				return nil
			}
			tests = append(tests, t)
			if p.take(")") {
				break
			}
			if !p.take(",") {
				return nil
			}
		}
		return joined(name, tests)
	}
	return p.comparison()
}

func joined(name string, tests []test) test {
	if name == "NOT" {
		if len(tests) != 1 {
			return nil
		}
		return func(r *row) bool { return !tests[0](r) }
	}
	all := name == "AND"
	return func(r *row) bool {
		for _, t := range tests {
			if t(r) != all {
				return !all
			}
		}
		return all
	}
}

func (p *formulaParser) comparison() test {
	if !p.take("CurrentValue.[") {
		return nil
	}
	name, rest, ok := strings.Cut(p.rest, "]")
	f := p.q.table.known(name, p.q.now)
	if !ok || f == nil || f.kind == Formula || f.kind == Lookup {
		return nil
	}
	p.rest = rest
	if p.take(".contains(") {
		return p.contains(f)
	}
	for _, op := range []string{"!=", ">=", "<=", "=", ">", "<"} {
		if p.take(op) {
			return p.compare(f, op)
		}
	}
	return nil
}

func (p *formulaParser) contains(f *field) test {
	var words []string
	for {
		w, ok := p.quoted()
		if !ok {
			return nil
		}
		words = append(words, w)
		if p.take(")") {
			break
		}
		if !p.take(",") {
			return nil
		}
	}
	s := p.q.s
	return func(r *row) bool {
		have := plain(s, f, r)
		for _, w := range words {
			if strings.Contains(have, w) {
				return true
			}
		}
		return false
	}
}

func (p *formulaParser) compare(f *field, op string) test {
	q := p.q
	if want, ok := p.quoted(); ok {
		switch op {
		case "=":
			return func(r *row) bool { return plain(q.s, f, r) == want }
		case "!=":
			return func(r *row) bool { return plain(q.s, f, r) != want }
		}
		return nil
	}
	p.space()
	end := strings.IndexFunc(p.rest, func(r rune) bool { return !strings.ContainsRune("+-.0123456789eE", r) })
	if end < 0 {
		end = len(p.rest)
	}
	want, err := strconv.ParseFloat(p.rest[:end], 64)
	if err != nil {
		return nil
	}
	p.rest = p.rest[end:]
	holds := comparison(map[string]string{"=": "is", "!=": "isNot", ">": "isGreater", ">=": "isGreaterEqual", "<": "isLess", "<=": "isLessEqual"}[op])
	return func(r *row) bool {
		v, ok := q.measure(f, r)
		return ok && holds(v, want) || !ok && op == "!="
	}
}

// quoted reads "text" with \" and \\ in it.
func (p *formulaParser) quoted() (string, bool) {
	p.space()
	if !strings.HasPrefix(p.rest, `"`) {
		return "", false
	}
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String(), true
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}
