package app

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/console"
	body "mekong/sources/form" // form is what a lead came by
	"mekong/transform"
)

const unmappedMost = 20 // fields of a source that are told

// leftovers finds, among the latest deliveries, the fields that no mapping names: the
// transform keeps each under its own name. It is for one goroutine.
type leftovers struct {
	of    func(pipeline.Raw) pipeline.Transform
	probe pipeline.Transform
	usual map[string]bool            // what the built-in mapping knows, as far as it was asked
	named map[string]map[string]bool // what the configuration names, by source; "": of every one
	found map[string]map[[2]string]*console.Unmapped
}

func (a *App) newLeftovers() (*leftovers, error) {
	of, err := transforms(a.config)
	if err != nil {
		return nil, err
	}
	l := &leftovers{of: of, usual: map[string]bool{}, named: namedFields(a.config), found: map[string]map[[2]string]*console.Unmapped{}}
	l.probe, err = transform.New("", nil, time.UTC)
	return l, err
}

// namedFields are those that a mapping or a sink's columns name.
func namedFields(c *config.Config) map[string]map[string]bool {
	out := map[string]map[string]bool{"": {}}
	for source, m := range c.Transform {
		out[source] = map[string]bool{}
		for name := range m.Fields {
			out[source][name] = true
		}
	}
	for _, s := range c.Sinks {
		for _, field := range columnsOf(s) {
			out[""][field] = true
		}
	}
	return out
}

// columnsOf are the columns that a sink's configuration names, with their fields.
func columnsOf(s config.Sink) map[string]string {
	switch {
	case s.LarkBase != nil:
		return s.LarkBase.Columns
	case s.Sheets != nil:
		return s.Sheets.Columns
	case s.AppsScript != nil:
		return s.AppsScript.Columns
	}
	return nil
}

// take looks at one delivery. Only leads have fields that people invent.
func (l *leftovers) take(raw pipeline.Raw) {
	if raw.Format != "ladipage.form" && raw.Format != "webhook.json" {
		return
	}
	records, err := todays(l.of, raw)
	if err != nil {
		return // it is among the buried
	}
	sent := sentNames(raw)
	for _, r := range records {
		if r.Kind != "lead" {
			continue
		}
		for name, v := range r.Fields {
			if l.named[""][name] || l.named[raw.Source][name] || !sent(name) || l.isUsual(name) {
				continue
			}
			l.add(raw, text(r, "form"), name, v)
		}
	}
}

func (l *leftovers) add(raw pipeline.Raw, form, name string, v any) {
	of := l.found[raw.Source]
	if of == nil {
		of = map[[2]string]*console.Unmapped{}
		l.found[raw.Source] = of
	}
	u := of[[2]string{form, name}]
	if u == nil {
		u = &console.Unmapped{Form: form, Field: name}
		of[[2]string{form, name}] = u
	}
	u.Count++
	if !raw.Received.Before(u.Last) {
		u.Last = raw.Received
		switch v := v.(type) {
		case string:
			u.Example = v
		case []string:
			u.Example = strings.Join(v, ", ")
		}
	}
}

// list is what was found of a source, what comes most often first.
func (l *leftovers) list(source string) []console.Unmapped {
	var out []console.Unmapped
	for _, u := range l.found[source] {
		out = append(out, *u)
	}
	slices.SortFunc(out, func(a, b console.Unmapped) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Form, b.Form), strings.Compare(a.Field, b.Field))
	})
	return out[:min(len(out), unmappedMost)]
}

// isUsual asks the built-in mapping whether it knows a name. It knows one in any case:
// written in another, a known name comes out as itself, and an unknown one as written.
func (l *leftovers) isUsual(name string) bool {
	if known, ok := l.usual[name]; ok {
		return known
	}
	other := strings.Map(func(r rune) rune {
		if up := unicode.ToUpper(r); up != r {
			return up
		}
		return unicode.ToLower(r)
	}, name)
	known := false
	rs, err := l.probe(pipeline.Raw{ID: "x", Source: "x", Format: "ladipage.form", Body: []byte(url.Values{other: {"x"}}.Encode()),
		Meta: map[string]string{"content_type": "application/x-www-form-urlencoded"}})
	if err == nil && len(rs) == 1 {
		_, kept := rs[0].Fields[other]
		known = other != name && !kept
	}
	l.usual[name] = known
	return known
}

// sentNames says of a record's field whether the sender sent it under that name: the
// transform makes others by itself. What is inside one another has dots in its name,
// which none that is made has.
func sentNames(raw pipeline.Raw) func(string) bool {
	names := map[string]bool{}
	if p, err := body.Parse(raw.Meta["content_type"], raw.Body); err == nil {
		for _, f := range p.Fields {
			names[strings.TrimSuffix(f.Name, "[]")] = true
		}
	}
	return func(name string) bool { return names[name] || strings.Contains(name, ".") }
}
