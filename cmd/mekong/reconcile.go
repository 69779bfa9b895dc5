package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
)

type reconcileOptions struct {
	sinks                        []string
	since                        string
	json, all, repair, dry, yes  bool
	rate, lag                    int
	wait                         time.Duration
	export, missingTo, timeNames string
	within                       time.Duration
}

func (c *cli) reconcileCommand() *cobra.Command {
	var o reconcileOptions
	cmd := &cobra.Command{
		Use:   "reconcile [SOURCE --export FILE]",
		Short: "Hold what was accepted against what the destinations really hold, and repair what is missing",
		Long: `Reconcile reads the rows of every destination that can be read (MongoDB, Google
Sheets, Lark Base) and compares them with what was accepted and is still kept
(nats.keep): rows that somebody deleted, rows that are there twice, rows whose key
was overwritten. A mekong may be running meanwhile: what is on its way is not
missing. Webhooks, chats and Apps Script cannot be read back; of them nothing is
claimed. It ends with 0 when everything adds up, and with 1 when something is missing
or doubled, so that it can run every night.

With --repair the records of the missing rows are sent to that one destination
again, after a question. A row that is back by then is brought up to date, not
doubled. Doubled rows and overwritten keys are for a person to mend. A row whose key
somebody has emptied cannot be told from one that is gone: look first.

With SOURCE and --export it compares the other end: LadiPage's file of stored data
("Lưu trữ data", kept for 7 days) with what arrived here, by phone or e-mail, form
and time. What never arrived can be written to a file for mekong import, or taken in
with --repair.`,
		Example: `  mekong reconcile
  mekong reconcile --sink crm --since 7d
  mekong reconcile --repair --dry-run
  mekong reconcile --repair --yes
  mekong reconcile landing --export ladipage.xlsx
  mekong reconcile landing --export ladipage.xlsx --missing-to missing.xlsx
  mekong reconcile landing --export ladipage.xlsx --repair`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeSources,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.reconcile(cmd.Context(), args, o) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.sinks, "sink", nil, "only these sinks (default all)")
	f.StringVar(&o.since, "since", "", "only what was received since: a date (2026-11-01), a time, or a time ago (7d, 12h)")
	f.BoolVar(&o.json, "json", false, "print it as JSON")
	f.BoolVar(&o.all, "all", false, "name every row, and not only the first 20 of each sort")
	f.BoolVar(&o.repair, "repair", false, "write what is missing again, after a question")
	f.BoolVar(&o.dry, "dry-run", false, "with --repair: only say what would be done")
	f.BoolVar(&o.yes, "yes", false, "with --repair: do not ask")
	f.IntVar(&o.rate, "rate", 500, "with --repair: records a second at most; 0: as fast as it goes")
	f.IntVar(&o.lag, "lag", 1000, "with --repair: it waits while the destination has more than this to do; 0: it does not")
	f.DurationVar(&o.wait, "wait", time.Minute, "with --repair: how long to wait until the rows are written")
	f.StringVar(&o.export, "export", "", "LadiPage's `file` of stored data, or another export of the source: CSV, Excel or JSON lines")
	f.StringVar(&o.missingTo, "missing-to", "", "with --export: write the rows that never arrived to this `file` (.xlsx or .jsonl)")
	f.StringVar(&o.timeNames, "time-column", "", "with --export: `column` that says when a row happened; left out: found by its name")
	f.DurationVar(&o.within, "within", 15*time.Minute, "with --export: how far apart two times of one lead may be")
	_ = cmd.RegisterFlagCompletionFunc("sink", c.completeSinks)
	return cmd
}

// namedRows is how many rows of each sort are named where not all are.
const namedRows = 20

// errNotAll means that something is missing or doubled, or could not be compared. It has
// been told.
var errNotAll = errors.New("it does not add up")

func (c *cli) reconcile(ctx context.Context, args []string, o reconcileOptions) error {
	switch {
	case (len(args) == 1) != (o.export != ""):
		return usagef("a source and --export go together: mekong reconcile SOURCE --export FILE")
	case o.dry && !o.repair, o.yes && !o.repair:
		return usagef("--dry-run and --yes belong to --repair")
	case o.export == "" && o.missingTo != "":
		return usagef("--missing-to belongs to --export")
	case o.rate < 0 || o.lag < 0 || o.wait < 0 || o.within < 0:
		return usagef("--rate, --lag, --wait and --within are not less than 0")
	case o.json && o.repair && !o.yes && !o.dry:
		return usagef("with --json nothing is asked: add --yes or --dry-run")
	}
	conf, err := config.Load(c.config)
	if err != nil {
		return unreadable(err)
	}
	if problems := app.Compile(conf); len(problems) > 0 {
		return unreadable(problems)
	}
	if o.export != "" {
		return c.reconcileFile(ctx, conf, args[0], o)
	}
	for _, name := range o.sinks {
		if _, ok := conf.Sinks[name]; !ok {
			return usagef("there is no sink %q in %s; there are: %s", name, c.config, strings.Join(conf.SinkNames(), ", "))
		}
	}
	since, err := parseSince(o.since, time.Now().In(zoneOf(conf)))
	if err != nil {
		return usageError{err}
	}
	_, op, done, err := c.operate(ctx)
	if err != nil {
		return err
	}
	defer done()
	how := app.ReconcileOptions{Sinks: o.sinks, Since: since, Details: namedRows, Tell: c.step}
	if o.all {
		how.Details = 1 << 30
	}
	r, err := op.Reconcile(ctx, how)
	if err != nil {
		return err
	}
	p := &reconcilePrinter{out: c.out, zone: zoneOf(conf), repair: o.repair}
	if !o.json {
		p.all(r)
	}
	var repairs []app.Repair
	mended := false
	if o.repair {
		repairs, mended, err = c.repairRows(ctx, op, r, o)
	}
	if o.json {
		err = errors.Join(err, json.NewEncoder(c.out).Encode(struct {
			AddsUp bool `json:"adds_up"`
			app.Reconciliation
			Repairs []app.Repair `json:"repairs,omitempty"`
		}{r.AddsUp(), r, repairs}))
	}
	if err != nil {
		return err
	}
	if !r.AddsUp() && !mended {
		return quietError{errNotAll}
	}
	return nil
}

// step says what is done next, to whoever looks at the screen.
func (c *cli) step(what string) { fmt.Fprintln(c.err, what+" …") }

// repairRows writes what is missing again. mended: with it everything adds up, or will
// once what was sent is written.
func (c *cli) repairRows(ctx context.Context, op *app.Operator, r app.Reconciliation, o reconcileOptions) (done []app.Repair, mended bool, err error) {
	var what []string
	rows := 0
	mended = true
	for _, s := range r.Sinks {
		if n := s.Rows.Missing; n > 0 {
			what = append(what, fmt.Sprintf("%d in %s", n, s.Sink))
			rows += n
		}
		mended = mended && s.Failed == "" && s.Rows.Doubled == 0 && s.Rows.Rekeyed == 0
	}
	if rows == 0 {
		return nil, mended && r.AddsUp(), c.forPeople(o, "Nothing is missing, so there is nothing to repair.")
	}
	if o.dry {
		return nil, false, c.forPeople(o, fmt.Sprintf("%d rows would be written again: %s. Nothing was done.", rows, strings.Join(what, ", ")))
	}
	if !o.yes {
		ok, err := newAsker(c.in, c.err).yes(ctx, fmt.Sprintf("Write %d rows again: %s? [y/N] ", rows, strings.Join(what, ", ")))
		if err != nil {
			return nil, false, err
		}
		if !ok {
			return nil, false, c.say("Nothing was written.")
		}
	}
	for _, s := range r.Sinks {
		if s.Rows.Missing == 0 {
			continue
		}
		bar := newMeter(c.err, s.Sink)
		p, err := op.Repair(ctx, s, app.RepairOptions{Rate: o.rate, Lag: o.lag, Wait: o.wait,
			Tell: func(p app.Repair) { bar.tell(uint64(p.Rows+p.LeftOut), uint64(p.Of), p.Sent, p.Held) }})
		bar.done()
		done = append(done, p)
		mended = mended && err == nil && p.Buried+p.Filtered == 0 && (p.Waiting == 0 || !op.Running)
		if e := c.forPeople(o, repaired(p)); err == nil {
			err = e
		}
		if err != nil {
			return done, false, fmt.Errorf("sink %q: %w (the same command goes on with what is left)", s.Sink, err)
		}
	}
	if !o.json {
		c.sayWhoWorks(op, rows)
	}
	return done, mended, nil
}

// forPeople prints a line, unless it is JSON that is wanted.
func (c *cli) forPeople(o reconcileOptions, line string) error {
	if o.json {
		return nil
	}
	_, err := fmt.Fprintln(c.out, line)
	return err
}
