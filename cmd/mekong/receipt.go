package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline/receipt"
	"mekong/pipeline/table"
)

type receiptOptions struct {
	formats       []string
	lang, out, by string
	all, force    bool
}

func (c *cli) receiptCommand() *cobra.Command {
	var o receiptOptions
	cmd := &cobra.Command{
		Use:   "receipt TERM",
		Short: "The proof for one lead: who, when, which consent, where it went; as a page to print, or CSV",
		Long: `Receipt issues a proof of what became of a lead: who it is, when it came, the
wording of consent that came with it, the hash of what was sent, every record and
row, and every try with its time, outcome and reason. TERM finds the lead as it does
for mekong trace; where there are several, it lists them and asks for the ID.
--all puts everything of one person into one receipt, which is what a person may ask
for who wants to know what is kept.

The entries are a chain of hashes, sealed with the key of this installation
(data_dir/receipt.key, made at the first receipt: keep a copy of it), and each file
is signed as a whole. Anybody can check it, without Mekong's data:

  mekong receipt verify FILE --key KEY

Every receipt gets a number in a ledger, which holds no personal data. One that is
removed from it later, or dated back, shows.

Of somebody who was forgotten the receipt says so and holds no data. The file does
hold personal data otherwise: give it to whom it is about.

Exit 0: issued. 1: nothing found, or several, or something failed.`,
		Example: `  mekong receipt "0912 345 678"
  mekong receipt landing-w1s52a-ff079f2177313c71a951a556ff5d19a2 --lang en -o an.html
  mekong receipt 0912345678 --all --format html,csv --by "Trung tâm A, Hà Nội"
  mekong receipt verify receipt-000012.html
  mekong receipt key`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.receipt(cmd.Context(), strings.Join(args, " "), o)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.formats, "format", nil, "html or csv, or both; left out: by the name of -o, else html")
	f.StringVar(&o.lang, "lang", "vi", "language of the file: vi or en")
	f.StringVarP(&o.out, "out", "o", "", "`file` to write; - is standard output; left out: receipt- and its number")
	f.StringVar(&o.by, "by", "", "who issues it, as it is to stand there")
	f.BoolVar(&o.all, "all", false, "everything of one person: TERM is a phone, an address or an ID")
	f.BoolVar(&o.force, "force", false, "write over a file that is there")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"html", "csv"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions([]string{"vi", "en"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.AddCommand(c.receiptVerifyCommand(), c.receiptKeyCommand())
	return cmd
}

// formatHTML is beside the formats of tables.
const formatHTML = "html"

// complete settles the formats and where each is written; "": by the receipt's number.
func (o *receiptOptions) complete() (paths map[string]string, lang receipt.Lang, err error) {
	if lang, err = receipt.ParseLang(o.lang); err != nil {
		return nil, "", fmt.Errorf("--lang: %w", err)
	}
	ext := filepath.Ext(o.out)
	if len(o.formats) == 0 {
		o.formats = []string{formatHTML}
		if strings.EqualFold(ext, ".csv") {
			o.formats = []string{string(table.CSV)}
		}
	}
	paths = map[string]string{}
	for _, f := range o.formats {
		if f = strings.ToLower(f); f != formatHTML && f != string(table.CSV) {
			return nil, "", fmt.Errorf("--format: there is no %q; write html or csv", f)
		}
		paths[f] = o.out
	}
	if len(paths) > 1 && o.out != "" {
		if o.out == "-" {
			return nil, "", errors.New("only one format can be written to standard output")
		}
		for f := range paths {
			paths[f] = strings.TrimSuffix(o.out, ext) + "." + f
		}
	}
	for _, path := range paths {
		if path != "" && path != "-" && !o.force {
			if _, err := os.Stat(path); err == nil {
				// Before a number of the ledger is taken for nothing.
				return nil, "", fmt.Errorf("%s is there already; choose another -o, or write over it with --force", path)
			}
		}
	}
	return paths, lang, nil
}

func (c *cli) receipt(ctx context.Context, term string, o receiptOptions) error {
	if strings.TrimSpace(term) == "" {
		return usagef("say of whom: a phone, a name, an address or an ID, as for mekong trace")
	}
	paths, lang, err := o.complete()
	if err != nil {
		return usageError{err}
	}
	log, err := c.logger()
	if err != nil {
		return err
	}
	conf, err := config.Load(c.config)
	if err != nil {
		return unreadable(err)
	}
	tell, told := progressLine(c.err, "Reading the streams")
	r, done, err := app.OpenReceipts(ctx, conf, log, tell)
	told()
	if err != nil {
		return err
	}
	defer done()
	issue := app.ReceiptOptions{By: o.by, Now: time.Now()}
	if issue.IDs, err = c.leads(ctx, r, conf, term, o.all); err != nil {
		return err
	}
	if len(issue.IDs) == 0 {
		issue.Of = term
	}
	issued, err := r.Issue(ctx, issue)
	if errors.Is(err, app.ErrNothing) {
		return quietError{errors.Join(err, c.say("Nothing was found, and nobody by that phone or address is known to be forgotten. mekong trace finds more."))}
	}
	if err != nil {
		return err
	}
	return c.writeReceipt(issued, paths, lang, o.force)
}

// leads are the IDs of the deliveries that are meant. With none there is nothing.
func (c *cli) leads(ctx context.Context, r *app.Receipts, conf *config.Config, term string, all bool) ([]string, error) {
	if all {
		ids, err := r.OfPerson(ctx, term)
		if errors.Is(err, receipt.ErrLarge) {
			return nil, fmt.Errorf("one receipt is about %d deliveries at most, and there are more", app.ReceiptMost)
		}
		return ids, err
	}
	found, more, err := r.Find(ctx, term, traceMost)
	if err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return []string{found[0].ID}, nil
	}
	p := tracePrinter{out: c.out, zone: zoneOf(conf), now: time.Now()}
	p.matches(traceResult{Matches: found})
	p.line("")
	if more {
		p.line("And there are more.")
	}
	p.line("Which one? mekong receipt ID; or, of a phone or an address, --all.")
	return nil, quietError{errors.Join(errors.New("there are several"), p.err)}
}

// writeReceipt writes the files and says where they are.
func (c *cli) writeReceipt(r *receipt.Receipt, paths map[string]string, lang receipt.Lang, force bool) error {
	var written []string
	for _, format := range []string{formatHTML, string(table.CSV)} {
		path, wanted := paths[format]
		if !wanted {
			continue
		}
		write := func(w io.Writer) error { return receipt.WriteHTML(w, r, lang) }
		if format != formatHTML {
			write = func(w io.Writer) error { return r.WriteCSV(w, lang) }
		}
		if path == "-" {
			return write(c.out)
		}
		if path == "" {
			path = fmt.Sprintf("receipt-%06d.%s", r.Number, format)
		}
		if err := newFile(path, force, write); err != nil {
			return err
		}
		written = append(written, path)
	}
	fmt.Fprintf(c.out, "receipt %d, %s: %s\n", r.Number, entriesOf(r), strings.Join(written, " "))
	fmt.Fprintf(c.out, "to check it: mekong receipt verify %s --key %s\n", written[0], r.Key)
	return nil
}

// entriesOf says what a receipt is about, without saying about whom.
func entriesOf(r *receipt.Receipt) string {
	var leads []string
	for _, f := range r.Facts {
		if f.Lead != "" && !slices.Contains(leads, f.Lead) {
			leads = append(leads, f.Lead)
		}
	}
	switch len(leads) {
	case 0:
		return "of somebody who is forgotten"
	case 1:
		return "of delivery " + tame(leads[0])
	}
	return fmt.Sprintf("of %d deliveries", len(leads))
}
