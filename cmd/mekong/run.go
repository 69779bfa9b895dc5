package main

import (
	"context"
	"fmt"
	"io"
	"strings"

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
on disk and goes on at the next start.`,
		Example: `  mekong run
  mekong run -c /etc/mekong.yaml --production
  mekong run --only intake                     # a door of its own
  mekong run --only deliver --sinks archive    # one sink's worker of its own`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, err := config.Load(c.config)
			if err != nil {
				return unreadable(err)
			}
			return c.serve(cmd.Context(), conf, o)
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

func (c *cli) serve(ctx context.Context, conf *config.Config, o app.Options) error {
	log, err := c.logger()
	if err != nil {
		return err
	}
	o.Logger = log
	a, err := app.New(ctx, conf, o)
	if err != nil {
		return err
	}
	defer a.Close()
	c.announce(conf, a)
	if err := a.Run(ctx); err != nil {
		return err
	}
	c.farewell(a)
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
	if a.Console != nil {
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
func (c *cli) farewell(a *app.App) {
	n := a.Bus.Counts()
	fmt.Fprintf(c.err, "Mekong has stopped: %d accepted, %d duplicates in this run. What waits is on disk and goes on at the next start.\n", n.Accepted, n.Duplicates)
}
