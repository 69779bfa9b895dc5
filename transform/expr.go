package transform

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

// Expressions are written by whoever configures Mekong and run over what
// strangers send. So they are type-checked when loaded; they cannot read the
// clock or depend on the order of a map; a loop inside a loop, a pattern made
// at run time and a long list are refused; and a field that did not come is ""
// rather than an error.

// Bounds of an expression.
const (
	maxExprBytes  = 4096
	maxExprNodes  = 500
	maxExprMemory = 100_000 // list elements and repeated text made by one run
)

// valueType is what an expression may take a name to be.
type valueType uint8

const (
	anyValue valueType = iota // a form's own field, or a number that may be missing
	textValue
	boolValue
	listValue
)

// program is a compiled expression. It may be run by several goroutines at once.
type program struct {
	code   *vm.Program
	idents []ident // what it reads
	fields bool    // it calls field()
}

type ident struct {
	name string
	typ  valueType
}

// scope is where a program finds its values.
type scope interface {
	value(name string) any // nil when there is none
	field(name string) any // by name as people write it, compared folded
}

// compileExpr checks and compiles text. known are the names whose type is sure;
// any other is taken for a form's field, unless it looks like a mistyped known
// one. condition demands a bool.
func compileExpr(text string, known map[string]valueType, condition bool) (*program, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("the expression is empty")
	}
	if len(text) > maxExprBytes {
		return nil, fmt.Errorf("the expression is longer than %d bytes", maxExprBytes)
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, inWords(err)
	}
	names, err := inspect(&tree.Node, known)
	if err != nil {
		return nil, err
	}
	p := &program{}
	env := types.Map{}
	for _, name := range names {
		if name == "field" {
			continue
		}
		id := ident{name: name, typ: known[name]}
		p.idents = append(p.idents, id)
		switch id.typ {
		case textValue:
			env[name] = types.String
		case boolValue:
			env[name] = types.Bool
		case listValue:
			env[name] = types.Array(types.String)
		default:
			env[name] = types.Any
		}
	}
	env["field"] = types.TypeOf(func(string) any { return nil })
	p.fields = len(names) != len(p.idents)
	options := []expr.Option{
		expr.Env(env),
		expr.MaxNodes(maxExprNodes),
		expr.Patch(lenient{}),
		expr.Function("fold", func(args ...any) (any, error) { return foldSearch(asText(args[0])), nil }, func(any) string { return "" }),
		expr.Function("number", func(args ...any) (any, error) { return asNumber(args[0]), nil }, func(any) any { return nil }),
		expr.Function(fnText, func(args ...any) (any, error) { return asText(args[0]), nil }, func(any) string { return "" }),
		expr.Function(fnTrue, func(args ...any) (any, error) { return asBool(args[0]), nil }, func(any) bool { return false }),
		expr.Function(fnList, func(args ...any) (any, error) { return asListOrMap(args[0]), nil }, func(any) any { return nil }),
		expr.Function(fnCompare, func(args ...any) (any, error) { return compare(args[0], args[1], args[2].(string)), nil }, func(any, any, string) bool { return false }),
	}
	if condition {
		options = append(options, expr.AsBool(), expr.WarnOnAny())
	}
	if p.code, err = expr.Compile(text, options...); err != nil {
		return nil, inWords(err)
	}
	return p, nil
}

// inWords puts a compiler's error on one line.
func inWords(err error) error {
	var at *file.Error
	if errors.As(err, &at) {
		return fmt.Errorf("%s (at column %d)", at.Message, at.Column+1)
	}
	return err
}

// machine is what a run needs room for. It belongs to one goroutine, and keeps
// no value from one run to the next.
type machine struct {
	vm  vm.VM
	env map[string]any
}

// run evaluates the program. Its errors name no value: they could quote a
// customer's data.
func (p *program) run(m *machine, s scope) (any, error) {
	if m.env == nil {
		m.env = make(map[string]any, len(p.idents)+1)
	}
	defer m.forget()
	for _, id := range p.idents {
		m.env[id.name] = coerce(s.value(id.name), id.typ)
	}
	if p.fields {
		m.env["field"] = s.field
	}
	m.vm.MemoryBudget = maxExprMemory
	out, err := m.vm.Run(p.code, m.env)
	if err != nil {
		return nil, errRun
	}
	return out, nil
}

func (m *machine) forget() {
	clear(m.env)
	clear(m.vm.Variables)
	m.vm = vm.VM{Stack: m.vm.Stack[:0], Variables: m.vm.Variables}
	clear(m.vm.Stack[:cap(m.vm.Stack)])
}

// reads reports whether the program looks at a name.
func (p *program) reads(name string) bool {
	if p.fields {
		return true // field() may name anything
	}
	for _, id := range p.idents {
		if id.name == name {
			return true
		}
	}
	return false
}

var errRun = errors.New("the expression could not be evaluated for this record")

// coerce makes sure that a value is what the type check took it for. A
// destination's filter is checked without knowing the mapping, which may have
// declared a built-in name a number.
func coerce(v any, t valueType) any {
	switch t {
	case textValue:
		return asText(v)
	case boolValue:
		return asBool(v)
	case listValue:
		return asList(v)
	}
	if v == nil {
		return ""
	}
	return v
}

// asText is a value as people read it.
func asText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []string:
		return strings.Join(v, ", ")
	case []any:
		return strings.Join(asList(v), ", ")
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case time.Duration:
		return v.String()
	}
	return fmt.Sprint(v) // maps print sorted by key
}

func asBool(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		yes, _ := parseBool(v)
		return yes
	}
	return false
}

func asList(v any) []string {
	switch v := v.(type) {
	case []string:
		return v
	case []any:
		list := make([]string, len(v))
		for i := range v {
			list[i] = asText(v[i])
		}
		return list
	}
	if s := asText(v); s != "" {
		return []string{s}
	}
	return []string{}
}

func asListOrMap(v any) any {
	if m, ok := v.(map[string]any); ok {
		return m
	}
	return asList(v)
}

// asNumber is the float64 that v is or says, else nil.
func asNumber(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case float64:
		return v
	case string:
		if n, ok := parseNumber(v); ok {
			return n
		}
	}
	return nil
}

// compare orders two values of which one is of no sure type: numbers, or text
// that says one, as numbers; texts as texts; anything else is not ordered, and
// so neither smaller nor greater.
func compare(a, b any, op string) bool {
	s, ok1 := a.(string)
	t, ok2 := b.(string)
	c := 0
	if ok1 && ok2 {
		c = strings.Compare(s, t)
	} else {
		x, ok1 := asNumber(a).(float64)
		y, ok2 := asNumber(b).(float64)
		switch {
		case !ok1 || !ok2 || math.IsNaN(x) || math.IsNaN(y):
			return false
		case x < y:
			c = -1
		case x > y:
			c = 1
		}
	}
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	default:
		return c >= 0
	}
}
