package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/doctor"
)

type initOptions struct {
	yes             bool
	lang            string
	sources         []string
	door            string
	intake, console string
	mongodbEnv      string
	sheets, key     string
	script          string
	lark, appID     string
}

// The kinds of source that init makes, in the order of its question, and what it calls
// them in the configuration.
var (
	initSources = []string{"ladipage", "chatbot", "larkbot", "webhook"}
	initNames   = map[string]string{"ladipage": "landing", "chatbot": "chat", "larkbot": "bot", "webhook": "webhook"}
)

func (c *cli) initCommand() *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a configuration with a few questions: where leads come from, and where they go",
		Long: `Init asks where leads come from and where they shall go, makes the secrets, has every
destination checked, and writes a commented configuration that works as it is: with
nothing but Enter, a door for LadiPage and a MongoDB inside Mekong. It ends with what
to do next: the address and the token for LadiPage, and the commands.

Each secret goes into a file of its own in the folder secrets beside the configuration,
which only you can read; secrets that are there already are kept. A configuration that
is there is never changed. A stop before the end leaves nothing behind.

Each question can be answered by a flag; with --yes nothing is asked. What is secret is
then taken from the environment: LARK_APP_SECRET, SHEET_SECRET, LARK_VERIFY and
LARK_ENCRYPT (of a bot), and the variable of --mongodb-env.`,
		Example: `  mekong init
  mekong init --yes                                  # LadiPage and a MongoDB inside Mekong
  mekong init --yes --source ladipage,chatbot --door https://lead.example.vn
  mekong init --yes --sheets 'https://docs.google.com/spreadsheets/d/…' --credentials key.json
  LARK_APP_SECRET=… mekong init --yes --lark 'https://acme.larksuite.com/base/…?table=tbl…' --app-id cli_a1b2`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("source") {
				o.sources = nil
			}
			return c.initialise(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.yes, "yes", "y", false, "ask nothing: defaults, and what flags say")
	f.StringVar(&o.lang, "lang", "", "language of questions and comments, vi or en (default by $LANG)")
	f.StringSliceVar(&o.sources, "source", []string{"ladipage"}, "where leads come from: "+strings.Join(initSources, ", "))
	f.StringVar(&o.door, "door", "", "address at which the outside reaches this machine, such as https://lead.example.vn")
	f.StringVar(&o.intake, "intake", "", "`address` of the door (default 127.0.0.1:8080, or the next port that is free)")
	f.StringVar(&o.console, "console", "", "`address` of the console (default 127.0.0.1:8081, or the next port that is free)")
	f.StringVar(&o.mongodbEnv, "mongodb-env", "", "environment `variable` that holds MongoDB's address; left out, a server inside Mekong")
	f.StringVar(&o.sheets, "sheets", "", "link of a Google spreadsheet")
	f.StringVar(&o.key, "credentials", "", "with --sheets: key `file` of the service account")
	f.StringVar(&o.script, "appsscript", "", "address of an Apps Script web app")
	f.StringVar(&o.lark, "lark", "", "link of a table of a Lark Base")
	f.StringVar(&o.appID, "app-id", "", "with --lark: ID of the app")
	_ = cmd.RegisterFlagCompletionFunc("source", cobra.FixedCompletions(initSources, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions([]string{"vi", "en"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// initRun is an init under way. Until commit everything is in a folder of its own.
type initRun struct {
	*cli
	tongue
	o       initOptions
	ask     *asker
	stage   string            // the folder
	secrets map[string]string // by file name
	links   []initLink
	later   []initLink // links that could not be set up
	report  doctor.Report
}

// initLink is a table that leads shall go to.
type initLink struct{ kind, link, endpoint string }

func (c *cli) initialise(ctx context.Context, o initOptions) error {
	t, err := tongueOf(o.lang)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(c.config); err == nil {
		return usagef(t.say("there"), c.config)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return usageError{err}
	}
	r := &initRun{cli: c, tongue: t, o: o, ask: newAsker(c.in, c.out), secrets: map[string]string{}}
	if err := r.do(ctx); err != nil {
		if ctx.Err() != nil {
			fmt.Fprintln(c.out, "\n"+t.say("stopped"))
			return quietError{ctx.Err()}
		}
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	if err := r.report.Text(c.out, styleOf(c.out)); err != nil {
		return err
	}
	r.next()
	if n := r.report.Count(pipeline.Fail); n > 0 {
		return quietError{fmt.Errorf("%d findings need somebody to act", n)}
	}
	return nil
}

// do asks, prepares everything, and puts it in its place.
func (r *initRun) do(ctx context.Context) (err error) {
	if err := r.flags(); err != nil {
		return err
	}
	if !r.o.yes {
		if err := r.questions(ctx); err != nil {
			return err
		}
	}
	if err := r.addresses(); err != nil {
		return err
	}
	folder := filepath.Dir(r.config)
	if os.Mkdir(folder, 0o755) == nil {
		defer func() {
			if err != nil {
				_ = os.Remove(folder) // unless somebody else has put something there
			}
		}()
	}
	if r.stage, err = os.MkdirTemp(folder, ".mekong-init-"); err != nil {
		return usageError{err}
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.stage)) }()
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.commit()
}

// flags holds what the command line says against what is possible.
func (r *initRun) flags() error {
	if r.o.yes && len(r.o.sources) == 0 {
		r.o.sources = []string{"ladipage"}
	}
	for _, s := range r.o.sources {
		if !slices.Contains(initSources, s) {
			return usagef("--source %q is none of %s", s, strings.Join(initSources, ", "))
		}
	}
	slices.SortFunc(r.o.sources, func(a, b string) int { return slices.Index(initSources, a) - slices.Index(initSources, b) })
	r.o.sources = slices.Compact(r.o.sources)
	if r.o.door != "" && !doorLike(r.o.door) {
		return usagef("--door: %s", r.say("door.wrong"))
	}
	r.o.door = strings.TrimRight(r.o.door, "/")
	for _, l := range []struct{ flag, kind, link string }{{"sheets", linkSheets, r.o.sheets}, {"appsscript", linkScript, r.o.script}, {"lark", linkLark, r.o.lark}} {
		if l.link == "" {
			continue
		}
		kind, endpoint := kindOfLink(l.link)
		if kind != l.kind {
			return usagef("--%s: %s", l.flag, strings.TrimSpace(r.say("link.wrong")))
		}
		r.links = append(r.links, initLink{kind, l.link, endpoint})
	}
	if r.o.mongodbEnv != "" {
		if !envName.MatchString(r.o.mongodbEnv) {
			return usagef("--mongodb-env takes the name of an environment variable; the address itself does not belong on a command line")
		}
		if r.secrets[fileMongoDB] = strings.TrimSpace(os.Getenv(r.o.mongodbEnv)); r.secrets[fileMongoDB] == "" {
			return usagef("%s is not set; it is to hold MongoDB's address", r.o.mongodbEnv)
		}
	}
	if r.o.yes && slices.Contains(r.o.sources, "larkbot") {
		r.secrets[fileVerify], r.secrets[fileEncrypt] = os.Getenv("LARK_VERIFY"), os.Getenv("LARK_ENCRYPT")
		if r.secrets[fileVerify] == "" {
			return usagef("LARK_VERIFY is not set; it is to hold the bot's Verification Token")
		}
	}
	return nil
}

// prepare makes the whole of it in the folder of its own, and has it looked at.
func (r *initRun) prepare(ctx context.Context) error {
	if err := r.keepSecrets(); err != nil {
		return err
	}
	inner := *r.cli
	inner.in, inner.config = r.ask, filepath.Join(r.stage, "mekong.yaml")
	if err := os.WriteFile(inner.config, []byte(r.yaml()), 0o600); err != nil {
		return err
	}
	if _, err := config.Load(inner.config); err != nil {
		return err // what was typed, such as the address of MongoDB
	}
	for _, l := range r.links {
		if err := r.connect(ctx, &inner, l); err != nil {
			return err
		}
	}
	conf, err := config.Load(inner.config)
	if err != nil {
		return err
	}
	if problems := app.Compile(conf); len(problems) > 0 {
		return problems
	}
	conf.DataDir = filepath.Join(r.stage, "data")
	checks, done, err := app.Checks(conf, app.DoctorOptions{})
	if err != nil {
		return err
	}
	defer done()
	// Nothing runs yet, so there is no door to knock at; and what the connections were
	// found to be like has been told.
	checks = slices.DeleteFunc(checks, func(c doctor.Check) bool {
		return c.Group == "nats" || c.Setting == "data_dir" || strings.HasPrefix(c.Group, "source ") || strings.HasPrefix(c.Group, "sink ") && c.Group != "sink archive"
	})
	r.report = doctor.Run(ctx, checks)
	return ctx.Err()
}

// connect sets one table up as mekong connect does.
func (r *initRun) connect(ctx context.Context, inner *cli, l initLink) error {
	for {
		fmt.Fprintf(r.out, "\n%s\n", l.title())
		var err error
		switch l.kind {
		case linkSheets:
			o := connectSheetsOptions{name: "sales", credentials: r.o.key, endpoint: l.endpoint, yes: true, staged: true, useThisPlace: r.o.yes && r.o.key == ""}
			err = inner.connectSheets(ctx, l.link, o)
		case linkScript:
			err = inner.connectAppsScript(ctx, l.link, connectScriptOptions{name: "sheet", secretEnv: "SHEET_SECRET", secretFile: secretPath("sheet.secret"), endpoint: l.endpoint, yes: r.o.yes, staged: true})
		case linkLark:
			err = inner.connectLark(ctx, l.link, connectLarkOptions{name: "crm", appID: r.o.appID, secretFile: secretPath(fileLarkApp), endpoint: l.endpoint, yes: true, staged: true})
		}
		if err == nil || ctx.Err() != nil || r.o.yes {
			return err
		}
		var quiet quietError
		if !errors.As(err, &quiet) {
			fmt.Fprintln(r.out, err)
		}
		answer, asked := r.ask.line(ctx, r.say("again"))
		if asked != nil {
			return unanswered(asked, "--yes")
		}
		if strings.EqualFold(answer, "s") {
			r.later = append(r.later, l)
			return nil
		}
	}
}

func (l initLink) title() string {
	return map[string]string{linkSheets: "Google Sheets", linkScript: "Google Sheets, Apps Script", linkLark: "Lark Base"}[l.kind]
}
