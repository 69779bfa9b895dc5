package sheetsim

import (
	"cmp"
	"slices"
	"strings"
)

// paint gives a rectangle a format. Down to the last row, it is kept once per
// column, and rows that were never written stay unwritten.
func (e *edit) paint(a area, format object, sub *mask) {
	s := a.sheet
	end := a.r1
	if a.r1 == s.rows {
		touch(e.tx, &s.columns)
		s.columns = slices.Clone(s.columns)
		uniform := true
		for c := a.c0; c < a.c1; c++ {
			if col := s.columns[c]; col.format != nil && col.from < a.r0 {
				uniform = false
			}
		}
		if uniform {
			end = min(end, len(s.data))
			for c := a.c0; c < a.c1; c++ {
				s.columns[c].format, s.columns[c].from = merge(s.columns[c].format, format, sub), a.r0
			}
		}
	}
	for r := a.r0; r < end; r++ {
		for c := a.c0; c < a.c1; c++ {
			// A format alone is never refused.
			_ = e.put(s, r, c, &cellData{Format: format}, cellFields{format: true, sub: sub})
		}
	}
	s.edition++
}

// compare orders two values as sorting does; empty cells come last either way.
func compare(x, y any, down bool) int {
	rank := func(v any) int {
		switch v.(type) {
		case float64:
			return 0
		case string:
			return 1
		case bool:
			return 2
		}
		return 3
	}
	a, b := rank(x), rank(y)
	if a == 3 || b == 3 {
		return cmp.Compare(a, b)
	}
	n := cmp.Compare(a, b)
	if a == b {
		switch x := x.(type) {
		case float64:
			n = cmp.Compare(x, y.(float64))
		case string:
			n = strings.Compare(strings.ToLower(x), strings.ToLower(y.(string)))
		case bool:
			n = cmp.Compare(shiftIf(x, 1), shiftIf(y.(bool), 1))
		}
	}
	if down {
		return -n
	}
	return n
}
