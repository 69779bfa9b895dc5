// Package console is the operators' listener: metrics and probes.
//
// It does not know what is measured, nor what makes a process ready; both are
// given to it.
package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options of [New].
type Options struct {
	Addr    string              // host:port; port 0 picks one
	Metrics prometheus.Gatherer // what /metrics shows
	// Ready says what keeps the process from doing its work; nil: nothing.
	Ready  func(context.Context) error
	Logger *slog.Logger
}

// Console serves the operators' endpoints.
type Console struct {
	opts     Options
	listener net.Listener
}

// New opens the listener, so that a port in use is known at start.
func New(o Options) (*Console, error) {
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("http.console: %w; is another mekong running? Choose another port", err)
	}
	return &Console{opts: o, listener: l}, nil
}

// Addr is where it listens.
func (c *Console) Addr() net.Addr { return c.listener.Addr() }

// Handler is what the listener serves: /metrics, /healthz (the process lives)
// and /readyz (it can do its work).
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(c.opts.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		answer := map[string]any{"ready": true}
		status := http.StatusOK
		if err := c.opts.Ready(ctx); err != nil {
			answer, status = map[string]any{"ready": false, "why": err.Error()}, http.StatusServiceUnavailable
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	})
	return mux
}

// Run serves until ctx ends.
func (c *Console) Run(ctx context.Context) error {
	s := &http.Server{
		Handler:           c.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if s.Shutdown(grace) != nil {
			_ = s.Close()
		}
	})
	defer stop()
	if err := s.Serve(c.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the operators' listener: %w", err)
	}
	return nil
}

// Close gives the port back when Run was never called.
func (c *Console) Close() error { return c.listener.Close() }
