package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/bench"
)

type benchOptions struct {
	only    []string
	rounds  int
	seconds float64
	data    string
	json    bool
	quick   bool
	against string
	waiting []int
}

func (c *cli) benchCommand() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what this machine can take, beside the least that would do",
		Long: `Bench measures the door, the transform stage, the MongoDB sink, the Lark Base
sink into a simulated Base, the Google Sheets sink into a simulated spreadsheet,
how little a dead sink disturbs the others, and memory: on embedded servers, over
loopback, in a folder that is removed. It takes about five minutes and stops by
itself.

Each ratio compares Mekong with the shortest program that would do the same, run
in turns with it, and stands beside what that program makes of itself (A/A). An
aim that is missed is reported; the exit code stays 0, because a clock is no
judge. What else runs on the machine shows.

The measure "waiting" is only taken when it is named: with so many records waiting,
how fast they go on, how long a start takes, and how large the process is. Five
million take ten minutes and 8 GB of the disk.`,
		Example: `  mekong bench
  mekong bench --quick                      # about half a minute, too short to quote
  mekong bench --only door --rounds 9
  mekong bench --json > before.json && mekong bench --against before.json
  mekong bench --only waiting --waiting 10000,100000,1000000,5000000
  mekong bench --data /mnt/fast --json      # on that disk, for a program to read`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.quick {
				if !cmd.Flags().Changed("rounds") {
					o.rounds = 3
				}
				if !cmd.Flags().Changed("seconds") {
					o.seconds = 0.3
				}
			}
			return c.bench(cmd, o)
		},
	}
	cmd.Flags().StringSliceVar(&o.only, "only", nil, "measures to take, of "+strings.Join(bench.Names, ", ")+" (default all), or "+bench.Asked)
	cmd.Flags().IntVar(&o.rounds, "rounds", 5, "times each thing is measured, 1 to 100; fewer than 5 say little")
	cmd.Flags().Float64Var(&o.seconds, "seconds", 2, "length of one turn, 0.1 to 60")
	cmd.Flags().StringVar(&o.data, "data", "", "`folder` to work in, whose disk is then what is measured (default: the system's temporary folder)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON instead of a table")
	cmd.Flags().StringVar(&o.against, "against", "", "`file` that --json printed in an earlier run, to compare this one with")
	cmd.Flags().IntSliceVar(&o.waiting, "waiting", bench.WaitingSizes, "with --only waiting: how many records wait, growing, 20,000,000 at most")
	cmd.Flags().BoolVar(&o.quick, "quick", false, "3 rounds of 0.3 seconds, unless those are given")
	_ = cmd.RegisterFlagCompletionFunc("only", cobra.FixedCompletions(append(slices.Clone(bench.Names), bench.Asked), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) bench(cmd *cobra.Command, o benchOptions) error {
	if o.rounds < 1 || o.rounds > 100 {
		return usagef("--rounds %d is not between 1 and 100", o.rounds)
	}
	if !(o.seconds >= 0.1 && o.seconds <= 60) {
		return usagef("--seconds %g is not between 0.1 and 60", o.seconds)
	}
	if err := bench.Known(o.only); err != nil {
		return usagef("--only: %w", err)
	}
	for i, n := range o.waiting {
		if n < 1000 || n > 20_000_000 || i > 0 && n <= o.waiting[i-1] {
			return usagef("--waiting takes numbers from 1,000 to 20,000,000, each more than the one before, such as 10000,1000000")
		}
	}
	earlier, err := earlierRun(o.against)
	if err != nil {
		return err
	}
	began := time.Now()
	report, err := bench.Run(cmd.Context(), bench.Options{
		Dir: o.data, Only: o.only, Rounds: o.rounds, Quick: o.quick, Waiting: o.waiting,
		Leg: time.Duration(o.seconds * float64(time.Second)), Lark: benchLark, Google: benchGoogle,
		Say: func(what string) { fmt.Fprintf(c.err, "%4.0fs  %s\n", time.Since(began).Seconds(), what) },
	})
	if err != nil {
		return err
	}
	if o.json {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	if err := report.Table(c.out); err != nil || earlier == nil {
		return err
	}
	return report.Against(c.out, earlier)
}

// earlierRun reads what --json printed; nil for no file.
func earlierRun(path string) (*bench.Report, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usagef("--against: %w", err)
	}
	defer func() { _ = f.Close() }() // it is only read
	r, err := bench.ReadReport(f)
	if err != nil {
		return nil, usagef("--against %s: %w", path, err)
	}
	return r, nil
}
