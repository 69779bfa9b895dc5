// Package console is the operators' listener: the pages that show where every lead
// is, and the metrics and probes of the process.
//
// The pages are plain HTML made here, read without JavaScript, and ask nothing of
// any other machine; a little JavaScript of ours keeps the numbers current. Who may
// see them is settled here too: users, sessions, roles, and what a browser is told
// to refuse.
//
// It does not know where what it shows comes from: each page has a function or a
// small interface in [Options], and a page whose source is nil does not exist.
package console

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"mekong/pipeline/doctor"
	"mekong/pipeline/serve"
)

// Options of [New].
type Options struct {
	Addr    string              // host:port; port 0 picks one
	Metrics prometheus.Gatherer // what /metrics shows
	// Ready says what keeps the process from doing its work; nil: nothing.
	Ready  func(context.Context) error
	Logger *slog.Logger
	// Listen opens the entrance at Addr; nil: one of the console's own, which ends with it.
	Listen func(addr string) (serve.Entrance, error)

	// Users may sign in with a password, whoever has Token with the link of it, as an
	// operator. With neither there are no pages, only the metrics and probes.
	Users []User
	Token string
	// Proxies are those in front, whose X-Forwarded-For and X-Forwarded-Proto count.
	Proxies []netip.Prefix
	Zone    *time.Location   // in which times are shown; nil: UTC
	Now     func() time.Time // nil: time.Now
	Audit   *Audit           // where it is written down who did what; nil: nowhere

	// Flow tells how everything stands.
	Flow func(context.Context) (Snapshot, error)
	// Sources and Sinks tell of the ways in and out.
	Sources Sources
	Sinks   func(context.Context) ([]SinkInfo, error)
	// Shapes looks at the sinks' tables as they are now, by sink. It ends with its
	// context; nil: nobody looks.
	Shapes func(context.Context) map[string]Shape
	// Holds has sinks held and go on; nil: nobody may.
	Holds Holds
	// Leads finds records; Buried keeps what could not go on.
	Leads  Leads
	Buried Buried
	// Receipt issues a receipt of a lead, to somebody, in a language. It fails with
	// [ErrNoLead] where there is no such lead.
	Receipt func(ctx context.Context, id, who, language string) (Receipt, error)
	// Forget finds people who ask for it, and erases them.
	Forget Forget
	// Doctor examines everything. It ends with its context.
	Doctor func(context.Context) doctor.Report
}

// stopGrace is what requests in hand have at a stop.
const stopGrace = 2 * time.Second

// Console serves the operators' endpoints.
type Console struct {
	opts     Options
	entrance serve.Entrance
	log      *slog.Logger
	users    users
	sessions *sessions
	attempts *attempts
	pages    *pages
	cases    *cases
	flow     *sampler
	health   *examiner[doctor.Report]
	shapes   *examiner[map[string]Shape]
}

// New opens the listener, so that a port in use is known at start.
func New(o Options) (*Console, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Listen == nil {
		o.Listen = serve.Listen
	}
	c := &Console{opts: o, log: o.Logger, users: newUsers(o.Users, o.Token), sessions: newSessions(o.Now), attempts: newAttempts(o.Now)}
	if o.Flow != nil {
		c.flow = newSampler(o.Flow, o.Now)
	}
	if o.Doctor != nil {
		c.health = &examiner[doctor.Report]{run: o.Doctor, now: o.Now, fresh: healthFresh, most: healthMost, wait: healthWait}
	}
	if o.Forget != nil {
		c.cases = newCases(o.Forget, o.Now, c.note)
	}
	if o.Shapes != nil {
		c.shapes = &examiner[map[string]Shape]{run: o.Shapes, now: o.Now, fresh: shapesFresh, most: shapesMost, wait: shapesWait}
	}
	var err error
	if c.pages, err = newPages(o.Zone, o.Now); err != nil {
		return nil, fmt.Errorf("the console's pages: %w", err)
	}
	if c.entrance, err = o.Listen(o.Addr); err != nil {
		return nil, fmt.Errorf("http.console: %w; is another mekong running? Choose another port", err)
	}
	return c, nil
}

// Addr is where it listens.
func (c *Console) Addr() net.Addr { return c.entrance.Addr() }

// Handler is what the listener serves.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	c.probes(mux)
	if !c.users.none() {
		c.doors(mux)
		c.rooms(mux)
	}
	return hardened(mux)
}

// rooms are the pages that need a sign-in. What is not here does not exist, and
// that, too, is told only to those who are signed in.
func (c *Console) rooms(mux *http.ServeMux) {
	mux.Handle("/", c.signedIn(Viewer, c.nowhere))
	mux.Handle("GET /{$}", c.signedIn(Viewer, c.start))
	if c.flow != nil {
		mux.Handle("GET /flow", c.signedIn(Viewer, c.flowPage))
		mux.Handle("GET /api/flow", c.signedIn(Viewer, c.flowData))
		mux.Handle("GET /api/live", c.signedIn(Viewer, c.live))
	}
	if c.opts.Leads != nil {
		mux.Handle("GET /leads", c.signedIn(Viewer, c.leadsList))
		mux.Handle("POST /leads", c.act(Viewer, c.leadsFind))
		mux.Handle("GET /lead", c.signedIn(Viewer, c.leadPage))
		mux.Handle("POST /leads/export", c.act(Operator, c.export))
		if c.opts.Receipt != nil {
			mux.Handle("POST /lead/receipt", c.act(Operator, c.receipt))
		}
	}
	if c.opts.Buried != nil {
		mux.Handle("GET /buried", c.signedIn(Viewer, c.buriedPage))
		mux.Handle("GET /buried/{seq}", c.signedIn(Viewer, c.gravePage))
		mux.Handle("POST /buried/replay", c.act(Operator, c.replay))
		mux.Handle("POST /buried/drop", c.act(Operator, c.drop))
	}
	if c.opts.Sources != nil {
		mux.Handle("GET /sources", c.signedIn(Viewer, c.sourcesPage))
		mux.Handle("GET /sources/{name}/watch", c.signedIn(Operator, c.watchPage))
		mux.Handle("POST /sources/{name}/test", c.act(Operator, c.test))
	}
	if c.opts.Sinks != nil {
		mux.Handle("GET /sinks", c.signedIn(Viewer, c.sinksPage))
		if c.shapes != nil {
			mux.Handle("POST /sinks/look", c.act(Operator, c.lookAgain))
		}
		if c.opts.Holds != nil {
			mux.Handle("POST /sinks/hold", c.act(Operator, c.hold))
			mux.Handle("POST /sinks/release", c.act(Operator, c.release))
		}
	}
	if c.health != nil {
		mux.Handle("GET /health", c.signedIn(Viewer, c.healthPage))
	}
	if c.cases != nil {
		mux.Handle("GET /forget", c.signedIn(Operator, c.forgetPage))
		mux.Handle("GET /forget/{id}", c.signedIn(Operator, c.forgetCase))
		mux.Handle("GET /forget/{id}/proof", c.signedIn(Operator, c.forgetProof))
		mux.Handle("POST /forget/note", c.act(Operator, c.forgetNote))
		mux.Handle("POST /forget/answered", c.act(Operator, c.forgetAnswered))
		mux.Handle("POST /forget/find", c.act(Operator, c.forgetFind))
		mux.Handle("POST /forget/{id}/evidence", c.act(Operator, c.forgetEvidence))
		mux.Handle("POST /forget/{id}/erase", c.act(Operator, c.forgetErase))
	}
	if c.opts.Audit != nil {
		mux.Handle("GET /activity", c.signedIn(Viewer, c.activityPage))
	}
}

// tabs are the pages there are for a role, in the order of the navigation.
func (c *Console) tabs(role Role) (list []string) {
	for _, t := range []struct {
		name  string
		there bool
	}{
		{"flow", c.flow != nil}, {"leads", c.opts.Leads != nil}, {"buried", c.opts.Buried != nil}, {"sources", c.opts.Sources != nil}, {"sinks", c.opts.Sinks != nil}, {"health", c.health != nil},
		{"forget", c.cases != nil && role >= Operator}, {"activity", c.opts.Audit != nil},
	} {
		if t.there {
			list = append(list, t.name)
		}
	}
	return list
}

// start sends to the first page there is.
func (c *Console) start(w http.ResponseWriter, r *http.Request, v visitor) {
	tabs := c.tabs(v.role)
	if len(tabs) == 0 {
		c.nowhere(w, r, v)
		return
	}
	http.Redirect(w, r, "/"+tabs[0], http.StatusSeeOther)
}

// Run serves until ctx ends.
func (c *Console) Run(ctx context.Context) error {
	// Live streams end with the listener, or they would hold the stop up.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &http.Server{
		Handler:           c.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
	}
	g, inside := errgroup.WithContext(ctx)
	if c.flow != nil {
		g.Go(func() error { c.flow.follow(inside); return nil })
	}
	if c.health != nil {
		g.Go(func() error { c.health.work(inside); return nil })
	}
	if c.shapes != nil {
		g.Go(func() error { c.shapes.work(inside); return nil })
	}
	if c.cases != nil {
		g.Go(func() error { c.cases.run(inside); return nil })
	}
	g.Go(func() error {
		defer cancel()
		if err := c.entrance.Serve(ctx, s, stopGrace); err != nil {
			return fmt.Errorf("the operators' listener: %w", err)
		}
		return nil
	})
	return g.Wait()
}

// Close gives the port back when Run was never called.
func (c *Console) Close() error { return c.entrance.Close() }
