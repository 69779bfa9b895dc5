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

	"github.com/spf13/cobra"

	"mekong/pipeline"
	"mekong/pipeline/doctor"
	"mekong/sinks/lark"
)

type connectOptions struct {
	name, appID           string
	secretEnv, secretFile string
	brand, endpoint       string
	table                 string
	yes                   bool
}

func (c *cli) connectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "connect",
		Short:   "Set a sink up from the link of its table",
		Example: "  mekong connect lark 'https://example.larksuite.com/base/HTJ6b?table=tblpg'",
	}
	cmd.AddCommand(c.connectLarkCommand())
	return cmd
}

func (c *cli) connectLarkCommand() *cobra.Command {
	var o connectOptions
	cmd := &cobra.Command{
		Use:   "lark URL",
		Short: "Set a Lark Base up from the link of its table: check it, map its columns, write the sink",
		Long: `Connect takes the link of a table as the browser shows it, asks for the app's ID
and secret, checks everything a worker needs, proposes which field goes to which
column, and writes the sink into the configuration. Whatever else is in the file
stays as it is, comments too; where there is no file, one is made.

The secret itself is never written into the configuration: it refers to an
environment variable, or to a file.

Put the link in quotes; there is a ? in it.`,
		Example: `  mekong connect lark 'https://example.larksuite.com/base/HTJ6b?table=tblpg'
  mekong connect lark URL --app-secret-file lark.secret    # kept in a file, mode 0600
  LARK_APP_SECRET=… mekong connect lark URL --app-id cli_a1b2 --yes    # no questions`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.connectLark(cmd.Context(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "crm", "what to call the sink")
	f.StringVar(&o.appID, "app-id", "", "App ID, from the developer console; asked for when left out")
	f.StringVar(&o.secretEnv, "app-secret-env", "LARK_APP_SECRET", "environment `variable` that holds the App Secret; asked for when it is not set")
	f.StringVar(&o.secretFile, "app-secret-file", "", "`file` that holds the App Secret, relative to the configuration; asked for, and made, when it is not there")
	f.StringVar(&o.brand, "brand", "", "lark or feishu, where the link does not tell")
	f.StringVar(&o.endpoint, "endpoint", "", "address of the Open API instead of the brand's, such as a simulator's")
	f.StringVar(&o.table, "table", "", "name or ID of the table, where the link has none or another")
	f.BoolVarP(&o.yes, "yes", "y", false, "write without asking")
	return cmd
}

// connection is a set-up under way.
type connection struct {
	o      connectOptions
	link   lark.Link
	secret string // never printed
	ref    string // what stands for it in the configuration
	plain  bool   // the link was of http, as a simulator's is
	toFile string // where the secret is to be kept; "": nowhere
}

var sinkName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

func (c *cli) connectLark(ctx context.Context, address string, o connectOptions) error {
	link, err := lark.ParseLink(address)
	if err != nil {
		return usageError{err}
	}
	if !sinkName.MatchString(o.name) {
		return usagef("--name %q is no name for a sink: a small letter, then small letters, digits, - and _", o.name)
	}
	if o.endpoint == "" && o.brand == "" && link.Brand == "" {
		return usagef("the host of the link does not tell whether this is Lark or Feishu: say --brand lark or --brand feishu")
	}
	was, err := os.ReadFile(c.config)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usageError{err}
	}
	if hasSink(was, o.name) {
		return usagef("there is a sink %q in %s already; choose another --name, or take it out first", o.name, c.config)
	}
	ask := newAsker(c.in, c.out)
	con := &connection{o: o, link: link, plain: strings.HasPrefix(strings.TrimSpace(address), "http://")}
	if err := c.credentials(ctx, ask, con); err != nil {
		return err
	}
	found, err := con.survey(ctx)
	if err != nil {
		return err
	}
	if found.report.Worst() == pipeline.Fail {
		return c.refused(found.report)
	}
	con.link.TableID = found.table.ID
	alone, err := con.alone(c.config, nil)
	if err != nil {
		return err
	}
	mapped := propose(found.columns, alone.Sinks[o.name].LarkBase.KeyColumn)
	if alone, err = con.alone(c.config, mapped); err != nil {
		return err
	}
	c.tellColumns(found, mapped)
	report := con.examine(ctx, alone)
	if err := report.Text(c.out, styleOf(c.out)); err != nil {
		return err
	}
	if report.Worst() == pipeline.Fail {
		return quietError{errNotUsable}
	}
	text, err := con.plan(c.config, was, mapped)
	if errors.Is(err, errByHand) {
		fmt.Fprintf(c.out, "\nIn %s: %s.\nPut this under sinks: yourself:\n\n  %s:\n    %s\n", c.config, err, o.name, strings.Join(con.block(con.ref, mapped), "\n    "))
		return quietError{err}
	}
	if err != nil {
		return err
	}
	if !o.yes {
		ok, err := ask.yes(ctx, fmt.Sprintf("Write this as sink %q into %s? [y/N] ", o.name, c.config))
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
func (c *cli) refused(r doctor.Report) error {
	if err := r.Text(c.out, styleOf(c.out)); err != nil {
		return err
	}
	fmt.Fprintln(c.out, "Nothing was written. Mend it, and run this again.")
	return quietError{errNotUsable}
}

// credentials finds the app's ID and secret, or asks for them.
func (c *cli) credentials(ctx context.Context, ask *asker, con *connection) (err error) {
	if con.o.appID == "" {
		fmt.Fprintln(c.out, "The app's ID and secret are in the developer console: your app, Credentials & Basic Info.")
		con.o.appID, err = ask.line(ctx, "App ID (cli_…): ")
		if err != nil || con.o.appID == "" {
			return unanswered(err, "--app-id")
		}
	}
	switch {
	case con.o.secretFile != "":
		path := con.o.secretFile
		con.ref = "${file:" + path + "}"
		if strings.ContainsAny(path, "}\n\r") {
			return usagef("--app-secret-file: a path without } and line breaks can be referred to")
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(c.config), path)
		}
		text, err := os.ReadFile(path)
		if con.secret = strings.TrimSpace(string(text)); err == nil && con.secret == "" {
			return usagef("%s is empty; put the App Secret into it, or take it away and be asked", path)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return usageError{err}
		}
		con.toFile = path
	default:
		if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(con.o.secretEnv) {
			return usagef("--app-secret-env takes the name of an environment variable; the secret itself does not belong on a command line")
		}
		con.ref = "${" + con.o.secretEnv + "}"
		con.secret = os.Getenv(con.o.secretEnv)
	}
	if con.secret == "" {
		con.secret, err = ask.secret(ctx, "App Secret (not shown): ")
	}
	if err != nil || con.secret == "" {
		return unanswered(err, "the App Secret in "+con.o.secretEnv)
	}
	return nil
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
		f, err := os.OpenFile(con.toFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = f.WriteString(con.secret + "\n")
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "The secret is in %s, which only you can read.\n", con.toFile)
	}
	if err := replaceFile(c.config, was, text); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "Written: sink %q in %s.\n", con.o.name, c.config)
	if con.o.secretFile == "" {
		if os.Getenv(con.o.secretEnv) == "" {
			fmt.Fprintf(c.out, "The secret is not in the file. Set it where Mekong is started:\n  export %s='…'    (PowerShell: $env:%s = '…')\n", con.o.secretEnv, con.o.secretEnv)
		} else {
			fmt.Fprintf(c.out, "The secret is not in the file: %s must be set where Mekong is started, as it is here.\n", con.o.secretEnv)
		}
	}
	file := ""
	if c.config != "mekong.yaml" {
		file = " -c " + c.config
	}
	fmt.Fprintf(c.out, "Next:\n  mekong doctor %s --write%s    proves it with one row\n  mekong run%s\n", con.o.name, file, file)
	return nil
}
