package intake

import (
	"context"
	"net/http"

	"mekong/pipeline"
	"mekong/sources/identity"
	"mekong/sources/request"
)

// refuse turns a request away: it is kept with its cause, counted, now and then
// logged, and answered. raws are the dialect's, nil when there are none yet.
func (d *door) refuse(rt *route, r *http.Request, v visit, why *request.Refusal, body []byte, raws []pipeline.Raw) answer {
	d.in.metrics.refused.WithLabelValues(rt.Source, why.Cause).Inc()
	rt.warn("refused", nil, why.Cause)
	v.refused(why.Cause)
	d.keep(rt, r, why.Cause, body, raws)
	return fail(why)
}

// keep hands a refused request over to be kept. An empty one is not worth it,
// and where keeping falls behind, the flood is not worth waiting for: what is
// lost then is counted.
func (d *door) keep(rt *route, r *http.Request, cause string, body []byte, raws []pipeline.Raw) {
	if d.in.opts.Refuse == nil || len(body) == 0 {
		return
	}
	if len(raws) == 0 {
		raws = []pipeline.Raw{{
			ID:       identity.Hashed(rt.Source, identity.Sum([]byte("refused"), body)),
			Source:   rt.Source,
			Format:   rt.Format,
			Received: d.in.opts.Now().UTC(),
			Meta:     request.Meta(r, rt.Path),
			Body:     body,
		}}
	}
	ctx, done := context.WithTimeout(d.hard, d.in.keepFor)
	defer done()
	select {
	case d.in.keeping <- struct{}{}:
		defer func() { <-d.in.keeping }()
	case <-ctx.Done():
		d.in.metrics.unkept.WithLabelValues(rt.Source).Add(float64(len(raws)))
		return
	}
	for _, raw := range raws {
		if err := d.in.opts.Refuse(ctx, cause, raw); err != nil {
			d.in.metrics.unkept.WithLabelValues(rt.Source).Inc()
			rt.warn("refused request not kept", err, cause)
		}
	}
}

// warn logs at most once a second for each route, with how many lines were
// left out since: an outage or a flood must not fill the disk with its log.
func (rt *route) warn(what string, err error, cause string) {
	rt.unlogged.Add(1)
	rt.sometimes.Do(func() {
		args := []any{"times", rt.unlogged.Swap(0)}
		if cause != "" {
			args = append(args, "cause", cause)
		}
		if err != nil {
			args = append(args, "error", err)
		}
		rt.log.Warn(what, args...)
	})
}
