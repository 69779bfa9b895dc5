package console

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// probes are open to whoever reaches the listener, since they are asked by machines
// and hold nothing about anybody: /metrics, /healthz (the process lives) and /readyz
// (it can do its work).
func (c *Console) probes(mux *http.ServeMux) {
	mux.Handle("GET /metrics", promhttp.HandlerFor(c.opts.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		answer := map[string]any{"ready": true}
		status := http.StatusOK
		if c.opts.Ready != nil {
			if err := c.opts.Ready(ctx); err != nil {
				answer, status = map[string]any{"ready": false, "why": err.Error()}, http.StatusServiceUnavailable
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	})
}
