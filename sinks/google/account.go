package google

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/compute/metadata"

	"mekong/config"
	"mekong/sinks/token"
)

// AccountOptions make an [Account]. With neither File nor JSON it is the one of this
// machine's Google environment: the file that GOOGLE_APPLICATION_CREDENTIALS names,
// or gcloud's, or what the metadata server inside Google Cloud offers.
type AccountOptions struct {
	File string        // path of the key file of a service account, or of a workload identity file
	JSON config.Secret // instead of File: its content

	// Share keeps the token where other processes find it; nil: each has its own. It
	// is kept under a name made of the account and where its tokens come from.
	Share   *token.Store
	OnToken func(token.Event) // told what happens to the token; quick, from any goroutine

	HTTP *http.Client     // whose transport requests for tokens go through; nil: one of its own
	Now  func() time.Time // nil: the real clock
}

// Account is a program's own account at Google, and the provider of its tokens. It may
// be used from any number of goroutines.
//
// Its credentials are read anew whenever a token is fetched, so that a key which was
// replaced is used as soon as the old one's token ends or is refused. They may be
// missing when it is made: then it says so with every token.
type Account struct {
	*token.Cached
	place place
	base  http.RoundTripper
	now   func() time.Time
	id    string

	mu    sync.Mutex
	email string
	names string // of the account that was read first: it stays that
	skew  time.Duration
	dated bool
}

// NewAccount makes an account. Nothing is sent yet.
func NewAccount(o AccountOptions) *Account {
	a := &Account{place: place{file: o.File, json: o.JSON}, base: transportOf(o.HTTP), now: o.Now}
	if a.now == nil {
		a.now = time.Now
	}
	opts := []token.Option{token.Clock(a.now)}
	if o.OnToken != nil {
		opts = append(opts, token.Watch(o.OnToken))
	}
	// What is wrong now may be right when a token is wanted, which is when it is told.
	from, err := a.read()
	switch {
	case err == nil && from.machine:
		// Every process on the machine has the same account, and a token of the
		// metadata server costs nothing.
		a.id = "this machine"
	case err == nil:
		a.id = from.cred.names()
		if o.Share != nil {
			opts = append(opts, token.Sharing(o.Share, "google.account."+short(a.id+"\n"+from.cred.endpoint)))
		}
	default:
		a.id = "unread/" + short(o.File+"\n"+o.JSON.Reveal())
	}
	a.Cached = token.Cache(early, a.fetch, opts...)
	return a
}

// Email is whom a spreadsheet is to be shared with; "" when the credentials cannot be
// read, name nobody, or are the machine's and no token was fetched yet.
func (a *Account) Email() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.email
}

// AccountID tells accounts apart and holds no secret: sinks with the same one share
// what Google allows an account per minute. It stays the same while the process runs.
func (a *Account) AccountID() string { return a.id }

// read looks at the credentials, which must stay those of one account: what is shared
// by its name, a token and a quota, would be another's.
func (a *Account) read() (origin, error) {
	from, err := a.place.look()
	if err != nil || from.machine {
		return from, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	names := from.cred.names()
	if a.names != "" && names != a.names {
		return from, misfit("the credentials became those of another account ("+names+" in place of "+a.names+")", "restart mekong, which then uses the new account; share the spreadsheet with it")
	}
	a.names, a.email = names, from.cred.email
	return from, nil
}

// fetch asks for a token, once.
func (a *Account) fetch(ctx context.Context) (token.Token, error) {
	from, err := a.read()
	if err != nil {
		return token.Token{}, err
	}
	if from.machine {
		return a.fromMachine(ctx)
	}
	w := &witness{base: a.base, now: a.now}
	defer a.sawClock(w)
	t, err := a.ask(ctx, &credentials.DetectOptions{Client: client(w)}, from.cred)
	if err == nil && t.Value.IsZero() {
		err = errors.New("an answer without a token")
	}
	if err != nil {
		return token.Token{}, refusal(from.cred, w.heard(), err)
	}
	return t, nil
}

// ask has the library fetch a token. What it would keep of it is thrown away with it.
func (a *Account) ask(ctx context.Context, o *credentials.DetectOptions, cred *credential) (token.Token, error) {
	o.Scopes = []string{Scope}
	o.DisableAsyncRefresh = true
	// By an environment variable it would log requests, with what is secret in them.
	o.Logger = slog.New(slog.DiscardHandler)
	var creds *auth.Credentials
	var err error
	if cred == nil {
		creds, err = credentials.DetectDefault(o)
	} else {
		creds, err = credentials.NewCredentialsFromJSON(cred.kind, cred.text, o)
	}
	if err != nil {
		return token.Token{}, err
	}
	t, err := creds.Token(ctx)
	if err != nil {
		return token.Token{}, err
	}
	return issued(t.Value, t.Expiry, a.now()), nil
}

// issued is a token that was bought just now. A library reckons its end by the real
// clock; what does not say when it ends is taken for Google's usual hour.
func issued(value string, end, now time.Time) token.Token {
	life := time.Hour
	if !end.IsZero() {
		life = min(time.Until(end).Round(time.Second), 24*time.Hour)
	}
	return token.Token{Value: token.NewSecret(value), Issued: now, Expires: now.Add(life)}
}

// refusal is why a credential brought no token.
func refusal(cred *credential, a *answer, err error) error {
	who := account
	if cred.kind == credentials.ExternalAccount {
		who = workload
	}
	if a == nil {
		a = answerIn(err)
	}
	if a == nil {
		return silent(err)
	}
	return explain(who, a)
}

// fromMachine asks the metadata server, which answers inside Google Cloud only.
func (a *Account) fromMachine(ctx context.Context) (token.Token, error) {
	t, err := a.ask(ctx, &credentials.DetectOptions{}, nil)
	if err != nil {
		return token.Token{}, noMachine(err)
	}
	if a.Email() == "" {
		// Without it everything works, and nobody learns whom to share with.
		if email, err := metadata.EmailWithContext(ctx, "default"); err == nil && address.MatchString(email) {
			a.mu.Lock()
			a.email = email
			a.mu.Unlock()
		}
	}
	return t, nil
}

// noMachine is why a machine offers no account.
func noMachine(err error) error {
	var undefined metadata.NotDefinedError
	var answered *metadata.Error
	const fix = "name the key file of a service account in credentials; inside Google Cloud, attach a service account to this machine or service instead"
	switch {
	case errors.As(err, &undefined):
		return &Error{Class: Setup, Setting: "credentials", Msg: "no service account is attached to this machine", Fix: fix}
	case errors.As(err, &answered) && answered.Code < 500:
		return &Error{Class: Setup, Setting: "credentials", HTTP: answered.Code, Msg: "this machine's metadata server gives no token", Fix: fix}
	case errors.As(err, &answered):
		return &Error{Class: Down, HTTP: answered.Code, Msg: "this machine's metadata server fails", Wait: 5 * time.Second, Fix: "nothing: it is tried again by itself"}
	}
	if e := silent(err); e.Msg != noToken {
		return e
	}
	return &Error{Class: Setup, Setting: "credentials", Msg: "there are no credentials: none are configured, and this machine offers none", Fix: fix}
}

func (a *Account) sawClock(w *witness) {
	skew, ok := w.clock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if ok {
		a.skew, a.dated = skew, true
	}
}

// short is a hash that tells names apart.
func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}
