package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

func (m *Mapping) defaults(string) {}

func (m *Mapping) check(r *report) {
	if m.Kind != "" && !kindRule.MatchString(m.Kind) {
		r.at("kind").bad(r.at("kind").quote(m.Kind)+" is no kind of record", kindFix)
	}
	checkNames(r.at("key"), m.Key)
	checkNames(r.at("drop"), m.Drop)
	checkNames(r.at("required"), m.Required)
	for _, name := range sortedKeys(reflect.ValueOf(m.Fields)) {
		checkFieldName(r.at("fields").at(name), name)
	}
	for i, name := range m.Required {
		if at := r.at("required").item(i); slices.Contains(m.Drop, name) {
			at.bad("it is in drop too", "take it out of one of the two")
		}
	}
	checkExpression(r.at("where"), m.Where)
}

func (f *Field) defaults(string) {}

func (f *Field) check(r *report) {
	from, expr := r.at("from"), r.at("expr")
	checkNames(from, f.From)
	checkExpression(expr, f.Expr)
	switch {
	case len(f.From) > 0 && f.Expr != "":
		expr.bad("a field comes from incoming names or from an expression, not both", "take from or expr away")
	case len(f.From) == 0 && f.Expr == "" && !from.failed() && !expr.failed() && !r.failed() && !r.doc.unknown[r.path]:
		r.bad("it says not where the value comes from", "write from: [incoming name], or expr")
	}
}

// checkNames looks at a list of field names.
func checkNames(r *report, names []string) {
	checkDistinct(r, names)
	for i, name := range names {
		if at := r.item(i); !at.failed() {
			checkFieldName(at, name)
		}
	}
}

// checkFieldName accepts what people call the columns of a form, in any script.
func checkFieldName(r *report, name string) {
	const longest = 128
	switch {
	case strings.TrimSpace(name) == "":
		r.bad("an empty name", "write one, or take it away")
	case len(name) > longest:
		r.bad(fmt.Sprintf("a name longer than %d bytes", longest), "shorten it")
	case strings.Contains(name, "${"):
		r.bad("references work in values, not in names", "write the name itself")
	case strings.ContainsFunc(name, unicode.IsControl):
		r.bad("a control character in a name", "take it away")
	}
}
