package sheets

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mekong/pipeline"
	"mekong/sinks/columns"
)

// Check looks at credentials, spreadsheet, tab, header, room, quota and clock. It only
// reads, and stops where nothing behind could be told. It costs three reads or four.
func (s *Sink) Check(ctx context.Context) []pipeline.Finding {
	s.remind(ctx)
	c := &check{s: s, ctx: ctx}
	for _, step := range []func() bool{c.token, c.book, c.tab, c.header, c.protected} {
		if ctx.Err() != nil || !step() {
			break
		}
	}
	c.clock()
	c.quota()
	c.cut()
	return c.found
}

// check is one Check under way. Each step says whether the next makes sense.
type check struct {
	s     *Sink
	ctx   context.Context
	b     *book
	t     *tab
	found []pipeline.Finding
}

func (c *check) say(level pipeline.Level, setting, what, fix string) {
	c.found = append(c.found, pipeline.Finding{Level: level, Setting: setting, What: what, Fix: fix})
}

func (c *check) ok(setting, what string) { c.say(pipeline.OK, c.s.setting(setting), what, "") }

// failed reports a failed call.
func (c *check) failed(err error) bool {
	c.found = append(c.found, c.s.diagnose(err))
	return false
}

func (c *check) token() bool {
	_, err := c.s.opts.Tokens.Token(c.ctx)
	if err != nil {
		c.found = append(c.found, c.s.tokenFinding(err))
		return false
	}
	who := ""
	if c.s.email() != "" {
		who = " of " + c.s.email()
	}
	c.ok(c.s.credentials(), "the credentials"+who+" are good")
	return true
}

// at is the spreadsheet that is written to.
func (c *check) at() (n int, l Link) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for i, l := range c.s.links {
		if l.ID == c.s.where {
			return i, l
		}
	}
	return 0, c.s.links[0]
}

func (c *check) book() bool {
	_, l := c.at()
	b, err := c.s.openBook(c.ctx, l.ID)
	if classOf(err) == Missing || classOf(err) == Down {
		// A spreadsheet that is not there was seen to answer 503 first, and 404 only
		// then (`sinks.md` §A3); so neither is believed at once.
		b, err = c.s.openBook(c.ctx, l.ID)
	}
	if err != nil {
		return c.failed(err)
	}
	c.b = b
	c.ok("spreadsheet", fmt.Sprintf("the spreadsheet %q was found; its dates are of %s", b.title, b.zone))
	used := b.cells()
	n, _ := c.at()
	switch left := len(c.s.links) - 1 - n; {
	case used >= mostCells*9/10 && left == 0:
		c.say(pipeline.Warn, c.s.setting("new_spreadsheets"), fmt.Sprintf("the spreadsheet has %d of the ten million cells that are possible, and none to go on in is named", used),
			"add the link of an empty spreadsheet, shared with the account, to new_spreadsheets")
	default:
		c.ok("spreadsheet", fmt.Sprintf("it has %d of the ten million cells that are possible", used))
	}
	return true
}

func (c *check) tab() bool {
	_, l := c.at()
	p := c.s.configured(c.b, l)
	if p == nil {
		setting := "spreadsheet"
		if c.s.conf.Tab != "" {
			setting = "tab"
		}
		c.say(pipeline.Fail, c.s.setting(setting), "the spreadsheet has no such tab: it was deleted or renamed, or the link is another's", "take one of those it has: "+c.b.names()+"; "+address("", c.b.id))
		return false
	}
	list := family(c.b, p, c.s.conf.Rotate)
	p = list[len(list)-1]
	t, err := c.s.viewTab(c.ctx, c.b, p)
	if err != nil {
		return c.failed(err)
	}
	c.t = t
	c.ok("spreadsheet", fmt.Sprintf("records go to the tab %q", p.Title))
	return true
}

func (c *check) header() bool {
	seen, twice := map[string]bool{}, []string{}
	for _, col := range c.t.columns {
		h := columns.Heading(col.header)
		if h != "" && seen[h] {
			twice = append(twice, fmt.Sprintf("%q", col.header))
		}
		seen[h] = true
	}
	if len(twice) > 0 {
		c.say(pipeline.Warn, c.s.setting("columns"), "the header has "+strings.Join(twice, ", ")+" more than once; the first of each is filled, or the one that was", "rename the others")
	}
	key := c.t.byTag(forKey)
	if key == nil {
		key = c.t.find(c.s.conf.KeyColumn)
	}
	if key == nil {
		c.ok("key_column", fmt.Sprintf("the column %q is not there yet; the first record makes it", c.s.conf.KeyColumn))
	}
	if len(c.s.conf.Columns) == 0 {
		c.guessed()
		return true
	}
	good := 0
	for _, header := range slices.Sorted(maps.Keys(c.s.conf.Columns)) {
		if c.mapped(header) {
			good++
		}
	}
	c.ok("columns", fmt.Sprintf("%d of %d columns are there, or are made with the first record", good, len(c.s.conf.Columns)))
	return true
}

// mapped looks at one configured column.
func (c *check) mapped(header string) bool {
	at, col := c.s.columnSetting(header), c.t.byTag(forHeader+header)
	if col != nil {
		if columns.Heading(col.header) != columns.Heading(header) {
			c.say(pipeline.OK, at, fmt.Sprintf("the column is called %q by now; it is still filled", col.header), "")
		}
		return true
	}
	if c.t.find(header) != nil || c.s.conf.CreateColumns {
		return true
	}
	fix := "make it in row 1, correct the name, or set create_columns: true"
	for _, o := range c.t.columns {
		if columns.Fold(o.header) == columns.Fold(header) {
			fix = fmt.Sprintf("write it as the tab does: %q", o.header)
			break
		}
	}
	c.say(pipeline.Fail, at, fmt.Sprintf("row 1 of the tab has no %q", header), fix+": "+address("", c.b.id))
	return false
}

// guessed says which columns the usual fields find by their names.
func (c *check) guessed() {
	var pairs []string
	for _, field := range columns.Fields() {
		if col := c.t.guess(field); col != nil && !col.tagged(forKey) && !col.tagged(forVersion) {
			pairs = append(pairs, fmt.Sprintf("%s → %q", field, col.header))
		}
	}
	switch {
	case len(pairs) > 0:
		c.ok("columns", "fields go to the columns of their names: "+strings.Join(pairs, ", "))
	case c.s.conf.CreateColumns:
		c.ok("columns", "columns are made for the fields that records bring")
	default:
		c.say(pipeline.Warn, c.s.setting("columns"), "no column of the tab has the name of a usual field", "write columns, or set create_columns: true")
	}
}

// skewLimit is from when on a wrong clock is worth telling: tokens are signed with it.
const skewLimit = time.Minute

func (c *check) clock() {
	c.s.mu.Lock()
	skew := c.s.skew
	c.s.mu.Unlock()
	if skew.Abs() > skewLimit {
		way := "slow"
		if skew < 0 {
			way = "fast"
		}
		c.say(pipeline.Warn, c.s.block(), fmt.Sprintf("this machine's clock is %s %s; Google refuses keys that are signed with a wrong clock", skew.Abs().Round(time.Second), way), "let the clock be set: timedatectl set-ntp true")
	}
}

func (c *check) quota() {
	w, r := c.s.account.usage()
	level, fix := pipeline.OK, ""
	if w >= c.s.conf.UserWrites*9/10 {
		level, fix = pipeline.Warn, "records wait and share calls; if it is always so, ask Google for a higher quota and raise writes_per_minute: https://console.cloud.google.com/apis/api/sheets.googleapis.com/quotas"
	}
	c.say(level, c.s.setting("writes_per_minute"), fmt.Sprintf("%d of %d writes and %d of %d reads of the last minute are spent", w, c.s.conf.UserWrites, r, c.s.conf.UserReads), fix)
}

// cut says what did not fit since the process started.
func (c *check) cut() {
	c.s.mu.Lock()
	cut := maps.Clone(c.s.cut)
	c.s.mu.Unlock()
	for _, header := range slices.Sorted(maps.Keys(cut)) {
		c.say(pipeline.Warn, c.s.setting("columns"), fmt.Sprintf("%d texts for the column %q were longer than the 50,000 characters of a cell and were cut, since the start; the cells say so", cut[header], header),
			"keep the whole text elsewhere, such as in MongoDB")
	}
}
