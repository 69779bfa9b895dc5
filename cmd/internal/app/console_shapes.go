package app

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/console"
	"mekong/sinks/columns"
	"mekong/sinks/lark"
	"mekong/sinks/larkbase"
	"mekong/sinks/sheets"
)

// shapeTimeout is for one destination: the others are shown without it.
const shapeTimeout = 30 * time.Second

// shapes are the tables of the sinks as they are now, looked at side by side. Every
// look is of its own, so that it waits for no write.
func (a *App) shapes(ctx context.Context) map[string]console.Shape {
	usual := a.usualFields(ctx)
	out := map[string]console.Shape{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, name := range a.config.SinkNames() {
		wg.Go(func() {
			limited, cancel := context.WithTimeout(ctx, shapeTimeout)
			defer cancel()
			s := a.shape(limited, name, usual)
			mu.Lock()
			defer mu.Unlock()
			out[name] = s
		})
	}
	wg.Wait()
	return out
}

// shape is one table. What its check says comes first: it may say why the rest is not
// to be seen.
func (a *App) shape(ctx context.Context, name string, usual []string) console.Shape {
	s := console.Shape{Findings: a.checked(ctx, name)}
	conf := a.config.Sinks[name]
	switch {
	case conf.LarkBase != nil:
		t := shaped{sink: name, block: "larkbase", mapped: conf.LarkBase.Columns, key: conf.LarkBase.KeyColumn, makes: conf.LarkBase.CreateColumns}
		var err error
		if t.title, t.live, err = a.baseColumns(ctx, name); err != nil {
			s.Findings = unlooked(s.Findings, config.Path("sinks", name, t.block), err)
		}
		t.fill(&s, usual)
	case conf.Sheets != nil:
		t := shaped{sink: name, block: "sheets", mapped: conf.Sheets.Columns, key: conf.Sheets.KeyColumn, makes: conf.Sheets.CreateColumns}
		var err error
		if t.title, t.live, err = a.sheetColumns(ctx, name); err != nil {
			s.Findings = unlooked(s.Findings, config.Path("sinks", name, t.block), err)
		}
		t.fill(&s, usual)
	case conf.AppsScript != nil:
		// The script makes what columns it lacks.
		t := shaped{sink: name, block: "appsscript", mapped: conf.AppsScript.Columns, key: conf.AppsScript.KeyColumn, makes: true}
		v, _, err := SurveyScript(ctx, a.config, name) // what it finds wrong, its check has said
		if err != nil {
			s.Findings = unlooked(s.Findings, config.Path("sinks", name, t.block), err)
		}
		if v != nil {
			t.title, t.live = v.Tab, []column{}
			for _, h := range v.Headers {
				t.live = append(t.live, column{name: h})
			}
		}
		t.fill(&s, usual)
	}
	return s
}

// unlooked says that the columns could not be read, where nothing has said why.
func unlooked(found []pipeline.Finding, block string, err error) []pipeline.Finding {
	if broken(found) {
		return found
	}
	return append(found, pipeline.Finding{Level: pipeline.Warn, Setting: block, What: "the columns could not be read: " + err.Error(), Fix: "mekong doctor says more"})
}

// checked is what a sink's own check says, of the one that runs here or, where none
// does, of one that is opened for it.
func (a *App) checked(ctx context.Context, name string) []pipeline.Finding {
	for _, s := range a.Sinks {
		if s.Name == name {
			return s.Sink.Check(ctx)
		}
	}
	e := &examination{c: a.config, log: a.log, app: a, busTried: true}
	defer func() { // not all that e has open: the bus is this process's
		if e.larks != nil {
			e.larks.close(a.log)
		}
		if e.mongo != nil {
			_ = e.mongo.Close()
		}
	}()
	return e.sink(ctx, name, false)
}

// column is one of a table as it is now.
type column struct{ name, kind string }

// shaped is a destination's table as it is, and what the configuration has to say of it.
type shaped struct {
	sink, block, key, title string
	mapped                  map[string]string // column, field
	live                    []column          // nil: it could not be looked at
	makes                   bool
}

// What every table calls the others of Mekong's own columns; notes are a Base's.
const (
	versionColumn = "Mekong version"
	notesColumn   = "Mekong notes"
)

// own reports whether a column is one in which Mekong keeps what is its own.
func (t shaped) own(name string) bool {
	h := columns.Heading(name)
	return h == columns.Heading(t.key) || h == versionColumn || h == notesColumn
}

// fill says of every column whether it is filled and by what.
func (t shaped) fill(s *console.Shape, usual []string) {
	s.Title = t.title
	used := map[string]bool{}
	if len(t.mapped) > 0 {
		for _, name := range slices.Sorted(maps.Keys(t.mapped)) {
			var col console.Column
			col, s.Findings = t.configured(name, s.Findings, used)
			s.Columns = append(s.Columns, col)
		}
	} else {
		s.Columns = t.byName(usual, used)
	}
	for _, l := range t.live {
		switch {
		case used[l.name]:
		case t.own(l.name):
			s.Own = append(s.Own, l.name)
		default:
			s.Besides = append(s.Besides, l.name)
		}
	}
}

// configured is one that the configuration names. The sink's check knows what cannot be
// seen from outside: that it follows a column which somebody has renamed. What it says
// about the column becomes the column's note; left are the other findings.
func (t shaped) configured(name string, found []pipeline.Finding, used map[string]bool) (c console.Column, left []pipeline.Finding) {
	c = console.Column{Name: name, Field: t.mapped[name], State: console.ColumnUnknown}
	at := slices.IndexFunc(t.live, func(l column) bool { return columns.Heading(l.name) == columns.Heading(name) })
	if at >= 0 {
		used[t.live[at].name] = true
		c.Name, c.Type = t.live[at].name, t.live[at].kind
	}
	i := slices.IndexFunc(found, func(f pipeline.Finding) bool {
		return f.Setting == config.Path("sinks", t.sink, t.block, "columns", name)
	})
	var f pipeline.Finding
	if i >= 0 {
		f = found[i]
		found = slices.Delete(slices.Clone(found), i, i+1)
		c.Note = f.What
		if f.Fix != "" {
			c.Note += " → " + f.Fix
		}
	}
	switch {
	case t.live == nil:
	case at >= 0 && f.Level == pipeline.Fail:
		c.State = console.ColumnUnfit
	case at >= 0:
		c.State = console.ColumnFilled
	case f.Level == pipeline.Fail:
		c.State = console.ColumnMissing
	default:
		for _, l := range t.live {
			if i >= 0 && strings.Contains(f.What, fmt.Sprintf("%q", l.name)) {
				used[l.name] = true
				c.State, c.Type = console.ColumnRenamed, l.kind
				return c, found
			}
		}
		c.State = console.ColumnMissing
		if t.makes {
			c.State = console.ColumnMade
		}
	}
	return c, found
}

// byName are those that fields go to by their names.
func (t shaped) byName(usual []string, used map[string]bool) (out []console.Column) {
	for _, field := range usual {
		best, rank := -1, columns.No
		for i, l := range t.live {
			if r := columns.Rank(field, l.name); r < rank && !t.own(l.name) {
				best, rank = i, r
			}
		}
		if best < 0 {
			continue
		}
		l := t.live[best]
		if i := slices.IndexFunc(out, func(c console.Column) bool { return c.Name == l.name }); i >= 0 {
			out[i].Field += ", " + field
			continue
		}
		used[l.name] = true
		out = append(out, console.Column{Name: l.name, Type: l.kind, Field: field, State: console.ColumnFilled})
	}
	return out
}

// usualFields are those that columns are found for by name: what is usual, and what the
// latest records bring.
func (a *App) usualFields(ctx context.Context) []string {
	names := columns.Fields()
	for _, name := range columns.OfRecord() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	seen := map[string]bool{}
	_ = consoleSources{a}.walk(ctx, bus.Records, "", func(k bus.Kept) { // else the usual ones
		if r, err := k.Record(); err == nil {
			for name := range r.Fields {
				seen[name] = true
			}
		}
	})
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// baseColumns are those of a Base's table.
func (a *App) baseColumns(ctx context.Context, name string) (title string, live []column, err error) {
	l, err := peekLarks(ctx, a.config, a.Bus, []string{name})
	if err != nil {
		return "", nil, err
	}
	defer l.close(a.log)
	l.vendors = a.watched
	conf := *a.config.Sinks[name].LarkBase
	s, err := larkbase.New(name, conf, l.base(name))
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = s.Close() }() // nothing was written
	link, err := lark.ParseLink(conf.URL)
	if err == nil {
		link, err = s.Client().Resolve(ctx, link)
	}
	if err != nil {
		return "", nil, err
	}
	tables, err := s.Client().Tables(ctx, link.AppToken)
	if err != nil {
		return "", nil, err
	}
	want := conf.Table
	if want == "" {
		want = link.TableID
	}
	at := slices.IndexFunc(tables, func(t lark.Table) bool {
		return t.ID == want || columns.Heading(t.Name) == columns.Heading(want)
	})
	if at < 0 {
		return "", nil, fmt.Errorf("there is no such table any more")
	}
	fields, err := s.Client().Fields(ctx, link.AppToken, tables[at].ID)
	if err != nil {
		return "", nil, err
	}
	live = []column{}
	for _, f := range fields {
		live = append(live, column{f.Name, f.UIType})
	}
	return tables[at].Name, live, nil
}

// sheetColumns are those of a spreadsheet's tab.
func (a *App) sheetColumns(ctx context.Context, name string) (title string, live []column, err error) {
	g, err := peekGoogles(ctx, a.config, a.Bus, []string{name})
	if err != nil {
		return "", nil, err
	}
	g.vendors = a.watched
	how, err := g.sheets(name)
	if err != nil {
		return "", nil, err
	}
	s, err := sheets.New(name, *a.config.Sinks[name].Sheets, how)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = s.Close() }() // nothing was written
	v, found := s.Survey(ctx)
	if v == nil {
		for _, f := range found {
			if f.Level == pipeline.Fail {
				return "", nil, fmt.Errorf("%s", f.What)
			}
		}
		return "", nil, fmt.Errorf("it did not answer in time")
	}
	live = []column{}
	for _, h := range v.Headers {
		live = append(live, column{name: h})
	}
	return v.Tab, live, nil
}

// spent are the calls that all processes together have made for a sink this month, as
// the sink remembers them; false: it does not count, or nothing is remembered.
func (a *App) spent(ctx context.Context, name string, now time.Time) (int64, bool) {
	kv, err := a.Bus.KV(ctx, memoryTable, 0)
	if err != nil {
		return 0, false
	}
	value, _, err := kv.Get(ctx, "larkbase."+name)
	if err != nil {
		return 0, false
	}
	var kept struct{ Budget *lark.BudgetState }
	if json.Unmarshal(value, &kept) != nil || kept.Budget == nil {
		return 0, false
	}
	if kept.Budget.Month != now.In(time.FixedZone("", 8*60*60)).Format("2006-01") { // as lark.Budget counts
		return 0, true
	}
	return int64(kept.Budget.Used), true
}
