package larkbot

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/identity"
)

// Socket takes events over a connection that it opens to the platform and holds
// (`lark.md` §6.7). Each event goes to one of an app's connections, so several
// processes share the load, and what comes twice has one ID all the same.
//
// The SDK's client for this cannot be stopped, does not notice when the other side
// is gone, waits up to two and a half minutes before it connects again, and writes
// the address with its ticket and whole events into its log. So this is one of our
// own, and the SDK's frames are used in tests, to hold ours against.
type Socket struct {
	name     string
	appID    string
	secret   config.Secret
	endpoint string
	opts     SocketOptions
}

var _ pipeline.Source = (*Socket)(nil)

// SocketOptions adapt a [Socket] to where it runs. The zero value of each is a
// usable default.
type SocketOptions struct {
	Logger *slog.Logger     // nil: logs nothing
	HTTP   *http.Client     // for asking where to connect; its transport's TLS settings are used for the connection too. nil: one of its own
	Now    func() time.Time // nil: time.Now

	Least   time.Duration // first wait before connecting again; it doubles; 0: 1 s
	Most    time.Duration // longest wait; 0: 2 min
	Silence time.Duration // how long nothing may be heard before the connection counts as dead; 0: one and a half of the platform's ping intervals
	Emit    time.Duration // for storing one event; 0: 2500 ms, since the platform waits for three seconds
}

// NewSocket makes the source called name. Nothing is connected yet.
func NewSocket(name string, c config.LarkBot, o SocketOptions) (*Socket, error) {
	s := &Socket{name: name, appID: c.AppID, secret: c.AppSecret, endpoint: strings.TrimRight(c.Endpoint, "/"), opts: o}
	if s.endpoint == "" {
		s.endpoint = "https://open.larksuite.com"
		if c.Brand == "feishu" {
			s.endpoint = "https://open.feishu.cn"
		}
	}
	if name == "" || c.AppID == "" || c.AppSecret.IsZero() {
		return nil, errors.New("a connection needs a source's name, app_id and app_secret")
	}
	if s.opts.Logger == nil {
		s.opts.Logger = slog.New(slog.DiscardHandler)
	}
	if s.opts.HTTP == nil {
		s.opts.HTTP = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	}
	own := *s.opts.HTTP
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Jar = nil
	s.opts.HTTP = &own
	if s.opts.Now == nil {
		s.opts.Now = time.Now
	}
	s.opts.Least = orElse(s.opts.Least, time.Second)
	s.opts.Most = orElse(s.opts.Most, 2*time.Minute)
	s.opts.Emit = orElse(s.opts.Emit, 2500*time.Millisecond)
	return s, nil
}

func orElse(d, other time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return other
}

// Run holds a connection until ctx ends, and connects again, after a wait that
// grows, when it breaks or cannot be had. That the credentials are refused is no
// reason to end either: somebody may be about to correct them in the console.
// It returns once nothing it took is still in its hands, and leaves no goroutine.
func (s *Socket) Run(ctx context.Context, emit pipeline.Emit) error {
	defer s.opts.HTTP.CloseIdleConnections()
	wait := s.opts.Least
	for ctx.Err() == nil {
		began := s.opts.Now()
		heard, err := s.once(ctx, emit)
		if ctx.Err() != nil {
			break
		}
		if heard && s.opts.Now().Sub(began) > wait {
			wait = s.opts.Least
		}
		s.opts.Logger.Warn("connection lost, connecting again", "wait", wait, "error", err)
		// Half to all of it, so that replicas do not come back all at once.
		timer := time.NewTimer(wait/2 + rand.N(wait/2+1))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		wait = min(2*wait, s.opts.Most)
	}
	return nil
}

// take stores one event and reports whether the platform may forget it. An event
// that is none is forgotten too: it would come back as it is.
func (s *Socket) take(ctx context.Context, emit pipeline.Emit, body []byte) bool {
	e, ok := parse(body)
	raw := pipeline.Raw{Source: s.name, Format: Format, Received: s.opts.Now().UTC(), Meta: map[string]string{"content_type": "application/json"}, Body: body}
	if ok {
		if e.kind == challenge {
			return true
		}
		raw.ID, raw.Body = e.id(s.name), e.blanked(body)
	} else {
		raw.ID = identity.Hashed(s.name, sha256.Sum256(body))
	}
	// What is in hand is stored though the process is about to end.
	limit, done := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Emit)
	defer done()
	if err := emit(limit, raw); err != nil {
		s.opts.Logger.Warn("not stored", "error", err)
		return false
	}
	return true
}
