package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"mekong/cmd/internal/app"
	"mekong/config"
)

type replayOptions struct {
	source, since, until string
	sinks                []string
	rate, lag            int
	restart, dry, show   bool
}

func (c *cli) replayCommand() *cobra.Command {
	var o replayOptions
	cmd := &cobra.Command{
		Use:   "replay --source NAME --since WHEN",
		Short: "Run history again through today's transform and mapping, and bring rows up to date",
		Long: `Replay takes the deliveries of a source that are kept (nats.keep) through today's
transform and sends the records to the sinks again, so that rows have what a
corrected mapping makes of them. Rows are brought up to date, not doubled. See
first what would change with --dry-run.

It gives way to live traffic: it waits while a stage that it needs is more than
--lag behind. It may be stopped; the same command goes on where it was, also when
--since is a time ago. Sinks that post into chats are left out unless named.`,
		Example: `  mekong replay --source landing --since 7d --dry-run
  mekong replay --source landing --since 2026-11-01 --sink crm
  mekong replay --source landing --since 30d --rate 50`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.replay(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.source, "source", "", "the source whose deliveries are taken")
	f.StringVar(&o.since, "since", "", "those taken in since: a date (2026-11-01), a time, or a time ago (7d, 12h)")
	f.StringVar(&o.until, "until", "", "and before this; left out: up to now")
	f.StringSliceVar(&o.sinks, "sink", nil, "only to these sinks (default all that hold rows)")
	f.IntVar(&o.rate, "rate", 500, "records a second at most; 0: as fast as it goes")
	f.IntVar(&o.lag, "lag", 1000, "it waits while one of its stages has more than this to do; 0: it does not")
	f.BoolVar(&o.dry, "dry-run", false, "send nothing; show what would change")
	f.BoolVar(&o.show, "show", false, "with --dry-run: show values in full, personal data too")
	f.BoolVar(&o.restart, "restart", false, "from the beginning, though an earlier run got further")
	_ = cmd.RegisterFlagCompletionFunc("sink", c.completeSinks)
	_ = cmd.RegisterFlagCompletionFunc("source", c.completeSources)
	return cmd
}

func (c *cli) replay(ctx context.Context, o replayOptions) error {
	conf, err := config.Load(c.config)
	if err != nil {
		return unreadable(err)
	}
	if o.source == "" || o.since == "" {
		return usagef("say which deliveries: --source and --since")
	}
	now := time.Now().In(zoneOf(conf))
	since, err := parseSince(o.since, now)
	if err != nil {
		return usageError{err}
	}
	until, err := parseSince(o.until, now)
	if err != nil {
		return usagef("%s", strings.Replace(err.Error(), "--since", "--until", 1))
	}
	switch {
	case o.rate < 0 || o.lag < 0:
		return usagef("--rate and --lag are not less than 0")
	case !until.IsZero() && !until.After(since):
		return usagef("--until is not after --since")
	case o.show && !o.dry:
		return usagef("--show belongs to --dry-run")
	}
	for _, name := range o.sinks {
		if _, ok := conf.Sinks[name]; !ok {
			return usagef("there is no sink %q in %s; there are: %s", name, c.config, strings.Join(conf.SinkNames(), ", "))
		}
	}
	if problems := app.Compile(conf); len(problems) > 0 {
		return unreadable(problems)
	}
	_, op, done, err := c.operate(ctx)
	if err != nil {
		return err
	}
	defer done()
	how := app.ReplayOptions{Source: o.source, Since: since, Until: until, Sinks: o.sinks, Rate: o.rate, Lag: o.lag,
		Name: o.since + "/" + o.until, Restart: o.restart}
	if o.dry {
		return c.tryReplay(ctx, op, how, o.show)
	}
	bar := newMeter(c.err, "history")
	how.Tell = func(st app.ReplayState) { bar.tell(st.At, st.Of, st.Sent, st.Waiting) }
	st, err := op.Replay(ctx, how)
	bar.done()
	for _, name := range st.Left {
		fmt.Fprintf(c.out, "sink %s posts into chats and is left out; name it with --sink if you mean it\n", name)
	}
	if st.Finished {
		fmt.Fprintf(c.out, "This replay is done already: %d deliveries, %d records sent. --restart does it again.\n", st.Read, st.Sent)
		return nil
	}
	if st.Resumed {
		fmt.Fprintln(c.out, "It went on where an earlier run had stopped; the numbers are of both.")
	}
	fmt.Fprintf(c.out, "%d deliveries of %s: %d records sent to %s, %d left out by a rule, %d not understood, %d of forgotten people left out\n",
		st.Read, o.source, st.Sent, strings.Join(st.Sinks, ", "), st.Filtered, st.Refused, st.Forgotten)
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(c.out, "Stopped. The same command goes on from here.")
		return quietError{err}
	case err != nil:
		return fmt.Errorf("%w (the same command goes on from here)", err)
	}
	c.sayWhoWorks(op, st.Sent)
	return nil
}

// shownFields bounds how many fields a trial lists.
const shownFields = 40

func (c *cli) tryReplay(ctx context.Context, op *app.Operator, how app.ReplayOptions, full bool) error {
	d, err := op.Diff(ctx, how)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d deliveries: %d records as they are, %d that would change, %d not kept that would be made, %d kept that would not be made",
		d.Read, d.Same, d.Changed, d.New, d.Gone)
	if d.Filtered > 0 {
		fmt.Fprintf(c.out, ", %d left out by a rule", d.Filtered)
	}
	if d.Refused > 0 {
		fmt.Fprintf(c.out, ", %d not understood", d.Refused)
	}
	fmt.Fprintln(c.out)
	show := func(name string, v any) string {
		if full {
			if v == nil {
				return "(none)"
			}
			return tame(fmt.Sprint(v))
		}
		return tame(app.Masked(name, v))
	}
	if len(d.Fields) > 0 {
		fmt.Fprintf(c.out, "%-24s %8s %8s %8s\n", "field", "added", "changed", "removed")
	}
	for i, f := range d.Fields {
		if i == shownFields {
			fmt.Fprintf(c.out, "and %d more fields\n", len(d.Fields)-i)
			break
		}
		fmt.Fprintf(c.out, "%-24s %8d %8d %8d\n", tame(f.Name), f.Added, f.Changed, f.Removed)
		for _, s := range f.Samples {
			fmt.Fprintf(c.out, "    %s: %s → %s\n", tame(s.ID), show(f.Name, s.Was), show(f.Name, s.Is))
		}
	}
	fmt.Fprintln(c.out, "Nothing was sent.")
	return nil
}

// meter shows how much of something is done: a bar with rate and time left on a
// terminal, a line now and then elsewhere. One goroutine uses it.
type meter struct {
	out   io.Writer
	bar   *progressbar.ProgressBar // nil: no terminal, or nothing told yet
	tty   bool
	what  string
	began time.Time
	first uint64
	last  time.Time
}

func newMeter(out io.Writer, what string) *meter {
	f, ok := out.(*os.File)
	now := time.Now()
	return &meter{out: out, tty: ok && term.IsTerminal(int(f.Fd())), what: what, began: now, last: now}
}

// tell says how far it is, how much was sent, and what is waited for.
func (m *meter) tell(at, of uint64, sent int, waiting string) {
	what := m.what
	if waiting != "" {
		what += ", waiting for " + tame(waiting)
	}
	if m.tty {
		if m.bar == nil {
			m.bar = progressbar.NewOptions64(int64(of), progressbar.OptionSetWriter(m.out), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
				progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
		}
		m.bar.Describe(what)
		_ = m.bar.Set64(int64(at))
		return
	}
	if m.first == 0 {
		m.first = at
	}
	if time.Since(m.last) < progressEvery {
		return
	}
	m.last = time.Now()
	line := fmt.Sprintf("%s: %d of %d, %d sent", what, at, of, sent)
	if rate := float64(at-m.first) / time.Since(m.began).Seconds(); rate > 0 && of > at {
		line += fmt.Sprintf(", %.0f a second, about %s left", rate, time.Duration(float64(of-at)/rate*float64(time.Second)).Round(time.Second))
	}
	fmt.Fprintln(m.out, line)
}

func (m *meter) done() {
	if m.bar != nil {
		_ = m.bar.Finish()
	}
}
