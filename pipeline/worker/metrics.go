package worker

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TransformMetrics counts what the transform stage does, Metrics what the sinks'
// loops do. Nil pointers count nothing. Labels are names from the
// configuration, never anything of a record.
type TransformMetrics struct {
	deliveries, records prometheus.Counter
	leftOut             *prometheus.CounterVec // outcome
	rounds              prometheus.Histogram
}

// Metrics counts what the deliver loops do.
type Metrics struct {
	outcomes *prometheus.CounterVec   // sink, outcome
	attempts *prometheus.CounterVec   // sink
	writes   *prometheus.HistogramVec // sink
	latency  *prometheus.HistogramVec // sink
	registry prometheus.Registerer
}

var seconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200}

// NewTransformMetrics registers with r.
func NewTransformMetrics(r prometheus.Registerer) *TransformMetrics {
	m := &TransformMetrics{
		deliveries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mekong_transform_deliveries_total", Help: "Deliveries that the transform stage is done with."}),
		records: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mekong_transform_records_total", Help: "Records made of them."}),
		leftOut: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mekong_transform_left_out_total", Help: "Deliveries that became no record, by outcome (filtered, buried)."}, []string{"outcome"}),
		rounds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "mekong_transform_round_seconds", Help: "From taking a batch of deliveries to having its records stored.", Buckets: seconds}),
	}
	r.MustRegister(m.deliveries, m.records, m.leftOut, m.rounds)
	return m
}

// NewMetrics registers with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		registry: r,
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mekong_sink_records_total", Help: "Records that a sink is done with, by outcome (stored, filtered, buried)."}, []string{"sink", "outcome"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mekong_sink_attempts_total", Help: "Records given to a sink, repeats included."}, []string{"sink"}),
		writes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mekong_sink_settle_seconds", Help: "From the start of a write to its records being settled.", Buckets: seconds}, []string{"sink"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mekong_sink_latency_seconds", Help: "From a delivery being accepted to its record being stored.", Buckets: seconds}, []string{"sink"}),
	}
	r.MustRegister(m.outcomes, m.attempts, m.writes, m.latency)
	return m
}

// Watch exposes since when each sink is held.
func (m *Metrics) Watch(d *Deliver) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mekong_sink_held_seconds", Help: "How long the sink has been held; 0: it is not.",
		ConstLabels: prometheus.Labels{"sink": d.Name},
	}, func() float64 {
		since, _ := d.Held()
		if since.IsZero() {
			return 0
		}
		return time.Since(since).Seconds()
	}))
}

func (m *TransformMetrics) round(deliveries, records, filtered, buried int, took time.Duration) {
	if m == nil {
		return
	}
	m.deliveries.Add(float64(deliveries))
	m.records.Add(float64(records))
	m.leftOut.WithLabelValues("filtered").Add(float64(filtered))
	m.leftOut.WithLabelValues("buried").Add(float64(buried))
	m.rounds.Observe(took.Seconds())
}

func (m *Metrics) attempted(sink string, n int) {
	if m != nil {
		m.attempts.WithLabelValues(sink).Add(float64(n))
	}
}

func (m *Metrics) storedAfter(sink string, took time.Duration) {
	if m != nil {
		m.latency.WithLabelValues(sink).Observe(took.Seconds())
	}
}

func (m *Metrics) settled(sink string, stored, filtered, buried int, took time.Duration) {
	if m == nil {
		return
	}
	m.outcomes.WithLabelValues(sink, "stored").Add(float64(stored))
	m.outcomes.WithLabelValues(sink, "filtered").Add(float64(filtered))
	m.outcomes.WithLabelValues(sink, "buried").Add(float64(buried))
	m.writes.WithLabelValues(sink).Observe(took.Seconds())
}
