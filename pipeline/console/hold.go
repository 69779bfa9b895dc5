package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Hold says that a person holds a sink.
type Hold struct {
	By, Why string
	At      time.Time // zero: nobody does
}

// Holds has sinks held, and go on, on a person's word, for every process and until
// somebody takes it back.
type Holds interface {
	Hold(ctx context.Context, sink, who, why string) error
	Release(ctx context.Context, sink, who string) error
}

// ErrStands means that a sink is as it was to become: somebody else was quicker.
var ErrStands = errors.New("it is so already")

// hold has a sink held, for a reason.
func (c *Console) hold(w http.ResponseWriter, r *http.Request, v visitor) {
	why := oneLine(r.PostFormValue("why"), textMost)
	if why == "" {
		c.fault(w, r, v, http.StatusBadRequest, "fault.reason")
		return
	}
	c.turn(w, r, v, "held", why, func(ctx context.Context, sink string) error { return c.opts.Holds.Hold(ctx, sink, v.user, why) })
}

// release has it go on.
func (c *Console) release(w http.ResponseWriter, r *http.Request, v visitor) {
	why := oneLine(r.PostFormValue("why"), textMost)
	c.turn(w, r, v, "released", why, func(ctx context.Context, sink string) error { return c.opts.Holds.Release(ctx, sink, v.user) })
}

// turn does it to the sink of the form, and writes down who did.
func (c *Console) turn(w http.ResponseWriter, r *http.Request, v visitor, what, why string, do func(ctx context.Context, sink string) error) {
	name := r.PostFormValue("sink")
	infos, err := c.opts.Sinks(r.Context())
	if err == nil && !slices.ContainsFunc(infos, func(s SinkInfo) bool { return s.Name == name }) {
		c.fault(w, r, v, http.StatusBadRequest, "fault.form")
		return
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actMost)
		defer cancel()
		err = do(ctx, name)
	}
	switch {
	case errors.Is(err, ErrStands):
		what = "stands"
	case err != nil:
		c.log.Warn("a sink cannot be held, or go on", "sink", name, "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
		return
	default:
		c.note(Entry{Who: v.user, What: what, On: name, Reason: why})
		if c.flow != nil {
			_ = c.flow.read(r.Context()) // so that the page which follows shows it; else the next reading does
		}
	}
	http.Redirect(w, r, "/sinks?"+url.Values{"done": {what}, "sink": {name}}.Encode()+"#sink-"+url.PathEscape(name), http.StatusSeeOther)
}
