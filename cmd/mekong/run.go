package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
)

func (c *cli) runCommand() *cobra.Command {
	var o app.Options
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Take in leads and deliver them, until stopped",
		Long: `Run takes in what the configured sources send and delivers it to the configured
sinks. A stop (Ctrl-C, SIGTERM) lets what is in hand finish; everything else is
on disk and goes on at the next start.

A hangup (SIGHUP, systemctl reload) has it read the configuration again. One that
is wrong is told of, and the old one keeps running; one that has changed is taken
after a stop as above, in the same process and behind the same listeners: who
sends meanwhile waits a moment, and nobody is turned away. data_dir and the NATS
that is used change with a restart only, and so do variables of the environment.`,
		Example: `  mekong run
  mekong run -c /etc/mekong.yaml --production
  kill -HUP $(pidof mekong)                    # take the changed configuration
  mekong run --only intake                     # a door of its own; with nats.gateway also while the cluster is away
  mekong run --only deliver --sinks archive    # one sink's worker of its own`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.serve(cmd.Context(), o)
		},
	}
	cmd.Flags().StringSliceVar(&o.Only, "only", nil, "roles to take, of "+strings.Join(app.Roles, ", ")+" (default all)")
	cmd.Flags().StringSliceVar(&o.Sinks, "sinks", nil, "sinks to deliver to, by name (default all)")
	cmd.Flags().BoolVar(&o.Production, "production", false, "refuse what is only fit for trying out")
	_ = cmd.RegisterFlagCompletionFunc("only", cobra.FixedCompletions(app.Roles, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("sinks", c.completeSinks)
	return cmd
}

func (c *cli) completeSinks(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	conf, err := config.Load(c.config)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return conf.SinkNames(), cobra.ShellCompDirectiveNoFileComp
}

func (c *cli) serve(ctx context.Context, o app.Options) error {
	log, err := c.logger()
	if err != nil {
		return err
	}
	// From the first moment, or a hangup would end the process.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // Windows has none, and nothing ever comes
	defer signal.Stop(hangups)
	now, err := c.read()
	if err != nil {
		return err
	}
	r := &runner{cli: c, opts: o, log: log, fronts: &fronts{life: ctx}}
	r.opts.Logger, r.opts.Listen, r.opts.Standing = log, r.fronts.listen, &app.Standing{}
	defer r.opts.Standing.Close()
	defer r.fronts.close()
	if err := r.run(ctx, now, hangups); err != nil {
		return err
	}
	c.farewell(r.accepted, r.duplicates)
	return nil
}

// announce prints what an operator needs next: where leads go in, and what an
// answer is worth.
func (c *cli) announce(conf *config.Config, a *app.App) {
	fmt.Fprintf(c.err, "Mekong: %s\n", a.Bus.Durability())
	if a.Sources != nil && a.Sources.Door != nil {
		for _, name := range conf.SourceNames() {
			if path := conf.Sources[name].Path(); path != "" {
				fmt.Fprintf(c.err, "  source %-12s http://%s%s\n", name, a.Sources.Door.Addr(), path)
			}
		}
	}
	for _, s := range a.Sinks {
		fmt.Fprintf(c.err, "  sink   %-12s takes %s\n", s.Name, strings.Join(s.Config.Accept, ", "))
	}
	switch {
	case a.Gateway():
		fmt.Fprintf(c.err, "  gateway             passes on to %s\n", conf.NATS.URL)
		if a.Console != nil {
			fmt.Fprintf(c.err, "                      http://%s/metrics says how many wait\n", a.Console.Addr())
		}
	case a.Console != nil:
		announceConsole(c.err, a)
	}
}

// announceConsole prints where the console is, and once, at the very first start, the
// link that signs in.
func announceConsole(w io.Writer, a *app.App) {
	address, tokenFile := a.ConsoleLink()
	fmt.Fprintf(w, "  console             %s\n", address)
	if tokenFile != "" {
		fmt.Fprintf(w, "                      sign in with the token in %s\n", tokenFile)
	}
}

// farewell says how things stand after a stop.
func (c *cli) farewell(accepted, duplicates uint64) {
	fmt.Fprintf(c.err, "Mekong has stopped: %d accepted, %d duplicates in this run. What waits is on disk and goes on at the next start.\n", accepted, duplicates)
}
