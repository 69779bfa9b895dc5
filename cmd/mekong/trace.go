package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline/trace"
)

type traceOptions struct {
	filter       trace.Filter
	state        string
	since, until string
	limit        int
	json, all    bool
}

// traceMost is how many matches are listed without --all.
const traceMost = 20

func (c *cli) traceCommand() *cobra.Command {
	var o traceOptions
	cmd := &cobra.Command{
		Use:   "trace [TERM]",
		Short: "Where is my lead: by phone, name, e-mail or ID, its whole path with times, reasons and links",
		Long: `Trace finds leads by a phone number in any spelling or its last digits, by a name
with or without diacritics (the beginnings of words are enough), by e-mail, ID,
page, or a value of utm_*; without a term, the newest. It shows those it finds and
the whole path of the newest: what came, what was made of it, and for each
destination whether it is stored, waits, was left out by a rule or is buried, with
times, reason and the link to the row.

A mekong may be running meanwhile. Where none keeps the index up, it is first
brought up from the streams, which takes a moment after a long time.

Exit 0: found. 1: nothing found, or something failed.`,
		Example: `  mekong trace "0912 345 678"
  mekong trace nguyen van an
  mekong trace 678 --form "IELTS tháng 11" --since 7d
  mekong trace --state buried --sink crm --all
  mekong trace landing-w1s52a-ff079f2177313c71a951a556ff5d19a2 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.trace(cmd.Context(), strings.Join(args, " "), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.filter.Source, "source", "", "only what came through this source")
	f.StringVar(&o.filter.Form, "form", "", "only what was sent with this form")
	f.StringVar(&o.filter.Kind, "kind", "", "only records of this kind, such as lead")
	f.StringVar(&o.filter.Sink, "sink", "", "only what this sink takes; with --state: what is so there")
	f.StringVar(&o.state, "state", "", "only what is stored, waiting, filtered, buried or dropped")
	f.StringVar(&o.since, "since", "", "only what was received since: a date (2026-11-01) or a time ago (7d, 12h)")
	f.StringVar(&o.until, "until", "", "only what was received before: a date or a time ago")
	f.IntVar(&o.limit, "limit", traceMost, "how many are listed")
	f.BoolVar(&o.all, "all", false, "list all there are, and show a path in full")
	f.BoolVar(&o.json, "json", false, "print as JSON")
	_ = cmd.RegisterFlagCompletionFunc("sink", c.completeSinks)
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(traceStates, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

var traceStates = []string{string(trace.Stored), string(trace.Waiting), string(trace.Filtered), string(trace.BuriedAt), string(trace.Dropped)}

// traceResult is what --json prints.
type traceResult struct {
	Matches []trace.Entered `json:"matches"`
	More    bool            `json:"more"`           // there are others
	Path    *trace.Path     `json:"path,omitempty"` // of the first
}

func (c *cli) trace(ctx context.Context, term string, o traceOptions) error {
	log, err := c.logger()
	if err != nil {
		return err
	}
	conf, err := config.Load(c.config)
	if err != nil {
		return unreadable(err)
	}
	zone := zoneOf(conf)
	now := time.Now().In(zone)
	if err := o.complete(now); err != nil {
		return usageError{err}
	}
	tell, told := progressLine(c.err, "Reading the streams")
	x, done, err := app.OpenTrace(ctx, conf, log, tell)
	told()
	if err != nil {
		return err
	}
	defer done()
	found, err := o.search(ctx, x, term)
	if err != nil {
		return err
	}
	id := strings.TrimSpace(term)
	if len(found.Matches) > 0 {
		id = found.Matches[0].ID
	}
	path, err := x.Path(ctx, id)
	switch {
	case errors.Is(err, trace.ErrUnknown):
	case err != nil:
		return err
	case len(found.Matches) > 0 || o.filter == (trace.Filter{}):
		found.Path = &path // also of a delivery that no record was made of yet
	}
	if o.json {
		enc := json.NewEncoder(c.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(found); err != nil {
			return err
		}
	} else {
		p := tracePrinter{out: c.out, zone: zone, now: now, full: o.all}
		p.result(found)
		if p.err != nil {
			return p.err
		}
	}
	if len(found.Matches) == 0 && found.Path == nil {
		return quietError{errors.New("nothing was found")}
	}
	return nil
}

// complete reads the flags that are more than text.
func (o *traceOptions) complete(now time.Time) (err error) {
	if o.filter.Since, err = parseSince(o.since, now); err != nil {
		return err
	}
	if o.filter.Until, err = parseSince(o.until, now); err != nil {
		return errors.New(strings.Replace(err.Error(), "--since", "--until", 1))
	}
	if o.limit < 1 {
		return errors.New("--limit is at least 1")
	}
	o.filter.State = trace.State(o.state)
	for _, s := range traceStates {
		if o.state == "" || o.state == s {
			return nil
		}
	}
	return fmt.Errorf("--state %q is none of %s", o.state, strings.Join(traceStates, ", "))
}

// search collects as many as are wanted.
func (o *traceOptions) search(ctx context.Context, x *trace.Index, term string) (traceResult, error) {
	r := traceResult{Matches: []trace.Entered{}}
	f := o.filter
	for {
		n := trace.MostEntries
		if !o.all {
			n = min(n, o.limit-len(r.Matches))
		}
		page, err := x.Search(ctx, term, f, n)
		if err != nil {
			return r, err
		}
		r.Matches = append(r.Matches, page.Entries...)
		f.After = page.Next
		if page.Next == "" || !o.all && len(r.Matches) >= o.limit {
			r.More = page.Next != ""
			return r, nil
		}
	}
}

// progressLine shows on a terminal how far a read of the streams is; elsewhere nothing.
// told takes the line away.
func progressLine(out io.Writer, what string) (tell func(trace.Progress), told func()) {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	var last time.Time
	shown := false
	tell = func(p trace.Progress) {
		if p.Total > 0 && time.Since(last) > 100*time.Millisecond {
			last, shown = time.Now(), true
			fmt.Fprintf(out, "\r%s: %d %% of %d", what, p.Done*100/p.Total, p.Total)
		}
	}
	return tell, func() {
		if shown {
			fmt.Fprint(out, "\r\x1b[K")
		}
	}
}
