package larkbase

import (
	"encoding/json"
	"strings"
	"time"

	"mekong/sinks/lark"
)

// readCell is a cell as a read gives it (`lark.md` §3.3), in plain values: a string, a
// float64, a bool or a []string, nil for an empty one. kind is the column's type. What
// a shape is not known of is given as the words in it.
func readCell(cell json.RawMessage, kind int, zone *time.Location) any {
	if len(cell) == 0 || blank(cell) {
		return nil
	}
	var v any
	if json.Unmarshal(cell, &v) != nil {
		return nil
	}
	// A formula tells the type of its result beside it.
	if m, ok := v.(map[string]any); ok && (kind == lark.TypeFormula || kind == lark.TypeLookup) {
		if n, ok := m["type"].(float64); ok {
			kind = int(n)
		}
		if inner, ok := m["value"]; ok {
			v = inner
		}
	}
	switch v := v.(type) {
	case string:
		return filled(v)
	case bool:
		return v
	case float64:
		if dates[kind] {
			return milliseconds(v, zone)
		}
		return v
	case []any:
		return readList(v, kind, zone)
	case map[string]any:
		if kind == lark.TypeURL {
			return filled(readLink(v))
		}
		return filled(words(v))
	}
	return nil
}

var dates = map[int]bool{lark.TypeDateTime: true, lark.TypeCreatedTime: true, lark.TypeModifiedTime: true}

// readList is a cell of several values. The pieces of a text are one.
func readList(list []any, kind int, zone *time.Location) any {
	var out []string
	for _, item := range list {
		switch item := item.(type) {
		case string:
			out = append(out, item)
		case float64:
			if dates[kind] {
				out = append(out, plain(milliseconds(item, zone)))
			} else if len(list) == 1 {
				return item
			} else {
				out = append(out, plain(item))
			}
		case bool:
			out = append(out, plain(item))
		case map[string]any:
			out = append(out, words(item))
		}
	}
	if kind == lark.TypeText || kind == lark.TypePhone {
		return filled(strings.Join(out, ""))
	}
	var full []string
	for _, s := range out {
		if s != "" {
			full = append(full, s)
		}
	}
	switch {
	case len(full) == 0:
		return nil
	case len(full) == 1 && kind != lark.TypeMultiSelect:
		return full[0]
	}
	return full
}

// readLink is a link's address, with its text before it where that says more.
func readLink(v map[string]any) string {
	text, _ := v["text"].(string)
	link, _ := v["link"].(string)
	switch {
	case link == "" || link == text || link == "https://"+text: // which asLink has put before it
		return text
	case text == "":
		return link
	}
	return text + " " + link
}

// words are what a person sees of a value: a piece of text, a person, a place, a file,
// a group, links to rows.
func words(v map[string]any) string {
	for _, key := range []string{"text", "full_address", "name", "email", "link", "location", "id"} {
		if s, ok := v[key].(string); ok && s != "" {
			return s
		}
	}
	if ids, ok := v["link_record_ids"].([]any); ok {
		var out []string
		for _, id := range ids {
			if s, ok := id.(string); ok {
				out = append(out, s)
			}
		}
		return strings.Join(out, ", ")
	}
	return ""
}

func filled(s string) any {
	if s == "" {
		return nil
	}
	return s
}
