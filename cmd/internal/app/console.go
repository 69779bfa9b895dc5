package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mekong/config"
	"mekong/pipeline/console"
	"mekong/pipeline/receipt"
	"mekong/pipeline/trace"
	"mekong/sources/intake"
)

// consoleToken holds the token of the sign-in link, where the configuration names no
// users.
const consoleToken = "console.token"

// openConsole gives the console what it shows, each thing from whoever knows it.
func (a *App) openConsole() (err error) {
	c := a.config
	o := console.Options{Addr: c.HTTP.Console, Metrics: a.registry, Ready: a.Ready, Logger: a.log,
		Flow: a.flow, Doctor: a.examine, Sources: consoleSources{a}, Sinks: a.sinkInfos, Shapes: a.shapes, Holds: consoleHolds{a.pauses}, Buried: consoleBuried{a.Operator()}, Forget: consoleForget{a.Operator()}}
	if a.Trace != nil {
		o.Leads, o.Receipt = a.Trace, a.issueReceipt
	}
	for _, name := range c.Console.UserNames() {
		u := c.Console.Users[name]
		role := console.Viewer
		if u.Role == config.RoleOperator {
			role = console.Operator
		}
		o.Users = append(o.Users, console.User{Name: name, Password: u.Password.Reveal(), Role: role})
	}
	if o.Zone, err = time.LoadLocation(c.Timezone); err != nil {
		return fmt.Errorf("timezone: %w", err)
	}
	if o.Proxies, err = intake.ParseProxies(c.HTTP.TrustedProxies); err != nil {
		return fmt.Errorf("http.trusted_proxies: %w", err)
	}
	if err := a.openRooms(&o); err != nil {
		// Leads are taken in and delivered all the same, and measured.
		a.log.Warn("the console has no pages, only metrics and probes", "error", err)
		o.Users, o.Token, a.link = nil, "", link{}
	}
	o.Listen = a.listenAs(RoleConsole)
	if a.Console, err = console.New(o); err != nil {
		return err
	}
	a.later(func() { _ = a.Console.Close() })
	return nil
}

// issueReceipt issues a receipt of a lead as a page.
func (a *App) issueReceipt(ctx context.Context, id, who, language string) (console.Receipt, error) {
	all, err := a.Receipts()
	if err != nil {
		return console.Receipt{}, err
	}
	issued, err := all.Issue(ctx, ReceiptOptions{IDs: []string{id}, By: who, Now: time.Now()})
	if errors.Is(err, ErrNothing) || errors.Is(err, trace.ErrUnknown) {
		return console.Receipt{}, console.ErrNoLead
	}
	if err != nil {
		return console.Receipt{}, err
	}
	var page bytes.Buffer
	if err := receipt.WriteHTML(&page, issued, receipt.Lang(language)); err != nil {
		return console.Receipt{}, err
	}
	return console.Receipt{Number: fmt.Sprint(issued.Number), Page: page.Bytes(), Policy: receipt.Policy()}, nil
}

// openRooms opens what the pages keep in data_dir: who may sign in by the link, and who
// did what.
func (a *App) openRooms(o *console.Options) (err error) {
	dir := a.config.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	if len(o.Users) == 0 {
		if a.link.token, a.link.fresh, err = linkToken(filepath.Join(dir, consoleToken)); err != nil {
			return err
		}
		o.Token = a.link.token
	}
	o.Audit, err = console.OpenAudit(filepath.Join(dir, auditFile))
	return err
}

// link is how somebody signs in to the console where there are no users.
type link struct {
	token string
	fresh bool // made at this start
}

// ConsoleLink is the address of the console. It signs in whoever opens it where the
// configuration names no users and the token was made at this start; after that it is
// told only in which file the token is.
func (a *App) ConsoleLink() (address, tokenFile string) {
	address = "http://" + dialable(a.Console.Addr().String()) + "/"
	switch {
	case a.link.token == "":
		return address, ""
	case a.link.fresh:
		return address + "login?token=" + url.QueryEscape(a.link.token), ""
	}
	return address, filepath.Join(a.config.DataDir, consoleToken)
}

// linkToken reads the token, or makes one when there is none. The file is its owner's
// alone.
func linkToken(path string) (token string, fresh bool, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		if token = strings.TrimSpace(string(text)); len(token) < 32 {
			return "", false, fmt.Errorf("%s holds no token; delete it, and one is made", path)
		}
		return token, false, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", false, fmt.Errorf("the console's token cannot be read: %w", err)
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	token = base64.RawURLEncoding.EncodeToString(b[:])
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) { // another process was quicker
		return linkToken(path)
	}
	if err != nil {
		return "", false, fmt.Errorf("the console's token cannot be kept: %w", err)
	}
	_, err = f.WriteString(token + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", false, fmt.Errorf("the console's token cannot be kept: %w", err)
	}
	return token, true, nil
}
