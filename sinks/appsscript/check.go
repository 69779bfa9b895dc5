package appsscript

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mekong/pipeline"
)

const (
	mostCells = 10_000_000 // of a spreadsheet (`sinks.md` A2)
	someSkew  = time.Minute
)

// Check asks the script what it sees: spreadsheet, tab, columns, time zone, room. It
// only reads, and is one call.
func (s *Sink) Check(ctx context.Context) []pipeline.Finding {
	c := &check{s: s}
	a, err := s.ask1(ctx)
	if err != nil {
		c.found = append(c.found, s.finding(err))
	} else {
		c.healthy(a)
	}
	c.counted()
	return c.found
}

// ask1 is the one call of a Check. It takes no turn: it changes nothing.
func (s *Sink) ask1(ctx context.Context) (*answer, error) {
	q := s.request("check")
	for _, header := range slices.Sorted(maps.Keys(s.conf.Columns)) {
		q.Columns = append(q.Columns, column{Header: header})
	}
	if len(s.conf.Columns) == 0 {
		for _, field := range slices.Sorted(maps.Keys(aliases)) {
			q.Columns = append(q.Columns, guessed{Header: field, Names: aliases[field]})
		}
	}
	payload, err := ascii(q)
	if err != nil {
		return nil, err
	}
	return s.call(ctx, rand.Text(), payload)
}

// finding is a failed call as an operator is told.
func (s *Sink) finding(err error) pipeline.Finding {
	var f *failure
	switch {
	case errors.As(err, &f):
		setting := f.setting
		if setting == "" {
			setting = "url"
		}
		return pipeline.Finding{Level: pipeline.Fail, Setting: s.setting(setting), What: f.what, Fix: f.fix}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return pipeline.Finding{Level: pipeline.Fail, Setting: s.setting("url"), What: "the check was stopped before the script had answered", Fix: "run it again"}
	}
	return pipeline.Finding{Level: pipeline.Fail, Setting: s.setting("url"), What: "the sink is closed", Fix: "start again"}
}

// check is one Check under way.
type check struct {
	s     *Sink
	found []pipeline.Finding
}

func (c *check) say(level pipeline.Level, what, fix string, setting ...string) {
	c.found = append(c.found, pipeline.Finding{Level: level, Setting: c.s.setting(setting...), What: what, Fix: fix})
}

// healthy looks at what the script tells.
func (c *check) healthy(a *answer) {
	c.say(pipeline.OK, "the script answers, and knows the secret", "", "url")
	if a.Script != scriptVersion {
		c.say(pipeline.Warn, fmt.Sprintf("the script is of version %q, and this Mekong came with %s", short(a.Script), scriptVersion), "paste its Code.gs, save; then "+fixDeploy, "url")
	}
	c.say(pipeline.OK, fmt.Sprintf("rows go to the tab %q of the spreadsheet %q; it has %d", short(a.Tab), short(a.Title), a.Keyed), "", "tab")
	c.zone(a)
	if d := c.s.now().Sub(time.UnixMilli(a.Now)).Abs(); d > someSkew {
		c.say(pipeline.Warn, "this machine's clock is "+c.s.skew(a)+" Google's; from five minutes on nothing is taken", "set the clock: switch on time synchronisation (NTP)", "url")
	}
	c.columns(a)
	if a.Doubles > 0 {
		c.say(pipeline.Warn, fmt.Sprintf("%d rows have the key of another row, as copies of rows do", a.Doubles), "delete the copies, or clear their cell under "+c.s.conf.KeyColumn+": the first of each is kept up to date", "key_column")
	}
	if a.Cells > mostCells*8/10 {
		c.say(pipeline.Warn, fmt.Sprintf("the spreadsheet has used %d of its 10 million cells", a.Cells), "delete empty rows and columns, or begin another spreadsheet soon", "url")
	}
}

func (c *check) zone(a *answer) {
	loc, err := time.LoadLocation(a.Zone)
	if err != nil || c.s.opts.Location == nil {
		return
	}
	now := c.s.now()
	_, here := now.In(c.s.opts.Location).Zone()
	if _, there := now.In(loc).Zone(); here != there {
		c.say(pipeline.Warn, fmt.Sprintf("the spreadsheet shows times of %s, and timezone is %s", short(a.Zone), c.s.opts.Location),
			"in the spreadsheet, File (Tệp), Settings (Cài đặt), Time zone (Múi giờ)", "url")
	}
}

func (c *check) columns(a *answer) {
	if !a.Key || !a.Version {
		c.say(pipeline.OK, "the script's own columns are not there yet; the first record makes them", "", "key_column")
	}
	seen := map[string]bool{}
	for _, h := range a.Headers {
		h = heading(h)
		if h != "" && seen[h] {
			c.say(pipeline.Warn, fmt.Sprintf("the header %q is there twice; the first is filled", short(h)), "rename one of the two", "columns")
		}
		seen[h] = true
	}
	if len(c.s.conf.Columns) > 0 {
		var missing []string
		for i, header := range slices.Sorted(maps.Keys(c.s.conf.Columns)) {
			if i >= len(a.Placed) || a.Placed[i] == "" {
				missing = append(missing, header)
			}
		}
		if len(missing) == 0 {
			c.say(pipeline.OK, fmt.Sprintf("all %d columns are there", len(c.s.conf.Columns)), "", "columns")
		} else {
			c.say(pipeline.OK, "columns that are not there yet and that the first record makes: "+names(missing), "", "columns")
		}
		return
	}
	var pairs []string
	for i, field := range slices.Sorted(maps.Keys(aliases)) {
		if i < len(a.Placed) && a.Placed[i] != "" {
			pairs = append(pairs, fmt.Sprintf("%s → %q", field, short(a.Placed[i])))
		}
	}
	what := "fields go to the columns of their names, which are made where they are not there"
	if len(pairs) > 0 {
		what += "; so far: " + strings.Join(pairs, ", ")
	}
	c.say(pipeline.OK, what, "", "columns")
}

// counted says what was left out since the process started, and what is in doubt.
func (c *check) counted() {
	c.s.mu.Lock()
	left, cut, unsure := c.s.left, maps.Clone(c.s.cut), c.s.unsure
	c.s.mu.Unlock()
	if unsure {
		c.say(pipeline.Warn, "the answer to a request was lost; it is sent again before anything else", "nothing needs to be done unless this stays", "url")
	}
	if left > 0 {
		c.say(pipeline.Warn, fmt.Sprintf("%d values had no column to go to, or became a formula, and were left out since the start; the records themselves are stored", left), "a sheet takes 400 columns here: name the ones that are wanted under columns", "columns")
	}
	for _, name := range slices.Sorted(maps.Keys(cut)) {
		c.say(pipeline.Warn, fmt.Sprintf("%d values of %q were longer than the 50,000 characters a cell holds, and were cut", cut[name], short(name)), "nothing can be done in a sheet; another sink may hold all of it", "columns")
	}
}

// short is a name of somebody's choice as far as a line holds it.
func short(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}
