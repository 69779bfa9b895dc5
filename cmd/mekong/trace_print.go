package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"mekong/pipeline/trace"
)

// tracePrinter writes what was found for people. Whatever a customer typed is tamed
// before it reaches the terminal.
type tracePrinter struct {
	out  io.Writer
	zone *time.Location
	now  time.Time
	full bool // long texts whole
	err  error
}

func (p *tracePrinter) line(format string, v ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", v...)
	}
}

// signs stand before a state.
var signs = map[trace.State]string{trace.Stored: "✓", trace.Waiting: "…", trace.Filtered: "–", trace.BuriedAt: "✗", trace.Dropped: "·"}

func (p *tracePrinter) result(r traceResult) {
	if len(r.Matches) == 0 && r.Path == nil {
		p.line("Nothing was found. A phone number can be given in any spelling or by its last digits, a name without diacritics or by the beginnings of its words.")
		return
	}
	if len(r.Matches) > 1 {
		p.matches(r)
		p.line("")
	}
	if r.Path != nil {
		p.path(r.Path)
	}
	if len(r.Matches) > 1 {
		p.line("")
		p.line("The path of another one: mekong trace ID")
	}
}

func (p *tracePrinter) matches(r traceResult) {
	rows := [][]string{{"RECEIVED", "NAME", "PHONE", "FORM", "SOURCE", "DESTINATIONS", "ID"}}
	for _, e := range r.Matches {
		steps := make([]string, len(e.Steps))
		for i, s := range e.Steps {
			steps[i] = signs[s.State] + " " + s.Sink
		}
		rows = append(rows, []string{p.moment(e.Received), short(e.Name, 28), short(e.Phone, 20), short(e.Form, 24), e.Source, strings.Join(steps, "  "), tame(e.ID)})
	}
	p.table(rows, "")
	if r.More {
		p.line("There are more: --all lists them, or a longer term finds fewer.")
	}
}

func (p *tracePrinter) path(path *trace.Path) {
	p.line("Delivery %s", tame(path.ID))
	p.line("")
	if r := path.Received; r != nil {
		p.line("1. Received  %s, %s ago, by source %s (%s)", p.moment(r.Raw.Received), spanOf(p.now.Sub(r.Raw.Received)), tame(r.Raw.Source), tame(r.Raw.Format))
		p.line("   on disk   %s later, as number %d", r.Stored.Sub(r.Raw.Received).Round(time.Millisecond), r.Seq)
		var rows [][]string
		for _, name := range slices.Sorted(maps.Keys(r.Raw.Meta)) {
			rows = append(rows, []string{tame(name), p.text(r.Raw.Meta[name])})
		}
		p.table(rows, "   ")
		p.body(r.Raw.Body)
	} else {
		p.line("1. Received  the delivery itself is no longer kept (nats.keep)")
	}
	p.line("")
	if path.Step != nil {
		p.line("2. Transformed")
		p.step(*path.Step, "")
	}
	for i := range path.Records {
		p.record(&path.Records[i])
	}
	for _, l := range path.Lag {
		if l.Messages > 0 {
			p.line("   The index is %d messages and %s behind %s: what came last may be missing here.", l.Messages, spanOf(l.Behind), l.Stream)
		}
	}
}

// bodyLines is how much of a body is shown when not all is asked for.
const bodyLines = 12

// body writes what was sent, line by line.
func (p *tracePrinter) body(b []byte) {
	p.line("   body, %d bytes", len(b))
	n := 0
	for line := range strings.Lines(string(b)) {
		if n++; n > bodyLines && !p.full {
			p.line("     … --all shows the rest")
			return
		}
		p.line("     | %s", p.text(strings.TrimRight(line, "\r\n")))
	}
}

func (p *tracePrinter) record(t *trace.Traced) {
	p.line("2. Transformed into a %s, %s, row %s", tame(t.Kind), tame(t.ID), tame(t.Key))
	var rows [][]string
	for _, c := range t.Changes {
		to := tame(c.To)
		if to == "" {
			to = "(of no use)"
		}
		rows = append(rows, []string{tame(c.Field), to, "← " + p.text(c.From)})
	}
	p.table(rows, "   ")
	if len(t.Flags) > 0 {
		p.line("   flags: %s", tame(strings.Join(t.Flags, ", ")))
	}
	rows = nil
	if t.Record != nil {
		p.line("   happened %s", p.moment(t.Record.Occurred))
		for _, name := range slices.Sorted(maps.Keys(t.Record.Fields)) {
			if name == "flags" || strings.HasSuffix(name, "_raw") {
				continue
			}
			rows = append(rows, []string{tame(name), p.text(fmt.Sprint(t.Record.Fields[name]))})
		}
	} else {
		p.line("   The record itself is no longer kept (nats.keep); the index knows:")
		for _, f := range [...][2]string{{"name", t.Name}, {"phone", t.Phone}, {"email", t.Email}, {"form", t.Form}, {"page", t.Page}} {
			if f[1] != "" {
				rows = append(rows, []string{f[0], p.text(f[1])})
			}
		}
	}
	p.table(rows, "     ")
	p.line("")
	p.line("3. Destinations")
	wide := 0
	for _, s := range t.Steps {
		wide = max(wide, utf8.RuneCountInString(s.Sink))
	}
	for _, s := range t.Steps {
		p.step(s, strings.Repeat(" ", wide-utf8.RuneCountInString(s.Sink)))
	}
	if len(t.Steps) == 0 {
		p.line("   no sink takes records of this kind")
	}
	p.line("")
}

func (p *tracePrinter) step(s trace.Step, pad string) {
	line := fmt.Sprintf("   %s %s%s  %-8s", signs[s.State], s.Sink, pad, s.State)
	if !s.At.IsZero() {
		line += "  " + p.moment(s.At)
	}
	if s.Took > 0 {
		line += fmt.Sprintf(", its batch took %s", s.Took.Round(time.Millisecond))
	}
	switch {
	case s.Attempts == 1:
		line += ", after 1 failed try"
	case s.Attempts > 1:
		line += fmt.Sprintf(", after %d failed tries", s.Attempts)
	}
	p.line("%s", line)
	if s.Ref != "" {
		p.line("       %s", tame(s.Ref))
	}
	switch {
	case s.Why == "":
	case s.State == trace.Filtered:
		p.line("       left out by the rule %s", tame(s.Why))
	default:
		p.line("       %s", tame(s.Why))
	}
	if s.Grave > 0 {
		p.line("       mekong buried show %d", s.Grave)
	}
	if s.State == trace.Waiting && s.Sink != "transform" {
		p.line("       not settled yet; mekong doctor %s says whether something is in the way", s.Sink)
	}
}

// moment is a time as people here write it, in the configured zone.
func (p *tracePrinter) moment(t time.Time) string {
	if t.IsZero() || t.Unix() == 0 {
		return "(no time)"
	}
	return t.In(p.zone).Format("02/01/2006 15:04:05")
}

// spanOf is a span of time in its largest unit.
func spanOf(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// text is something long, on one line.
func (p *tracePrinter) text(s string) string {
	if p.full {
		return tame(s)
	}
	return short(s, 400)
}

// short is s tamed and cut to n characters.
func short(s string, n int) string {
	s = tame(norm.NFC.String(s))
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// table writes rows in columns; the last one is as long as it is.
func (p *tracePrinter) table(rows [][]string, indent string) {
	var wide []int
	for _, r := range rows {
		for i, cell := range r[:max(len(r)-1, 0)] {
			if i == len(wide) {
				wide = append(wide, 0)
			}
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	for _, r := range rows {
		line := indent
		for i, cell := range r {
			line += cell
			if i < len(r)-1 {
				line += strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell)+2)
			}
		}
		p.line("%s", strings.TrimRight(line, " "))
	}
}
