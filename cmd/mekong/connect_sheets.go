package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline/doctor"
)

type connectSheetsOptions struct {
	name, tab                 string
	credentials, env          string
	user                      bool
	clientID                  string
	clientSecretEnv           string
	clientSecretFile          string
	endpoint, tokenEndpoint   string
	yes, useEnv, useThisPlace bool
	staged                    bool // by init
}

func (c *cli) connectSheetsCommand() *cobra.Command {
	var o connectSheetsOptions
	cmd := &cobra.Command{
		Use:   "sheets URL",
		Short: "Set a Google spreadsheet up from its link: check it, map its columns, write the sink",
		Long: `Connect takes the link of a spreadsheet as the browser shows it, with the tab open
that the records are to go to, asks for the key file of a service account, checks
everything a worker needs, proposes which field goes to which column, and writes the
sink into the configuration. Whatever else is in the file stays as it is, comments
too; where there is no file, one is made. A tab without a header gets its columns with
the first records.

Before: in the Google Cloud console enable the Google Sheets API
(https://console.cloud.google.com/apis/library/sheets.googleapis.com), make a service
account with a key of type JSON (https://console.cloud.google.com/iam-admin/serviceaccounts),
and share the spreadsheet with the account's e-mail as an editor. Where no key may be
made, --user writes as a person who signs in.

Put the link in quotes; there is a # in it.`,
		Example: `  mekong connect sheets 'https://docs.google.com/spreadsheets/d/1AbC/edit#gid=0'
  mekong connect sheets URL --credentials key.json --yes       # no questions
  GOOGLE_KEY="$(cat key.json)" mekong connect sheets URL --credentials-env GOOGLE_KEY
  mekong connect sheets URL --user --client-id 123.apps.googleusercontent.com`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.useEnv = cmd.Flags().Changed("credentials-env")
			o.useThisPlace = cmd.Flags().Changed("credentials") && o.credentials == ""
			return c.connectSheets(cmd.Context(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "sales", "what to call the sink")
	f.StringVar(&o.tab, "tab", "", "name of the tab, in place of the one in the link")
	f.StringVar(&o.credentials, "credentials", "", "key `file` of a service account, or a workload identity file; asked for when left out; '' is this machine's Google environment")
	f.StringVar(&o.env, "credentials-env", "GOOGLE_KEY", "environment `variable` that holds the content of that file")
	f.BoolVar(&o.user, "user", false, "write as a person who signs in")
	f.StringVar(&o.clientID, "client-id", "", "with --user: ID of an OAuth client of type desktop app; asked for when left out")
	f.StringVar(&o.clientSecretEnv, "client-secret-env", "GOOGLE_CLIENT_SECRET", "with --user: environment `variable` that holds that client's secret; asked for when it is not set")
	f.StringVar(&o.clientSecretFile, "client-secret-file", "", "with --user: `file` that holds it, relative to the configuration; asked for, and made, when it is not there")
	f.StringVar(&o.endpoint, "endpoint", "", "address of the API instead of Google's, such as a simulator's")
	f.StringVar(&o.tokenEndpoint, "token-endpoint", "", "with --user: where tokens are fetched instead of at Google's")
	f.BoolVarP(&o.yes, "yes", "y", false, "write without asking")
	cmd.MarkFlagsMutuallyExclusive("credentials", "credentials-env", "user")
	return cmd
}

// sheetsConnection is the set-up of a tab of a spreadsheet.
type sheetsConnection struct {
	connection
	o    connectSheetsOptions
	link string // as it goes into the configuration
}

func (c *cli) connectSheets(ctx context.Context, address string, o connectSheetsOptions) error {
	was, err := c.mayConnect(o.name)
	if err != nil {
		return err
	}
	ask := newAsker(c.in, c.out)
	con := &sheetsConnection{
		connection: connection{name: o.name, yes: o.yes, staged: o.staged, keyColumn: func(s config.Sink) string { return s.Sheets.KeyColumn }},
		o:          o, link: strings.TrimSpace(address),
	}
	con.block = con.lines
	// A wrong link is told before anything is asked.
	bare := &sheetsConnection{connection: connection{name: o.name}, o: connectSheetsOptions{tab: o.tab, endpoint: o.endpoint}, link: con.link}
	bare.block = bare.lines
	if _, err := bare.alone(c.config, nil); err != nil {
		return err
	}
	if o.user {
		return c.connectPerson(ctx, ask, con, was)
	}
	if err := c.account(ctx, ask, con); err != nil {
		return err
	}
	found, err := con.survey(ctx, c.config)
	if err != nil {
		return err
	}
	return c.connect(ctx, ask, &con.connection, found, was)
}

// account finds out which account writes.
func (c *cli) account(ctx context.Context, ask *asker, con *sheetsConnection) error {
	switch {
	case con.o.useThisPlace:
		return nil
	case con.o.useEnv:
		if !envName.MatchString(con.o.env) {
			return usagef("--credentials-env takes the name of an environment variable; the key itself does not belong on a command line")
		}
		con.ref, con.env, con.secret = "${"+con.o.env+"}", con.o.env, strings.TrimSpace(os.Getenv(con.o.env))
		if con.secret == "" {
			return usagef("%s is not set; it is to hold the content of the key file", con.o.env)
		}
		_, err := con.alone(c.config, nil)
		return err
	case con.o.credentials == "":
		fmt.Fprintln(c.out, "The key file of a service account is made at https://console.cloud.google.com/iam-admin/serviceaccounts: the account, Keys, Add key, JSON.")
		path, err := ask.line(ctx, "Key file (empty: this machine's Google environment): ")
		if err != nil {
			return unanswered(err, "--credentials")
		}
		con.o.credentials = path
	}
	if con.o.credentials == "" {
		return nil
	}
	// A worker may be started elsewhere.
	path, err := filepath.Abs(con.o.credentials)
	if err != nil {
		return usageError{err}
	}
	con.o.credentials = path
	return nil
}

// connectPerson writes a sink for a person, who signs in afterwards: before that nothing
// can be looked at.
func (c *cli) connectPerson(ctx context.Context, ask *asker, con *sheetsConnection, was []byte) (err error) {
	if con.o.clientID == "" {
		fmt.Fprintln(c.out, "An OAuth client of type desktop app is made at https://console.cloud.google.com/auth/clients; enable the Google Sheets API in its project.")
		con.o.clientID, err = ask.line(ctx, "Client ID (….apps.googleusercontent.com): ")
		if err != nil || con.o.clientID == "" {
			return unanswered(err, "--client-id")
		}
	}
	if err := c.keep(ctx, ask, &con.connection, "client secret", "client-secret", con.o.clientSecretEnv, con.o.clientSecretFile); err != nil {
		return err
	}
	if _, err := con.alone(c.config, nil); err != nil {
		return err
	}
	con.next = []string{"mekong login google " + con.name, "signs you in, in the browser"}
	fmt.Fprintln(c.out, "The spreadsheet is looked at once you have signed in. Fields go to the columns of their names, and those that are missing are made.")
	return c.settle(ctx, ask, &con.connection, nil, was)
}

// lines are the sink's block.
func (con *sheetsConnection) lines(ref string, mapped []proposal) []string {
	lines := []string{"accept: [lead]", "sheets:", "  spreadsheet: " + quoted(con.link)}
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, "  "+name+": "+quoted(value))
		}
	}
	add("tab", con.o.tab)
	switch {
	case con.o.user:
		add("identity", config.IdentityUser)
		add("client_id", con.o.clientID)
		lines = append(lines, "  client_secret: "+reference(ref))
		add("token_endpoint", con.o.tokenEndpoint)
	case con.o.useEnv:
		lines = append(lines, "  credentials_json: "+reference(ref))
	default:
		add("credentials", con.o.credentials)
	}
	add("endpoint", con.o.endpoint)
	return append(lines, columnLines(mapped)...)
}

// survey finds the spreadsheet, the tab and its header. From then on the link leads to
// that tab, whatever it is called.
func (con *sheetsConnection) survey(ctx context.Context, path string) (s survey, err error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	alone, err := con.alone(path, nil)
	if err != nil {
		return s, err
	}
	v, found, err := app.SurveySheets(ctx, alone, con.name)
	if err != nil {
		return s, err
	}
	if v == nil {
		s.report.Groups = []doctor.Group{{Name: "sink " + con.name, Findings: found}}
		return s, nil
	}
	con.link, con.o.tab = v.Link, ""
	s.title = fmt.Sprintf("Spreadsheet %q, tab %q", tame(v.Title), tame(v.Tab))
	seen := map[string]bool{}
	for _, h := range v.Headers {
		c := column{name: h}
		if seen[h] {
			c.unfit = "there is one of that name before it"
		}
		seen[h] = true
		s.columns = append(s.columns, c)
	}
	return s, nil
}
