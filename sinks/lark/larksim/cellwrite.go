package larksim

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The values of cells, by type of field: text, phone and location string; number
// float64; select the option's id; several options, people, groups, links and
// files []string of ids; date int64 in ms; checkbox bool; url a [Link].

// Link is what a url cell holds.
type Link struct {
	Text string `json:"text"`
	URL  string `json:"link"`
}

// Bounds of one cell (`lark.md` §2.5).
const (
	maxText        = 100_000 // characters
	maxOptions     = 20_000  // of a select field
	maxChosen      = 1000    // options in a cell
	maxPeople      = 1000
	maxLinks       = 500
	maxAttachments = 100
	maxGroups      = 10
	maxPhone       = 64
)

// convert reads JSON values into cells. It changes nothing by itself: options
// that a value makes are remembered, and added by commit when the whole request
// is known to be good.
type convert struct {
	s      *Sim
	table  *table
	idKind string // of people
	fresh  map[*field][]option
}

// cell converts one value. A nil cell is an empty one. The code is 0, or why the
// whole request is refused (§3.1). The caller holds the lock.
func (w *convert) cell(f *field, raw json.RawMessage) (any, int) {
	k := kinds[f.kind]
	if k.readOnly {
		// Which code the platform uses is unknown (§12); it is never a success here.
		return nil, 1254015
	}
	raw = bytes.TrimSpace(raw)
	if string(raw) == "null" {
		return nil, 0
	}
	switch f.kind {
	case Text:
		return text(raw, k.code)
	case Number:
		return number(raw, k.code)
	case SingleSelect:
		name, code := text(raw, k.code)
		if code != 0 || name == nil {
			return nil, code
		}
		ids, code := w.options(f, []string{name.(string)})
		if code != 0 {
			return nil, code
		}
		return ids[0], 0
	case MultiSelect:
		names, ok := list(raw)
		if !ok {
			return nil, k.code
		}
		if len(names) > maxChosen {
			return nil, 1254130
		}
		return some(w.options(f, names))
	case DateTime:
		return date(raw, k.code)
	case Checkbox:
		switch string(raw) {
		case "true":
			return true, 0
		case "false":
			return false, 0
		}
		return nil, k.code
	case Person:
		return some(w.people(raw, k.code))
	case Phone:
		return phone(raw, k.code)
	case URL:
		return link(raw, k.code)
	case Attachment:
		return some(w.attachments(raw, k.code))
	case SingleLink, DuplexLink:
		return some(w.links(f, raw, k.code))
	case Location:
		return place(raw, k.code)
	case GroupChat:
		ids, ok := idList(raw, "id")
		if !ok {
			return nil, k.code
		}
		if len(ids) > maxGroups {
			return nil, 1254130
		}
		for _, id := range ids {
			if !plausible(id, "oc_") {
				return nil, k.code
			}
		}
		return some(ids, 0)
	}
	return nil, 1254015
}

// some makes an empty list an empty cell.
func some(ids []string, code int) (any, int) {
	if code != 0 || len(ids) == 0 {
		return nil, code
	}
	return ids, 0
}

func text(raw json.RawMessage, code int) (any, int) {
	var s string
	if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return nil, code
	}
	if utf8.RuneCountInString(s) > maxText {
		return nil, 1254130
	}
	if s == "" {
		return nil, 0
	}
	return s, 0
}

func number(raw json.RawMessage, code int) (any, int) {
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return nil, code
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return nil, code
	}
	return n, 0
}

// lastDate is the last instant a date can be, that of ECMAScript.
const lastDate = 8_640_000_000_000_000

func date(raw json.RawMessage, code int) (any, int) {
	n, c := number(raw, code)
	if c != 0 {
		return nil, c
	}
	ms := n.(float64)
	if ms != math.Trunc(ms) || math.Abs(ms) > lastDate {
		return nil, code
	}
	return int64(ms), 0
}

func phone(raw json.RawMessage, code int) (any, int) {
	s, c := text(raw, code)
	if c != 0 || s == nil {
		return nil, c
	}
	p := s.(string)
	if len(p) > maxPhone || strings.Trim(strings.TrimPrefix(p, "+"), "0123456789") != "" {
		return nil, code
	}
	return p, 0
}

func link(raw json.RawMessage, code int) (any, int) {
	var in struct {
		Text *string `json:"text"`
		Link *string `json:"link"`
	}
	if raw[0] != '{' || json.Unmarshal(raw, &in) != nil || in.Link == nil {
		return nil, code
	}
	l := Link{URL: *in.Link, Text: *in.Link}
	if in.Text != nil && *in.Text != "" {
		l.Text = *in.Text
	}
	switch {
	case utf8.RuneCountInString(l.URL)+utf8.RuneCountInString(l.Text) > maxText:
		return nil, 1254130
	case l.URL == "" && l.Text == "":
		return nil, 0
	case l.URL == "":
		return nil, code
	}
	return l, 0
}

func place(raw json.RawMessage, code int) (any, int) {
	s, c := text(raw, code)
	if c != 0 || s == nil {
		return nil, c
	}
	lng, lat, ok := strings.Cut(s.(string), ",")
	x, err1 := strconv.ParseFloat(lng, 64)
	y, err2 := strconv.ParseFloat(lat, 64)
	if !ok || err1 != nil || err2 != nil || !(math.Abs(x) <= 180) || !(math.Abs(y) <= 90) {
		return nil, code
	}
	return s, 0
}

// list reads an array of strings.
func list(raw json.RawMessage) ([]string, bool) {
	var in []*string
	if raw[0] != '[' || json.Unmarshal(raw, &in) != nil {
		return nil, false
	}
	out := make([]string, len(in))
	for i, p := range in {
		if p == nil {
			return nil, false
		}
		out[i] = *p
	}
	return out, true
}

// idList reads an array of objects that each hold an id under name.
func idList(raw json.RawMessage, name string) ([]string, bool) {
	var in []map[string]json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &in) != nil {
		return nil, false
	}
	out := make([]string, len(in))
	for i, o := range in {
		v := bytes.TrimSpace(o[name])
		if len(v) == 0 || v[0] != '"' || json.Unmarshal(v, &out[i]) != nil || out[i] == "" {
			return nil, false
		}
	}
	return out, true
}
