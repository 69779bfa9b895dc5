package transform

import (
	"slices"
	"sync"

	"mekong/pipeline"
)

// Predicate says whether a record passes a filter. It may be called by several
// goroutines at once. An error means that the expression could not be evaluated
// for this record; it names no value.
type Predicate func(pipeline.Record) (bool, error)

// Where compiles a filter over a record's fields, with kind and source beside
// them. A field the record does not have is "" (false, or an empty list, where
// the built-in mapping gives the name that type); field("a name") finds one
// whose name is no identifier.
func Where(expression string) (Predicate, error) {
	p, err := compileExpr(expression, knownTypes(), true)
	if err != nil {
		return nil, err
	}
	pool := &sync.Pool{New: func() any { return &machine{} }}
	return func(r pipeline.Record) (bool, error) {
		m := pool.Get().(*machine)
		defer pool.Put(m)
		out, err := p.run(m, recordScope{r})
		if err != nil {
			return false, err
		}
		return asBool(out), nil
	}, nil
}

// knownTypes are the types of the built-in output fields.
func knownTypes() map[string]valueType {
	known := map[string]valueType{"kind": textValue, "source": textValue}
	for _, name := range outputs() {
		known[name] = textValue
	}
	known["consent"] = boolValue
	known["flags"] = listValue
	return known
}

type recordScope struct{ r pipeline.Record }

func (s recordScope) value(name string) any {
	switch name {
	case "kind":
		return s.r.Kind
	case "source":
		return s.r.Source
	}
	return s.r.Fields[name]
}

func (s recordScope) field(name string) any {
	if v, ok := s.r.Fields[name]; ok && v != nil {
		return v
	}
	// Two fields may fold to the same; the first by name is it, always.
	want := foldKey(name)
	var same []string
	for other := range s.r.Fields {
		if foldKey(other) == want {
			same = append(same, other)
		}
	}
	if len(same) == 0 {
		return ""
	}
	return coerce(s.r.Fields[slices.Min(same)], anyValue)
}
