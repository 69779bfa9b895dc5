// Package local runs a NATS server with JetStream inside this process: what
// Mekong uses when the configuration names no other server.
//
// It syncs every write to disk before answering (SyncAlways) and opens no
// port unless asked for one; commands of the same user get in through a socket in
// its folder ([Running]). It owns its folder: a second process on the same folder is
// refused. It knows nothing of streams, which are pipeline/bus's.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Options says where the server keeps its files and who may look in.
type Options struct {
	Dir    string       // created if missing, mode 0700
	Listen string       // loopback host:port for the nats command; empty: no port at all
	Token  string       // what a client on Listen must present; empty: made once and kept in Dir
	Logger *slog.Logger // the server's warnings and errors; nil: discarded
}

// ErrInUse means that another process has the folder.
var ErrInUse = errors.New("another mekong is running on the data folder")

// Server is a running embedded server. Its methods may be called at any time,
// from any goroutine.
type Server struct {
	opts  Options
	token string
	lock  *os.File
	in    *socket // nil: it could not be opened, which hinders commands and nothing else

	mu     sync.Mutex
	ns     *server.Server
	closed bool
}

const (
	readyWait = 30 * time.Second // a full duplicate window takes seconds to read back (jetstream.md §6)
	stopWait  = 15 * time.Second
)

// Start runs the server and returns once it takes connections.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if opts.Dir == "" {
		return nil, errors.New("no folder given for the embedded NATS server")
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder cannot be made: %w", err)
	}
	lock, err := lockFolder(opts.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, lock: lock}
	if opts.Listen != "" {
		if s.token, err = accessToken(opts); err != nil {
			lock.Close()
			return nil, err
		}
	}
	if s.ns, err = s.start(ctx); err != nil {
		lock.Close()
		return nil, err
	}
	if s.in, err = listenSocket(opts.Dir, s.InProcessConn); err != nil {
		opts.Logger.Warn("commands cannot reach this mekong while it runs", "error", err)
	}
	return s, nil
}

// Token is what a client must present; empty when there is no listener.
func (s *Server) Token() string { return s.token }

// InProcessConn opens a connection to whichever server is running now, so that
// a client outlives a restart by [Server.Heal].
func (s *Server) InProcessConn() (net.Conn, error) {
	s.mu.Lock()
	ns := s.ns
	s.mu.Unlock()
	if ns == nil {
		return nil, errors.New("the embedded NATS server is stopped")
	}
	return ns.InProcessConn()
}

// Healthy reports whether the server can store. It cannot after its disk was
// full, even once there is space again (jetstream.md §6), until it is healed.
func (s *Server) Healthy() error {
	s.mu.Lock()
	ns := s.ns
	s.mu.Unlock()
	if ns == nil {
		return errors.New("the embedded NATS server is stopped")
	}
	if h := ns.Healthz(&server.HealthzOptions{JSEnabledOnly: false}); h.Status != "ok" {
		return fmt.Errorf("the embedded NATS server is %s: %s", h.Status, h.Error)
	}
	return nil
}

// Heal restarts the server over the same folder. Clients connect again by
// themselves; what was acknowledged is kept.
func (s *Server) Heal(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("the embedded NATS server is closed")
	}
	if s.ns != nil {
		stop(s.ns)
		s.ns = nil
	}
	ns, err := s.start(ctx)
	if err != nil {
		return err
	}
	s.ns = ns
	return nil
}

// Close stops the server and gives the folder back. Clients should have drained
// before; what they were promised is on disk either way.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	if s.in != nil {
		s.in.close()
	}
	if s.ns != nil {
		stop(s.ns)
		s.ns = nil
	}
	s.lock.Close()
}

func stop(ns *server.Server) {
	ns.Shutdown()
	done := make(chan struct{})
	go func() { ns.WaitForShutdown(); close(done) }()
	select {
	case <-done:
	case <-time.After(stopWait):
	}
}

func (s *Server) start(ctx context.Context) (*server.Server, error) {
	o := &server.Options{
		ServerName: "mekong",
		DontListen: true,
		JetStream:  true,
		StoreDir:   s.opts.Dir,
		SyncAlways: true,
		// Limits are the streams' business. Left to itself the server sizes its
		// store by what is free at start, and then may refuse to load streams
		// that were fine yesterday (jetstream.md §6).
		JetStreamMaxStore:  1 << 62,
		JetStreamMaxMemory: 256 << 20,
		MaxPayload:         1 << 20,
		NoSigs:             true,
	}
	if s.opts.Listen != "" {
		host, port, err := loopback(s.opts.Listen)
		if err != nil {
			return nil, err
		}
		o.DontListen, o.Host, o.Port, o.Authorization = false, host, port, s.token
	}
	ns, err := server.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("the embedded NATS server: %w", err)
	}
	ns.SetLoggerV2(logger{s.opts.Logger}, false, false, false)
	ns.Start()
	deadline := time.Now().Add(readyWait)
	for !ns.ReadyForConnections(50*time.Millisecond) || !ns.JetStreamEnabled() {
		if err := ctx.Err(); err != nil {
			stop(ns)
			return nil, err
		}
		if time.Now().After(deadline) {
			stop(ns)
			return nil, fmt.Errorf("the embedded NATS server was not ready after %s; its log says why", readyWait)
		}
	}
	return ns, nil
}

// loopback takes host:port apart and refuses anything another machine could
// reach: the listener is for looking, not for serving.
func loopback(addr string) (string, int, error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("nats.listen %q is not host:port", addr)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", 0, fmt.Errorf("nats.listen %q is not a loopback address; use 127.0.0.1", addr)
	}
	port, err := strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("nats.listen %q has no usable port", addr)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// accessToken takes the configured token, or the one made at an earlier start,
// or makes one.
func accessToken(opts Options) (string, error) {
	if opts.Token != "" {
		return opts.Token, nil
	}
	path := filepath.Join(opts.Dir, "token")
	if b, err := os.ReadFile(path); err == nil && len(strings.TrimSpace(string(b))) >= 16 {
		return strings.TrimSpace(string(b)), nil
	}
	t := rand.Text()
	if err := os.WriteFile(path, []byte(t+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("the access token cannot be kept: %w", err)
	}
	return t, nil
}

// logger hands the server's own messages on. Only what somebody should look at:
// its notices are about itself.
type logger struct{ log *slog.Logger }

func (l logger) Noticef(string, ...any)        {}
func (l logger) Debugf(string, ...any)         {}
func (l logger) Tracef(string, ...any)         {}
func (l logger) Warnf(format string, v ...any) { l.log.Warn("nats: " + fmt.Sprintf(format, v...)) }
func (l logger) Errorf(format string, v ...any) {
	l.log.Error("nats: " + fmt.Sprintf(format, v...))
}
func (l logger) Fatalf(format string, v ...any) {
	l.log.Error("nats: " + fmt.Sprintf(format, v...))
}
