// Package intake is the HTTP door: one listener for every source that is posted
// to. It bounds and reads a request, has the source's dialect make Raws of it,
// emits them, and answers only when they are safe on disk.
//
//	200 stored: {"ok":true,"id":"…"}        413 too large        429 too many; Retry-After
//	400 not understood at all               405 not a POST       503 cannot store now; Retry-After
//	401 not authentic                       408 415 404
//
// Success is 200 and never 202 or 204, which LadiPage's browser runtime reads as
// failure, and every answer carries CORS headers, without which a browser reads
// it as failure too (`sources.md` §1.2). What is refused is kept with its cause
// ([Options.Refuse]), so that a wrong token does not cost a lead.
//
// It does not know any vendor (the dialects), nor what storing means
// (pipeline/bus). It logs, measures and traces; paths, queries, headers and bodies
// go into none of them.
package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"mekong/pipeline"
	"mekong/pipeline/serve"
)

// Receiver is the dialect of one source. It may be called from any number of
// goroutines at once.
type Receiver interface {
	// Receive verifies a request, frames body as raws, and says what to reply
	// once they are stored; a nil reply is the usual {"ok":true,"id":…}.
	//
	// r has the client's address, without a port, as RemoteAddr; its Body has
	// been read. body belongs to the raws from then on. An error that is a
	// [request.Refusal] is answered as it says and kept; raws that come with it
	// are what is kept. Any other error is answered 503.
	Receive(r *http.Request, body []byte) (raws []pipeline.Raw, reply []byte, err error)
}

// Route leads from a path to a source.
type Route struct {
	Source    string   // its name in the configuration
	Path      string   // absolute; a trailing slash makes no difference
	PathToken bool     // one more path element is let through, for a token in the URL
	Format    string   // of the requests that are kept because the door refused them
	MaxBody   int64    // bytes; 0: DefaultMaxBody
	Headers   []string // request headers that a page may send, besides Content-Type
	Origins   []string // page origins allowed by CORS, "https://*.example.com" included; empty: any
	Receiver  Receiver

	// Verify answers a GET, by which some vendors make sure of an address before
	// they post to it, with a body of the given content type. Nothing is stored.
	// A [request.Refusal] is answered as it says. Nil: a GET is answered 405.
	Verify func(r *http.Request) (body []byte, contentType string, err error)
}

// Options of [New]. The zero value of each is a usable default.
type Options struct {
	Addr           string                // where to listen; ":0" or "" picks a port
	TrustedProxies []netip.Prefix        // whose X-Forwarded-For is believed; see ParseProxies
	Logger         *slog.Logger          // nil: logs nothing
	Metrics        prometheus.Registerer // nil: measured, shown nowhere
	Grace          time.Duration         // how long a stop lets requests finish; 0: 20 s
	InFlight       int                   // requests being stored at once, past which the answer is 503; 0: 1024
	Memory         int64                 // bytes of all bodies in hand together, past which the answer is 503; 0: 256 MiB
	ReadTimeout    time.Duration         // for a whole request to arrive; 0: 30 s
	EmitTimeout    time.Duration         // for storing; 0: 10 s
	Now            func() time.Time      // nil: time.Now

	// Listen opens the entrance at Addr; nil: one of the door's own, which ends with it.
	Listen func(addr string) (serve.Entrance, error)

	// Refuse keeps a request that was turned away, with its cause. The body may
	// be cut at the route's MaxBody. Nil keeps nothing.
	Refuse func(ctx context.Context, cause string, raw pipeline.Raw) error
}

// Defaults and bounds.
const (
	DefaultMaxBody = 900 << 10
	maxHeader      = 32 << 10         // bytes of request line and headers together
	headerTimeout  = 10 * time.Second // for them to arrive
	idleTimeout    = 75 * time.Second // between the requests of one connection
	keepTimeout    = 5 * time.Second  // for keeping a refused request
	keepers        = 8                // refused requests being kept at once
)

// Health is the path that answers while the process is alive.
const Health = "/healthz"

// Intake is the door. Make one with [New] and [Intake.Run] it.
type Intake struct {
	opts    Options
	routes  map[string]*route // by path without a trailing slash
	metrics *metrics
	memory  atomic.Int64
	slots   chan struct{}
	keeping chan struct{}
	keepFor time.Duration
	tally   tally
	tracer  trace.Tracer // nil: not traced

	mu       sync.Mutex
	entrance serve.Entrance // nil before Listen
}

type route struct {
	Route
	origins   origins
	headers   string // Access-Control-Allow-Headers
	log       *slog.Logger
	sometimes rate.Sometimes
	unlogged  atomic.Int64
	measured  routeMetrics
}

var _ pipeline.Source = (*Intake)(nil)

// New checks routes and makes the door; it does not listen yet.
func New(opts Options, routes ...Route) (*Intake, error) {
	opts = withDefaults(opts)
	in := &Intake{
		opts:    opts,
		routes:  make(map[string]*route, len(routes)),
		slots:   make(chan struct{}, opts.InFlight),
		keeping: make(chan struct{}, keepers),
		keepFor: keepTimeout,
	}
	var err error
	if in.metrics, err = newMetrics(opts.Metrics); err != nil {
		return nil, fmt.Errorf("metrics of the door: %w", err)
	}
	var problems []error
	for _, r := range routes {
		path := strings.TrimSuffix(r.Path, "/")
		switch other := in.routes[path]; {
		case !strings.HasPrefix(r.Path, "/"):
			problems = append(problems, fmt.Errorf("source %q: path %q does not start with /", r.Source, r.Path))
			continue
		case path == Health:
			problems = append(problems, fmt.Errorf("source %q: path %s is taken by the health check", r.Source, Health))
			continue
		case other != nil:
			problems = append(problems, fmt.Errorf("sources %q and %q have the same path %s", other.Source, r.Source, r.Path))
			continue
		case r.Receiver == nil:
			problems = append(problems, fmt.Errorf("source %q has no receiver", r.Source))
			continue
		}
		if r.MaxBody <= 0 {
			r.MaxBody = DefaultMaxBody
		}
		in.routes[path] = &route{
			Route:     r,
			origins:   newOrigins(r.Origins),
			headers:   strings.Join(append([]string{"Content-Type"}, r.Headers...), ", "),
			log:       opts.Logger.With("source", r.Source),
			sometimes: rate.Sometimes{Interval: time.Second},
			measured:  in.metrics.of(r.Source),
		}
	}
	return in, errors.Join(problems...)
}

func withDefaults(o Options) Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Grace <= 0 {
		o.Grace = 20 * time.Second
	}
	if o.InFlight <= 0 {
		o.InFlight = 1024
	}
	if o.Memory <= 0 {
		o.Memory = 256 << 20
	}
	if o.ReadTimeout <= 0 {
		o.ReadTimeout = 30 * time.Second
	}
	if o.EmitTimeout <= 0 {
		o.EmitTimeout = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Listen == nil {
		o.Listen = serve.Listen
	}
	return o
}

// match finds the route of a path, with or without a token behind it.
func (in *Intake) match(path string) *route {
	path = strings.TrimSuffix(path, "/")
	if r := in.routes[path]; r != nil {
		return r
	}
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		if r := in.routes[path[:i]]; r != nil && r.PathToken {
			return r
		}
	}
	return nil
}
