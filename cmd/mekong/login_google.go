package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/sinks/google"
	"mekong/sinks/token"
)

type googleLoginOptions struct {
	paste, device, noBrowser bool
	redirect                 string
	scopes                   []string
	wait                     time.Duration
}

func (c *cli) loginGoogleCommand() *cobra.Command {
	var o googleLoginOptions
	cmd := &cobra.Command{
		Use:   "google SINK",
		Short: "Sign in to Google in the browser, with the OAuth client of a sink, and keep the sign-in encrypted",
		Long: `Login opens Google's consent page for the OAuth client of a sink and keeps the
sign-in, encrypted, where every mekong on the same NATS finds it. The key is the
file token.key in data_dir.

It is for a spreadsheet that cannot be shared with a service account. A sink writes
as a service account, and needs no sign-in, unless it has identity: user.

Before: in the Google Cloud console enable the Google Sheets API, make an OAuth
client of type desktop app (https://console.cloud.google.com/auth/clients), and put
its ID and secret into client_id and client_secret below sheets. While the app is in
Testing a sign-in ends after seven days: publish it, or make it internal.`,
		Example: `  mekong login google sales
  mekong login google sales --paste      # on a machine without a browser
  mekong login google sales --device     # likewise, where Google allows it`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeSinks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.loginGoogle(cmd.Context(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.paste, "paste", false, "open the page on another machine, and paste the address it ends at")
	f.BoolVar(&o.device, "device", false, "enter a code on another machine; Google allows it to few clients and scopes")
	f.BoolVar(&o.noBrowser, "no-browser", false, "only print the link")
	f.StringVar(&o.redirect, "redirect", "", "redirect `URL` of the client (default: a free port of this machine)")
	f.StringSliceVar(&o.scopes, "scope", nil, "what to ask for (default "+google.Scope+")")
	f.DurationVar(&o.wait, "wait", 10*time.Minute, "how long to wait for the consent")
	cmd.MarkFlagsMutuallyExclusive("paste", "device")
	return cmd
}

func (c *cli) loginGoogle(ctx context.Context, name string, o googleLoginOptions) error {
	log, err := c.logger()
	if err != nil {
		return err
	}
	conf, err := config.Load(c.config)
	if err != nil {
		return unreadable(err)
	}
	sink, ok := conf.Sinks[name]
	switch {
	case !ok:
		return usagef("there is no sink %q in %s; there are: %s", name, c.config, strings.Join(conf.SinkNames(), ", "))
	case sink.Sheets == nil:
		return usagef("sink %q is not one of Google Sheets", name)
	case sink.Sheets.Identity != config.IdentityUser:
		return usagef("sink %q writes as a service account and needs no sign-in; for a person's, set identity: user, client_id and client_secret below sheets", name)
	}
	oauth, err := app.GoogleOAuth(*sink.Sheets)
	if err != nil {
		return usageError{err}
	}
	// First what can fail without the person: nobody signs in for nothing.
	store, done, err := app.OpenTokens(ctx, conf, log)
	if err != nil {
		return err
	}
	defer done()
	waiting, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	pair, err := c.agreeGoogle(waiting, oauth, o)
	if err != nil {
		return googleLoginFailed(err, name, o)
	}
	// The code is spent: the sign-in is saved whatever happens to this command.
	saving, saved := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer saved()
	if err := oauth.Person(store, app.GoogleSession(name), app.GoogleLogin(name), nil).SignIn(saving, pair); err != nil {
		return fmt.Errorf("the sign-in succeeded and could not be saved: %w", err)
	}
	c.signedInGoogle(name, pair)
	return nil
}

// agreeGoogle shows the person where to agree and waits for what comes of it.
func (c *cli) agreeGoogle(ctx context.Context, oauth *google.OAuth, o googleLoginOptions) (token.Pair, error) {
	if o.device {
		d, err := oauth.StartDevice(ctx, o.scopes)
		if err != nil {
			return token.Pair{}, err
		}
		fmt.Fprintf(c.out, "Open this page in a browser, anywhere:\n\n  %s\n\nand enter the code:\n\n  %s\n\nWaiting for your consent …\n", d.URL, d.Code)
		return d.Wait(ctx)
	}
	login, err := oauth.StartLogin(google.LoginOptions{Redirect: o.redirect, Paste: o.paste, Scopes: o.scopes})
	if err != nil {
		return token.Pair{}, err
	}
	defer func() { _ = login.Close() }() // it is over either way
	fmt.Fprintf(c.out, "Open this page in a browser and agree:\n\n  %s\n\n", login.URL)
	if !o.paste && !o.noBrowser {
		if err := openBrowser(login.URL); err != nil {
			fmt.Fprintln(c.out, "No browser could be opened here; copy the link, or use --paste.")
		}
	}
	if login.Listens() {
		fmt.Fprintln(c.out, "Waiting for your consent …")
		return login.Wait(ctx)
	}
	text, err := newAsker(c.in, c.out).line(ctx, "Paste the address that the browser ends at (the page itself need not load):\n> ")
	if err != nil {
		return token.Pair{}, err
	}
	return login.Paste(ctx, text)
}

// googleLoginFailed adds what to do about it.
func googleLoginFailed(err error, sink string, o googleLoginOptions) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded) && google.As(err) == nil:
		return fmt.Errorf("nobody agreed within %s. If the page refuses, see that the client is of type desktop app, and that whoever signs in is a test user or the app is published: https://console.cloud.google.com/auth/audience", o.wait)
	case google.As(err) != nil:
		f := google.Diagnose(err, google.Where{Login: app.GoogleLogin(sink)})
		return fmt.Errorf("%s. %s", f.What, f.Fix)
	}
	return err
}

func (c *cli) signedInGoogle(name string, p token.Pair) {
	const day = "2006-01-02 15:04"
	fmt.Fprintf(c.out, "Signed in for %s.\n", name)
	switch {
	case p.Refresh.Value.IsZero():
		fmt.Fprintf(c.out, "⚠ Google gave no refresh token, so it ends at %s. Take the app's access back at https://myaccount.google.com/permissions and sign in again.\n", p.Access.Expires.Local().Format(day))
	case !p.Refresh.Expires.IsZero():
		fmt.Fprintf(c.out, "⚠ It is renewed by itself, and ends on %s all the same, as it does while the app is in Testing. Publish the app at https://console.cloud.google.com/auth/audience and sign in again.\n", p.Refresh.Expires.Local().Format(day))
	default:
		fmt.Fprintln(c.out, "It is renewed by itself while a mekong that uses it runs; six months unused, it ends.")
	}
}
