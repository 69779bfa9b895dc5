package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/doctor"
	"mekong/sinks/lark"
)

type connectLarkOptions struct {
	name, appID           string
	secretEnv, secretFile string
	brand, endpoint       string
	table                 string
	yes                   bool
	staged                bool // by init
}

func (c *cli) connectLarkCommand() *cobra.Command {
	var o connectLarkOptions
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

// larkConnection is the set-up of a table of a Base.
type larkConnection struct {
	connection
	o    connectLarkOptions
	link lark.Link
}

func (c *cli) connectLark(ctx context.Context, address string, o connectLarkOptions) error {
	link, err := lark.ParseLink(address)
	if err != nil {
		return usageError{err}
	}
	if o.endpoint == "" && o.brand == "" && link.Brand == "" {
		return usagef("the host of the link does not tell whether this is Lark or Feishu: say --brand lark or --brand feishu")
	}
	was, err := c.mayConnect(o.name)
	if err != nil {
		return err
	}
	ask := newAsker(c.in, c.out)
	con := &larkConnection{
		connection: connection{name: o.name, yes: o.yes, staged: o.staged, keyColumn: func(s config.Sink) string { return s.LarkBase.KeyColumn }},
		o:          o, link: link,
	}
	con.block = con.lines
	if con.o.appID == "" {
		fmt.Fprintln(c.out, "The app's ID and secret are in the developer console: your app, Credentials & Basic Info.")
		con.o.appID, err = ask.line(ctx, "App ID (cli_…): ")
		if err != nil || con.o.appID == "" {
			return unanswered(err, "--app-id")
		}
	}
	if err := c.keep(ctx, ask, &con.connection, "App Secret", "app-secret", o.secretEnv, o.secretFile); err != nil {
		return err
	}
	found, err := con.survey(ctx)
	if err != nil {
		return err
	}
	return c.connect(ctx, ask, &con.connection, found, was)
}

// lines are the sink's block.
func (con *larkConnection) lines(ref string, mapped []proposal) []string {
	lines := []string{
		"accept: [lead]",
		"larkbase:",
		"  url: " + quoted(con.link.URL()),
		"  app_id: " + quoted(con.o.appID),
		"  app_secret: " + reference(ref),
	}
	if con.o.brand != "" && con.o.brand != con.link.Brand {
		lines = append(lines, "  brand: "+quoted(con.o.brand))
	}
	if con.o.endpoint != "" {
		lines = append(lines, "  endpoint: "+quoted(con.o.endpoint))
	}
	return append(lines, columnLines(mapped)...)
}

// survey finds the Base, the table and its columns, and stops at the first thing that
// is wrong, with what to do about it.
func (con *larkConnection) survey(ctx context.Context) (survey, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	var s survey
	brand := con.o.brand
	if brand == "" {
		brand = con.link.Brand
	}
	client, err := lark.New(lark.Options{Brand: brand, Endpoint: con.o.endpoint, AppID: con.o.appID, AppSecret: config.NewSecret(con.secret)})
	if err != nil {
		return s, usageError{err}
	}
	where := lark.Where{Setting: config.Path("sinks", con.o.name, "larkbase"), Brand: client.Brand(), AppID: con.o.appID, Link: con.link}
	wrong := func(f pipeline.Finding) (survey, error) {
		s.report.Groups = []doctor.Group{{Name: "sink " + con.o.name, Findings: []pipeline.Finding{f}}}
		return s, nil
	}
	if con.link.Brand != "" && con.link.Brand != client.Brand() && con.o.endpoint == "" {
		return wrong(lark.OtherBrand.Finding(where))
	}
	if err := client.Authenticate(ctx); err != nil {
		return wrong(lark.Diagnose(err, where))
	}
	link, err := client.Resolve(ctx, con.link)
	if err != nil {
		return wrong(lark.Diagnose(err, where))
	}
	where.Link = link
	base, err := client.Base(ctx, link.AppToken)
	if err != nil {
		return wrong(lark.Diagnose(err, where))
	}
	tables, err := client.Tables(ctx, link.AppToken)
	if err != nil {
		return wrong(lark.Diagnose(err, where))
	}
	table, f := con.pick(tables, base, where)
	if f != nil {
		return wrong(*f)
	}
	con.link.TableID, where.Link.TableID = table.ID, table.ID
	fields, err := client.Fields(ctx, link.AppToken, table.ID)
	if err != nil {
		return wrong(lark.Diagnose(err, where))
	}
	if len(fields) == 0 {
		return wrong(lark.EmptyReads.Finding(where))
	}
	s.title = fmt.Sprintf("Base %q, table %q", tame(base.Name), tame(table.Name))
	for _, f := range fields {
		s.columns = append(s.columns, larkColumn(f))
	}
	return s, nil
}

// pick finds the table that is meant: by --table, by the link, or the only one.
func (con *larkConnection) pick(tables []lark.Table, base lark.Base, where lark.Where) (lark.Table, *pipeline.Finding) {
	want := con.o.table
	if want == "" {
		want = con.link.TableID
	}
	var known []string
	for _, t := range tables {
		if t.ID == want || want != "" && strings.TrimSpace(t.Name) == strings.TrimSpace(want) {
			return t, nil
		}
		known = append(known, fmt.Sprintf("%q (%s)", t.Name, t.ID))
	}
	slices.Sort(known)
	f := pipeline.Finding{Level: pipeline.Fail, Setting: where.Setting + ".url", Fix: "click the table's tab and copy the link again, or name it with --table; there are: " + strings.Join(known, ", ")}
	switch {
	case len(tables) == 0:
		f := lark.EmptyReads.Finding(where)
		return lark.Table{}, &f
	case want == "" && len(tables) == 1:
		return tables[0], nil
	case want == "":
		f.What = fmt.Sprintf("the link does not say which table of the Base %q is meant", base.Name)
	default:
		f.What = fmt.Sprintf("there is no table %q in the Base %q: it was deleted, or the link is to another Base", want, base.Name)
	}
	return lark.Table{}, &f
}
