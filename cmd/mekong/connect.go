package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/doctor"
)

func (c *cli) connectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "connect",
		Short: "Set a sink up from the link of its table",
		Example: `  mekong connect lark 'https://example.larksuite.com/base/HTJ6b?table=tblpg'
  mekong connect sheets 'https://docs.google.com/spreadsheets/d/1AbC/edit#gid=0'
  mekong connect appsscript https://script.google.com/macros/s/AKfy…/exec`,
	}
	cmd.AddCommand(c.connectLarkCommand(), c.connectSheetsCommand(), c.connectAppsScriptCommand())
	return cmd
}

// connection is a set-up under way, whatever the vendor.
type connection struct {
	name   string // of the sink
	yes    bool   // write without asking
	staged bool   // init does the talking, and there is no file yet that anybody knows of
	secret string // never printed; "": there is none
	ref    string // what stands for it in the configuration
	env    string // the variable that ref names, where it names one
	toFile string // where the secret is to be kept; "": nowhere
	// block is the sink's part of the configuration, below its name, with ref in the
	// place of the secret, in lines indented by two spaces a step.
	block func(ref string, mapped []proposal) []string
	// keyColumn is the sink's own column.
	keyColumn func(config.Sink) string
	next      []string // what is to be done first once it is written: a command, and what that does
}

// survey is what was found behind a link.
type survey struct {
	title   string // what it is, for a person
	columns []column
	report  doctor.Report // what is wrong, if something is
}

var (
	sinkName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	envName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// surveyTimeout bounds finding a table, over all calls.
const surveyTimeout = time.Minute

// mayConnect looks at the name and the file before anything is asked.
func (c *cli) mayConnect(name string) (was []byte, err error) {
	if !sinkName.MatchString(name) {
		return nil, usagef("--name %q is no name for a sink: a small letter, then small letters, digits, - and _", name)
	}
	was, err = os.ReadFile(c.config)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, usageError{err}
	}
	if hasSink(was, name) {
		return nil, usagef("there is a sink %q in %s already; choose another --name, or take it out first", name, c.config)
	}
	return was, nil
}

// connect goes on from what was found: it proposes the columns, has the sink itself
// look, and writes it into the configuration.
func (c *cli) connect(ctx context.Context, ask *asker, con *connection, found survey, was []byte) error {
	if found.report.Worst() == pipeline.Fail {
		return c.refused(con, found.report)
	}
	alone, err := con.alone(c.config, nil)
	if err != nil {
		return err
	}
	mapped := propose(found.columns, con.keyColumn(alone.Sinks[con.name]))
	if alone, err = con.alone(c.config, mapped); err != nil {
		return err
	}
	c.tellColumns(found, mapped)
	if con.staged {
		alone.DataDir = filepath.Join(filepath.Dir(c.config), "data") // goes when init does
	}
	report := con.examine(ctx, alone)
	if err := report.Text(c.out, styleOf(c.out)); err != nil {
		return err
	}
	if report.Worst() == pipeline.Fail {
		return quietError{errNotUsable}
	}
	return c.settle(ctx, ask, con, mapped, was)
}

// settle writes the sink into the configuration, if whoever was asked wants that.
func (c *cli) settle(ctx context.Context, ask *asker, con *connection, mapped []proposal, was []byte) error {
	text, err := con.plan(c.config, was, mapped)
	if errors.Is(err, errByHand) {
		fmt.Fprintf(c.out, "\nIn %s: %s.\nPut this under sinks: yourself:\n\n  %s:\n    %s\n", c.config, err, con.name, strings.Join(con.block(con.ref, mapped), "\n    "))
		return quietError{err}
	}
	if err != nil {
		return err
	}
	if !con.yes && !con.staged {
		ok, err := ask.yes(ctx, fmt.Sprintf("Write this as sink %q into %s? [y/N] ", con.name, c.config))
		if err != nil {
			return err
		}
		if !ok {
			fmt.Fprintln(c.out, "Nothing was written.")
			return quietError{errors.New("not confirmed")}
		}
	}
	return c.connected(con, was, text)
}

var errNotUsable = errors.New("the table cannot be used yet; nothing was written")

// refused shows why nothing is written.
func (c *cli) refused(con *connection, r doctor.Report) error {
	if err := r.Text(c.out, styleOf(c.out)); err != nil {
		return err
	}
	if con.staged {
		return quietError{errNotUsable}
	}
	fmt.Fprintln(c.out, "Nothing was written. Mend it, and run this again.")
	return quietError{errNotUsable}
}

// keep finds out where a secret is to come from: from file, where one is named, which
// is made when it is not there, else from the variable env. It is asked for as what
// says when it is not there yet.
func (c *cli) keep(ctx context.Context, ask *asker, con *connection, what, flag, env, file string) (err error) {
	switch {
	case file != "":
		path := file
		con.ref = "${file:" + path + "}"
		if strings.ContainsAny(path, "}\n\r") {
			return usagef("--%s-file: a path without } and line breaks can be referred to", flag)
		}
		path = c.beside(path)
		text, err := os.ReadFile(path)
		if con.secret = strings.TrimSpace(string(text)); err == nil && con.secret == "" {
			return usagef("%s is empty; put the %s into it, or take it away and be asked", path, what)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return usageError{err}
		}
		con.toFile = path
	default:
		if !envName.MatchString(env) {
			return usagef("--%s-env takes the name of an environment variable; the secret itself does not belong on a command line", flag)
		}
		con.ref, con.env = "${"+env+"}", env
		con.secret = os.Getenv(env)
	}
	if con.secret == "" {
		con.secret, err = ask.secret(ctx, what+" (not shown): ")
	}
	if err != nil || con.secret == "" {
		return unanswered(err, "the "+what+" in "+env)
	}
	return nil
}

// beside is path as the configuration means it: relative to its own folder.
func (c *cli) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(c.config), path)
}

func unanswered(err error, what string) error {
	if err == nil || errors.Is(err, errNoAnswer) {
		return usagef("there was no answer; without a terminal, give %s", what)
	}
	return err
}

// connected writes what was planned, and says what is next.
func (c *cli) connected(con *connection, was, text []byte) error {
	if con.toFile != "" {
		if err := writeSecret(con.toFile, con.secret); err != nil {
			return err
		}
		if !con.staged {
			fmt.Fprintf(c.out, "The secret is in %s, which only you can read.\n", con.toFile)
		}
	}
	if err := replaceFile(c.config, was, text); err != nil || con.staged {
		return err
	}
	fmt.Fprintf(c.out, "Written: sink %q in %s.\n", con.name, c.config)
	if con.env != "" {
		if os.Getenv(con.env) == "" {
			fmt.Fprintf(c.out, "The secret is not in the file. Set it where Mekong is started:\n  export %s='…'    (PowerShell: $env:%s = '…')\n", con.env, con.env)
		} else {
			fmt.Fprintf(c.out, "The secret is not in the file: %s must be set where Mekong is started, as it is here.\n", con.env)
		}
	}
	file := ""
	if c.config != "mekong.yaml" {
		file = " -c " + c.config
	}
	fmt.Fprintln(c.out, "Next:")
	if len(con.next) == 2 {
		fmt.Fprintf(c.out, "  %s%s    %s\n", con.next[0], file, con.next[1])
	}
	fmt.Fprintf(c.out, "  mekong doctor %s --write%s    proves it with one row\n  mekong run%s\n", con.name, file, file)
	return nil
}
