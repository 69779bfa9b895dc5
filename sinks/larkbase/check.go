package larkbase

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/columns"
	"mekong/sinks/lark"
)

// Check walks the way of `lark.md` §5.5: link and brand, credentials, the wiki page,
// the Base, the table, its columns, what can be read, and the month's calls. It only
// reads, and stops where nothing behind could be told. It costs about five calls.
func (s *Sink) Check(ctx context.Context) []pipeline.Finding {
	c := &check{s: s, ctx: ctx, link: s.link0, where: lark.Where{
		Setting: config.Path("sinks", s.name, "larkbase"), Brand: s.client.Brand(), AppID: s.conf.AppID, Link: s.link0,
		Login: "mekong login lark " + s.name,
	}}
	s.remind(ctx)
	for _, step := range []func() bool{c.brand, c.token, c.wiki, c.base, c.table, c.columns, c.reads} {
		if ctx.Err() != nil || !step() {
			break
		}
	}
	c.quota()
	c.left()
	return c.found
}

// remind reads Memory for a sink that has not written yet, so that a column which was
// renamed since is known by its id, and the month's calls so far are. While a Write is
// under way it has been read.
func (s *Sink) remind(ctx context.Context) {
	select {
	case <-s.turn:
		s.recall(ctx)
		s.turn <- struct{}{}
	default:
	}
}

// check is one Check under way. Each step says whether the next makes sense.
type check struct {
	s     *Sink
	ctx   context.Context
	where lark.Where
	link  lark.Link
	of    lark.Table
	seen  *table
	rows  int
	found []pipeline.Finding
}

func (c *check) say(level pipeline.Level, setting, what, fix string) {
	c.found = append(c.found, pipeline.Finding{Level: level, Setting: setting, What: what, Fix: fix})
}

func (c *check) ok(setting, what string) { c.say(pipeline.OK, c.s.setting(setting), what, "") }

// failed reports a failed call.
func (c *check) failed(err error) bool {
	c.found = append(c.found, lark.Diagnose(err, c.where))
	return false
}

func (c *check) brand() bool {
	if c.link.Brand != "" && c.link.Brand != c.where.Brand && c.s.conf.Endpoint == "" {
		c.found = append(c.found, lark.OtherBrand.Finding(c.where))
		return false
	}
	return true
}

func (c *check) token() bool {
	t, err := c.s.client.Tokens().Token(c.ctx)
	if err != nil {
		if lark.As(err) == nil {
			err = c.s.client.Authenticate(c.ctx)
		}
		if err != nil {
			return c.failed(err)
		}
	}
	what := "the credentials are good"
	if !t.Expires.IsZero() {
		what += "; the token in hand is good until " + t.Expires.In(c.s.loc).Format("15:04") + " and is replaced by itself"
	}
	c.ok("app_secret", what)
	return true
}

func (c *check) wiki() bool {
	l, err := c.s.client.Resolve(c.ctx, c.link)
	if err != nil {
		return c.failed(err)
	}
	c.link, c.where.Link = l, l
	return true
}

func (c *check) base() bool {
	b, err := c.s.client.Base(c.ctx, c.link.AppToken)
	if lark.CodeOf(err) == 99991672 {
		// The sink itself does not need this call, so the others may be allowed.
		f := lark.Diagnose(err, c.where)
		f.Level = pipeline.Warn
		c.found = append(c.found, f)
		return true
	}
	if err != nil {
		return c.failed(err)
	}
	c.ok("url", fmt.Sprintf("the Base %q was found", b.Name))
	if b.Advanced {
		c.found = append(c.found, lark.AdvancedOn.Finding(c.where))
	}
	if b.TimeZone != "" && b.TimeZone != c.s.loc.String() {
		c.say(pipeline.Warn, "timezone", fmt.Sprintf("the Base shows times of %s, and days without a time are meant in %s", b.TimeZone, c.s.loc), "set timezone to that of the Base, if dates are off by some hours there")
	}
	return true
}

func (c *check) table() bool {
	list, err := c.s.client.Tables(c.ctx, c.link.AppToken)
	if err != nil {
		return c.failed(err)
	}
	want := c.s.conf.Table
	if want == "" {
		want = c.link.TableID
	}
	i := slices.IndexFunc(list, func(t lark.Table) bool {
		return t.ID == want || t.Name == want || columns.Heading(t.Name) == columns.Heading(want)
	})
	if i < 0 || want == "" {
		setting := "url"
		if c.s.conf.Table != "" {
			setting = "table"
		}
		c.say(pipeline.Fail, c.s.setting(setting), "the Base has no such table: it was deleted, or the link is another's", "take one of those it has: "+namesOf(list)+"; "+c.link.URL())
		return false
	}
	c.of = familyOf(list[i], list, c.s.conf.Rotate).newest(1)[0]
	c.link.TableID, c.where.Link.TableID = c.of.ID, c.of.ID
	c.ok("url", fmt.Sprintf("records go to the table %q", c.of.Name))
	return true
}

func (c *check) columns() bool {
	fields, err := c.s.client.Fields(c.ctx, c.link.AppToken, c.of.ID)
	if err != nil {
		return c.failed(err)
	}
	c.seen = newTable(c.of.ID, c.of.Name, fields)
	for _, own := range []string{c.s.conf.KeyColumn, versionColumn} {
		switch col := c.column(own); {
		case col == nil:
			c.ok("key_column", fmt.Sprintf("the column %q is not there yet; the first record makes it", own))
		case col.kind != text:
			c.say(pipeline.Fail, c.s.setting("key_column"), fmt.Sprintf("the column %q is of type %s, and the sink keeps text in it", own, col.kind),
				"change its type to Text, rename it, or choose another key_column: "+c.link.URL())
		}
	}
	if len(c.s.conf.Columns) == 0 {
		c.guessed()
		return true
	}
	good := 0
	for _, name := range slices.Sorted(maps.Keys(c.s.conf.Columns)) {
		if c.mapped(name) {
			good++
		}
	}
	c.ok("columns", fmt.Sprintf("%d of %d columns are there and can be filled", good, len(c.s.conf.Columns)))
	return true
}

// column finds a column by its name, or by the id it was bound to while writing.
func (c *check) column(name string) *column {
	if col := c.seen.byID[c.s.binding(c.of.ID, name)]; col != nil {
		return col
	}
	return c.seen.find(name)
}

// mapped looks at one configured column.
func (c *check) mapped(name string) bool {
	at, col := c.s.columnSetting(name), c.column(name)
	switch {
	case col == nil && c.s.conf.CreateColumns:
		c.say(pipeline.OK, at, "not there yet; the first value makes it", "")
		return true
	case col == nil:
		var have []string
		for _, l := range c.seen.live {
			have = append(have, l.field.Name)
		}
		c.say(pipeline.Fail, at, fmt.Sprintf("the table has no column %q", name), c.near(name, have))
	case col.kind == readOnly:
		c.say(pipeline.Fail, at, fmt.Sprintf("the column %q is filled by the platform (a formula, a lookup, a time, a number of its own) and cannot be written", name), "map the field to another column, or take this one away")
	case !col.kind.written():
		c.say(pipeline.Fail, at, fmt.Sprintf("the column %q is an %s, which no field of a record is", name, col.kind), "map the field to a Text or URL column")
	case col.field.Name != name && columns.Heading(col.field.Name) != columns.Heading(name):
		c.say(pipeline.Warn, at, fmt.Sprintf("the column is called %q by now; it is still filled", col.field.Name), "write the new name: it is remembered by this installation only")
		return true
	default:
		return true
	}
	return false
}

func (c *check) near(name string, have []string) string {
	for _, h := range have {
		if columns.Fold(h) == columns.Fold(name) {
			return fmt.Sprintf("write it as the table does: %q", h)
		}
	}
	return "the table has " + strings.Join(have, ", ") + "; make it, correct the name, or set create_columns: true: " + c.link.URL()
}

// guessed says which columns the usual fields find by their names.
func (c *check) guessed() {
	var pairs []string
	for _, field := range columns.Fields() {
		if col := c.seen.guess(field).column; col != nil && col.field.Name != c.s.conf.KeyColumn && col.field.Name != versionColumn {
			pairs = append(pairs, fmt.Sprintf("%s → %q", field, col.field.Name))
		}
	}
	switch {
	case len(pairs) > 0:
		c.ok("columns", "fields go to the columns of their names: "+strings.Join(pairs, ", "))
	case c.s.conf.CreateColumns:
		c.ok("columns", "columns are made for the fields that records bring")
	default:
		c.say(pipeline.Warn, c.s.setting("columns"), "no column of the table has the name of a usual field", "write columns, or set create_columns: true")
	}
}

// reads looks at a row: advanced permissions make reads succeed and show nothing.
func (c *check) reads() bool {
	page, err := c.s.client.Search(c.ctx, c.link.AppToken, c.of.ID, lark.Query{PageSize: 1})
	if err != nil {
		return c.failed(err)
	}
	c.rows = page.Total
	for _, rec := range page.Records {
		if len(rec.Fields) == 0 && page.Total > 0 {
			// A new Base has blank rows of its own, so only a row of ours is telling.
			c.suspect()
			return true
		}
	}
	c.ok("url", fmt.Sprintf("rows can be read; the table has %d", c.rows))
	return true
}

// suspect looks for a row that must have a cell.
func (c *check) suspect() {
	key := c.column(c.s.conf.KeyColumn)
	if key == nil {
		return
	}
	page, err := c.s.client.Search(c.ctx, c.link.AppToken, c.of.ID, lark.Query{PageSize: 1, Filter: &lark.Filter{
		Conjunction: "and", Conditions: []lark.Condition{{Field: key.field.Name, Operator: "isNotEmpty", Value: []string{}}},
	}})
	if err != nil {
		c.failed(err)
		return
	}
	for _, rec := range page.Records {
		if _, ok := lark.Text(rec.Fields[key.field.Name]); !ok {
			c.found = append(c.found, lark.EmptyReads.Finding(c.where))
			return
		}
	}
	c.ok("url", fmt.Sprintf("rows can be read; the table has %d", c.rows))
}

func (c *check) quota() {
	if c.s.budget != nil {
		c.found = append(c.found, c.s.budget.Findings(c.s.setting("monthly_calls"))...)
	}
}

// left says what was left out since the process started.
func (c *check) left() {
	c.s.mu.Lock()
	left := maps.Clone(c.s.left)
	c.s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(left)) {
		c.say(pipeline.Warn, c.s.columnSetting(name), fmt.Sprintf("%d values did not fit the column %q and were left out since the start; the records themselves are stored", left[name], name),
			fmt.Sprintf("make it a Text column, or add a Text column %q: what is left out is then written there", notesColumn))
	}
}
