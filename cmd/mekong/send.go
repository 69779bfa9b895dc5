package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/leads"
	"mekong/cmd/internal/sample"
	"mekong/config"
)

// maxSend bounds a file that is posted; the door takes less anyway.
const maxSend = 4 << 20

type sendOptions struct {
	url, kind string
	count     int
}

func (c *cli) sendCommand() *cobra.Command {
	var o sendOptions
	cmd := &cobra.Command{
		Use:   "send SOURCE [FILE…]",
		Short: "Post a sample, or files, at a source as its sender would",
		Long: `Send posts at a source of the configuration, at its path and with its token or
signature, to the mekong that is running. Without a file it sends what the
source's sender might: a lead, a turn of a chat, an event of Lark or of a
preset's system; nobody in it exists. A file is posted as it is, signed; - is
standard input. A file sent to a Lark bot is the event, before it is encrypted.`,
		Example: `  mekong send landing                    # one made-up lead
  mekong send landing --count 20 --as json
  mekong send landing lead.json form.txt
  mekong send support turns.jsonl        # a chat log
  mekong send bot                        # an event of Lark, encrypted and signed
  echo 'name=An&phone=0900000000' | mekong send landing -`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.send(cmd.Context(), args[0], args[1:], o)
		},
	}
	cmd.Flags().StringVar(&o.url, "url", "", "post here instead of at http.intake, e.g. http://127.0.0.1:8080")
	cmd.Flags().StringVar(&o.kind, "as", string(leads.URLEncoded), "encode samples of leads as urlencoded, multipart or json")
	cmd.Flags().IntVar(&o.count, "count", 1, "how many samples, 1 to 10000")
	_ = cmd.RegisterFlagCompletionFunc("as", cobra.FixedCompletions([]string{"urlencoded", "multipart", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) completeSources(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	conf, err := config.Load(c.config)
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return conf.SourceNames(), cobra.ShellCompDirectiveNoFileComp
}

// parcel is one request to make.
type parcel struct {
	name, contentType string
	body              []byte
}

func (c *cli) send(ctx context.Context, source string, files []string, o sendOptions) error {
	conf, err := config.Load(c.config)
	if err != nil {
		return unreadable(err)
	}
	s, ok := conf.Sources[source]
	if !ok {
		return usagef("there is no source %q in %s; there are: %s", source, c.config, strings.Join(conf.SourceNames(), ", "))
	}
	if s.Path() == "" {
		return usagef("source %q is not one that can be posted to", source)
	}
	parcels, err := c.parcels(s, files, o)
	if err != nil {
		return err
	}
	base := o.url
	if base == "" {
		base = "http://" + reachable(conf.HTTP.Intake)
	}
	client := &http.Client{Timeout: 30 * time.Second}
	for _, p := range parcels {
		header, body, err := sample.Dress(s, sample.Parcel{ContentType: p.contentType, Body: p.body}, time.Now())
		if err != nil {
			return usagef("%s: %w", p.name, err)
		}
		id, took, err := sample.Post(ctx, client, strings.TrimRight(base, "/")+s.Path(), header, body)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Fprintf(c.out, "%s  accepted in %s  %s\n", time.Now().Format("15:04:05"), took.Round(100*time.Microsecond), id)
	}
	return nil
}

func (c *cli) parcels(s config.Source, files []string, o sendOptions) ([]parcel, error) {
	var out []parcel
	for _, name := range files {
		r := c.in
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				return nil, usageError{err}
			}
			defer f.Close()
			r = f
		}
		body, err := io.ReadAll(io.LimitReader(r, maxSend+1))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(body) > maxSend {
			return nil, usagef("%s has more than %d bytes; a form never has", name, maxSend)
		}
		out = append(out, parcel{name: name, contentType: contentType(name, body), body: body})
	}
	if len(files) > 0 {
		return out, nil
	}
	if o.count < 1 || o.count > 10_000 {
		return nil, usagef("--count %d is not between 1 and 10000", o.count)
	}
	switch leads.Kind(o.kind) {
	case leads.URLEncoded, leads.Multipart, leads.JSON:
	default:
		return nil, usagef("--as %q is none of urlencoded, multipart, json", o.kind)
	}
	now := time.Now()
	for i := range uint64(o.count) {
		p := sample.Make(s, leads.Kind(o.kind), uint64(now.UnixNano())+i, now)
		out = append(out, parcel{name: "sample", contentType: p.ContentType, body: p.Body})
	}
	return out, nil
}

// contentType is what a sender of such a file would say it is.
func contentType(name string, body []byte) string {
	start := bytes.TrimSpace(body)
	if filepath.Ext(name) == ".json" || bytes.HasPrefix(start, []byte("{")) || bytes.HasPrefix(start, []byte("[")) {
		return "application/json"
	}
	return "application/x-www-form-urlencoded"
}

// reachable is an address to dial for one to listen on.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// post sends a parcel with a token.
func post(ctx context.Context, client *http.Client, url, token string, p parcel) (id string, took time.Duration, err error) {
	header := http.Header{"Content-Type": {p.contentType}}
	if token != "" {
		header.Set("token", token)
	}
	return sample.Post(ctx, client, url, header, p.body)
}
