package transform

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mekong/config"
)

// mapper is a compiled mapping. It is never written to after compile, so any
// number of goroutines may use it.
type mapper struct {
	source   string
	kind     string
	loc      *time.Location
	slots    []target          // built-in outputs with names of their own
	own      map[string]bool   // names of all built-in outputs
	computed []bool            // by slot: an expression has the last word on it
	names    map[string]*entry // incoming names: folded, and as most often written
	taken    map[string]bool   // names that an unknown field must not have
	fields   []field           // configured outputs, by name
	order    []int             // those with a program, so that each runs behind what it reads
	early    int               // how many of order make name and phone, which flags are about
	key      []string
	required []string
	drop     []string // as output names
	where    *program
	pool     sync.Pool // of *build
}

// field is one configured output.
type field struct {
	name    string
	as      string
	from    []string
	program *program
}

// entry is what becomes of one incoming name.
type entry struct {
	slot    int   // the built-in output it may fill, -1 for none
	rank    int   // how good a name for that output it is; 0 is best
	readers []ref // configured outputs that read it
	drop    bool
}

type ref struct{ field, rank int }

// compiler gathers what is wrong with a mapping.
type compiler struct {
	m        *mapper
	known    map[string]valueType
	problems []*Error
}

func (c *compiler) fail(setting, format string, args ...any) {
	c.problems = append(c.problems, &Error{setting, fmt.Errorf(format, args...)})
}

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
		at := "fields." + name
		switch {
		case name == "" || cleanLine(name) != name:
			c.fail(at, "a field's name may not be empty or hold spaces at its ends, line breaks or invisible characters")
		case isOfRecord(name) || name == "flags":
			c.fail(at, "%s is the record's own; call the field something else, such as lead_%s", name, name)
		case isOTP(appendKey(nil, name)):
			c.fail(at, "a one-time password is never kept")
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

func (c *compiler) read(at string, index int, from []string) {
	for rank, name := range from {
		key := appendKey(nil, name)
		switch {
		case len(key) == 0:
			c.fail(at, "%q holds no letter or digit", name)
		case isOTP(key):
			c.fail(at, "%s: a one-time password is never kept", name)
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
	for _, name := range m.Drop {
		key := foldKey(name)
		switch e := c.m.names[key]; {
		case key == "":
			c.fail("drop", "%q holds no letter or digit", name)
		case name == "flags" || isOfRecord(name):
			c.fail("drop", "%s is the record's own and always kept", name)
		case e != nil && len(e.readers) > 0:
			c.fail("drop", "%s is dropped, but fields.%s reads it", name, c.m.fields[e.readers[0].field].name)
		default:
			if _, ok := m.Fields[name]; ok {
				c.fail("drop", "%s is both configured and dropped", name)
			}
			c.entry(name).drop = true
			c.m.drop = append(c.m.drop, name)
		}
	}
}

// programs compiles the expressions and puts those that read each other in
// order.
func (c *compiler) programs(m *config.Mapping) {
	for i := range c.m.fields {
		f := &c.m.fields[i]
		if text := m.Fields[f.name].Expr; text != "" {
			var err error
			if f.program, err = compileExpr(text, c.known, false); err != nil {
				c.fail("fields."+f.name+".expr", "%w", err)
			}
		}
	}
	c.sort()
	if m.Where != "" {
		var err error
		if c.m.where, err = compileExpr(m.Where, c.known, true); err != nil {
			c.fail("where", "%w", err)
		}
	}
}

var errCircle = errors.New("the expressions read each other in a circle")

// sort puts the programs behind those they read. A program that reads its own
// name means what was there before it.
func (c *compiler) sort() {
	index := map[string]int{}
	for i, f := range c.m.fields {
		if f.program != nil {
			index[f.name] = i
		}
	}
	const busy, done = 1, 2
	state := make([]int, len(c.m.fields))
	var visit func(i int)
	visit = func(i int) {
		f := &c.m.fields[i]
		switch state[i] {
		case done:
			return
		case busy:
			c.fail("fields."+f.name+".expr", "%w", errCircle)
			return
		}
		state[i] = busy
		for _, id := range f.program.idents {
			if j, ok := index[id.name]; ok && j != i {
				visit(j)
			}
		}
		if state[i] == busy {
			state[i] = done
			c.m.order = append(c.m.order, i)
		}
	}
	for _, name := range [...]string{"name", "phone"} {
		if i, ok := index[name]; ok {
			visit(i)
		}
	}
	c.m.early = len(c.m.order)
	for _, f := range c.m.fields {
		if f.program != nil {
			visit(index[f.name])
		}
	}
}

// outputNames checks names that mean fields of the record.
func (c *compiler) outputNames(setting string, names []string) []string {
	for _, name := range names {
		if name == "" {
			c.fail(setting, "a field's name may not be empty")
		} else if _, ok := c.known[name]; !ok {
			if near := nearest(name, c.known); near != "" {
				c.fail(setting, "unknown field %s: did you mean %s? A field of the form of that name can be had by giving it an output under fields", name, near)
			}
		}
	}
	return names
}
