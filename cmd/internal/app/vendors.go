package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/sinks/lark"
	"mekong/sinks/sheets"
	"mekong/sinks/token"
)

// vendors turns what the clients of vendors tell into metrics: their calls, and when
// the credentials that they use end. The adapters themselves measure nothing. Its
// labels are names of sinks and of calls; nil counts nothing.
type vendors struct {
	calls *prometheus.CounterVec // sink, api, outcome
	quota *prometheus.CounterVec // sink

	mu     sync.Mutex
	apps   map[string]time.Time // end of the app's token, by sink
	people map[string]*token.Session
}

var expiresDesc = prometheus.NewDesc("mekong_credential_expires_timestamp_seconds",
	"When a credential of a sink ends, unless it is renewed before, in seconds since 1970. app_token and access_token are renewed by themselves; of refresh_token it is the end of the sign-in, 0 when somebody has to sign in again. Absent until it is known.",
	[]string{"sink", "credential"}, nil)

// standingLimit bounds how long a scrape waits for the store of sign-ins.
const standingLimit = 2 * time.Second

// newVendors registers with r.
func newVendors(r prometheus.Registerer) *vendors {
	v := &vendors{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mekong_vendor_calls_total", Help: "Calls that a sink made at its vendor, by call and outcome (ok, failed)."}, []string{"sink", "api", "outcome"}),
		quota: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mekong_vendor_quota_calls_total", Help: "Those of them that count against a month's quota, as far as that is known."}, []string{"sink"}),
		apps: map[string]time.Time{}, people: map[string]*token.Session{},
	}
	r.MustRegister(v.calls, v.quota, v)
	return v
}

// vendors are the process's, made for whichever sink is the first to have a vendor.
func (a *App) vendors() *vendors {
	if a.watched == nil {
		a.watched = newVendors(a.registry)
	}
	return a.watched
}

// call is what a sink's client tells its calls.
func (v *vendors) call(sink string) func(lark.Call) {
	if v == nil {
		return nil
	}
	return func(c lark.Call) {
		outcome := "ok"
		if c.Failed {
			outcome = "failed"
		}
		v.calls.WithLabelValues(sink, string(c.Op), outcome).Inc()
		if c.Quota {
			v.quota.WithLabelValues(sink).Inc()
		}
	}
}

// sheetCall is the same for a sink of Google Sheets.
func (v *vendors) sheetCall(sink string) func(sheets.Call) {
	if v == nil {
		return nil
	}
	return func(c sheets.Call) {
		api, outcome := "read", "ok"
		if c.Write {
			api = "write"
		}
		if c.Failed {
			outcome = "failed"
		}
		v.calls.WithLabelValues(sink, api, outcome).Inc()
	}
}

// token is what the provider of a sink's app token tells.
func (v *vendors) token(sink string) func(token.Event) {
	if v == nil {
		return nil
	}
	return func(e token.Event) {
		if e.What == token.Fetched || e.What == token.Shared {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.apps[sink] = e.Expires
		}
	}
}

// person has a sink's sign-in looked at.
func (v *vendors) person(sink string, s *token.Session) {
	if v != nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.people[sink] = s
	}
}

// Describe implements prometheus.Collector.
func (v *vendors) Describe(ch chan<- *prometheus.Desc) { ch <- expiresDesc }

// Collect implements prometheus.Collector. Sign-ins are read from the store, since
// another process may have renewed them.
func (v *vendors) Collect(ch chan<- prometheus.Metric) {
	gauge := func(sink, credential string, at time.Time) {
		if !at.IsZero() {
			ch <- prometheus.MustNewConstMetric(expiresDesc, prometheus.GaugeValue, float64(at.Unix()), sink, credential)
		}
	}
	people := map[string]*token.Session{}
	v.mu.Lock()
	for sink, at := range v.apps {
		gauge(sink, "app_token", at)
	}
	for sink, s := range v.people {
		people[sink] = s
	}
	v.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), standingLimit)
	defer cancel()
	for sink, s := range people {
		st, err := s.Standing(ctx)
		if err != nil {
			continue // the store is away; its absence is what the metrics then show
		}
		gauge(sink, "access_token", st.AccessExpires)
		gauge(sink, "refresh_token", ends(st))
	}
}

// ends is when a sign-in ends if nobody uses it any more: the refresh token, or the
// consent where that is sooner. A broken one has ended, in 1970.
func ends(st token.Standing) time.Time {
	switch {
	case errors.Is(st.Broken, token.ErrReauthorise):
		return time.Unix(0, 0)
	case st.RefreshExpires.IsZero(), !st.Ends.IsZero() && st.Ends.Before(st.RefreshExpires):
		return st.Ends
	}
	return st.RefreshExpires
}
