// Command mekong takes in every lead and puts it where it belongs, once.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"mekong/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes of every command.
const (
	exitOK     = 0
	exitFailed = 1 // something failed
	exitUsage  = 2 // the command line or the configuration is wrong
)

// cli is what the commands share.
type cli struct {
	in       io.Reader
	out, err io.Writer
	config   string // path of the configuration
	logLevel string
	logJSON  bool
	started  bool // a command was found and its flags were understood
}

// Main is the whole program, so that tests can run it in their own process.
func Main(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	c := &cli{in: in, out: out, err: errOut}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var quiet quietError
	if !errors.As(err, &quiet) {
		fmt.Fprintln(errOut, "mekong: "+err.Error())
	}
	var problems config.Problems
	var usage usageError
	switch {
	case !c.started:
		fmt.Fprintln(errOut, "Run mekong --help for what there is.")
		return exitUsage
	case errors.As(err, &problems), errors.As(err, &usage):
		return exitUsage
	default:
		return exitFailed
	}
}

// quietError has been told in full already.
type quietError struct{ error }

func (e quietError) Unwrap() error { return e.error }

// usageError is the caller's mistake.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, v ...any) error { return usageError{fmt.Errorf(format, v...)} }

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mekong",
		Short: "Every lead from form and chat into MongoDB, Google Sheets and Lark Base: once, quickly, never lost",
		Long: `Mekong takes in leads from landing pages, keeps each one on disk before it
answers, and writes it to its destinations exactly once, whatever fails on the
way.

Try it without any account:      mekong demo
Run it with your configuration:  mekong run -c mekong.yaml`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRun:  func(*cobra.Command, []string) { c.started = true },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&c.config, "config", "c", "mekong.yaml", "configuration `file`")
	flags.StringVar(&c.logLevel, "log-level", "info", "least `level` to log: debug, info, warn or error")
	flags.BoolVar(&c.logJSON, "log-json", false, "log as JSON, one object a line")
	_ = root.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions(
		[]string{"debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp))
	root.AddCommand(
		c.demoCommand(),
		c.runCommand(),
		c.sendCommand(),
		c.configCommand(),
		c.doctorCommand(),
		c.initCommand(),
		c.connectCommand(),
		c.loginCommand(),
		c.simCommand(),
		c.exportCommand(),
		c.importCommand(),
		c.traceCommand(),
		c.buriedCommand(),
		c.replayCommand(),
		c.reconcileCommand(),
		c.forgetCommand(),
		c.receiptCommand(),
		c.backupCommand(),
		c.restoreCommand(),
		c.benchCommand(),
	)
	return root
}

// logger writes to standard error. What is logged never holds a secret or a
// customer's data, whatever the level.
func (c *cli) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.logLevel)); err != nil {
		return nil, usagef("--log-level %q is none of debug, info, warn, error", c.logLevel)
	}
	o := &slog.HandlerOptions{Level: level}
	if c.logJSON {
		return slog.New(slog.NewJSONHandler(c.err, o)), nil
	}
	return slog.New(slog.NewTextHandler(c.err, o)), nil
}
