package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/table"
	"mekong/sinks"
	"mekong/sinks/columns"
)

type exportOptions struct {
	from, format, since, out, kind, names string
	force                                 bool
}

func (c *cli) exportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export --from SINK",
		Short: "Write the records a destination holds as an Excel or CSV file",
		Long: `Export reads the rows of a sink, also while mekong is running, and writes them as
a file people open. Of Lark Base and Google Sheets the columns that people have added
come along, under their own names. In an Excel file (xlsx) a phone keeps its first 0,
a long ID its last digits, a time is a time, and nothing a customer typed is a
formula. CSV has no types: Excel takes the 0 away when it opens one, so prefer xlsx.`,
		Example: `  mekong export --from archive
  mekong export --from archive --since 7d --kind lead --out leads.xlsx
  mekong export --from crm --names en
  mekong export --from archive --format csv --out - | head`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.export(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "the sink to read; needed where there are several that can be")
	f.StringVar(&o.format, "format", "", "xlsx or csv; left out: by the name of --out, else xlsx")
	f.StringVar(&o.since, "since", "", "only what was received since: a date (2026-11-01) or a time ago (7d, 12h)")
	f.StringVar(&o.out, "out", "", "`file` to write; - is standard output; left out: the sink's name and the date")
	f.StringVar(&o.kind, "kind", "", "only records of this kind, such as lead")
	f.StringVar(&o.names, "names", "vi", "what the columns are called: vi, en, or field (their names in the configuration)")
	f.BoolVar(&o.force, "force", false, "write over a file that is there")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"xlsx", "csv"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("names", cobra.FixedCompletions([]string{"vi", "en", "field"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) export(ctx context.Context, o exportOptions) error {
	conf, err := config.Load(c.config)
	if err != nil {
		return unreadable(err)
	}
	zone, err := time.LoadLocation(conf.Timezone)
	if err != nil {
		return err
	}
	now := time.Now().In(zone)
	since, err := parseSince(o.since, now)
	if err != nil {
		return usageError{err}
	}
	if o.format == "" && strings.EqualFold(filepath.Ext(o.out), ".csv") {
		o.format = "csv"
	}
	format, err := table.ParseFormat(cmp.Or(o.format, "xlsx"))
	if err != nil {
		return usagef("--format: %v", err)
	}
	if !slices.Contains([]string{"vi", "en", "field"}, o.names) {
		return usagef("--names %q is none of vi, en, field", o.names)
	}
	if o.from == "" {
		if o.from, err = onlySink(conf); err != nil {
			return err
		}
	}
	if _, ok := conf.Sinks[o.from]; !ok {
		return usagef("there is no sink %q in %s; there are: %s", o.from, c.config, strings.Join(conf.SinkNames(), ", "))
	}
	s, done, err := app.Visit(ctx, conf, o.from)
	if err != nil {
		return err
	}
	defer done()
	if s.Read == nil {
		return usagef("what sink %q has written cannot be read back: it only sends", o.from)
	}
	kept, err := newSpool()
	if err != nil {
		return err
	}
	defer kept.drop()
	kind := onlyKind(s.Config)
	if err := s.Read(ctx, since, func(r pipeline.Record) error {
		r.Kind = cmp.Or(r.Kind, kind)
		if o.kind != "" && r.Kind != o.kind {
			return nil
		}
		return kept.add(r)
	}); err != nil {
		return fmt.Errorf("sink %q: %w", o.from, err)
	}
	if o.out == "" {
		o.out = o.from + "-" + now.Format("2006-01-02") + "." + string(format)
	}
	// Before anything is written: what nobody could read about later is not given away.
	if err := app.NoteAct(conf, "exported", o.from, kept.rows, string(format)); err != nil {
		return err
	}
	write := func(w io.Writer) error {
		return kept.write(w, format, table.Options{Title: o.from, Zone: zone}, o.names)
	}
	if o.out == "-" {
		return write(c.out)
	}
	if err := newFile(o.out, o.force, write); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s: %d rows, %d columns\n", o.out, kept.rows, len(kept.columns()))
	return nil
}

// onlySink is the sink that is meant where none is named: the one that can be read.
func onlySink(c *config.Config) (string, error) {
	var can []string
	for _, name := range c.SinkNames() {
		if sinks.CanRead(c.Sinks[name]) {
			can = append(can, name)
		}
	}
	switch len(can) {
	case 0:
		return "", usagef("there is no sink that can be read; there are: %s", strings.Join(c.SinkNames(), ", "))
	case 1:
		return can[0], nil
	}
	return "", usagef("say which sink with --from; those that can be read are: %s", strings.Join(can, ", "))
}

// onlyKind is the kind of all records of a sink, where there is but one: not every
// destination has a column for it.
func onlyKind(s config.Sink) string {
	if len(s.Accept) == 1 && s.Accept[0] != "*" {
		return s.Accept[0]
	}
	return ""
}

var ago = regexp.MustCompile(`^(\d{1,5})([mhdw])$`)

// parseSince reads a date, in the zone of now, or a time ago.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if m := ago.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1]) // five digits are a number
		unit := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[m[2]]
		return now.Add(-time.Duration(n) * unit), nil
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02T15:04", time.RFC3339, "02/01/2006"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %q is no time: write a date such as 2026-11-01, or a time ago such as 7d or 12h", text)
}

// newFile writes a file whole or not at all, readable by its owner alone: it holds
// people's data.
func newFile(path string, force bool, write func(io.Writer) error) error {
	if _, err := os.Stat(path); err == nil && !force {
		return usagef("%s is there already; choose another --out, or write over it with --force", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".mekong-export-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	buf := bufio.NewWriterSize(f, 256<<10)
	err = write(buf)
	err = errors.Join(err, buf.Flush(), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// spool keeps records on disk until all their columns are known.
type spool struct {
	file *os.File
	buf  *bufio.Writer
	enc  *json.Encoder
	rows int
	seen map[string]bool
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "mekong-export-*")
	if err != nil {
		return nil, err
	}
	s := &spool{file: f, buf: bufio.NewWriterSize(f, 256<<10), seen: map[string]bool{}}
	s.enc = json.NewEncoder(s.buf)
	return s, nil
}

func (s *spool) drop() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}

func (s *spool) add(r pipeline.Record) error {
	s.rows++
	for name := range r.Fields {
		s.seen[name] = true
	}
	return s.enc.Encode(r)
}

// leading and closing are the columns that stand first and last, in order.
var (
	leading = []string{"received", "name", "phone_local", "phone", "email", "source", "kind", "form", "page", "state"}
	closing = []string{"flags", "occurred", "id", "key"}
)

// columns are all that any record has, in the order a person looks for them.
func (s *spool) columns() []string {
	named := append(slices.Clone(leading), closing...)
	var rest, out []string
	for name := range s.seen {
		if !slices.Contains(named, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	for _, name := range slices.Concat(leading, rest, closing) {
		if s.seen[name] || slices.Contains(columns.OfRecord(), name) {
			out = append(out, name)
		}
	}
	return out
}

func (s *spool) write(w io.Writer, f table.Format, o table.Options, language string) error {
	names := s.columns()
	heads := slices.Clone(names)
	if language != "field" {
		for i := range heads {
			heads[i] = columns.Label(names[i], language)
		}
	}
	out, err := table.NewWriter(w, f, heads, o)
	if err != nil {
		return err
	}
	if err := s.buf.Flush(); err != nil {
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	in := json.NewDecoder(bufio.NewReaderSize(s.file, 256<<10))
	values := make([]any, len(names))
	for range s.rows {
		var r pipeline.Record
		if err := in.Decode(&r); err != nil {
			return err
		}
		for i, name := range names {
			values[i] = cell(&r, name)
		}
		if err := out.Write(values); err != nil {
			return err
		}
	}
	return out.Close()
}

// cell is what a record has in a column. A field of its own goes before what every
// record has.
func cell(r *pipeline.Record, name string) any {
	if v, ok := r.Fields[name]; ok {
		list, ok := v.([]any)
		if !ok {
			return v
		}
		texts := make([]string, len(list))
		for i, item := range list {
			texts[i] = fmt.Sprint(item)
		}
		return texts
	}
	moment := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return t
	}
	switch name {
	case "id":
		return r.ID
	case "key":
		return r.Key
	case "kind":
		return r.Kind
	case "source":
		return r.Source
	case "occurred":
		return moment(r.Occurred)
	case "received":
		return moment(r.Received)
	}
	return nil
}
