package token

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// LoginOptions shape a sign-in. Consent and Exchange are the vendor's part.
type LoginOptions struct {
	// Redirect is where the consent page sends the browser. With a port 0 on this
	// machine, which not every vendor allows, it becomes a free one.
	Redirect string
	// Paste opens no listener: on a machine without a browser, the person opens the
	// page elsewhere and pastes the address that the browser ends up with, which
	// leads nowhere there.
	Paste bool
	// Consent gives the page, and the state that must come back from it.
	Consent func(redirect string) (page, state string, err error)
	// Exchange buys the pair with the code that the page gave. It is called once.
	Exchange func(ctx context.Context, code string) (Pair, error)
	// Refused says what the page's error means, other than access_denied; nil, or a
	// nil error: the identifier itself has to do.
	Refused func(reason string) error
}

// Login is a sign-in under way. Whichever of Wait and Paste gets the code first buys
// the pair; they may run at once. What they return is to be saved with
// [Session.SignIn] at once.
type Login struct {
	URL string // to be opened in a browser

	state    string
	exchange func(ctx context.Context, code string) (Pair, error)
	refuse   func(reason string) error
	listener net.Listener // nil: paste only
	path     string

	mu   sync.Mutex
	used bool
	got  chan result
}

type result struct {
	pair Pair
	err  error
}

// ErrDenied means that the person did not consent.
var ErrDenied = errors.New("consent was denied on the page")

// StartLogin begins a sign-in, and opens a listener for the browser's return if the
// redirect leads to this machine. Close it in any case.
func StartLogin(o LoginOptions) (*Login, error) {
	u, err := url.Parse(o.Redirect)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("the redirect address is none")
	}
	l := &Login{exchange: o.Exchange, refuse: o.Refused, got: make(chan result, 1)}
	if !o.Paste && loopback(u.Hostname()) && u.Scheme == "http" {
		if l.listener, err = net.Listen("tcp", net.JoinHostPort(u.Hostname(), port(u))); err != nil {
			return nil, fmt.Errorf("the browser's return cannot be listened for: %w; use the paste mode, or another redirect address", err)
		}
		if u.Port() == "0" {
			_, free, _ := net.SplitHostPort(l.listener.Addr().String()) // of an address that is one
			u.Host = net.JoinHostPort(u.Hostname(), free)
			o.Redirect = u.String()
		}
		l.path = cmp.Or(u.EscapedPath(), "/")
	}
	if l.URL, l.state, err = o.Consent(o.Redirect); err == nil && l.state == "" {
		err = errors.New("a sign-in without a state could be anybody's")
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return "80"
}

// Listens reports whether [Login.Wait] can get the code by itself.
func (l *Login) Listens() bool { return l.listener != nil }

// Close ends the sign-in.
func (l *Login) Close() error {
	if l.listener == nil {
		return nil
	}
	if err := l.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Wait serves the browser's return until the sign-in succeeded, failed or ctx ends.
// It may be called once.
func (l *Login) Wait(ctx context.Context) (Pair, error) {
	if l.listener == nil {
		select {
		case r := <-l.got:
			return r.pair, r.err
		case <-ctx.Done():
			return Pair{}, ctx.Err()
		}
	}
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.serve(ctx, w, r) }), MaxHeaderBytes: 32 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 5 * time.Second,
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l.listener) }()
	defer func() {
		// The page with the outcome is on its way to the browser.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = srv.Shutdown(end)
	}()
	select {
	case r := <-l.got:
		return r.pair, r.err
	case err := <-failed:
		return Pair{}, fmt.Errorf("the browser's return cannot be listened for: %w", err)
	case <-ctx.Done():
		return Pair{}, ctx.Err()
	}
}

// serve answers the browser. What is not this sign-in's return changes nothing, so
// that no other page can end it.
func (l *Login) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	// A name that somebody made resolve to this machine is no way in.
	if host, _, err := net.SplitHostPort(r.Host); (err == nil && !loopback(host)) || (err != nil && !loopback(r.Host)) {
		page(w, http.StatusForbidden, "Not here", "This address is for the sign-in of this machine only.")
		return
	}
	if r.Method != http.MethodGet || r.URL.EscapedPath() != l.path {
		page(w, http.StatusNotFound, "Not here", "There is nothing at this address.")
		return
	}
	switch _, err := l.finish(ctx, r.URL.Query()); {
	case err == nil:
		page(w, http.StatusOK, "Signed in", "You can close this window and go back to the terminal.")
	case errors.Is(err, errNotOurs):
		page(w, http.StatusBadRequest, "Not this sign-in", "Open the link that the terminal shows, and use it once.")
	default:
		page(w, http.StatusOK, "Not signed in", err.Error())
	}
}

func page(w http.ResponseWriter, status int, title, text string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<!doctype html><meta charset=utf-8><title>"+html.EscapeString(title)+
		"</title><body style=\"font:18px/1.5 system-ui;margin:15vh auto;max-width:34em\"><h1>"+html.EscapeString(title)+"</h1><p>"+html.EscapeString(text))
}

// errNotOurs means that a return is none of this sign-in, or came twice.
var errNotOurs = errors.New("this is not the return of this sign-in: its state differs, or it was used already")

// finish takes the parameters that the consent page sent the browser back with, and
// buys the pair. What it returns is told to Wait as well, unless it is errNotOurs.
func (l *Login) finish(ctx context.Context, q url.Values) (Pair, error) {
	code, reason := q.Get("code"), q.Get("error")
	switch {
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(l.state)) != 1,
		code == "" && reason == "", len(code) > 8192:
		return Pair{}, errNotOurs
	}
	l.mu.Lock()
	used := l.used
	l.used = true
	l.mu.Unlock()
	if used {
		return Pair{}, errNotOurs
	}
	var r result
	switch {
	case reason == "access_denied":
		r.err = ErrDenied
	case reason != "":
		r.err = l.refused(reason)
	default:
		r.pair, r.err = l.exchange(ctx, code)
		if r.err == nil && r.pair.Access.Value.IsZero() {
			r.err = errors.New("the platform gave no access token")
		}
	}
	l.got <- r // the only one there is
	return r.pair, r.err
}

// Paste takes the address that the browser ended up with, whole, and finishes the
// sign-in.
func (l *Login) Paste(ctx context.Context, text string) (Pair, error) {
	text = strings.Trim(strings.TrimSpace(text), "<>\"'")
	_, query, ok := strings.Cut(text, "?")
	if !ok || len(text) > 16<<10 {
		return Pair{}, errors.New("paste the whole address from the browser's address bar, with code= and state= in it")
	}
	query, _, _ = strings.Cut(query, "#")
	q, err := url.ParseQuery(query)
	if err != nil {
		return Pair{}, errors.New("the address is damaged; copy it again")
	}
	return l.finish(ctx, q)
}

// refused is the error for a page that sent the browser back with a reason, of which
// nothing is told but an identifier.
func (l *Login) refused(reason string) error {
	if l.refuse != nil {
		if err := l.refuse(reason); err != nil {
			return err
		}
	}
	for _, r := range reason {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.' {
			reason = ""
		}
	}
	if reason == "" || len(reason) > 60 {
		return errors.New("the page refused")
	}
	return errors.New("the page refused: " + reason)
}
