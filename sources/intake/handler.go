package intake

import (
	"context"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"mekong/pipeline"
	"mekong/sources/request"
)

// Handler is the door without its listener, for a test or a demo that has a
// server of its own.
func (in *Intake) Handler(emit pipeline.Emit) http.Handler {
	return in.handler(context.Background(), emit)
}

// handler serves until hard ends; then what is in hand is given up.
func (in *Intake) handler(hard context.Context, emit pipeline.Emit) http.Handler {
	return &door{in: in, hard: hard, emit: emit}
}

type door struct {
	in   *Intake
	hard context.Context
	emit pipeline.Emit
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == Health {
		d.health(w, r)
		return
	}
	rt := d.in.match(r.URL.Path)
	if rt == nil {
		anywhere.allow(w.Header(), r)
		d.in.metrics.unknown.Inc()
		fail(notFound).write(w)
		return
	}
	rt.origins.allow(w.Header(), r)
	switch r.Method {
	case http.MethodPost:
	case http.MethodOptions:
		// A preflight never carries a token, so none is asked for.
		rt.preflight(w, r)
		rt.measured.count(http.StatusNoContent)
		return
	case http.MethodGet:
		if rt.Verify != nil {
			a := d.verify(rt, r)
			a.write(w)
			rt.measured.count(a.status)
			return
		}
		fallthrough
	default:
		w.Header().Set("Allow", rt.allowed())
		rt.measured.count(http.StatusMethodNotAllowed)
		fail(notPost).write(w)
		return
	}
	if !d.in.tally.enter() {
		w.Header().Set("Connection", "close")
		rt.measured.count(http.StatusServiceUnavailable)
		fail(closing).write(w)
		return
	}
	defer d.in.tally.leave()
	start := time.Now()
	rt.measured.inFlight.Inc()
	defer rt.measured.inFlight.Dec()
	v := d.in.visit(rt, r)
	a := d.answer(rt, r, v)
	a.write(w)
	v.end(a.status)
	rt.measured.took.Observe(time.Since(start).Seconds())
	rt.measured.count(a.status)
}

func (d *door) health(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		fail(notGet).write(w)
		return
	}
	answer{status: http.StatusOK, body: []byte(`{"ok":true}`)}.write(w)
}

// answer takes the request to the end and says what to write. Nothing is
// written before, so a panic in a dialect can still be answered.
func (d *door) answer(rt *route, r *http.Request, v visit) (a answer) {
	var body []byte
	defer func() {
		if p := recover(); p != nil {
			rt.log.Error("receiver panicked", "error", pipeline.Recovered(p), "stack", string(debug.Stack()))
			v.refused(causePanic)
			d.keep(rt, r, causePanic, body, nil)
			a = fail(notStored)
		}
	}()
	r.RemoteAddr = d.in.clientIP(r)
	if e := r.Header["Content-Encoding"]; len(e) > 0 && !strings.EqualFold(e[0], "identity") {
		body, _ = d.read(rt, r)
		defer d.release(body)
		return d.refuse(rt, r, v, encoded, body, nil)
	}
	body, why := d.read(rt, r)
	defer d.release(body)
	if why == busy {
		return d.refuse(rt, r, v, busy, nil, nil)
	}
	if why != nil {
		return d.refuse(rt, r, v, why, body, nil)
	}
	rt.measured.bytes.Add(float64(len(body)))
	select {
	case d.in.slots <- struct{}{}:
		defer func() { <-d.in.slots }()
	default:
		return d.refuse(rt, r, v, busy, nil, nil)
	}
	raws, reply, err := rt.Receiver.Receive(r, body)
	if err != nil {
		if why := request.AsRefusal(err); why != nil {
			return d.refuse(rt, r, v, why, body, raws)
		}
		rt.warn("not received", err, "")
		return fail(notStored)
	}
	if len(raws) > 0 {
		// The lead is in hand: that its sender hangs up is no reason to drop it.
		ctx, done := context.WithTimeout(d.hard, d.in.opts.EmitTimeout)
		err := v.emit(ctx, d.emit, raws)
		done()
		if err != nil {
			rt.warn("not stored", err, "")
			return fail(notStored)
		}
	}
	if reply == nil {
		reply = stored(raws)
	}
	return answer{status: http.StatusOK, body: reply}
}
