package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// block is what every struct of the tree is: something with defaults and rules.
// Both are called by the decoder, in this order, for each struct it meets.
type block interface {
	// defaults fills the settings that have one, before the file is read over
	// them. name is the source's, sink's or field's own.
	defaults(name string)
	// check reports what is wrong with the filled block. What the block contains
	// has been checked before; a setting that could not be read has its default.
	check(r *report)
}

// setting is one field of a struct of the tree.
type setting struct {
	name  string
	doc   string
	why   string
	oneof []string
	limit *limit
	index int
	typ   reflect.Type
}

// limit is a parsed range tag. Bounds are in the setting's own unit:
// nanoseconds, bytes or plain numbers.
type limit struct {
	least, most       float64
	hasLeast, hasMost bool
	leastText         string
	mostText          string
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	sizeType     = reflect.TypeFor[Size]()
	secretType   = reflect.TypeFor[Secret]()
)

// settings lists the settings of struct type t, in the order of its fields. A
// tag that makes no sense panics: the tags are constants, and a test walks them all.
func settings(t reflect.Type) []setting {
	var out []setting
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		s := setting{name: f.Tag.Get("yaml"), doc: f.Tag.Get("doc"), why: f.Tag.Get("why"), index: i, typ: f.Type}
		s.oneof = strings.Fields(f.Tag.Get("oneof"))
		if r := f.Tag.Get("range"); r != "" {
			s.limit = parseLimit(f.Type, r)
		}
		out = append(out, s)
	}
	return out
}

func parseLimit(t reflect.Type, tag string) *limit {
	least, most, ok := strings.Cut(tag, "..")
	if !ok {
		panic(fmt.Sprintf("config: range %q has no ..", tag))
	}
	l := &limit{hasLeast: least != "", hasMost: most != "", leastText: least, mostText: most}
	for _, bound := range []struct {
		text string
		to   *float64
	}{{least, &l.least}, {most, &l.most}} {
		if bound.text == "" {
			continue
		}
		v := reflect.New(t).Elem()
		if bad := setScalar(v, bound.text); bad != nil {
			panic(fmt.Sprintf("config: range %q: %s", tag, bad.what))
		}
		*bound.to = number(v)
	}
	return l
}

// number is the value of a numeric setting in its own unit.
func number(v reflect.Value) float64 {
	if v.CanFloat() {
		return v.Float()
	}
	return float64(v.Int())
}

// isBlock reports whether t is a struct of the tree, not a value like Secret.
func isBlock(t reflect.Type) bool { return t.Kind() == reflect.Struct && t != secretType }

// asBlock is the block behind a pointer to a struct of the tree.
func asBlock(v reflect.Value) block { return v.Interface().(block) }

// fill gives b and the blocks it always has their defaults. Blocks that may be
// absent, and those in maps, are filled when they appear.
func fill(b block, name string) {
	b.defaults(name)
	v := reflect.ValueOf(b).Elem()
	for _, s := range settings(v.Type()) {
		if isBlock(s.typ) {
			fill(asBlock(v.Field(s.index).Addr()), name)
		}
	}
}

// check runs the rules of b after those of everything in it.
func check(b block, r *report) {
	v := reflect.ValueOf(b).Elem()
	for _, s := range settings(v.Type()) {
		f := v.Field(s.index)
		switch {
		case isBlock(s.typ):
			check(asBlock(f.Addr()), r.at(s.name))
		case s.typ.Kind() == reflect.Pointer && !f.IsNil():
			check(asBlock(f), r.at(s.name))
		case s.typ.Kind() == reflect.Map && isBlock(s.typ.Elem()):
			for _, k := range sortedKeys(f) {
				e := reflect.New(s.typ.Elem())
				e.Elem().Set(f.MapIndex(reflect.ValueOf(k)))
				check(asBlock(e), r.at(s.name).at(k))
			}
		}
	}
	b.check(r)
}
