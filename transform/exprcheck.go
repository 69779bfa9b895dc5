package transform

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
)

// Functions that only [lenient] calls. Their names cannot be typed by accident.
const (
	fnText    = "__text"
	fnTrue    = "__true"
	fnList    = "__list"
	fnCompare = "__compare"
)

// inspect returns the names that a parsed expression reads, sorted, "field"
// among them if it calls field(). It refuses what could run for long or differ
// between two runs, and names that look mistyped.
func inspect(node *ast.Node, known map[string]valueType) ([]string, error) {
	in := inspector{known: known, seen: map[string]bool{}, local: map[string]bool{}}
	ast.Walk(node, &in) // declarations stand before their use, and are visited after it
	in.declared = true
	ast.Walk(node, &in)
	if in.err == nil {
		in.loops(*node)
	}
	names := make([]string, 0, len(in.seen))
	for name := range in.seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, in.err
}

type inspector struct {
	known    map[string]valueType
	seen     map[string]bool
	local    map[string]bool // let declarations
	declared bool            // local is complete
	err      error
}

func (in *inspector) fail(format string, args ...any) {
	if in.err == nil {
		in.err = fmt.Errorf(format, args...)
	}
}

// Visit implements [ast.Visitor].
func (in *inspector) Visit(node *ast.Node) {
	if d, ok := (*node).(*ast.VariableDeclaratorNode); ok {
		in.local[d.Name] = true
	}
	if !in.declared {
		return
	}
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		in.identifier(n.Value)
	case *ast.CallNode:
		in.call(n)
	case *ast.BuiltinNode:
		switch n.Name {
		case "now", "timezone":
			in.fail("%s is not allowed: the same delivery must give the same record tomorrow", n.Name)
		case "keys", "values", "toPairs":
			in.fail("%s is not allowed: a map has no order", n.Name)
		}
	case *ast.BinaryNode:
		if _, written := n.Right.(*ast.StringNode); n.Operator == "matches" && !written {
			in.fail("the pattern behind matches must be written out between quotes")
		}
	}
}

func (in *inspector) identifier(name string) {
	switch {
	case name == "$env":
		in.fail(`write field("a name") instead of $env["a name"]`)
	case isOfRecord(name) && name != "kind" && name != "source":
		in.fail("%s is not a field; of what a record has beside its fields, an expression can read kind and source", name)
	case name == "field", name == "fold", name == "number":
	case in.local[name]:
	default:
		if _, ok := in.known[name]; !ok {
			if near := nearest(name, in.known); near != "" {
				in.fail("unknown name %s: did you mean %s? If the form does have a field called %s, write field(%q)", name, near, name, name)
			}
		}
		in.seen[name] = true
	}
}

func (in *inspector) call(n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	switch {
	case !ok:
		in.fail("only functions can be called")
	case callee.Value == "field":
		in.seen["field"] = true
		if len(n.Arguments) == 1 {
			if s, ok := n.Arguments[0].(*ast.StringNode); ok && isOTP(appendKey(nil, s.Value)) {
				in.fail("field(%q): a one-time password is never kept", s.Value)
			}
		}
	case callee.Value != "fold" && callee.Value != "number":
		functions := map[string]valueType{"field": 0, "fold": 0, "number": 0}
		for _, b := range builtin.Builtins {
			functions[b.Name] = 0
		}
		if near := nearest(callee.Value, functions); near != "" {
			in.fail("unknown function %s: did you mean %s?", callee.Value, near)
		}
		in.fail("unknown function %s", callee.Value)
	}
}

// loops refuses a loop inside a loop, and a search through all fields inside
// one: their work grows with the square of what a stranger sent.
func (in *inspector) loops(node ast.Node) {
	var outer loopWalker
	ast.Walk(&node, &outer)
	for _, p := range outer.loops {
		var inner loopWalker
		ast.Walk(&p.Node, &inner)
		if len(inner.loops) > 0 {
			in.fail("a loop inside a loop is not allowed")
		}
		if inner.fields {
			in.fail("field() inside a loop is not allowed: put it in front, as in let x = field(\"a name\"); …")
		}
	}
}

// loopWalker finds the loops in an expression, and whether it calls field().
type loopWalker struct {
	loops  []*ast.PredicateNode
	fields bool
}

// Visit implements [ast.Visitor].
func (w *loopWalker) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		w.loops = append(w.loops, n)
	case *ast.IdentifierNode:
		w.fields = w.fields || n.Value == "field"
	}
}

// lenient rewrites operators that would fail at run time because a field of no
// sure type turned out not to be what they want.
type lenient struct{}

// Visit implements [ast.Visitor].
func (lenient) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "<", "<=", ">", ">=":
			if isAny(n.Left) || isAny(n.Right) {
				ast.Patch(node, call(fnCompare, n.Left, n.Right, &ast.StringNode{Value: n.Operator}))
			}
		case "contains", "startsWith", "endsWith", "matches":
			wrap(&n.Left, fnText)
			wrap(&n.Right, fnText)
		case "in":
			wrap(&n.Right, fnList)
		case "and", "&&", "or", "||":
			wrap(&n.Left, fnTrue)
			wrap(&n.Right, fnTrue)
		}
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			wrap(&n.Node, fnTrue)
		}
	case *ast.ConditionalNode:
		wrap(&n.Cond, fnTrue)
	}
}

func wrap(node *ast.Node, function string) {
	if isAny(*node) {
		ast.Patch(node, call(function, *node))
	}
}

func call(function string, args ...ast.Node) ast.Node {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: function}, Arguments: args}
}

func isAny(n ast.Node) bool {
	if c, ok := n.(*ast.CallNode); ok {
		if id, ok := c.Callee.(*ast.IdentifierNode); ok && (id.Value == fnText || id.Value == fnTrue || id.Value == fnList || id.Value == fnCompare) {
			return false // put in a moment ago, and not checked since
		}
	}
	return n.Type().Kind() == reflect.Interface
}

// nearest is the known name that name was probably meant to be: one slip away,
// two in a long one. "" when there is none.
func nearest[V any](name string, known map[string]V) string {
	most := 1
	switch {
	case len(name) < 4:
		return ""
	case len(name) > 6:
		most = 2
	}
	best, at := "", most+1
	for k := range known {
		if d := slips(name, k, most); d < at || d == at && d <= most && k < best {
			best, at = k, d
		}
	}
	return best
}

// slips counts the typing slips between a and b: a letter too many, missing,
// wrong, or two swapped. Above most it may stop counting.
func slips(a, b string, most int) int {
	if d := len(a) - len(b); d > most || -d > most {
		return most + 1
	}
	var before []int
	prev, cur := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if before != nil && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, make([]int, len(b)+1)
	}
	return prev[len(b)]
}
