package sheets

import (
	"context"

	"mekong/pipeline"
)

// Survey is what a link leads to.
type Survey struct {
	Title   string // of the spreadsheet
	Tab     string // name of the tab
	Link    string // of the tab: the configured one, as the configuration should have it
	Headers []string
}

// Survey finds the spreadsheet and the tab of the configuration, and the header of
// the tab: the headers that are not empty and not the sink's own, from the left. Where
// something is wrong it says what and what to do, in findings, and there is no survey.
// It only reads: two calls.
func (s *Sink) Survey(ctx context.Context) (*Survey, []pipeline.Finding) {
	c := &check{s: s, ctx: ctx}
	for _, step := range []func() bool{c.token, c.book, c.first} {
		if ctx.Err() != nil || !step() {
			return nil, c.found
		}
	}
	v := &Survey{Title: c.b.title, Tab: c.t.title, Link: address("", c.b.id) + "#gid=" + itoa(c.t.gid)}
	for _, col := range c.t.columns {
		own := col.tagged(forVersion) || col.header == versionHeader
		if col.header != "" && !own {
			v.Headers = append(v.Headers, col.header)
		}
	}
	return v, nil
}

// first finds the configured tab itself, not the one that followed it.
func (c *check) first() bool {
	_, l := c.at()
	p := c.s.configured(c.b, l)
	if p == nil {
		return c.tab() // which says so
	}
	t, err := c.s.viewTab(c.ctx, c.b, p)
	if err != nil {
		return c.failed(err)
	}
	c.t = t
	return true
}

// remind reads Memory for a sink that has not written yet, so that a look is at the
// spreadsheet that is written to. While a Write is under way it has been read.
func (s *Sink) remind(ctx context.Context) {
	select {
	case <-s.turn:
		s.recall(ctx)
		s.turn <- struct{}{}
	default:
	}
}
