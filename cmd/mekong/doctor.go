package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/doctor"
)

type doctorOptions struct{ json, write, ready bool }

func (c *cli) doctorCommand() *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor [SINK…]",
		Short: "Say what is wrong and what to do about it: this machine, NATS, every source and sink",
		Long: `Doctor looks at the configuration, this machine, NATS, every source's door and
every sink, side by side, and says what is wrong and how to mend it, with the
page to open where there is one. With the names of sinks it looks at those only.

It reads only, with three exceptions: with nats.url, or a sink of Lark Base or
Google Sheets, it makes the streams as run does, if they are not there; a sign-in
that is due is renewed; and --write puts one marked row into each sink that knows
how, and removes it again. A mekong may be running meanwhile.

Exit 0: all is well, or only warnings. 1: something does not work. 2: the
configuration is wrong.`,
		Example: `  mekong doctor
  mekong doctor crm --write      # prove that rows can be written
  mekong doctor --json           # for programs
  mekong doctor --ready          # for a health check`,
		ValidArgsFunction: c.completeSinks,
		RunE: func(cmd *cobra.Command, sinks []string) error {
			if o.ready {
				return c.ready(cmd.Context())
			}
			return c.doctor(cmd.Context(), sinks, o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print the findings as JSON")
	cmd.Flags().BoolVar(&o.ready, "ready", false, "only ask the mekong that runs whether it takes leads in")
	cmd.Flags().BoolVar(&o.write, "write", false, "prove it: write one row to each sink and remove it")
	return cmd
}

func (c *cli) doctor(ctx context.Context, sinks []string, o doctorOptions) error {
	log, err := c.logger()
	if err != nil {
		return err
	}
	conf, err := config.Load(c.config)
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		return unreadable(err)
	}
	if err == nil {
		problems = app.Compile(conf)
	}
	if len(problems) > 0 {
		if o.json {
			return errors.Join(c.show(doctor.Run(ctx, []doctor.Check{problemsFound(problems)}), o.json), quietError{problems})
		}
		return c.tell(problems)
	}
	checks, done, err := app.Checks(conf, app.DoctorOptions{Sinks: sinks, Write: o.write, Logger: log})
	if err != nil {
		return usageError{err}
	}
	report := doctor.Run(ctx, checks)
	done()
	if err := c.show(report, o.json); err != nil {
		return err
	}
	if n := report.Count(pipeline.Fail); n > 0 {
		return quietError{fmt.Errorf("%d findings need somebody to act", n)}
	}
	return nil
}

func (c *cli) show(r doctor.Report, asJSON bool) error {
	if asJSON {
		return r.JSON(c.out)
	}
	return r.Text(c.out, styleOf(c.out))
}

// styleOf is what the screen behind w can do; a file or a pipe can do nothing.
func styleOf(w io.Writer) doctor.Style {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return doctor.Style{}
	}
	s := doctor.Style{Colour: os.Getenv("NO_COLOR") == ""}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil {
		s.Width = width
	}
	return s
}

// problemsFound is what is wrong with the configuration, as findings.
func problemsFound(problems config.Problems) doctor.Check {
	return doctor.Check{Group: "configuration", Run: func(context.Context) (found []pipeline.Finding) {
		for _, p := range problems {
			f := pipeline.Finding{Level: pipeline.Fail, Setting: p.Path, What: p.What, Fix: p.Fix}
			if p.Line > 0 {
				f.What = fmt.Sprintf("line %d: %s", p.Line, p.What)
			}
			found = append(found, f)
		}
		return found
	}}
}
