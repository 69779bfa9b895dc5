package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline/bus"
)

type forgetOptions struct {
	yes, list, request bool
	evidence, proof    string
	byHand             []string
	wait               time.Duration
	most               int
}

func (c *cli) forgetCommand() *cobra.Command {
	var o forgetOptions
	cmd := &cobra.Command{
		Use:   "forget TERM",
		Short: "Erase a person from every destination and stream, and prove it",
		Long: `Forget erases a person: the rows in every destination, what is buried, what the
streams and the index of leads hold, overwritten on disk. TERM is a phone in any
spelling, an e-mail address, or the ID of one of the person's records. It shows
first what it has found, and asks. A mekong may be running meanwhile.

Neither import nor replay brings the person back: a keyed hash of phone and address
is kept, with the key in data_dir/suppress.key. What the person sends anew is taken
in, with the flag forgotten_before. The proof names nobody.

When a destination cannot erase the rows now, nothing is taken out of the streams,
and the same command goes on later. Where only a person can erase them (a webhook
without forget.url, a chat), do it and say so with --by-hand. Backups, exports and
log files outside of Mekong are for you to see to.`,
		Example: `  mekong forget "0912 345 678"
  mekong forget a@example.com --evidence consent.json --yes
  mekong forget --request "0912 345 678"     # note a request; the deadlines are in --list
  mekong forget --list`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.forget(cmd.Context(), args, o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.yes, "yes", false, "do not ask")
	f.BoolVar(&o.request, "request", false, "only note that the person asks for it, with the deadlines")
	f.BoolVar(&o.list, "list", false, "list the requests with their deadlines")
	f.StringVar(&o.evidence, "evidence", "", "before erasing, write the evidence of consents to this `file`, without names")
	f.StringVar(&o.proof, "proof", "", "`file` of the proof (default: in data_dir/forgotten)")
	f.StringSliceVar(&o.byHand, "by-hand", nil, "`sinks` whose rows you erase yourself")
	f.DurationVar(&o.wait, "wait", 30*time.Second, "how long workers may take to finish what they have in hand")
	f.IntVar(&o.most, "most", 100, "with --yes: not more rows than this, lest it is everybody's phone")
	_ = cmd.RegisterFlagCompletionFunc("by-hand", c.completeSinks)
	return cmd
}

func (c *cli) forget(ctx context.Context, args []string, o forgetOptions) error {
	if o.list == (len(args) == 1) || o.list && o.request {
		return usagef("say whom: a phone, an address or the ID of a record; or --list alone")
	}
	conf, op, done, err := c.operate(ctx)
	if err != nil {
		return err
	}
	defer done()
	for _, name := range o.byHand {
		if _, ok := conf.Sinks[name]; !ok {
			return usagef("there is no sink %q in %s; there are: %s", name, c.config, strings.Join(conf.SinkNames(), ", "))
		}
	}
	zone := zoneOf(conf)
	switch {
	case o.list:
		return c.listRequests(ctx, op, zone)
	case o.request:
		r, err := op.RequestForget(ctx, args[0], time.Now().In(zone))
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "Noted for %s. Answer until %s, erase until %s: mekong forget TERM\n", tame(r.Who), r.Answer.In(zone).Format(time.DateOnly), r.Erase.In(zone).Format(time.DateOnly))
		return nil
	}
	f, err := op.Find(ctx, args[0])
	if err != nil {
		return err
	}
	c.tellFound(f, zone)
	if err := c.mayForget(ctx, f, o); err != nil {
		return err
	}
	if o.evidence != "" {
		if err := newFile(o.evidence, false, func(w io.Writer) error { return indented(w, f.Evidence) }); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "evidence of %d consents: %s\n", len(f.Evidence), o.evidence)
	}
	proof, err := op.Forget(ctx, f, app.ForgetOptions{ByHand: o.byHand, Wait: o.wait, Tell: func(step string) { fmt.Fprintln(c.err, step+" …") }})
	c.tellProof(proof)
	if err != nil {
		return err
	}
	path, err := writeProof(conf, o.proof, proof)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "proof: %s\n", path)
	return nil
}

// mayForget asks, where that is to be.
func (c *cli) mayForget(ctx context.Context, f *app.Found, o forgetOptions) error {
	if o.yes {
		if n := f.Keys(); n > o.most {
			return usagef("these are %d rows, which looks like more than one person; leave --yes out, or raise --most", n)
		}
		return nil
	}
	ok, err := newAsker(c.in, c.err).yes(ctx, "Erase all of it for good? [y/N] ")
	if err != nil {
		return err
	}
	if !ok {
		return quietError{errors.Join(errDeclined, c.say("Nothing was erased."))}
	}
	return nil
}

func (c *cli) tellFound(f *app.Found, zone *time.Location) {
	fmt.Fprintf(c.out, "%s, by the name of %s\n", tame(strings.Join(f.Who, ", ")), tame(orNone(f.Names)))
	if !f.Any() {
		fmt.Fprintln(c.out, "Nothing of this person is kept.")
		return
	}
	fmt.Fprintf(c.out, "%6d  rows by what is known of them\n", f.Keys())
	for _, sink := range slices.Sorted(maps.Keys(f.Rows)) {
		fmt.Fprintf(c.out, "%6d  rows seen in %s\n", f.Rows[sink], tame(sink))
	}
	for _, p := range bus.Places {
		if n := f.Places[p]; n > 0 {
			fmt.Fprintf(c.out, "%6d  %s\n", n, placeWords[p])
		}
	}
	fmt.Fprintf(c.out, "%6d  consents with evidence\n", len(f.Evidence))
	if !f.Oldest.IsZero() {
		fmt.Fprintf(c.out, "the oldest came in at %s\n", f.Oldest.In(zone).Format(shownTime))
	}
	if len(f.Unread) > 0 {
		fmt.Fprintf(c.out, "not looked through: %s; rows there that are older than nats.keep are not found\n", tame(strings.Join(f.Unread, ", ")))
	}
	for _, sink := range slices.Sorted(maps.Keys(f.Silent)) {
		fmt.Fprintf(c.out, "could not be looked through: %s: %s\n", tame(sink), tame(f.Silent[sink]))
	}
	if len(f.Also) > 0 {
		fmt.Fprintf(c.out, "beside it: %s; forget that too if it is the same person\n", tame(strings.Join(f.Also, ", ")))
	}
}

var placeWords = map[bus.Place]string{
	bus.Refused: "refused requests", bus.Deliveries: "deliveries as they came", bus.Records: "records", bus.Graves: "buried",
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "(none)"
	}
	if len(names) > 10 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:10], ", "), len(names)-10)
	}
	return strings.Join(names, ", ")
}

func (c *cli) tellProof(p app.Proof) {
	for _, sink := range slices.Sorted(maps.Keys(p.Rows)) {
		fmt.Fprintf(c.out, "%6d  rows erased from %s, as far as they were there\n", p.Rows[sink], tame(sink))
	}
	for _, stream := range slices.Sorted(maps.Keys(p.Streams)) {
		fmt.Fprintf(c.out, "%6d  messages of %s overwritten\n", p.Streams[stream], stream)
	}
	if p.Index > 0 {
		fmt.Fprintf(c.out, "%6d  entries taken out of the index\n", p.Index)
	}
	for _, sink := range slices.Sorted(maps.Keys(p.Failed)) {
		fmt.Fprintf(c.out, "   not  %s: %s\n", tame(sink), tame(p.Failed[sink]))
	}
	for _, sink := range p.ByHand {
		fmt.Fprintf(c.out, "   you  %s: by hand\n", tame(sink))
	}
	for _, place := range slices.Sorted(maps.Keys(p.Remains)) {
		fmt.Fprintf(c.out, "%6d  left in %s\n", p.Remains[place], tame(place))
	}
	if p.Complete {
		fmt.Fprintf(c.out, "Forgotten at %s; looked through again, and nothing is left. Kept: %s\n", p.Ended.Format(time.RFC3339), strings.Join(p.Marks, " "))
	}
}

// writeProof keeps the proof where the operator wants it, or beside the data.
func writeProof(conf *config.Config, path string, p app.Proof) (string, error) {
	if path == "" {
		dir := filepath.Join(conf.DataDir, "forgotten")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
		path = filepath.Join(dir, p.Ended.Format("20060102T150405Z")+"-"+p.Marks[0][:8]+".json")
	}
	return path, newFile(path, false, func(w io.Writer) error { return indented(w, p) })
}

func indented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (c *cli) listRequests(ctx context.Context, op *app.Operator, zone *time.Location) error {
	requests, err := op.ForgetRequests(ctx)
	if err != nil {
		return err
	}
	if len(requests) == 0 {
		fmt.Fprintln(c.out, "Nobody has asked to be forgotten.")
		return nil
	}
	now := time.Now()
	for _, r := range requests {
		state := fmt.Sprintf("answer until %s, erase until %s", r.Answer.In(zone).Format(time.DateOnly), r.Erase.In(zone).Format(time.DateOnly))
		switch {
		case !r.Done.IsZero():
			state = "done " + r.Done.In(zone).Format(time.DateOnly)
		case now.After(r.Erase):
			state = "OVERDUE, " + state
		}
		fmt.Fprintf(c.out, "%s  %-24s %s\n", r.At.In(zone).Format(time.DateOnly), tame(r.Who), state)
	}
	return nil
}
