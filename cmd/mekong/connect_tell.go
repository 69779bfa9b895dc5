package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// tellColumns shows the live columns with what is proposed for each.
func (c *cli) tellColumns(s survey, mapped []proposal) {
	if len(mapped) == 0 {
		fmt.Fprintf(c.out, "%s, has no columns yet: they are made with the first records, one for each field.\n\n", s.title)
		return
	}
	fmt.Fprintf(c.out, "%s, %d columns:\n\n", s.title, len(mapped))
	name, kind, field, typed := len("Column"), 0, len("Field"), ""
	for _, p := range mapped {
		name = max(name, utf8.RuneCountInString(tame(p.Column.name)))
		if p.Column.kind != "" {
			typed = "Type"
		}
		kind = max(kind, len(p.Column.kind), len(typed))
		field = max(field, utf8.RuneCountInString(p.Field))
	}
	row := func(a, b, arrow, d, e string) {
		if typed != "" { // else the vendor has none
			b = fmt.Sprintf("  %-*s", kind, b)
		}
		fmt.Fprintln(c.out, strings.TrimRight(fmt.Sprintf("  %s%s  %s %s  %s", padded(a, name), b, arrow, padded(d, field), e), " "))
	}
	row("Column", typed, " ", "Field", "")
	for _, p := range mapped {
		arrow := "←"
		if p.Field == "" {
			arrow = " "
		}
		row(tame(p.Column.name), p.Column.kind, arrow, p.Field, p.Word)
	}
	fmt.Fprintln(c.out)
}

func padded(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// tame takes control characters out of a name that others chose.
func tame(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '�'
		}
		return r
	}, s)
}
