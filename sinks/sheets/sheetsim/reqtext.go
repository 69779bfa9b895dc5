package sheetsim

import (
	"slices"
	"strings"
	"unicode/utf8"
)

type setValidation struct {
	Range *gridRange `json:"range"`
	Rule  object     `json:"rule"`
}

func (q *setValidation) run(e *edit) (any, *failure) {
	a, f := e.area(q.Range)
	if f != nil {
		return nil, f
	}
	a = a.clip()
	if a.cells() > mostWritten {
		return nil, notSimulated("a change of so many cells")
	}
	if f := e.writable(a.sheet, a.r0, a.r1, a.c0, a.c1); f != nil {
		return nil, f
	}
	for r := a.r0; r < a.r1; r++ {
		for c := a.c0; c < a.c1; c++ {
			_ = e.put(a.sheet, r, c, &cellData{Rule: q.Rule}, cellFields{rule: true})
		}
	}
	return nil, nil
}

type findReplace struct {
	Find        string     `json:"find"`
	Replacement string     `json:"replacement"`
	MatchCase   bool       `json:"matchCase"`
	Entire      bool       `json:"matchEntireCell"`
	Range       *gridRange `json:"range"`
	SheetID     *int64     `json:"sheetId"`
	AllSheets   bool       `json:"allSheets"`
}

func (q *findReplace) run(e *edit) (any, *failure) {
	if q.Find == "" {
		return nil, invalid("find is required.")
	}
	var areas []area
	switch {
	case q.Range != nil:
		a, f := e.area(q.Range)
		if f != nil {
			return nil, f
		}
		areas = []area{a}
	case q.SheetID != nil:
		s, f := e.tab(*q.SheetID)
		if f != nil {
			return nil, f
		}
		areas = []area{{sheet: s, r1: -1, c1: -1}}
	case q.AllSheets:
		for _, s := range e.b.sheets {
			areas = append(areas, area{sheet: s, r1: -1, c1: -1})
		}
	default:
		return nil, invalid("One of 'range', 'sheetId' and 'allSheets' must be set.")
	}
	var out findReplaced
	for _, a := range areas {
		if f := out.in(e, q, a.clip()); f != nil {
			return nil, f
		}
	}
	return out, nil
}

// findReplaced is the reply of findReplace. Numbers are not looked at.
type findReplaced struct {
	Values      int `json:"valuesChanged,omitempty"`
	Rows        int `json:"rowsChanged,omitempty"`
	Sheets      int `json:"sheetsChanged,omitempty"`
	Occurrences int `json:"occurrencesChanged,omitempty"`
}

func (out *findReplaced) in(e *edit, q *findReplace, a area) *failure {
	before := out.Values
	for r := a.r0; r < min(a.r1, len(a.sheet.data)); r++ {
		if a.sheet.data[r] == nil {
			continue
		}
		inRow := out.Values
		for c, cl := range slices.Clone(a.sheet.data[r].cells) {
			text, ok := cl.v.(string)
			if !ok || cl.formula() != "" || !a.holds(r, c) {
				continue
			}
			now, n := replaced(text, q)
			if n == 0 {
				continue
			}
			if f := fits(now); f != nil {
				return f
			}
			if f := e.writable(a.sheet, r, r+1, c, c+1); f != nil {
				return f
			}
			var v any
			if now != "" {
				v = now
			}
			e.set(a.sheet, r, c, v, "")
			out.Values++
			out.Occurrences += n
		}
		if out.Values > inRow {
			out.Rows++
		}
	}
	if out.Values > before {
		out.Sheets++
		a.sheet.edition++
	}
	return nil
}

// replaced is text with what q finds in it replaced, and how often that was.
func replaced(text string, q *findReplace) (string, int) {
	if q.Entire {
		if text == q.Find || !q.MatchCase && strings.EqualFold(text, q.Find) {
			return q.Replacement, 1
		}
		return text, 0
	}
	if q.MatchCase {
		return strings.ReplaceAll(text, q.Find, q.Replacement), strings.Count(text, q.Find)
	}
	var out strings.Builder
	n := 0
	for len(text) > 0 {
		if len(text) >= len(q.Find) && strings.EqualFold(text[:len(q.Find)], q.Find) {
			out.WriteString(q.Replacement)
			text = text[len(q.Find):]
			n++
			continue
		}
		_, size := utf8.DecodeRuneInString(text)
		out.WriteString(text[:size])
		text = text[size:]
	}
	return out.String(), n
}
