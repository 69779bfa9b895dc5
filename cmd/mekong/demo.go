package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"mekong/pipeline"
)

type demoOptions struct {
	length                time.Duration // 0: until stopped
	rate                  int           // leads a second; 0: none
	data                  string        // "": a folder that is removed at the end
	intake, page, console string
	lark, google          string        // of the simulated Lark and Google
	drain                 time.Duration // how long what waits may take at the end

	wrap func(name string, s pipeline.Sink) pipeline.Sink // for tests: a sink that is disturbed
}

// Rates and defaults of the demo.
const (
	demoRate      = 1      // without --for: enough to see something move
	demoRateTimed = 100    // with --for: enough to measure
	demoRateMost  = 20_000 // more than one machine takes
	demoDrain     = 30 * time.Second
	demoLongest   = 24 * time.Hour
)

func (c *cli) demoCommand() *cobra.Command {
	o := demoOptions{drain: demoDrain}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show everything on this machine, without any account or configuration",
		Long: `Demo runs all of Mekong in this process, with NATS and MongoDB in it, in a folder
that is removed at the end, and beside it a simulated Lark with a Base and a chat,
and a simulated Google with a spreadsheet. It serves a landing page that submits as
LadiPage's does and a page with a small chatbot, sends made-up leads and
conversations at the door over HTTP, and ends with an account of every one of them:
received, stored in MongoDB, in the Base and in the spreadsheet, dropped as
duplicates, buried, and how long they took. Exit 1 when that does not add up.

Base and spreadsheet are in memory: with --data too they begin empty, and their part
of the account is of the one run. Google takes 60 writes a minute, as the real one
does; leads that wait share a write.

One lead in 50 is a submission sent twice, so that there are duplicates to drop.
Beside ten leads goes one message of a conversation, with all of it saved again.`,
		Example: `  mekong demo                          # until Ctrl-C; open the landing page
  mekong demo --for 10s --rate 200
  mekong demo --data ./demo-data       # kept; the next run goes on with it
  mekong demo --rate 0 --intake 127.0.0.1:0 --page 127.0.0.1:0 --console 127.0.0.1:0 --lark 127.0.0.1:0 --google 127.0.0.1:0`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.length > 0 && !cmd.Flags().Changed("rate") {
				o.rate = demoRateTimed
			}
			if !cmd.Flags().Changed("log-level") {
				c.logLevel = "warn" // the screen is for people
			}
			return c.demo(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&o.length, "for", 0, "send leads for this long, then settle up and end; 0 is until Ctrl-C")
	f.IntVar(&o.rate, "rate", demoRate, fmt.Sprintf("leads to send a `second`, 0 for none (with --for: default %d)", demoRateTimed))
	f.StringVar(&o.data, "data", "", "keep everything in this `folder`, and go on with what is there")
	f.StringVar(&o.intake, "intake", "127.0.0.1:8080", "`address` of the door; port 0 picks one")
	f.StringVar(&o.page, "page", "127.0.0.1:8082", "`address` of the landing page and the chat page")
	f.StringVar(&o.console, "console", "127.0.0.1:8081", "`address` of /metrics and /readyz")
	f.StringVar(&o.lark, "lark", "127.0.0.1:8083", "`address` of the simulated Lark")
	f.StringVar(&o.google, "google", "127.0.0.1:8084", "`address` of the simulated Google")
	_ = cmd.MarkFlagDirname("data")
	return cmd
}

func (o demoOptions) validate() error {
	switch {
	case o.length < 0 || o.length > demoLongest:
		return usagef("--for %s is not between 0 and %s", o.length, demoLongest)
	case o.rate < 0 || o.rate > demoRateMost:
		return usagef("--rate %d is not between 0 and %d", o.rate, demoRateMost)
	}
	return nil
}

// demo runs the whole thing and ends with the account, the last it prints.
func (c *cli) demo(ctx context.Context, o demoOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	screen := newScreen(c.err)
	c.err = screen
	log, err := c.logger()
	if err != nil {
		return err
	}
	dir, remove, err := o.folder()
	if err != nil {
		return err
	}
	account, err := runDemo(ctx, o, dir, log, screen)
	screen.clear()
	if removed := remove(); err == nil && removed != nil {
		err = removed
	}
	if err != nil {
		return err
	}
	account.print(c.out)
	return account.verdict()
}

// folder is where everything is kept, and how to leave it.
func (o demoOptions) folder() (dir string, remove func() error, err error) {
	if o.data != "" {
		return o.data, func() error { return nil }, nil
	}
	dir, err = os.MkdirTemp("", "mekong-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("no temporary folder can be made: %w; name one with --data", err)
	}
	return dir, func() error {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("the demo's folder could not be removed: %w", err)
		}
		return nil
	}, nil
}
