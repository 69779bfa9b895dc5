package webhook_test

import (
	"io"
	"log"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/sinktest"
	"mekong/sinks/webhook"
)

var quiet = log.New(io.Discard, "", 0)

const urlToken = "token-in-the-address"

// harness is a sink in front of a receiver.
type harness struct {
	*receiver
	sink   *webhook.Sink
	healed func()
}

// conf is a sink's configuration as it is after the defaults.
func conf(url string) config.Webhook {
	return config.Webhook{
		URL: config.NewSecret(url), Timeout: 20 * time.Second, Writers: 4, AllowPrivate: true,
		HMAC: config.WebhookHMAC{Header: "X-Signature", Algorithm: "sha256", Encoding: "hex"},
	}
}

func open(t testing.TB, change func(c *config.Webhook)) *harness {
	t.Helper()
	r := newReceiver(t)
	c := conf(r.URL + "/in/" + urlToken + "?token=" + urlToken)
	c.Bearer = config.NewSecret(r.bearer)
	c.HMAC.Secret, c.HMAC.Prefix = config.NewSecret(r.secret), "sha256="
	c.Forget.URL = config.NewSecret(r.URL + "/forget?token=" + urlToken)
	if change != nil {
		change(&c)
	}
	sink, err := webhook.New("crm", c, webhook.Options{TLS: r.trust()})
	if err != nil {
		t.Fatal(err)
	}
	return &harness{receiver: r, sink: sink}
}

func (h *harness) Sink() pipeline.Sink     { return h.sink }
func (h *harness) Limits() pipeline.Limits { return h.sink.Limits() }
func (h *harness) Secrets() []string       { return []string{urlToken, h.bearer, h.secret} }

func (h *harness) Traits() sinktest.Traits {
	return sinktest.Traits{Cannot: map[sinktest.Fault]string{
		sinktest.StaleToken: "a bearer is set by the operator and there is nowhere to get a fresh one; a refused one is the case of missing rights",
	}}
}

func (h *harness) Rows(testing.TB) []sinktest.Row {
	h.mu().Lock()
	defer h.mu().Unlock()
	var rows []sinktest.Row
	for key, r := range h.rows {
		fields := map[string]any{}
		for name, v := range r.fields {
			fields[name] = read(v)
		}
		rows = append(rows, sinktest.Row{Key: key, Fields: fields})
	}
	return rows
}

func (h *harness) mu() *sync.Mutex { return &h.receiver.mu }

func (h *harness) Bad(r pipeline.Record) pipeline.Record {
	r.Fields = maps.Clone(r.Fields)
	if r.Fields == nil {
		r.Fields = map[string]any{}
	}
	r.Fields["bad"] = true
	return r
}

// says answers every request with a status.
func says(status int, header ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, "refused: token "+urlToken)
		return true
	}
}

func (h *harness) Inject(t testing.TB, f sinktest.Fault) sinktest.Effect {
	answer := func(a func(http.ResponseWriter, *http.Request) bool) {
		h.receiver.set(func() { h.answer = a })
	}
	switch f {
	case sinktest.Outage:
		h.gate.set(true)
	case sinktest.BrokenSetting:
		h.gate.set(true)
		return sinktest.Effect{Setting: "sinks.crm.webhook.url"}
	case sinktest.Throttle:
		answer(says(http.StatusTooManyRequests, "Retry-After", "7"))
		return sinktest.Effect{Wait: 7 * time.Second}
	case sinktest.Forbidden:
		answer(says(http.StatusForbidden))
	case sinktest.LostReply:
		h.receiver.set(func() { h.lose = true })
	case sinktest.Stall:
		reached, healed := make(chan struct{}), make(chan struct{})
		h.healed = sync.OnceFunc(func() { close(healed) })
		once := sync.OnceFunc(func() { close(reached) })
		answer(func(_ http.ResponseWriter, r *http.Request) bool {
			once()
			select {
			case <-healed:
			case <-r.Context().Done():
			}
			return true
		})
		return sinktest.Effect{Reached: reached}
	default:
		t.Fatalf("no way to inject %q", f)
	}
	return sinktest.Effect{}
}

func (h *harness) Heal(testing.TB) {
	h.gate.set(false)
	h.receiver.set(func() { h.answer, h.lose = nil, false })
	if h.healed != nil {
		h.healed()
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Harness { return open(t, nil) })
}

func TestContractOfLists(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		return open(t, func(c *config.Webhook) { c.List = true })
	})
}

func TestContractOfATemplate(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		return open(t, func(c *config.Webhook) {
			c.Body = `{"id": {{json .ID}}, "key": {{json .Key}}, "occurred": {{json .Occurred}}, "received": {{json .Received}}, "fields": {{json .Fields}} }`
		})
	})
}
