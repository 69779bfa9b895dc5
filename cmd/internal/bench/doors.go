package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"mekong/config"
	"mekong/sources/intake"
	"mekong/sources/ladipage"
)

// entrance is a handler that listens.
type entrance struct {
	addr   string
	stream string // where what it takes can be counted; "": nowhere
	close  func()
	warm   func(id string, received time.Time) // of our door: what it took before it was opened
}

// ourDoor is the door as `mekong run` has it: token, dialect, identity, limits,
// metrics, and the group commit behind it. Only the limit is out of reach.
func (s *store) ourDoor() (*entrance, error) {
	conf := config.LadiPage{Path: doorPath, MaxBody: 900 << 10, Rate: 1e9, Window: 10 * time.Minute, Token: config.NewSecret(doorToken)}
	receiver, err := ladipage.New("landing", conf, nil)
	if err != nil {
		return nil, err
	}
	in, err := intake.New(intake.Options{Addr: "127.0.0.1:0", Metrics: prometheus.NewRegistry(), Refuse: s.Refuse},
		intake.Route{Source: "landing", Path: conf.Path, PathToken: true, Format: ladipage.Format,
			MaxBody: int64(conf.MaxBody), Headers: ladipage.Headers(), Receiver: receiver})
	if err != nil {
		return nil, err
	}
	if err := in.Listen(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx, s.Emit) }()
	return &entrance{in.Addr().String(), streamRaw, func() { cancel(); <-done }, receiver.Warm}, nil
}

const naive = "NAIVE"

// naiveDoor publishes each request by itself and waits, which is what one writes
// first: one flush per lead. Its stream is configured as ours is.
func (s *store) naiveDoor(ctx context.Context) (*entrance, error) {
	if err := s.like(ctx, streamRaw, naive, "naive.>"); err != nil {
		return nil, err
	}
	return serve(naive, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "incomplete", http.StatusBadRequest)
			return
		}
		sum := sha256.Sum256(body)
		id := hex.EncodeToString(sum[:16])
		m := &nats.Msg{Subject: "naive.landing", Header: nats.Header{nats.MsgIdHdr: {id}}, Data: body}
		if _, err := s.js.PublishMsg(r.Context(), m); err != nil {
			http.Error(w, "not stored", http.StatusServiceUnavailable)
			return
		}
		reply(w, id)
	}))
}

// noDoor reads and answers: what net/http and the load cost by themselves.
func noDoor() (*entrance, error) {
	return serve("", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, "incomplete", http.StatusBadRequest)
			return
		}
		reply(w, "landing-w0000000-00000000000000000000000000000000")
	}))
}

func reply(w http.ResponseWriter, id string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write([]byte(`{"ok":true,"id":"` + id + `"}`)) // a sender that is gone is told nothing
}

// serve listens with the time-outs of our door.
func serve(stream string, h http.Handler) (*entrance, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 75 * time.Second, MaxHeaderBytes: 32 << 10}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // were it to fail, the load would say so
	}()
	return &entrance{addr: ln.Addr().String(), stream: stream, close: func() { _ = srv.Close(); <-done }}, nil
}
