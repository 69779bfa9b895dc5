package larkbot

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"mekong/pipeline"
)

// atOnce is how many events are being stored at the same time, so that one slow
// fsync does not hold up the connection.
const atOnce = 64

// once connects and takes events until the connection ends or ctx does. heard says
// that the platform said anything at all.
func (s *Socket) once(ctx context.Context, emit pipeline.Emit) (heard bool, err error) {
	d, err := s.ask(ctx)
	if err != nil {
		return false, err
	}
	conn, err := s.dial(ctx, d)
	if err != nil {
		return false, err
	}
	s.opts.Logger.Info("connected")
	t := &talk{s: s, conn: conn, ping: d.ping, service: d.service, news: make(chan time.Duration, 1)}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() {
		// Reading knows no context. What is being stored can still be answered.
		<-ctx.Done()
		_ = conn.SetReadDeadline(time.Now()) // it fails on a connection that is gone
	})
	all.Go(func() { t.pings(ctx) })
	heard, err = t.listen(ctx, emit)
	cancel()
	all.Wait()
	t.goodbye()
	return heard, err
}

// talk is one connection.
type talk struct {
	s       *Socket
	conn    *websocket.Conn
	service int64
	ping    time.Duration
	news    chan time.Duration // another ping interval, from the platform

	writing sync.Mutex
}

// silence is how long nothing need be heard: every ping is answered with a pong.
func (t *talk) silence(ping time.Duration) time.Duration {
	return orElse(t.s.opts.Silence, ping+ping/2)
}

// listen reads frames; what was begun is finished before it returns.
func (t *talk) listen(ctx context.Context, emit pipeline.Emit) (heard bool, err error) {
	var busy sync.WaitGroup
	defer busy.Wait()
	slots := make(chan struct{}, atOnce)
	t.conn.SetReadLimit(maxFrame)
	var whole parts
	ping := t.ping
	for {
		// A connection whose other side is gone looks like one on which nothing
		// happens, but for the pongs that do not come.
		if err := t.conn.SetReadDeadline(time.Now().Add(t.silence(ping))); err != nil {
			return heard, errors.New("the connection broke")
		}
		if ctx.Err() != nil {
			return heard, ctx.Err()
		}
		kind, b, err := t.conn.ReadMessage()
		if err != nil {
			return heard, errors.New("the connection broke: " + plainly(err))
		}
		if kind != websocket.BinaryMessage {
			continue
		}
		f, err := readFrame(b)
		if err != nil {
			return heard, err
		}
		heard = true
		switch {
		case f.method == methodControl && f.header("type") == typePong:
			if every, ok := t.interval(f.payload); ok {
				ping = every
			}
		case f.method == methodData && f.header("type") == typeEvent:
			body := whole.add(f.header("message_id"), f.number("sum"), f.number("seq"), f.payload, t.s.opts.Now())
			if body == nil {
				continue
			}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return heard, ctx.Err()
			}
			busy.Go(func() {
				defer func() { <-slots }()
				t.handle(ctx, emit, f, body)
			})
		}
	}
}

// interval reads the platform's settings in a pong, and tells the pinger.
func (t *talk) interval(payload []byte) (time.Duration, bool) {
	var c struct {
		PingInterval int `json:"PingInterval"`
	}
	if len(payload) == 0 || json.Unmarshal(payload, &c) != nil || c.PingInterval == 0 {
		return 0, false
	}
	every := pingEvery(c.PingInterval)
	select {
	case t.news <- every:
	default: // it has not looked at the last one yet; the next pong says it again
	}
	return every, true
}

// handle stores an event and answers its frame: 200 for stored, 500 for "again".
func (t *talk) handle(ctx context.Context, emit pipeline.Emit, f *frame, body []byte) {
	start := time.Now()
	code := 500
	func() {
		defer func() {
			if v := recover(); v != nil {
				t.s.opts.Logger.Error("event not taken", "error", pipeline.Recovered(v))
			}
		}()
		if t.s.take(ctx, emit, body) {
			code = 200
		}
	}()
	f.headers = append(f.headers, header{"biz_rt", strconv.FormatInt(time.Since(start).Milliseconds(), 10)})
	f.payload = []byte(`{"code":` + strconv.Itoa(code) + `,"headers":null,"data":null}`)
	_ = t.write(f) // a connection that is gone is seen by the reader, and the event comes again
}

// pings says that this side is there, at the interval the platform asks for.
func (t *talk) pings(ctx context.Context) {
	every := t.ping
	f := &frame{service: t.service, method: methodControl, headers: []header{{"type", typePing}}}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		_ = t.write(f) // as above
		select {
		case <-ctx.Done():
			return
		case every := <-t.news:
			tick.Reset(every)
		case <-tick.C:
		}
	}
}

func (t *talk) write(f *frame) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	if err := t.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return t.conn.WriteMessage(websocket.BinaryMessage, f.bytes())
}

// goodbye closes so that the platform gives the connection up at once.
func (t *talk) goodbye() {
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = t.conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second)) // it is closed in any case
	_ = t.conn.Close()
}
