package doctor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"mekong/pipeline"
)

// Style is what the screen can do. The zero value is for a file or a pipe: no
// colour, lines as long as they are.
type Style struct {
	Colour bool
	Width  int // columns; 0: lines are not broken
}

const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	green  = "\x1b[32m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// marks are what stands before a finding of each level.
var marks = map[pipeline.Level]struct{ sign, colour string }{
	pipeline.OK:   {"✓", green},
	pipeline.Warn: {"⚠", yellow},
	pipeline.Fail: {"✗", red},
}

// Text writes the report for people: groups, each finding with what to do on the
// next line, and the sum. A line is broken between words only, so that a link stays
// whole and can be clicked.
//
// Findings hold names that others chose, such as a column's: control characters in
// them are shown as "�" and reach no terminal.
func (r Report) Text(w io.Writer, s Style) error {
	var b bytes.Buffer
	paint := func(colour, text string) string {
		if !s.Colour {
			return text
		}
		return colour + text + plain
	}
	for _, g := range r.Groups {
		b.WriteString(paint(bold, printable(g.Name)) + "\n")
		for _, f := range g.Findings {
			m := marks[f.Level]
			text := printable(f.What)
			if f.Setting != "" {
				text = printable(f.Setting) + ": " + text
			}
			b.WriteString("  " + paint(m.colour, m.sign) + " " + wrap(text, 4, s.Width) + "\n")
			if f.Fix != "" {
				b.WriteString("    → " + wrap(printable(f.Fix), 6, s.Width) + "\n")
			}
		}
		b.WriteString("\n")
	}
	for i, l := range []pipeline.Level{pipeline.OK, pipeline.Warn, pipeline.Fail} {
		if i > 0 {
			b.WriteString("  ")
		}
		n, m := r.Count(l), marks[l]
		text := fmt.Sprintf("%s %d", m.sign, n)
		if n > 0 {
			text = paint(m.colour, text)
		}
		b.WriteString(text)
	}
	b.WriteString("\n")
	_, err := w.Write(b.Bytes())
	return err
}

// wrap breaks text between words so that it fits width; what follows the first line
// begins at indent, where the first one stands already. A word that is longer than a
// line has one to itself.
func wrap(text string, indent, width int) string {
	if width <= indent+10 {
		return text
	}
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

// printable takes the teeth out of text: no line break, no escape sequence, no
// change of direction.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r) && !unicode.IsSpace(r) || unicode.IsControl(r):
			return '�'
		}
		return r
	}, s)
}

// The JSON form: the same content in the same order.
type jsonReport struct {
	Result string      `json:"result"` // the worst level
	OK     int         `json:"ok"`
	Warn   int         `json:"warn"`
	Fail   int         `json:"fail"`
	Groups []jsonGroup `json:"groups"`
}

type jsonGroup struct {
	Name     string        `json:"name"`
	Findings []jsonFinding `json:"findings"`
}

type jsonFinding struct {
	Level   string `json:"level"`
	Setting string `json:"setting,omitempty"`
	What    string `json:"what"`
	Fix     string `json:"fix,omitempty"`
}

// JSON writes the report for programs.
func (r Report) JSON(w io.Writer) error {
	out := jsonReport{
		Result: r.Worst().String(), OK: r.Count(pipeline.OK), Warn: r.Count(pipeline.Warn), Fail: r.Count(pipeline.Fail),
		Groups: []jsonGroup{},
	}
	for _, g := range r.Groups {
		j := jsonGroup{Name: g.Name, Findings: []jsonFinding{}}
		for _, f := range g.Findings {
			j.Findings = append(j.Findings, jsonFinding{f.Level.String(), f.Setting, f.What, f.Fix})
		}
		out.Groups = append(out.Groups, j)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // links stay as they are
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
