package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Problem is one thing wrong with a configuration, in an operator's words. It
// holds no secret and nothing that came out of a ${…} reference.
type Problem struct {
	File         string // as given to Load or Parse; "" when there is no file
	Line, Column int    // from 1; 0: not in the file
	Path         string // e.g. "sinks.archive.mongodb.uri"; "" is the whole file
	What         string // what is wrong
	Fix          string // what to do about it; may be empty
}

// Error prints a problem on one line:
//
//	mekong.yaml:12: sinks.crm.larkbse: unknown setting; did you mean larkbase?
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.What)
	if p.Fix != "" {
		b.WriteString("; " + p.Fix)
	}
	return b.String()
}

// Problems is everything wrong with a configuration, sorted by line. As an
// error it prints one line each.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
}

// maxProblems bounds what is kept of a file that is wrong all over.
const maxProblems = 100

// document is what is known about the file itself, beside its values.
type document struct {
	name     string
	places   map[string]place  // by path
	unquoted map[string]string // path without quotes to path, where they differ
	problems Problems
	more     int             // problems beyond maxProblems
	unknown  map[string]bool // paths of blocks that have a setting nobody knows
	routes   []route         // paths claimed on the intake listener
}

// place is where a setting stands.
type place struct {
	line, column int
	written      string   // the text with its ${…} references, when it has some
	resolved     []Secret // what those stood for
}

// find returns the place of path, or of the nearest thing around it.
func (d *document) find(path string) place {
	for {
		if p, ok := d.places[path]; ok || path == "" {
			return p
		}
		path = parent(path)
	}
}

func (d *document) full() bool { return len(d.problems) >= maxProblems }

func (d *document) add(path, what, fix string) { d.addAt(d.find(path), path, what, fix) }

func (d *document) addAt(at place, path, what, fix string) {
	if d.full() {
		d.more++
		return
	}
	d.problems = append(d.problems, Problem{d.name, at.line, at.column, path, oneLine(what), oneLine(fix)})
}

// err returns the problems, or nil when there are none.
func (d *document) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	d.problems.sort()
	if d.more > 0 {
		d.problems = append(d.problems, Problem{File: d.name, What: fmt.Sprintf("and %d more problems", d.more), Fix: "mend these first"})
	}
	return d.problems
}

// Problem makes a problem of something found later, by whoever compiles the
// expression at path or opens the file it names: it gives it the line and
// column of that setting, or of the nearest one around it. what and fix may
// quote the setting's value; what came out of a ${…} reference is taken out.
//
// path is as [Path] writes it; names that should have been quoted are found too.
func (c *Config) Problem(path, what, fix string) Problem {
	if c.doc == nil {
		return Problem{Path: path, What: oneLine(what), Fix: oneLine(fix)}
	}
	if quoted, ok := c.doc.unquoted[path]; ok {
		path = quoted
	}
	at := c.doc.find(path)
	for _, s := range at.resolved {
		what = strings.ReplaceAll(what, s.Reveal(), shown)
		fix = strings.ReplaceAll(fix, s.Reveal(), shown)
	}
	return Problem{c.doc.name, at.line, at.column, path, oneLine(what), oneLine(fix)}
}

// report is where a block's rules say what is wrong: a document and a place in it.
type report struct {
	doc   *document
	path  string
	plain string // path without quotes
}

// at is the report for setting name inside this one.
func (r *report) at(name string) *report {
	if r.path == "" {
		return &report{r.doc, pathName(name), name}
	}
	return &report{r.doc, r.path + "." + pathName(name), r.plain + "." + name}
}

// item is the report for item i of this list.
func (r *report) item(i int) *report {
	return &report{r.doc, pathItem(r.path, i), pathItem(r.plain, i)}
}

// stand notes where this setting stands in the file.
func (r *report) stand(line, column int) {
	r.doc.places[r.path] = place{line: line, column: column}
	if r.plain != r.path {
		r.doc.unquoted[r.plain] = r.path
	}
}

// bad reports this setting. what must not hold a value but through [report.quote].
func (r *report) bad(what, fix string) { r.doc.add(r.path, what, fix) }

// set reports whether the file says anything about this setting.
func (r *report) set() bool { _, ok := r.doc.places[r.path]; return ok }

// failed reports whether something is wrong with this setting already, so that
// its value is the default and not what the operator meant.
func (r *report) failed() bool {
	return slices.ContainsFunc(r.doc.problems, func(p Problem) bool { return p.Path == r.path })
}

// quote writes value v of this setting for a problem: as it stands in the file
// where it came out of ${…}, shortened, and not at all where it looks like it
// holds a login.
func (r *report) quote(v string) string {
	if p := r.doc.places[r.path]; p.written != "" {
		v = p.written
	}
	if strings.ContainsRune(v, '@') {
		return "this"
	}
	return strconv.Quote(short(v))
}

// short cuts text that came from the file to what fits a message.
func short(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// oneLine keeps a problem on one line, whatever went into it.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
