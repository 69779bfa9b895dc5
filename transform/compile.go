package transform

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mekong/config"
)

// compiler gathers what is wrong with a mapping.
type compiler struct {
	m        *mapper
	known    map[string]valueType
	problems []*Error
}

func (c *compiler) fail(setting, format string, args ...any) {
	c.problems = append(c.problems, &Error{setting, fmt.Errorf(format, args...)})
}

// nth is the place of item i of a list, as package config writes it.
func nth(setting string, i int) string { return fmt.Sprintf("%s[%d]", setting, i) }

func compile(source string, m *config.Mapping, loc *time.Location) (*mapper, []*Error) {
	if m == nil {
		m = &config.Mapping{}
	}
	c := &compiler{
		m: &mapper{
			source: source, kind: m.Kind, loc: loc, slots: targets(),
			names: map[string]*entry{}, own: map[string]bool{}, taken: map[string]bool{},
		},
		known: knownTypes(),
	}
	if c.m.kind == "" {
		c.m.kind = "lead"
	}
	if strings.ContainsFunc(c.m.kind, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}) {
		c.fail("kind", "%q may hold only letters, digits, - and _", m.Kind)
	}
	c.builtins(m)
	c.fields(m)
	c.dropped(m)
	c.programs(m)
	c.m.key = c.outputNames("key", m.Key)
	c.m.required = c.outputNames("required", m.Required)
	c.m.pool.New = func() any {
		return &build{m: c.m, slots: make([]int, len(c.m.slots)), readers: make([]int, len(c.m.fields))}
	}
	return c.m, c.problems
}

// entry returns the entry of an incoming name, made if need be. The name as
// written leads to the same entry, which spares folding it for each record.
func (c *compiler) entry(name string) *entry {
	key := foldKey(name)
	e := c.m.names[key]
	if e == nil {
		e = &entry{slot: -1}
		c.m.names[key] = e
	}
	c.m.names[clean(name)] = e
	return e
}

// builtins fills the table of names, without the outputs that the mapping fills
// itself from names of its own.
func (c *compiler) builtins(m *config.Mapping) {
	for _, name := range outputs() {
		c.m.taken[name], c.m.own[name] = true, true
	}
	for _, name := range ofRecord {
		c.m.taken[name] = true
	}
	c.m.computed = make([]bool, len(c.m.slots))
	for i, b := range c.m.slots {
		f := m.Fields[b.output]
		if len(f.From) > 0 {
			continue
		}
		c.m.computed[i] = f.Expr != ""
		for rank, name := range b.names {
			e := c.entry(name)
			e.slot, e.rank = i, rank
		}
	}
	for _, label := range [...]string{
		"Họ và tên", "Họ tên", "Tên", "Tên khách hàng", "Khách hàng", "Số điện thoại", "Điện thoại", "SĐT", "Liên hệ",
		"Name", "Phone", "Email", "Mobile", "IP", "user-agent", "Thư điện tử",
	} {
		if e := c.m.names[foldKey(label)]; e != nil {
			c.m.names[label] = e
		}
	}
}

// fields checks the configured outputs and enters the names they read.
func (c *compiler) fields(m *config.Mapping) {
	names := make([]string, 0, len(m.Fields))
	for name := range m.Fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f := m.Fields[name]
		at := config.Path("fields", name)
		switch {
		case name == "" || cleanLine(name) != name:
			c.fail(at, "a field's name may not be empty or hold spaces at its ends, line breaks or invisible characters")
		case isOfRecord(name) || name == "flags":
			c.fail(at, "%s is the record's own; call the field something else, such as lead_%s", name, name)
		case isOTP(appendKey(nil, name)):
			c.fail(at, "a one-time password is never kept")
		}
		if of, ok := strings.CutSuffix(name, "_raw"); ok && (of == "phone" || of == "email" || keepsRaw(m.Fields[of].As)) {
			c.fail(at, "%s is where what was typed for %s is kept", name, of)
		}
		if f.As != "" && !slices.Contains(config.FieldTypes, f.As) {
			c.fail(at+".as", "%q is no type; it must be one of %s", f.As, strings.Join(config.FieldTypes, ", "))
		}
		switch {
		case len(f.From) == 0 && f.Expr == "":
			c.fail(at, "either from or expr must say where the value comes from")
		case len(f.From) > 0 && f.Expr != "":
			c.fail(at, "from and expr exclude each other")
		}
		as := f.As
		if as == "" {
			switch name {
			case "phone":
				as = "phone_vn"
			case "email":
				as = "email"
			}
		}
		c.m.fields = append(c.m.fields, field{name: name, as: as, from: f.From})
		c.read(at+".from", len(c.m.fields)-1, f.From)
		c.declare(name, as, f.Expr != "")
	}
}

// keepsRaw reports the types that store something else than what was typed.
func keepsRaw(as string) bool {
	switch as {
	case "phone_vn", "email", "date", "number", "bool":
		return true
	}
	return false
}

func (c *compiler) read(at string, index int, from []string) {
	for rank, name := range from {
		key := appendKey(nil, name)
		switch {
		case len(key) == 0:
			c.fail(nth(at, rank), "%q holds no letter or digit", name)
		case isOTP(key):
			c.fail(nth(at, rank), "%s: a one-time password is never kept", name)
		default:
			e := c.entry(name)
			e.readers = append(e.readers, ref{index, rank})
		}
	}
}

// declare reserves an output's name and those beside it, and says what an
// expression may take it for.
func (c *compiler) declare(name, as string, computed bool) {
	var beside []string
	c.known[name] = textValue
	switch as {
	case "phone_vn":
		beside = []string{"_local", "_raw", "_kind"}
	case "email":
		beside = []string{"_raw", "_suggest"}
	case "date":
		beside = []string{"_raw"}
	case "number":
		beside, c.known[name] = []string{"_raw"}, anyValue
	case "bool":
		beside, c.known[name] = []string{"_raw"}, boolValue
	case "list":
		c.known[name] = listValue
	case "":
		// A form's own field may come as a list.
		c.known[name] = anyValue
	}
	if computed && as == "" {
		c.known[name] = anyValue
	}
	c.m.taken[name] = true
	for _, suffix := range beside {
		c.m.taken[name+suffix] = true
		if _, ok := c.known[name+suffix]; !ok {
			c.known[name+suffix] = textValue
		}
	}
}

func (c *compiler) dropped(m *config.Mapping) {
	for i, name := range m.Drop {
		key, at := foldKey(name), nth("drop", i)
		switch e := c.m.names[key]; {
		case key == "":
			c.fail(at, "%q holds no letter or digit", name)
		case name == "flags" || isOfRecord(name):
			c.fail(at, "%s is the record's own and always kept", name)
		case e != nil && len(e.readers) > 0:
			c.fail(at, "%s is dropped, but %s reads it", name, config.Path("fields", c.m.fields[e.readers[0].field].name))
		default:
			if _, ok := m.Fields[name]; ok {
				c.fail(at, "%s is both configured and dropped", name)
			}
			c.entry(name).drop = true
			c.m.drop = append(c.m.drop, name)
		}
	}
}

// outputNames checks names that mean fields of the record.
func (c *compiler) outputNames(setting string, names []string) []string {
	for i, name := range names {
		if name == "" {
			c.fail(nth(setting, i), "a field's name may not be empty")
		} else if _, ok := c.known[name]; !ok {
			if near := nearest(name, c.known); near != "" {
				c.fail(nth(setting, i), "unknown field %s: did you mean %s? A field of the form of that name can be had by giving it an output under fields", name, near)
			}
		}
	}
	return names
}
