package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
)

func (c *cli) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check the configuration, show what is in effect, or print an example or the schema",
		Example: `  mekong config example > mekong.yaml
  mekong config check
  mekong config show
  mekong config schema > mekong.schema.json`,
		// Without these a mistyped command would be answered with this help, and
		// be taken for a success.
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "check", Short: "Say everything that is wrong, with line and path; exit 2 if anything is", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return c.check() },
		},
		&cobra.Command{
			Use: "show", Short: "Print the values in effect, defaults included and secrets hidden", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				conf, err := config.Load(c.config)
				if err != nil {
					return unreadable(err)
				}
				text, err := conf.Show()
				if err != nil {
					return err
				}
				_, err = c.out.Write(text)
				return err
			},
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON Schema, for editors", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				text, err := config.Schema()
				if err != nil {
					return err
				}
				_, err = c.out.Write(text)
				return err
			},
		},
		&cobra.Command{
			Use: "example", Short: "Print a commented configuration to start from", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				_, err := c.out.Write(config.Example)
				return err
			},
		})
	return cmd
}

func (c *cli) check() error {
	conf, err := config.Load(c.config)
	if err != nil {
		var problems config.Problems
		if errors.As(err, &problems) {
			return c.tell(problems)
		}
		return unreadable(err)
	}
	if problems := app.Compile(conf); len(problems) > 0 {
		return c.tell(problems)
	}
	fmt.Fprintf(c.out, "%s is fine: %d sources, %d sinks\n", c.config, len(conf.Sources), len(conf.Sinks))
	return nil
}

// tell prints problems one a line, as editors and scripts expect them.
func (c *cli) tell(problems config.Problems) error {
	for _, p := range problems {
		fmt.Fprintln(c.err, p)
	}
	return quietError{problems}
}

// unreadable makes the caller's mistake of a file that cannot be read; what it
// holds and what to do is in the error already.
func unreadable(err error) error {
	var problems config.Problems
	if errors.As(err, &problems) {
		return err
	}
	return usageError{err}
}
