package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/deployments/appsscript"
	"mekong/pipeline/doctor"
)

type connectScriptOptions struct {
	name, tab             string
	secretEnv, secretFile string
	endpoint              string
	yes                   bool
	staged                bool // by init
}

func (c *cli) connectAppsScriptCommand() *cobra.Command {
	var o connectScriptOptions
	var script bool
	cmd := &cobra.Command{
		Use:   "appsscript [URL]",
		Short: "Set a Google spreadsheet up through a script in it, without a Google Cloud project",
		Long: `Connect takes the address of the web app that the script in your spreadsheet was
deployed as (it ends in /exec), asks for the secret that both ends know, or makes one,
looks whether the script answers, is open to machines, knows the secret and is of this
version, proposes which field goes to which column, and writes the sink into the
configuration. Whatever else is in the file stays as it is, comments too; where there
is no file, one is made.

Without an address it says first, step by step, how the script gets into the
spreadsheet; with --script it prints the script and does nothing else.

The secret goes into a file beside the configuration that only you can read, unless it
is in the environment already.`,
		Example: `  mekong connect appsscript                     # every step, then it asks for the address
  mekong connect appsscript --script > Code.gs  # what to paste
  mekong connect appsscript https://script.google.com/macros/s/AKfy…/exec
  SHEET_SECRET=… mekong connect appsscript URL --yes    # no questions`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if script {
				_, err := io.WriteString(c.out, appsscript.Code)
				return err
			}
			return c.connectAppsScript(cmd.Context(), strings.Join(args, ""), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "sheet", "what to call the sink")
	f.StringVar(&o.tab, "tab", "", "name of the tab; left out, the first one")
	f.StringVar(&o.secretEnv, "secret-env", "SHEET_SECRET", "environment `variable` that holds the secret, where it is set")
	f.StringVar(&o.secretFile, "secret-file", "", "`file` that holds the secret, relative to the configuration, and is made when it is not there (default secrets/NAME.secret)")
	f.StringVar(&o.endpoint, "endpoint", "", "where a simulator stands for script.google.com")
	f.BoolVar(&script, "script", false, "print the script for the spreadsheet, and nothing else")
	f.BoolVarP(&o.yes, "yes", "y", false, "write without asking")
	return cmd
}

// scriptConnection is the set-up of a tab through a script.
type scriptConnection struct {
	connection
	o    connectScriptOptions
	url  string
	made bool // the secret is new: no script knows it yet
}

func (c *cli) connectAppsScript(ctx context.Context, address string, o connectScriptOptions) error {
	was, err := c.mayConnect(o.name)
	if err != nil {
		return err
	}
	con := &scriptConnection{
		connection: connection{name: o.name, yes: o.yes, staged: o.staged, keyColumn: func(s config.Sink) string { return s.AppsScript.KeyColumn }},
		o:          o, url: strings.TrimSpace(address),
	}
	con.block = con.lines
	ask := newAsker(c.in, c.out)
	// A wrong address is told before anything is asked.
	if con.url != "" {
		if err := con.plausible(c.config, con.url, madeSecret()); err != nil {
			return err
		}
	}
	if err := c.scriptSecret(ctx, ask, con); err != nil {
		return err
	}
	if con.url == "" {
		scriptSteps(c.out, con.secret, con.made)
		if con.url, err = ask.line(ctx, "\nThe Web app URL (…/exec): "); err != nil || con.url == "" {
			return unanswered(err, "the address of the web app as an argument")
		}
		if err := con.plausible(c.config, con.url, con.secret); err != nil {
			return err
		}
	} else if con.made {
		fmt.Fprintf(c.out, "In the script, gear Project Settings (Cài đặt dự án), Script Properties (Thuộc tính tập lệnh), add and save:\n\n  MEKONG_SECRET   %s\n\n", con.secret)
		if !o.yes {
			if _, err := ask.line(ctx, "Enter when it is saved: "); err != nil {
				return unanswered(err, "--yes")
			}
		}
	}
	found, err := con.survey(ctx, c.config)
	if err != nil {
		return err
	}
	err = c.connect(ctx, ask, &con.connection, found, was)
	if errors.Is(err, errNotUsable) && con.made && !o.staged {
		fmt.Fprintf(c.out, "The new secret stays in %s and is used then.\n", c.beside(con.file()))
	}
	return err
}

// file is where the secret is, relative to the configuration.
func (con *scriptConnection) file() string {
	if con.o.secretFile != "" {
		return con.o.secretFile
	}
	return filepath.Join(secretsFolder, con.o.name+".secret")
}

// plausible says what is wrong with an address or a secret before anything is sent.
func (con *scriptConnection) plausible(path, address, secret string) error {
	bare := &scriptConnection{connection: connection{name: con.name, secret: secret}, o: con.o, url: address}
	bare.block = bare.lines
	_, err := bare.alone(path, nil)
	return err
}

// scriptSecret finds the secret, or makes one. One that is made is kept at once: the
// script is told of it before anything else is known to be right.
func (c *cli) scriptSecret(ctx context.Context, ask *asker, con *scriptConnection) error {
	if !envName.MatchString(con.o.secretEnv) {
		return usagef("--secret-env takes the name of an environment variable; the secret itself does not belong on a command line")
	}
	if s := os.Getenv(con.o.secretEnv); s != "" && con.o.secretFile == "" {
		con.secret, con.env, con.ref = s, con.o.secretEnv, "${"+con.o.secretEnv+"}"
		return nil
	}
	file := con.file()
	if strings.ContainsAny(file, "}\n\r") {
		return usagef("--secret-file: a path without } and line breaks can be referred to")
	}
	con.ref = "${file:" + filepath.ToSlash(file) + "}"
	var err error
	if con.secret, err = readSecret(c.beside(file)); err != nil || con.secret != "" {
		return err
	}
	if !con.yes {
		con.secret, err = ask.secret(ctx, "What the script's property MEKONG_SECRET holds (not shown; Enter: make one): ")
		if err != nil {
			return unanswered(err, "--yes, or the secret in "+con.o.secretEnv)
		}
	}
	if con.made = con.secret == ""; con.made {
		con.secret = madeSecret()
	}
	if err := con.plausible(c.config, "https://script.google.com/macros/s/later/exec", con.secret); err != nil {
		return err
	}
	if !con.made {
		con.toFile = c.beside(file)
		return nil
	}
	return writeSecret(c.beside(file), con.secret)
}

// lines are the sink's block.
func (con *scriptConnection) lines(ref string, mapped []proposal) []string {
	lines := []string{"accept: [lead]", "appsscript:", "  url: " + quoted(con.url), "  secret: " + reference(ref)}
	if con.o.tab != "" {
		lines = append(lines, "  tab: "+quoted(con.o.tab))
	}
	if con.o.endpoint != "" {
		lines = append(lines, "  endpoint: "+quoted(con.o.endpoint))
	}
	return append(lines, columnLines(mapped)...)
}

// survey asks the script what is there.
func (con *scriptConnection) survey(ctx context.Context, path string) (s survey, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*surveyTimeout) // a script may take its time
	defer cancel()
	alone, err := con.alone(path, nil)
	if err != nil {
		return s, err
	}
	v, found, err := app.SurveyScript(ctx, alone, con.name)
	if err != nil {
		return s, err
	}
	if v == nil {
		s.report.Groups = []doctor.Group{{Name: "sink " + con.name, Findings: found}}
		return s, nil
	}
	s.title = fmt.Sprintf("Spreadsheet %q, tab %q", tame(v.Title), tame(v.Tab))
	seen := map[string]bool{"": true}
	for _, h := range v.Headers {
		if c := (column{name: h}); h != "" {
			if seen[h] {
				c.unfit = "there is one of that name before it"
			}
			s.columns = append(s.columns, c)
		}
		seen[h] = true
	}
	return s, nil
}
