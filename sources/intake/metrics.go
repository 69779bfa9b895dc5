package intake

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the door's. Labels are names of the configuration, status codes
// and causes: a sender can invent none of them.
type metrics struct {
	requests *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
	refused  *prometheus.CounterVec
	unkept   *prometheus.CounterVec
	unknown  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	const ns, sub = "mekong", "intake"
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: "requests_total",
			Help: "Requests answered, by source and status code."}, []string{"source", "code"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: "received_bytes_total",
			Help: "Bytes of the bodies read in full."}, []string{"source"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: ns, Subsystem: sub, Name: "request_duration_seconds",
			Help:    "Time from the head of a POST to its answer, the storing included.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"source"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: ns, Subsystem: sub, Name: "in_flight",
			Help: "POSTs not answered yet."}, []string{"source"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: "refused_total",
			Help: "Requests turned away, by cause."}, []string{"source", "cause"}),
		unkept: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: "refused_unkept_total",
			Help: "Requests turned away that could not be kept either."}, []string{"source"}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: "unknown_path_total",
			Help: "Requests to a path that no source has."}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.bytes, m.took, m.inFlight, m.refused, m.unkept, m.unknown} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// routeMetrics are those of one source, looked up once.
type routeMetrics struct {
	all      *prometheus.CounterVec // requests of the source, by code
	ok       prometheus.Counter
	bytes    prometheus.Counter
	took     prometheus.Observer
	inFlight prometheus.Gauge
}

func (m *metrics) of(source string) routeMetrics {
	all := m.requests.MustCurryWith(prometheus.Labels{"source": source})
	return routeMetrics{
		all:      all,
		ok:       all.WithLabelValues(strconv.Itoa(http.StatusOK)),
		bytes:    m.bytes.WithLabelValues(source),
		took:     m.took.WithLabelValues(source),
		inFlight: m.inFlight.WithLabelValues(source),
	}
}

func (r *routeMetrics) count(status int) {
	if status == http.StatusOK {
		r.ok.Inc()
		return
	}
	r.all.WithLabelValues(strconv.Itoa(status)).Inc()
}
