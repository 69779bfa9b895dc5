package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline"
)

type importOptions struct {
	rate, lag int
	times     string
	again     bool
	dry       bool
}

func (c *cli) importCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import SOURCE FILE",
		Short: "Take in history: CSV, Excel or JSON lines, safe to repeat",
		Long: `Import takes the rows of a file in as if they had been sent to a source: the export
of a landing page (LadiPage's backup of 7 days too), an old sheet, a chat log. What
the file is, its encoding, delimiter and the row with the names are found out, and a
row's cells go through the source's mapping by the names of their columns.

The same row is the same delivery, whichever file it is in, so a file can be taken
in again, and one that was stopped goes on where it was. Rows wait while anything is
more than --lag behind, so that live leads come first. Try it with --dry-run.`,
		Example: `  mekong import landing backup.xlsx --dry-run
  mekong import landing backup.xlsx
  mekong import landing old.csv --time-column "Ngày đăng ký" --rate 200
  mekong import support chat.jsonl`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: c.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.importFile(cmd.Context(), args[0], args[1], o)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.rate, "rate", 0, "rows a second at most; 0: as live traffic bears")
	f.IntVar(&o.lag, "lag", 1000, "rows wait while the slowest stage has more than this to do; 0: they do not")
	f.StringVar(&o.times, "time-column", "", "`column` that says when a row happened; left out: found by its name")
	f.BoolVar(&o.again, "again", false, "from the first row, though an earlier run got further")
	f.BoolVar(&o.dry, "dry-run", false, "store nothing; show a sample, and how many records would be flagged")
	return cmd
}

func (c *cli) importFile(ctx context.Context, source, path string, o importOptions) error {
	conf, err := config.Load(c.config)
	if err != nil {
		return unreadable(err)
	}
	if _, ok := conf.Sources[source]; !ok {
		return usagef("there is no source %q in %s; there are: %s", source, c.config, strings.Join(conf.SourceNames(), ", "))
	}
	if o.rate < 0 || o.lag < 0 {
		return usagef("--rate and --lag are not less than 0")
	}
	if _, err := os.Stat(path); err != nil {
		return usageError{err}
	}
	if problems := app.Compile(conf); len(problems) > 0 {
		return unreadable(problems)
	}
	how := app.ImportOptions{Source: source, Path: path, Times: o.times, Rate: o.rate, Lag: o.lag, Again: o.again}
	if o.dry {
		return c.tryImport(ctx, conf, how)
	}
	bar := newProgress(c.err, "rows")
	how.Tell = func(st app.ImportState) { bar.tell(st.Rows, st.Waiting) }
	st, err := app.Import(ctx, conf, how)
	bar.done()
	for _, n := range st.Notes {
		fmt.Fprintln(c.out, n)
	}
	if st.Resumed > 0 {
		fmt.Fprintf(c.out, "an earlier run had taken in %d rows\n", st.Resumed)
	}
	fmt.Fprintf(c.out, "%d rows: %d deliveries taken in, %d were there already, %d rows left out\n", st.Rows, st.Stored, st.Known, st.Left)
	for _, p := range st.Problems {
		fmt.Fprintln(c.out, "  "+p)
	}
	if st.Left > len(st.Problems) {
		fmt.Fprintf(c.out, "  and %d more\n", st.Left-len(st.Problems))
	}
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(c.out, "Stopped. The same command goes on from here.")
		return quietError{err}
	case err != nil:
		return fmt.Errorf("%w (the same command goes on from here)", err)
	case !st.Running:
		fmt.Fprintln(c.out, "No mekong is running; they are worked off by the next mekong run.")
	}
	return nil
}

// sampled is how many records a trial shows.
const sampled = 3

func (c *cli) tryImport(ctx context.Context, conf *config.Config, o app.ImportOptions) error {
	t, err := app.TryImport(ctx, conf, o, sampled)
	if err != nil {
		return err
	}
	for _, n := range t.Notes {
		fmt.Fprintln(c.out, n)
	}
	fmt.Fprintf(c.out, "%d rows would be %d records; %d rows left out, %d are in the file twice", t.Rows, t.Records, t.Left, t.Repeats)
	if t.Filtered > 0 {
		fmt.Fprintf(c.out, ", %d left out by a rule", t.Filtered)
	}
	if t.Buried > 0 {
		fmt.Fprintf(c.out, ", %d that no transform understands", t.Buried)
	}
	fmt.Fprintln(c.out)
	for _, p := range t.Problems {
		fmt.Fprintln(c.out, "  "+p)
	}
	if len(t.Flags) > 0 {
		fmt.Fprintln(c.out, "flagged:")
		for _, flag := range t.Worst() {
			fmt.Fprintf(c.out, "  %7d  %s\n", t.Flags[flag], tame(flag))
		}
	}
	for i, r := range t.Sample {
		fmt.Fprintf(c.out, "sample %d (%s, %s):\n", i+1, r.Kind, r.Occurred.Format(time.RFC3339))
		for _, name := range fieldNames(r) {
			fmt.Fprintf(c.out, "  %-20s %s\n", tame(name), tame(fmt.Sprint(r.Fields[name])))
		}
	}
	fmt.Fprintln(c.out, "Nothing was stored.")
	return nil
}

func fieldNames(r pipeline.Record) []string {
	var names []string
	for name := range r.Fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// progress shows how far something is: a bar on a terminal, a line now and then
// elsewhere. It is used by one goroutine.
type progress struct {
	out  io.Writer
	bar  *progressbar.ProgressBar // nil: no terminal
	what string
	last time.Time
	told int
}

// progressEvery is how often a line is written where there is no terminal.
const progressEvery = 5 * time.Second

func newProgress(out io.Writer, what string) *progress {
	p := &progress{out: out, what: what, last: time.Now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString(what), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSpinnerType(14))
	}
	return p
}

// tell says how many there are, and what is waited for.
func (p *progress) tell(n int, waiting string) {
	what := p.what
	if waiting != "" {
		what += ", waiting for " + waiting
	}
	if p.bar != nil {
		p.bar.Describe(what)
		_ = p.bar.Set(n)
		return
	}
	if time.Since(p.last) >= progressEvery {
		rate := float64(n-p.told) / time.Since(p.last).Seconds()
		fmt.Fprintf(p.out, "%d %s, %.0f a second\n", n, what, rate)
		p.last, p.told = time.Now(), n
	}
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
