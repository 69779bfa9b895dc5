package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
)

type buriedOptions struct {
	sink, reason  string
	limit         int
	all, dry, yes bool
	because       string
	timezone      *time.Location
	operator      *app.Operator
}

func (c *cli) buriedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "buried",
		Short: "What could not go on: why, how to mend it, and sending it on its way again",
		Long: `A record that a destination will never take as it is, or a delivery that the
transform does not understand, is buried: kept whole, with the reason. These
commands list what is buried, show one with everything it came from, send it on
its way again once the cause is mended, and drop what is not wanted. A mekong may
be running meanwhile.`,
		Example: `  mekong buried list
  mekong buried list --sink crm
  mekong buried show 17
  mekong buried replay --sink crm --reason "too long" --dry-run
  mekong buried replay --all
  mekong buried drop 17 18 --reason "tests of the agency"`,
	}
	cmd.AddCommand(c.buriedList(), c.buriedShow(), c.buriedReplay(), c.buriedDrop())
	return cmd
}

func (c *cli) buriedList() *cobra.Command {
	var o buriedOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "The buried by place and reason, with what to do; with --sink or --reason each one",
		Args:  cobra.NoArgs,
		RunE: c.operated(&o, func(ctx context.Context, _ []string) error {
			return c.listBuried(ctx, o)
		}),
	}
	c.buriedFlags(cmd, &o)
	cmd.Flags().IntVar(&o.limit, "limit", 20, "how many are named one by one, with --sink or --reason")
	return cmd
}

func (c *cli) buriedShow() *cobra.Command {
	var o buriedOptions
	return &cobra.Command{
		Use:   "show NUMBER",
		Short: "One of the buried: the reason, the record, and the delivery it came from, in full",
		Args:  cobra.ExactArgs(1),
		RunE: c.operated(&o, func(ctx context.Context, args []string) error {
			seqs, err := numbers(args)
			if err != nil {
				return err
			}
			it, err := o.operator.BuriedOne(ctx, seqs[0])
			if err != nil {
				return err
			}
			c.showBuried(it, o.timezone)
			return nil
		}),
	}
}

func (c *cli) buriedReplay() *cobra.Command {
	var o buriedOptions
	cmd := &cobra.Command{
		Use:   "replay [NUMBER…]",
		Short: "Send the buried on their way again, to the one place that would not take them",
		Long: `Replay sends the buried through their place again: to the sink that would not take
them and to no other, or through the transform. Say which: by number, by --sink
and --reason, or --all. Mend the cause first, or they are buried again.`,
		RunE: c.operated(&o, func(ctx context.Context, args []string) error {
			seqs, err := numbers(args)
			if err != nil {
				return err
			}
			if len(seqs) == 0 && o.sink == "" && o.reason == "" && !o.all {
				return usagef("say which: their numbers, --sink, --reason, or --all")
			}
			if o.all && (len(seqs) > 0 || o.sink != "" || o.reason != "") {
				return usagef("--all is all of them: leave it out, or the others")
			}
			return c.replayBuried(ctx, o, seqs)
		}),
	}
	c.buriedFlags(cmd, &o)
	cmd.Flags().BoolVar(&o.all, "all", false, "all that is buried")
	cmd.Flags().BoolVar(&o.dry, "dry-run", false, "only say how many it would be")
	return cmd
}

func (c *cli) buriedDrop() *cobra.Command {
	var o buriedOptions
	cmd := &cobra.Command{
		Use:   "drop NUMBER…",
		Short: "Take some of the buried out for good",
		Long: `Drop takes buried records out for good: they are overwritten on disk and count as
dropped by hand. The reason is kept, so write no personal data into it.`,
		Args: cobra.MinimumNArgs(1),
		RunE: c.operated(&o, func(ctx context.Context, args []string) error {
			seqs, err := numbers(args)
			if err != nil {
				return err
			}
			if strings.TrimSpace(o.because) == "" {
				return usagef("say why with --reason; it is kept")
			}
			return c.dropBuried(ctx, o, seqs)
		}),
	}
	cmd.Flags().StringVar(&o.because, "reason", "", "why, in `words`; kept, so without personal data")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return cmd
}

func (c *cli) buriedFlags(cmd *cobra.Command, o *buriedOptions) {
	cmd.Flags().StringVar(&o.sink, "sink", "", "only what this sink would not take; \"transform\": what no record could be made of")
	cmd.Flags().StringVar(&o.reason, "reason", "", "only where the reason has these `words`")
	_ = cmd.RegisterFlagCompletionFunc("sink", c.completeSinks)
}

// operated runs a command with an operator.
func (c *cli) operated(o *buriedOptions, run func(context.Context, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		conf, op, done, err := c.operate(cmd.Context())
		if err != nil {
			return err
		}
		defer done()
		// A sink that is gone from the configuration may still have buried records.
		o.operator, o.timezone = op, zoneOf(conf)
		return run(cmd.Context(), args)
	}
}

// operate opens what the commands of an operator work on.
func (c *cli) operate(ctx context.Context) (*config.Config, *app.Operator, func(), error) {
	log, err := c.logger()
	if err != nil {
		return nil, nil, nil, err
	}
	conf, err := config.Load(c.config)
	if err != nil {
		return nil, nil, nil, unreadable(err)
	}
	op, done, err := app.Operate(ctx, conf, log)
	return conf, op, done, err
}

// zoneOf is the zone that times are shown in.
func zoneOf(conf *config.Config) *time.Location {
	zone, err := time.LoadLocation(conf.Timezone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// numbers reads what the buried are called by.
func numbers(args []string) ([]uint64, error) {
	var out []uint64
	for _, a := range args {
		n, err := strconv.ParseUint(a, 10, 64)
		if err != nil || n == 0 {
			return nil, usagef("%q is no number of a buried record: mekong buried list --sink NAME shows them", a)
		}
		out = append(out, n)
	}
	return out, nil
}

func (o buriedOptions) filter() app.BuriedFilter {
	return app.BuriedFilter{Sink: o.sink, Reason: o.reason}
}

func (c *cli) listBuried(ctx context.Context, o buriedOptions) error {
	if o.limit < 0 {
		return usagef("--limit is not less than 0")
	}
	groups, err := o.operator.BuriedGroups(ctx, o.filter())
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		fmt.Fprintln(c.out, "Nothing is buried.")
		return nil
	}
	total := 0
	for _, g := range groups {
		total += g.Count
		fmt.Fprintf(c.out, "%6d  %s  since %s\n        %s\n        numbers %s\n        fix: %s\n", g.Count, tame(g.Sink),
			g.Oldest.In(o.timezone).Format(shownTime), tame(g.Reason), someNumbers(g.Seqs, g.Count), tame(g.Fix))
	}
	fmt.Fprintf(c.out, "%6d  buried in all\n", total)
	if o.sink == "" && o.reason == "" {
		return nil
	}
	items, err := o.operator.Buried(ctx, o.filter(), o.limit)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.out)
	for _, it := range items {
		id := ""
		if it.Record != nil {
			id = it.Record.ID
		} else if it.Raw != nil {
			id = it.Raw.ID
		}
		fmt.Fprintf(c.out, "%6d  %s  tried %d times  %s\n", it.Seq, it.At.In(o.timezone).Format(shownTime), it.Attempts, tame(id))
	}
	if total > len(items) {
		fmt.Fprintf(c.out, "and %d more: --limit\n", total-len(items))
	}
	return nil
}

// shownTime is how a moment is written for people.
const shownTime = "2006-01-02 15:04:05"

func someNumbers(seqs []uint64, of int) string {
	words := make([]string, len(seqs))
	for i, s := range seqs {
		words[i] = strconv.FormatUint(s, 10)
	}
	out := strings.Join(words, " ")
	if of > len(seqs) {
		out += " …"
	}
	return out
}

func (c *cli) showBuried(it app.BuriedItem, zone *time.Location) {
	fmt.Fprintf(c.out, "buried %d at %s, %s, tried %d times\n", it.Seq, tame(it.Sink), it.At.In(zone).Format(shownTime), it.Attempts)
	fmt.Fprintf(c.out, "reason  %s\n", tame(it.Reason))
	if r := it.Record; r != nil {
		fmt.Fprintf(c.out, "\nrecord  %s\n", tame(r.ID))
		for _, line := range [][2]string{{"key", r.Key}, {"kind", r.Kind}, {"source", r.Source},
			{"occurred", r.Occurred.In(zone).Format(shownTime)}, {"received", r.Received.In(zone).Format(shownTime)}} {
			fmt.Fprintf(c.out, "  %-20s %s\n", line[0], tame(line[1]))
		}
		for _, name := range fieldNames(*r) {
			fmt.Fprintf(c.out, "  %-20s %s\n", tame(name), tame(fmt.Sprint(r.Fields[name])))
		}
	}
	switch raw := it.Raw; {
	case raw != nil:
		fmt.Fprintf(c.out, "\ndelivery  %s\n", tame(raw.ID))
		for _, line := range [][2]string{{"source", raw.Source}, {"format", raw.Format}, {"received", raw.Received.In(zone).Format(shownTime)}} {
			fmt.Fprintf(c.out, "  %-20s %s\n", line[0], tame(line[1]))
		}
		for _, name := range slices.Sorted(maps.Keys(raw.Meta)) {
			fmt.Fprintf(c.out, "  %-20s %s\n", tame(name), tame(raw.Meta[name]))
		}
		for line := range strings.Lines(string(raw.Body)) {
			fmt.Fprintf(c.out, "  | %s\n", tame(strings.TrimRight(line, "\r\n")))
		}
	case it.Record != nil:
		fmt.Fprintln(c.out, "\nThe delivery that it came from is no longer kept (nats.keep).")
	}
}

func (c *cli) replayBuried(ctx context.Context, o buriedOptions, seqs []uint64) error {
	f := o.filter()
	f.Seqs = seqs
	n, err := o.operator.ReplayBuried(ctx, f, o.dry, nil)
	switch {
	case err != nil && n > 0:
		return fmt.Errorf("%w (%d were sent before that)", err, n)
	case err != nil:
		return err
	case o.dry:
		fmt.Fprintf(c.out, "%d would be sent again. Nothing was done.\n", n)
		return nil
	}
	fmt.Fprintf(c.out, "%d sent on their way again.\n", n)
	c.sayWhoWorks(o.operator, n)
	return nil
}

// sayWhoWorks tells when what was sent waits for somebody to start.
func (c *cli) sayWhoWorks(op *app.Operator, n int) {
	if !op.Running && n > 0 {
		fmt.Fprintln(c.out, "No mekong is running; the next mekong run works them off.")
	}
}

func (c *cli) dropBuried(ctx context.Context, o buriedOptions, seqs []uint64) error {
	for _, seq := range seqs {
		it, err := o.operator.BuriedOne(ctx, seq)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "%6d  %s  %s  %s\n", it.Seq, tame(it.Sink), it.At.In(o.timezone).Format(shownTime), tame(it.Reason))
	}
	if !o.yes {
		ok, err := newAsker(c.in, c.err).yes(ctx, fmt.Sprintf("Drop %d for good? [y/N] ", len(seqs)))
		if err != nil {
			return err
		}
		if !ok {
			return quietError{errors.Join(errDeclined, c.say("Nothing was dropped."))}
		}
	}
	n, err := o.operator.DropBuried(ctx, seqs, o.because)
	fmt.Fprintf(c.out, "%d dropped.\n", n)
	return err
}

var errDeclined = errors.New("declined")

// say writes a line for whoever looks at the screen.
func (c *cli) say(line string) error {
	_, err := fmt.Fprintln(c.err, line)
	return err
}
