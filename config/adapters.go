package config

import (
	"fmt"
	"reflect"
	"strings"
)

func (s *Source) defaults(string) {}

func (s *Source) check(r *report) { oneAdapter(r, reflect.ValueOf(s).Elem(), "source") }

// Path is where the source is posted to on the intake listener; "" when it is not.
func (s Source) Path() string {
	switch {
	case s.LadiPage != nil:
		return s.LadiPage.Path
	case s.ChatLog != nil:
		return s.ChatLog.Path
	case s.LarkBot != nil && s.LarkBot.Mode != "websocket":
		return s.LarkBot.Path
	case s.Webhook != nil:
		return s.Webhook.Path
	}
	return ""
}

func (s *Sink) defaults(string) {
	s.Accept = []string{"*"}
	s.MaxAttempts = 5
}

func (s *Sink) check(r *report) {
	oneAdapter(r, reflect.ValueOf(s).Elem(), "sink")
	accept := r.at("accept")
	if len(s.Accept) == 0 && !accept.failed() {
		accept.bad("it would take nothing", `name the kinds, such as [lead], or write ["*"] for all`)
	}
	checkDistinct(accept, s.Accept)
	for i, kind := range s.Accept {
		at := accept.item(i)
		switch {
		case at.failed():
		case kind == "*" && len(s.Accept) > 1:
			at.bad("* takes all kinds already", "take it or the others away")
		case kind != "*" && !kindRule.MatchString(kind):
			at.bad(at.quote(kind)+" is no kind of record", kindFix+`, or "*" for all`)
		}
	}
	checkExpression(r.at("where"), s.Where)
}

func (b *Batch) defaults(string) {}

func (b *Batch) check(*report) {}

// oneAdapter reports a source or sink that has not exactly one adapter block,
// the pointer fields of v.
func oneAdapter(r *report, v reflect.Value, what string) {
	var present, known []string
	for _, s := range settings(v.Type()) {
		if s.typ.Kind() != reflect.Pointer {
			continue
		}
		known = append(known, s.name)
		if !v.Field(s.index).IsNil() {
			present = append(present, s.name)
		}
	}
	switch {
	case len(present) > 1:
		for _, extra := range present[1:] {
			r.at(extra).bad(fmt.Sprintf("one %s is one adapter, and this one is %s already", what, present[0]), "make it a "+what+" of its own")
		}
	case len(present) == 0 && !r.doc.unknown[r.path] && !r.failed():
		// A block with an unknown name has been reported; the one that is meant
		// may well be it.
		r.bad("it has no adapter", fmt.Sprintf("write one of these blocks in it: %s", strings.Join(known, ", ")))
	}
}

// checkDistinct reports items of a list that are there twice.
func checkDistinct(r *report, items []string) {
	seen := map[string]bool{}
	for i, item := range items {
		if item != "" && seen[item] {
			r.item(i).bad("it is here twice", "take one away")
		}
		seen[item] = true
	}
}

// maxExpression bounds the text of an expression.
const maxExpression = 4096

// checkExpression looks at an expression's size only; what compiles it reports
// the rest with [Config.Problem].
func checkExpression(r *report, text string) {
	if len(text) > maxExpression {
		r.bad(fmt.Sprintf("longer than %d bytes", maxExpression), "say it shorter")
	}
}
