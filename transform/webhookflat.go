package transform

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"mekong/sources/form"
)

// Bounds of what is made flat. What is beyond them stays in the body.
const (
	maxFlatDepth = 24
	maxFlatItems = 50 // of a list of objects
	maxFlatName  = 512
)

// flatten makes fields of a JSON value: the names of what is inside one another
// have dots between them, places in lists are numbers from 0. Numbers keep their
// digits, null is nothing, and a list of plain values is one field. Names begin
// with prefix.
func flatten(v gjson.Result, prefix string) ([]form.Field, []string) {
	f := &flattener{}
	f.value(prefix, v, 0)
	return f.fields, f.flags
}

type flattener struct {
	fields []form.Field
	flags  []string
}

func (f *flattener) flag(s string) {
	if !slices.Contains(f.flags, s) {
		f.flags = append(f.flags, s)
	}
}

func (f *flattener) add(name string, list bool, values ...string) {
	switch {
	case len(f.fields) >= form.MaxFields:
		f.flag(form.FlagTooManyFields)
		return
	case len(name) > maxFlatName:
		name, _ = bounded(name, maxFlatName)
		f.flag(form.FlagLongName)
	}
	f.fields = append(f.fields, form.Field{Name: name, Values: values, List: list})
}

func (f *flattener) value(name string, v gjson.Result, depth int) {
	switch {
	case len(f.fields) >= form.MaxFields:
		f.flag(form.FlagTooManyFields)
	case (v.IsObject() || v.IsArray()) && depth > maxFlatDepth:
		f.flag(form.FlagTooDeep)
		f.add(name, false, v.Raw)
	case v.IsObject():
		v.ForEach(func(k, w gjson.Result) bool {
			f.value(join(name, k.String()), w, depth+1)
			return !slices.Contains(f.flags, form.FlagTooManyFields)
		})
	case v.IsArray():
		f.list(name, v.Array(), depth)
	default:
		if text := scalarText(v); text != "" {
			f.add(name, false, text)
		}
	}
}

func (f *flattener) list(name string, items []gjson.Result, depth int) {
	var values []string
	for _, v := range items {
		if v.IsObject() || v.IsArray() {
			values = nil
			break
		}
		values = append(values, scalarText(v))
	}
	if values != nil {
		f.add(name, true, values...)
		return
	}
	for i, v := range items {
		if i == maxFlatItems {
			f.flag("list_cut")
			return
		}
		f.value(join(name, strconv.Itoa(i)), v, depth+1)
	}
}

func join(name, more string) string {
	if name == "" {
		return more
	}
	return name + "." + more
}

// scalarText is a plain value as it was written.
func scalarText(v gjson.Result) string {
	switch v.Type {
	case gjson.String:
		return strings.ToValidUTF8(v.Str, "\ufffd")
	case gjson.Null:
		return ""
	}
	return v.Raw
}
