package intake

import (
	"net/http"
	"runtime/debug"

	"mekong/pipeline"
	"mekong/sources/request"
)

// verify answers a vendor's question whether this address is its customer's. A
// refusal is counted and told, but there is nothing of it to keep.
func (d *door) verify(rt *route, r *http.Request) (a answer) {
	defer func() {
		if v := recover(); v != nil {
			rt.log.Error("receiver panicked", "error", pipeline.Recovered(v), "stack", string(debug.Stack()))
			a = fail(notStored)
		}
	}()
	r.RemoteAddr = d.in.clientIP(r)
	body, kind, err := rt.Verify(r)
	if err == nil {
		return answer{status: http.StatusOK, body: body, kind: kind}
	}
	why := request.AsRefusal(err)
	if why == nil {
		rt.warn("not verified", err, "")
		return fail(notStored)
	}
	d.in.metrics.refused.WithLabelValues(rt.Source, why.Cause).Inc()
	rt.warn("refused", nil, why.Cause)
	return fail(why)
}

// allowed are the methods of a route, for the header of that name.
func (rt *route) allowed() string {
	if rt.Verify != nil {
		return "GET, POST, OPTIONS"
	}
	return "POST, OPTIONS"
}
