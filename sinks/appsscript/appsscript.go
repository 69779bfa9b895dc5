// Package appsscript stores records as rows of a Google sheet, one row per key,
// through the script that Mekong ships (deployments/appsscript): for teams without a
// Google Cloud project.
//
//	Mekong ID   Mekong version (hidden)   received   name   phone   …
//
// A call is a POST to the deployment's /exec, which runs the script and answers with a
// redirect to a one-time address that has the script's answer (`sinks.md` B2). Only
// the body carries anything of ours: the script sees no headers, and a redirect would
// carry headers on. A request is signed with a secret that only the two ends know and
// that never travels, and so is each answer, bound to its request. What is not an
// answer of the script's own, so signed, is never taken for success: a page, a
// redirect to another host, half an answer.
//
// The script has run when the redirect arrives, so a lost answer leaves a doubt. The
// same request is then sent again, with the same id, before anything else (doubt.go);
// the script remembers the last ids. Even a request it has forgotten doubles nothing:
// it looks every key up, and the version column says how new a row is.
//
// Cells: texts stay texts, with their zeros and signs; numbers are numbers; a time
// with its zone (RFC 3339) is a date, shown in the spreadsheet's own time zone. What
// is longer than a cell holds is cut and counted for [Sink.Check].
//
// One call at a time goes to a deployment, over all sinks of a process ([Gates]). Over
// several processes that is the queue's doing, and the script's own lock.
//
// No error holds the address, the secret, a record's value or any text of an answer.
// The package does not know what a record means or who tries again.
package appsscript

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"mekong/config"
	"mekong/pipeline"
)

// Options is what a sink needs of whoever runs it. The zero value works.
type Options struct {
	Gates     *Gates            // shared by the sinks of a process; nil: one of its own
	Location  *time.Location    // where the operator expects times; nil: anywhere
	Transport http.RoundTripper // nil: the network
	Now       func() time.Time  // nil: the real clock
}

const (
	// batchSize keeps a run far from its six minutes, and from thirty seconds
	// (`sinks.md` B4).
	batchSize = 300
	batchWait = time.Second
	// maxPayload is where a call is cut in two, in bytes; one record may be longer.
	// Nobody documents what /exec takes (`sinks.md` B3).
	maxPayload = 1 << 20
	maxAnswer  = 1 << 20
)

// Sink writes to one tab through one deployment. All methods may be called at once;
// calls of the script wait for each other.
type Sink struct {
	name       string
	conf       config.AppsScript
	url        *url.URL // of /exec; at the simulator, where there is one
	deployment string
	secret     []byte
	opts       Options
	client     *http.Client
	now        func() time.Time

	turn chan struct{} // one call at a time; who takes the token holds it

	// Guarded by turn.
	doubt *doubt
	most  int // rows in one call, for now

	mu     sync.Mutex // guards what follows
	closed bool
	unsure bool           // there is a doubt
	left   int            // values without a column
	cut    map[string]int // values cut, by column or field
}

var _ pipeline.Sink = (*Sink)(nil)

// New makes the sink called name in the configuration. Nothing is sent yet. Its errors
// name the setting that can never work, and not its value.
func New(name string, c config.AppsScript, o Options) (*Sink, error) {
	s := &Sink{
		name: name, conf: c, opts: o, now: o.Now, secret: []byte(c.Secret.Reveal()),
		turn: make(chan struct{}, 1), most: batchSize, cut: map[string]int{},
	}
	s.turn <- struct{}{}
	if s.now == nil {
		s.now = time.Now
	}
	if s.opts.Gates == nil {
		s.opts.Gates = NewGates()
	}
	if len(s.secret) == 0 {
		return nil, errors.New("secret: not set")
	}
	u, err := url.Parse(c.URL.Reveal())
	if err != nil || u.Host == "" || u.Scheme != "https" && c.Endpoint == "" {
		return nil, errors.New("url: not the address of a web app")
	}
	s.deployment = u.Path
	s.url = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if c.Endpoint != "" {
		end, err := url.Parse(c.Endpoint)
		if err != nil || end.Host == "" {
			return nil, fmt.Errorf("endpoint: not an address")
		}
		s.url.Scheme, s.url.Host = end.Scheme, end.Host
	}
	s.client = &http.Client{
		Transport:     o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if o.Transport == nil {
		s.client.Transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: 60 * time.Second, MaxIdleConnsPerHost: 1,
		}
	}
	return s, nil
}

// Limits is what the worker is to obey: one writer, for runs of a script wait for each
// other.
func (s *Sink) Limits() pipeline.Limits {
	return pipeline.Limits{Batch: batchSize, Wait: batchWait, Writers: 1}
}

// Close ends the sink's use. A Write after it is a Hold.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.client.CloseIdleConnections()
	return nil
}

func (s *Sink) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// setting is the path of one of the sink's settings.
func (s *Sink) setting(names ...string) string {
	return config.Path(append([]string{"sinks", s.name, "appsscript"}, names...)...)
}
