package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline/table"
)

// reconcileFile holds a file of the sender's against what arrived.
func (c *cli) reconcileFile(ctx context.Context, conf *config.Config, source string, o reconcileOptions) error {
	if _, ok := conf.Sources[source]; !ok {
		return usagef("there is no source %q in %s; there are: %s", source, c.config, strings.Join(conf.SourceNames(), ", "))
	}
	if len(o.sinks) > 0 || o.since != "" {
		return usagef("--sink and --since are of the other end; with --export all of the file is compared")
	}
	if _, err := os.Stat(o.export); err != nil {
		return usageError{err}
	}
	var format table.Format
	switch ext := strings.ToLower(filepath.Ext(o.missingTo)); {
	case o.missingTo == "":
	case ext == ".xlsx":
		format = table.XLSX
	case ext == ".jsonl":
		format = table.JSONL
	default:
		return usagef("--missing-to %s: write .xlsx or .jsonl; in a CSV a row could not stay as it is and safe to open", o.missingTo)
	}
	_, op, done, err := c.operate(ctx)
	if err != nil {
		return err
	}
	defer done()
	how := app.ArrivalOptions{Source: source, Path: o.export, Times: o.timeNames, Within: o.within, Details: namedRows, Tell: c.step}
	if o.all {
		how.Details = 1 << 30
	}
	a, err := op.CompareFile(ctx, how)
	if err != nil {
		return err
	}
	if !o.json {
		p := &reconcilePrinter{out: c.out, zone: zoneOf(conf), repair: o.repair}
		p.arrivals(a, source)
	}
	if o.missingTo != "" && a.Missing > 0 {
		if err := c.writeLost(ctx, conf, op, a, o, format); err != nil {
			return err
		}
	}
	var taken *app.LostImport
	mended := false
	if o.repair {
		taken, mended, err = c.importLost(ctx, op, a, o)
	}
	if o.json {
		err = errors.Join(err, json.NewEncoder(c.out).Encode(struct {
			AddsUp bool   `json:"adds_up"`
			Source string `json:"source"`
			app.Arrivals
			Taken *app.LostImport `json:"taken_in,omitempty"`
		}{a.Missing == 0, source, a, taken}))
	}
	if err != nil {
		return err
	}
	if a.Missing > 0 && !mended {
		return quietError{errNotAll}
	}
	return nil
}

// writeLost writes the rows that never arrived to a file.
func (c *cli) writeLost(ctx context.Context, conf *config.Config, op *app.Operator, a app.Arrivals, o reconcileOptions, format table.Format) error {
	n := 0
	if err := newFile(o.missingTo, false, func(w io.Writer) (err error) {
		n, err = app.WriteLost(ctx, conf, a, w, format)
		return err
	}); err != nil {
		return err
	}
	changed, err := op.SameLost(ctx, a, o.missingTo)
	if err != nil {
		return err
	}
	if changed > 0 {
		err = c.forPeople(o, fmt.Sprintf("%d rows hold what a workbook cannot; write them as .jsonl if the whole export may be imported as well.", changed))
	}
	return errors.Join(err, c.forPeople(o, fmt.Sprintf("%s: %d rows. It holds people's data.", o.missingTo, n)))
}

// importLost takes in what never arrived.
func (c *cli) importLost(ctx context.Context, op *app.Operator, a app.Arrivals, o reconcileOptions) (st *app.LostImport, mended bool, err error) {
	if a.Missing == 0 {
		return nil, true, c.forPeople(o, "Nothing is missing, so there is nothing to take in.")
	}
	if o.dry {
		return nil, false, c.forPeople(o, fmt.Sprintf("%d rows would be taken in. Nothing was done.", a.Missing))
	}
	if !o.yes {
		ok, err := newAsker(c.in, c.err).yes(ctx, fmt.Sprintf("Take %d rows in? [y/N] ", a.Missing))
		if err != nil {
			return nil, false, err
		}
		if !ok {
			return nil, false, c.say("Nothing was taken in.")
		}
	}
	bar := newMeter(c.err, "rows")
	got, err := op.ImportLost(ctx, a, app.RepairOptions{Rate: o.rate, Lag: o.lag}, func(s app.LostImport) {
		bar.tell(uint64(s.Rows), uint64(s.Of), s.Stored, s.Waiting)
	})
	bar.done()
	if err != nil {
		return &got, false, err
	}
	if err := c.forPeople(o, fmt.Sprintf("%d rows: %d deliveries taken in, %d were there by then.", got.Rows, got.Stored, got.Known)); err != nil {
		return &got, false, err
	}
	if !o.json {
		c.sayWhoWorks(op, got.Stored)
	}
	return &got, true, nil
}

// arrivals writes what a file was found to hold.
func (p *reconcilePrinter) arrivals(a app.Arrivals, source string) {
	for _, n := range a.Notes {
		p.line("%s", tame(n))
	}
	p.line("%d rows against %d deliveries of %s: %s", a.Rows, a.Deliveries, tame(source), amounts(amount{a.Arrived, "arrived"}, amount{a.Imported, "were taken in from a file"},
		amount{a.Missing, "NEVER ARRIVED"}, amount{a.Forgotten, "of forgotten people, left alone"}, amount{a.Filtered, "left out by a rule"},
		amount{a.Repeats, "stand in the file twice"}, amount{a.TooOld, "from before what is kept, of which nothing can be said"},
		amount{a.Untold, "with nothing to compare by (no phone, no address)"}, amount{a.Left, "that cannot be read"}))
	for _, problem := range a.Problems {
		p.line("  %s", tame(problem))
	}
	for _, m := range a.Missed {
		at := "(no time)          "
		if !m.At.IsZero() {
			at = p.moment(m.At)
		}
		line := fmt.Sprintf("  row %-6d %s  %-10s  %s", m.Line, at, tame(m.Who), short(m.Form, 24))
		if m.Notes != "" {
			line += "  (" + m.Notes + ")"
		}
		p.line("%s", strings.TrimRight(line, " "))
	}
	if n := a.Missing - len(a.Missed); n > 0 && len(a.Missed) > 0 {
		p.line("  and %d more: --all", n)
	}
	if of := amounts(amount{a.OtherTime, "whose person arrived at another time or with another form"}, amount{a.Refused, "that the door turned away (mekong doctor; the token?)"},
		amount{a.Captured, "that were typed and not sent, which LadiPage passes on only where it is set to"}); of != "none" {
		p.line("Of those that never arrived: %s.", of)
	}
	if a.Unread > 0 {
		p.line("%d deliveries could not be understood and may be some of these: mekong buried list --sink transform", a.Unread)
	}
	if a.Cut {
		p.line("Deliveries are kept from %s on (nats.keep).", p.moment(a.Oldest))
	}
	switch {
	case a.Missing == 0:
		p.line("Nothing of the file is missing.")
	case !p.repair:
		p.line("--repair takes in what never arrived; --missing-to FILE.xlsx writes it down, to look at and for mekong import. LadiPage passes nothing on from addresses (IP) that are blocked there.")
	}
}
