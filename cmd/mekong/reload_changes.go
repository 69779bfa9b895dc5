package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"mekong/config"
)

// change is what differs in one section of two configurations, in words and without a
// value.
type change struct{ section, what string }

// changes compares two configurations, and the contents of the files that they name.
func changes(was, is setup) (out []change) {
	a, b := reflect.ValueOf(*was.conf), reflect.ValueOf(*is.conf)
	for i := range a.NumField() {
		section := a.Type().Field(i).Tag.Get("yaml")
		if section == "" {
			continue // nothing that anybody wrote
		}
		var what string
		if a.Field(i).Kind() == reflect.Map {
			what = entries(a.Field(i), b.Field(i))
		} else if paths, ok := differ("", a.Field(i), b.Field(i)); ok {
			what = changed(paths)
		}
		if what != "" {
			out = append(out, change{section, what})
		}
	}
	for _, setting := range slices.Sorted(maps.Keys(is.files)) {
		if sum, ok := was.files[setting]; ok && sum != is.files[setting] || !ok && beside(was.conf)[setting] == beside(is.conf)[setting] {
			section, _, _ := strings.Cut(setting, ".")
			out = append(out, change{section, "the file of " + setting + " holds something else"})
		}
	}
	return out
}

// entries compares two maps of named things.
func entries(was, is reflect.Value) string {
	var added, altered, removed []string
	for _, key := range is.MapKeys() {
		name := config.Path(key.String())
		switch old := was.MapIndex(key); {
		case !old.IsValid():
			added = append(added, name)
		default:
			if paths, ok := differ("", old, is.MapIndex(key)); ok {
				altered = append(altered, name+" ("+changed(paths)+")")
			}
		}
	}
	for _, key := range was.MapKeys() {
		if !is.MapIndex(key).IsValid() {
			removed = append(removed, config.Path(key.String()))
		}
	}
	var out []string
	for _, part := range []struct {
		verb  string
		names []string
	}{{"added", added}, {"removed", removed}, {"changed", altered}} {
		if len(part.names) > 0 {
			slices.Sort(part.names)
			out = append(out, part.verb+" "+strings.Join(part.names, ", "))
		}
	}
	return strings.Join(out, "; ")
}

// changed is the settings that differ, in a few words; none: all of it.
func changed(paths []string) string {
	const most = 8
	if more := len(paths) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(paths[:most], ", "), more)
	}
	if len(paths) == 0 {
		return "changed"
	}
	return strings.Join(paths, ", ")
}

// differ finds the settings under path in which two values differ; ok: they do. A
// block that only one of them has is one setting.
func differ(path string, was, is reflect.Value) (paths []string, ok bool) {
	if was.Kind() == reflect.Pointer && !was.IsNil() && !is.IsNil() {
		was, is = was.Elem(), is.Elem()
	}
	if was.Kind() != reflect.Struct || !isBlock(was.Type()) {
		if reflect.DeepEqual(was.Interface(), is.Interface()) {
			return nil, false
		}
		if path == "" {
			return nil, true
		}
		return []string{path}, true
	}
	for i := range was.NumField() {
		name := was.Type().Field(i).Tag.Get("yaml")
		if name == "" {
			continue
		}
		if path != "" {
			name = path + "." + name
		}
		if inside, differs := differ(name, was.Field(i), is.Field(i)); differs {
			paths, ok = append(paths, inside...), true
		}
	}
	return paths, ok
}

// isBlock reports whether a struct holds settings, and is not a value.
func isBlock(t reflect.Type) bool {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") != "" {
			return true
		}
	}
	return false
}
