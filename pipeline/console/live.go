package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	// liveMost ends a stream now and then; the browser comes back by itself, and shows
	// whether it is signed in still.
	liveMost  = 10 * time.Minute
	writeTime = 10 * time.Second // for one event, before a browser that does not read is let go
)

// live keeps a Flow page current, by server-sent events: every reading as texts and
// states, and with every sample the charts.
func (c *Console) live(w http.ResponseWriter, r *http.Request, v visitor) {
	eye, stop, ok := c.flow.watch()
	if !ok {
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many pages are kept current", http.StatusServiceUnavailable)
		return
	}
	defer stop()
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	end := time.NewTimer(liveMost)
	defer end.Stop()
	var drawn time.Time
	for {
		select {
		case <-eye:
		case <-end.C:
			return
		case <-r.Context().Done():
			return
		}
		if !c.sessions.lives(v.id) {
			return
		}
		s, err := c.flow.latest()
		if err != nil {
			continue // the page says by itself that it hears nothing
		}
		event := struct {
			facts
			Thick map[string]string `json:"thick"`
			Path  map[string]string `json:"path,omitempty"`
			Count map[string]int64  `json:"count"`
		}{facts: v.tongue.facts(s), Thick: map[string]string{}, Count: s.counts()}
		for _, e := range draw(s).Edges {
			event.Thick[e.Key] = e.Thick
		}
		if s.At.Sub(drawn) >= sampleEvery {
			drawn, event.Path = s.At, map[string]string{}
			for _, ch := range c.flow.charts(v.tongue) {
				event.Text["most."+ch.Key] = ch.Most
				for _, line := range ch.Lines {
					event.Path[line.Key] = line.Path
					event.Text["now."+line.Key] = line.Now
				}
			}
		}
		data, err := json.Marshal(event)
		if err != nil {
			c.log.Error("a live page cannot be kept current", "error", err)
			return
		}
		_ = out.SetWriteDeadline(time.Now().Add(writeTime))
		if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil {
			return
		}
		if out.Flush() != nil {
			return
		}
	}
}

// counts only ever rise: a page that holds how many there were when it was made knows
// how many are new.
func (s Snapshot) counts() map[string]int64 {
	out := map[string]int64{"taken": s.taken()}
	for _, n := range s.Sources {
		out["source."+n.Name] = n.Accepted + n.Refused
	}
	return out
}
