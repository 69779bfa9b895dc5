package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// Bounds on the shape of a file. They are far beyond any configuration: they
// stop aliases that multiply, and names nobody could read.
const (
	maxValues = 100_000
	maxName   = 200
)

// readable is what a name that has no business in its place must look like to be
// repeated in a problem.
var readable = regexp.MustCompile(`^[\pL\pN_. -]{1,40}$`)

// decoder reads parsed YAML into the tree. It goes by the tree's types, so it
// never descends deeper than they do, whatever the file refers back to.
type decoder struct {
	doc    *document
	expand *expander
	left   int // values that may still be read
}

// value reads n into v, which already holds its default; name is v's own name,
// for the defaults of blocks that appear. A null leaves the default.
func (d *decoder) value(r *report, n *yaml.Node, v reflect.Value, s setting, name string) {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	if d.left--; d.left < 0 {
		if d.left == -1 {
			d.doc.problems = nil // so that this one is seen
			d.doc.add("", fmt.Sprintf("more than %d values, aliases counted each time", maxValues), "repeat less")
		}
		return
	}
	null := n.Kind == yaml.ScalarNode && n.Tag == "!!null"
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		r.bad("a tag (!…) means nothing here", "take it away")
	case v.Kind() == reflect.Pointer: // present, if only by its name
		v.Set(reflect.New(v.Type().Elem()))
		fill(asBlock(v), name)
		d.value(r, n, v.Elem(), s, name)
	case null:
	case isBlock(v.Type()):
		d.block(r, n, v, name)
	case v.Kind() == reflect.Map:
		d.byName(r, n, v, s)
	case v.Kind() == reflect.Slice:
		d.list(r, n, v, s)
	case n.Kind != yaml.ScalarNode:
		r.bad("this is one value, not "+shape(n), "write it after the colon")
	default:
		d.scalar(r, n, v, s)
	}
}

// block reads a mapping into a struct.
func (d *decoder) block(r *report, n *yaml.Node, v reflect.Value, name string) {
	if n.Kind != yaml.MappingNode {
		r.bad("this is a block of settings, not "+shape(n), "write them below it, indented: "+names(v.Type()))
		return
	}
	d.pairs(r, n, func(key string, at *report, value *yaml.Node) {
		for _, s := range settings(v.Type()) {
			if s.name == key {
				d.value(at, value, v.Field(s.index), s, name)
				return
			}
		}
		d.doc.unknown[r.path] = true
		if d.doc.full() { // and no work is put into suggestions nobody will read
			d.doc.more++
			return
		}
		what, fix := unknown(r.path, key, v.Type())
		if readable.MatchString(key) {
			at.bad(what, fix)
			return
		}
		// To YAML {token:abc} is a name, with a secret in it: it is not repeated.
		d.doc.addAt(d.doc.places[at.path], r.path, what, fix)
	})
}

// byName reads a mapping whose names are the operator's.
func (d *decoder) byName(r *report, n *yaml.Node, v reflect.Value, s setting) {
	blocks := isBlock(v.Type().Elem())
	if n.Kind != yaml.MappingNode {
		what, fix := "values", "write a name of your choice, a colon, and the value"
		if blocks {
			what, fix = "blocks", "write a name of your choice and a colon, and the block below it, indented"
		}
		r.bad("this holds "+what+" by name, not "+shape(n), fix)
		return
	}
	if len(n.Content) == 0 {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(r, n, func(key string, at *report, value *yaml.Node) {
		e := reflect.New(v.Type().Elem())
		if blocks {
			fill(asBlock(e), key)
		}
		d.value(at, value, e.Elem(), s, key)
		v.SetMapIndex(reflect.ValueOf(key), e.Elem())
	})
}

// pairs calls each for every name in a mapping, once, after noting its place.
func (d *decoder) pairs(r *report, n *yaml.Node, each func(key string, at *report, value *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, value := n.Content[i], n.Content[i+1]
		here := place{line: k.Line, column: k.Column}
		odd := func(what, fix string) { d.doc.addAt(here, r.path, what, fix) }
		switch {
		case k.Kind != yaml.ScalarNode:
			odd("a setting's name is plain text, not "+shape(k), "quote values that begin with { [ or *")
			continue
		case k.Tag == "!!merge":
			odd("<< (merging one block into another) is not supported", "write the settings out, or use an alias for the whole block")
			continue
		case len(k.Value) > maxName:
			odd(fmt.Sprintf("a name longer than %d bytes", maxName), "shorten it")
			continue
		}
		at := r.at(k.Value)
		if line, twice := seen[k.Value]; twice {
			name := "a name"
			if readable.MatchString(k.Value) {
				name = pathName(k.Value)
			}
			odd(name+" is here twice", fmt.Sprintf("the first is on line %d; keep one", line))
			continue
		}
		seen[k.Value] = k.Line
		at.stand(k.Line, k.Column)
		each(k.Value, at, value)
	}
}

// list reads a sequence of single values. It replaces the default whole; an
// empty one is nil.
func (d *decoder) list(r *report, n *yaml.Node, v reflect.Value, s setting) {
	if n.Kind != yaml.SequenceNode {
		r.bad("this is a list, not "+shape(n), "write [one, two], or each on a line of its own after a dash")
		return
	}
	v.SetZero()
	if len(n.Content) > 0 {
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	}
	for i, item := range n.Content {
		at := r.item(i)
		at.stand(item.Line, item.Column)
		if item.Kind == yaml.ScalarNode && item.Tag == "!!null" {
			at.bad("an empty item", `write a value, or take the item away`)
			continue
		}
		d.value(at, item, v.Index(i), s, "")
	}
}

// scalar reads one value, after resolving its references.
func (d *decoder) scalar(r *report, n *yaml.Node, v reflect.Value, s setting) {
	text, resolved, bad := d.expand.text(n.Value)
	for _, t := range bad {
		r.bad(t.what, t.fix)
	}
	if bad != nil {
		return
	}
	if strings.Contains(n.Value, "${") {
		p := d.doc.places[r.path]
		p.written, p.resolved = n.Value, resolved
		d.doc.places[r.path] = p
	}
	if strings.ContainsFunc(text, func(c rune) bool { return unicode.IsControl(c) && !strings.ContainsRune("\t\n\r", c) }) {
		r.bad("a control character in the value", "take it away")
		return
	}
	if v.Type() == secretType {
		d.secret(r, text, v)
		return
	}
	before := reflect.New(v.Type()).Elem()
	before.Set(v)
	if t := setScalar(v, text); t != nil {
		r.bad(r.quote(text)+" "+t.what, t.fix)
		return
	}
	if t := s.outside(v, text); t != nil {
		v.Set(before)
		r.bad(r.quote(text)+" "+t.what, t.fix)
	}
}

func (d *decoder) secret(r *report, text string, v reflect.Value) {
	switch {
	case text == shown:
		r.bad("this is what stands in the place of a secret when settings are shown", "put the secret itself here, or a reference such as ${NAME}")
	case text == "" && r.doc.places[r.path].written != "":
		// Left empty, it would quietly mean that there is no secret at all.
		r.bad(r.quote("")+" is empty", "give it a value, or take the setting away")
	default:
		v.Set(reflect.ValueOf(NewSecret(text)))
	}
}

// shape names the kind of a node, never its contents.
func shape(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a block"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias (*…)"
	default:
		return "a single value"
	}
}
