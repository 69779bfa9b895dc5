package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/sinks/lark"
	"mekong/sinks/token"
)

type loginOptions struct {
	paste, noBrowser bool
	redirect         string
	scopes           []string
	wait             time.Duration
}

func (c *cli) loginCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "login",
		Short:   "Sign in at a destination as a person",
		Example: "  mekong login lark crm",
	}
	cmd.AddCommand(c.loginLarkCommand(), c.loginGoogleCommand())
	return cmd
}

func (c *cli) loginLarkCommand() *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use:   "lark SINK",
		Short: "Sign in to Lark in the browser, with the app of a sink, and keep the sign-in encrypted",
		Long: `Login opens Lark's consent page for the app of a sink and keeps the sign-in,
encrypted, where every mekong on the same NATS finds it. The key is the file
token.key in data_dir.

It is for a Base that the app itself cannot be added to. A sink writes as the
app, and needs no sign-in, unless it has identity: user.

Before: in the developer console enable offline_access and bitable:app, add the
redirect URL ` + lark.DefaultRedirect + `
under Security Settings, and release a version.`,
		Example: `  mekong login lark crm
  mekong login lark crm --paste      # on a machine without a browser`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeSinks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.loginLark(cmd.Context(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.paste, "paste", false, "open the page on another machine, and paste the address it ends at")
	f.BoolVar(&o.noBrowser, "no-browser", false, "only print the link")
	f.StringVar(&o.redirect, "redirect", lark.DefaultRedirect, "redirect `URL` that is registered with the app")
	f.StringSliceVar(&o.scopes, "scope", nil, "what to ask for (default bitable:app; offline_access is added)")
	f.DurationVar(&o.wait, "wait", 10*time.Minute, "how long to wait for the consent")
	return cmd
}

func (c *cli) loginLark(ctx context.Context, name string, o loginOptions) error {
	log, err := c.logger()
	if err != nil {
		return err
	}
	conf, err := config.Load(c.config)
	if err != nil {
		return unreadable(err)
	}
	sink, ok := conf.Sinks[name]
	if !ok {
		return usagef("there is no sink %q in %s; there are: %s", name, c.config, strings.Join(conf.SinkNames(), ", "))
	}
	if sink.LarkBase == nil {
		return usagef("sink %q is not one of Lark", name)
	}
	oauth, err := app.LarkOAuth(*sink.LarkBase)
	if err != nil {
		return usageError{err}
	}
	// First what can fail without the person: nobody signs in for nothing.
	store, done, err := app.OpenTokens(ctx, conf, log)
	if err != nil {
		return err
	}
	defer done()
	login, err := oauth.StartLogin(lark.LoginOptions{Redirect: o.redirect, Paste: o.paste, Scopes: o.scopes})
	if err != nil {
		return err
	}
	defer func() { _ = login.Close() }() // it is over either way
	waiting, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	pair, err := c.consent(waiting, login, o)
	if err != nil {
		return signInFailed(err, o)
	}
	// The code is spent: the sign-in is saved whatever happens to this command.
	saving, saved := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer saved()
	session := oauth.Session(store, app.LarkSession(name), nil)
	if err := session.SignIn(saving, pair); err != nil {
		return fmt.Errorf("the sign-in succeeded and could not be saved: %w", err)
	}
	if err := session.Close(saving); err != nil {
		return err
	}
	c.signedIn(name, sink.LarkBase.Identity, pair)
	return nil
}

// consent shows the page to the person and waits for what comes of it.
func (c *cli) consent(ctx context.Context, login *lark.Login, o loginOptions) (token.Pair, error) {
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

// signInFailed adds what to do about it.
func signInFailed(err error, o loginOptions) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("nobody agreed within %s. If the page says 20029, register %s with the app, letter by letter; if it says 20027, enable what it names and release a version", o.wait, o.redirect)
	case lark.As(err) != nil:
		f := lark.Diagnose(err, lark.Where{})
		return fmt.Errorf("%s. %s", f.What, f.Fix)
	}
	return err
}

func (c *cli) signedIn(name, identity string, p token.Pair) {
	fmt.Fprintf(c.out, "Signed in for %s.\n", name)
	if identity != config.IdentityUser {
		fmt.Fprintf(c.out, "⚠ %s does not use it: it writes as the app until it has identity: user below larkbase.\n", name)
	}
	if p.Refresh.Value.IsZero() {
		fmt.Fprintf(c.out, "⚠ Lark gave no refresh token, so it ends at %s. Enable offline_access on the app, release a version, and sign in again.\n", p.Access.Expires.Local().Format("2006-01-02 15:04"))
		return
	}
	fmt.Fprintf(c.out, "It is renewed by itself while a mekong that uses it runs; unused, it ends on %s.\n", p.Refresh.Expires.Local().Format("2006-01-02 15:04"))
	if len(p.Scopes) > 0 {
		scopes := slices.Clone(p.Scopes)
		slices.Sort(scopes)
		fmt.Fprintf(c.out, "Granted: %s\n", strings.Join(scopes, ", "))
	}
}

// openBrowser hands a link to whatever opens links on this platform. The link is
// one that this program made, and no shell sees it.
func openBrowser(link string) error {
	var cmd *exec.Cmd
	switch runtime.GOOS {
	case "darwin":
		cmd = exec.Command("open", link)
	case "windows":
		cmd = exec.Command("rundll32", "url.dll,FileProtocolHandler", link)
	default:
		cmd = exec.Command("xdg-open", link)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // so that it does not stay as a zombie
	return nil
}
