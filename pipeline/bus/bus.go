// Package bus is Mekong's memory: five JetStream streams and the ways in and
// out of them.
//
//	RAW      raw.<source>                   deliveries as they came
//	RECORDS  rec.<kind>.<source>            what they mean
//	         redo.<sink>.<kind>.<source>    the same again, for one sink
//	BURIED   buried.<stage>                 what could not go on, and why
//	TRACE    trace.<stage>                  what became of each batch
//	REFUSED  refused.<source>               what the door turned away
//
// An edge has the first and the last of them, and a [Forward] takes what is there to a
// cluster, which may be away.
//
// A stage is "transform" or "sink-<name>". The package is the only one that
// knows NATS, and it is not hidden behind an interface: tests run the real
// server in process (bus/local). It does not know what a record means, which
// sinks exist, or when to give up on one.
//
// Everything settled by measurement is in jetstream.md: limits retention (acks
// cost no fsync), Discard: new so that full is a clean refusal, no MaxAge on
// anything unacknowledged, and the group commit of [Bus.Emit].
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/mod/semver"
)

// InProcess is a server in this process, such as *local.Server.
type InProcess interface {
	InProcessConn() (net.Conn, error)
}

// Options says which server to use and how much it may keep.
type Options struct {
	Server InProcess // nil: connect to URL
	Dir    string    // with Server: where its files are, for the disk watermark

	URL         string // one or several, comma-separated
	Token       string // for a server that wants one; with Server too when it listens
	Credentials string // path of a .creds file
	CA          string // PEM file; empty: the system's roots
	Cert, Key   string // PEM client certificate and key
	Monitor     string // http address of the server's monitoring port, to verify sync_always; empty: not verified

	// Edge, with Server: what is stored waits there for a [Forward] to pass it on to a
	// cluster. There are only RAW and REFUSED.
	Edge bool

	Replicas int           // 1 with Server
	MaxBytes int64         // all streams together; 0: 80 % of the volume, or 10 GiB on an external server
	Keep     time.Duration // how long settled messages stay; at least the duplicate window
	Reserve  int           // percent of the volume that must stay free, 10 GiB at most; 0: no watermark

	Timeout time.Duration // for one publish to be acknowledged; 0: 5 s
	Logger  *slog.Logger  // nil: discarded

	pings time.Duration // how often a silent connection is tried; 0: the library's two minutes
}

// Bus is one connection to the streams. Its methods may be called from any
// number of goroutines.
type Bus struct {
	opts   Options
	log    *slog.Logger
	nc     *nats.Conn
	js     jetstream.JetStream
	pub    *publisher
	commit *committer
	volume *volume
	state  jetstream.KeyValue
	facts  Durability
	links  links
}

const (
	duplicates = 24 * time.Hour
	minServer  = "v2.15.2" // older ones do not fully honour sync-always (jetstream.md §1)
)

// Errors that say why nothing was stored. A sender may always try again.
var (
	ErrFull = errors.New("the store is full")
	ErrBusy = errors.New("too many deliveries are waiting to be stored")
)

// Open connects, checks the server, and brings the streams to what the
// configuration says. A stream that something else made is left untouched and
// is an error.
func Open(ctx context.Context, opts Options) (*Bus, error) {
	if opts.Timeout == 0 {
		opts.Timeout = 5 * time.Second
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Replicas == 0 {
		opts.Replicas = 1
	}
	if opts.Keep < duplicates {
		opts.Keep = duplicates
	}
	b := &Bus{opts: opts, log: opts.Logger}
	if opts.Server != nil {
		b.volume = &volume{dir: opts.Dir, reserve: opts.Reserve, space: diskSpace}
	}
	if err := b.connect(ctx); err != nil {
		return nil, err
	}
	if err := b.prepare(ctx); err != nil {
		b.nc.Close()
		return nil, err
	}
	b.pub = &publisher{js: b.js, timeout: opts.Timeout, grouped: opts.Replicas == 1 && b.facts.Synced}
	b.commit = newCommitter(b.pub, b.space)
	return b, nil
}

func (b *Bus) connect(ctx context.Context) error {
	o := b.opts
	d := &dialer{opening: ctx}
	defer d.opened()
	options := []nats.Option{
		nats.Name("mekong"),
		nats.SetCustomDialer(d),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.RetryOnFailedConnect(false),
		// Nothing may pretend to be stored while the server is away.
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.log.Warn("the connection to NATS reports a fault", "error", err)
		}),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if !nc.IsClosed() && err != nil {
				b.log.Warn("the connection to NATS is lost; trying again", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			b.links.next()
			b.log.Info("the connection to NATS is back")
		}),
	}
	if o.Token != "" {
		options = append(options, nats.Token(o.Token))
	}
	if o.Credentials != "" {
		options = append(options, nats.UserCredentials(o.Credentials))
	}
	if o.CA != "" {
		options = append(options, nats.RootCAs(o.CA))
	}
	if o.Cert != "" {
		options = append(options, nats.ClientCert(o.Cert, o.Key))
	}
	if o.pings > 0 {
		options = append(options, nats.PingInterval(o.pings), nats.MaxPingsOutstanding(2))
	}
	url := o.URL
	if o.Server != nil {
		options = append(options, nats.InProcessServer(o.Server))
		url = ""
	}
	var err error
	if b.nc, err = nats.Connect(url, options...); err != nil {
		return fmt.Errorf("NATS cannot be reached: %w; check nats.url and that the server runs", err)
	}
	if v := "v" + b.nc.ConnectedServerVersion(); semver.IsValid(v) && semver.Compare(v, minServer) < 0 {
		b.nc.Close()
		return fmt.Errorf("the NATS server is %s, which may lose what it confirmed; Mekong needs %s or later", v, minServer)
	}
	b.js, err = jetstream.New(b.nc,
		jetstream.WithPublishAsyncTimeout(o.Timeout),
		jetstream.WithPublishAsyncMaxPending(4096),
		jetstream.WithDefaultTimeout(o.Timeout))
	if err != nil {
		b.nc.Close()
		return fmt.Errorf("JetStream: %w", err)
	}
	return nil
}

func (b *Bus) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		// What was asked when a connection was lost is never answered.
		link, _ := b.links.now()
		asking, done := b.links.during(ctx)
		err := b.prepareOver(asking)
		done()
		if now, _ := b.links.now(); err == nil || now == link || ctx.Err() != nil {
			return err
		}
	}
}

// prepareOver does so over one connection.
func (b *Bus) prepareOver(ctx context.Context) error {
	if err := b.reconcile(ctx); err != nil {
		return err
	}
	b.facts = b.durability(ctx)
	var err error
	b.state, err = b.bucket(ctx, "mekong", 0)
	return err
}

// Close drains the connection. Emit must not be called any more; what it
// promised is on disk.
func (b *Bus) Close() {
	b.commit.close()
	b.nc.Close()
}

// Connected reports whether the server can be reached right now.
func (b *Bus) Connected() bool { return b.nc.IsConnected() }

// space says whether there is room for more, as far as this process can see.
func (b *Bus) space() error {
	if b.volume == nil {
		return nil
	}
	return b.volume.check()
}

// Room reports why nothing more is taken in; nil when there is room.
func (b *Bus) Room() error { return b.space() }
