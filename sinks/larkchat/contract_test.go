package larkchat_test

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkchat"
	"mekong/sinks/sinktest"
)

const (
	hookToken = "the-token-of-the-bot"
	botSecret = "the-secret-of-the-bot"
	appID     = "cli_chat"
	appSecret = "the-secret-of-the-app"
	group     = "oc_sales"
)

// gate is a listener that can hang up on whoever calls.
type gate struct {
	net.Listener
	mu     sync.Mutex
	closed bool
	conns  []net.Conn
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		closed := g.closed
		if !closed {
			g.conns = append(g.conns, c)
		}
		g.mu.Unlock()
		if !closed {
			return c, nil
		}
		c.Close()
	}
}

func (g *gate) set(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed = closed; closed {
		for _, c := range g.conns {
			c.Close()
		}
		g.conns = nil
	}
}

// world is a simulated Lark behind TLS, with a group, a custom bot and an app in it.
type world struct {
	*larksim.Sim
	*httptest.Server
	gate    *gate
	mu      sync.Mutex
	reached func() // called by each request while a fault hangs
}

func newWorld(t testing.TB) *world {
	w := &world{Sim: larksim.New(larksim.Options{})}
	w.AddBotHook(larksim.BotHook{Token: hookToken, Secret: botSecret})
	w.AddApp(larksim.App{ID: appID, Secret: appSecret, Name: "Mekong", Scopes: []string{"im:message"}})
	w.AddGroup(group, appID)
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		reached := w.reached
		w.mu.Unlock()
		if reached != nil && !strings.Contains(r.URL.Path, "/auth/") {
			reached()
		}
		w.Sim.ServeHTTP(rw, r)
	}))
	w.gate = &gate{Listener: w.Server.Listener}
	w.Server.Listener = w.gate
	w.Server.Config.ErrorLog = log.New(io.Discard, "", 0)
	w.StartTLS()
	t.Cleanup(w.Server.Close)
	return w
}

// options trust the simulator, on a clock on which a second passes with every look: a
// bot's five messages a second are no matter.
func (w *world) options() larkchat.Options {
	pool := x509.NewCertPool()
	pool.AddCert(w.Certificate())
	var mu sync.Mutex
	now := time.Now()
	return larkchat.Options{TLS: &tls.Config{RootCAs: pool}, HTTP: w.Server.Client(), Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}}
}

func (w *world) hook() config.LarkChat {
	return config.LarkChat{
		Hook: config.NewSecret(w.URL + "/open-apis/bot/v2/hook/" + hookToken), Secret: config.NewSecret(botSecret),
		Format: "card", Group: 10, Timeout: 20 * time.Second,
	}
}

func (w *world) app() config.LarkChat {
	return config.LarkChat{
		Chat: group, AppID: appID, AppSecret: config.NewSecret(appSecret), Endpoint: w.URL, Format: "card", Group: 10, Timeout: 20 * time.Second,
	}
}

// posted are the messages in the group, as JSON, oldest first.
func (w *world) posted() []string {
	var out []string
	for _, h := range w.Hooked() {
		out = append(out, string(h.Body))
	}
	for _, m := range w.Messages() {
		out = append(out, m.Content)
	}
	return out
}

// texts are the plain texts of a card's elements.
func texts(t testing.TB, message string) []string {
	t.Helper()
	var in struct {
		Card     *struct{ Elements []element }
		Elements []element
	}
	if err := json.Unmarshal([]byte(message), &in); err != nil {
		t.Fatal(err)
	}
	if in.Card != nil {
		in.Elements = in.Card.Elements
	}
	var out []string
	for _, e := range in.Elements {
		if e.Tag == "div" {
			out = append(out, e.Text.Content)
		}
	}
	return out
}

type element struct {
	Tag  string
	Text struct{ Content string }
}

// harness reads a group as one who takes the notices down in a table would: its
// notices are records as JSON, told at every change.
type harness struct {
	*world
	sink   *larkchat.Sink
	op     larksim.Op
	traits sinktest.Traits
}

// asRecord makes a notice out of which the record can be read, and fails on a bad one.
const asRecord = `{{with .Fields.bad}}{{slice . 9}}{{end}}{{json .}}`

func openSink(t testing.TB, w *world, c config.LarkChat) *harness {
	t.Helper()
	c.Updates, c.Title, c.Body = true, "notice", asRecord
	sink, err := larkchat.New("sales", c, w.options())
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{world: w, sink: sink, op: larksim.OpSend}
	h.traits = sinktest.Traits{
		Cannot:  map[sinktest.Fault]string{},
		Keeps:   "a message that was posted is not taken back from here",
		MaxText: 5000,
		Show: func(v any) any {
			switch v := v.(type) {
			case nil:
				return nil
			case bool:
				return map[bool]string{true: "true", false: "false"}[v]
			case []string:
				return strings.Join(v, ", ")
			case float64:
				out, _ := json.Marshal(v)
				return string(out)
			}
			return v
		},
	}
	if !c.Hook.IsZero() {
		h.op = larksim.OpBotHook
		h.traits.Cannot[sinktest.StaleToken] = "a custom bot's address has a token that does not expire; one that is refused is the case of missing rights"
		h.traits.Cannot[sinktest.LostReply] = "a custom bot knows no repetition (lark.md §8.1): after a lost answer the notice is told again, and may be there twice"
	}
	return h
}

func (h *harness) Sink() pipeline.Sink     { return h.sink }
func (h *harness) Limits() pipeline.Limits { return h.sink.Limits() }
func (h *harness) Traits() sinktest.Traits { return h.traits }
func (h *harness) Secrets() []string       { return []string{hookToken, botSecret, appSecret} }

func (h *harness) Bad(r pipeline.Record) pipeline.Record {
	r.Fields = maps.Clone(r.Fields)
	if r.Fields == nil {
		r.Fields = map[string]any{}
	}
	r.Fields["bad"] = "x"
	return r
}

type told struct {
	ID, Key            string
	Occurred, Received time.Time
	Fields             map[string]string
}

func (h *harness) Rows(t testing.TB) []sinktest.Row {
	t.Helper()
	type row struct {
		newest told
		fields map[string]any
	}
	rows := map[string]*row{}
	seen := map[string]bool{}
	for _, message := range h.posted() {
		for _, text := range texts(t, message) {
			var r told
			if err := json.Unmarshal([]byte(text), &r); err != nil {
				t.Fatalf("a notice is no record: %v", err)
			}
			if seen[text] {
				t.Errorf("the record %s was told twice in the same words", r.ID)
			}
			seen[text] = true
			at := rows[r.Key]
			if at == nil {
				at = &row{r, map[string]any{}}
				rows[r.Key] = at
			}
			n := at.newest
			newer := cmp.Or(r.Occurred.Compare(n.Occurred), r.Received.Compare(n.Received), cmp.Compare(r.ID, n.ID)) >= 0
			if newer {
				at.newest = r
			}
			for name, v := range r.Fields {
				if newer || at.fields[name] == nil {
					at.fields[name] = v
				}
			}
		}
	}
	var out []sinktest.Row
	for key, r := range rows {
		out = append(out, sinktest.Row{Key: key, Fields: r.fields})
	}
	return out
}

func (h *harness) Inject(t testing.TB, f sinktest.Fault) sinktest.Effect {
	on := []larksim.Op{h.op}
	hook := h.op == larksim.OpBotHook
	switch {
	case f == sinktest.Outage:
		h.gate.set(true)
	case f == sinktest.BrokenSetting && hook:
		h.gate.set(true)
		return sinktest.Effect{Setting: "sinks.sales.larkchat.hook"}
	case f == sinktest.BrokenSetting:
		h.AddApp(larksim.App{ID: appID, Secret: "another", Name: "Mekong", Scopes: []string{"im:message"}})
		return sinktest.Effect{Setting: "sinks.sales.larkchat.app_secret"}
	case f == sinktest.Throttle && hook:
		h.Sim.Inject(larksim.Fault{On: on, Kind: larksim.Answer, Code: 11232})
		return sinktest.Effect{Wait: time.Second} // the shorter of the limits it has
	case f == sinktest.Throttle:
		h.Sim.Inject(larksim.Fault{On: on, Kind: larksim.Throttle, Delay: 7 * time.Second})
		return sinktest.Effect{Wait: 7 * time.Second}
	case f == sinktest.Forbidden && hook:
		h.AddBotHook(larksim.BotHook{Token: hookToken, Secret: "another"})
	case f == sinktest.Forbidden:
		h.AddGroup(group) // the bot is not in it any more
	case f == sinktest.StaleToken:
		h.RevokeTenantToken(appID)
	case f == sinktest.LostReply:
		h.Sim.Inject(larksim.Fault{On: on, Kind: larksim.Drop, Applied: true, Next: 1})
	case f == sinktest.Stall:
		reached := make(chan struct{})
		h.mu.Lock()
		h.reached = sync.OnceFunc(func() { close(reached) })
		h.mu.Unlock()
		h.Sim.Inject(larksim.Fault{On: on, Kind: larksim.Hang})
		return sinktest.Effect{Reached: reached}
	default:
		t.Fatalf("no way to inject %q", f)
	}
	return sinktest.Effect{}
}

func (h *harness) Heal(testing.TB) {
	h.gate.set(false)
	h.ClearFaults()
	h.AddBotHook(larksim.BotHook{Token: hookToken, Secret: botSecret})
	h.AddApp(larksim.App{ID: appID, Secret: appSecret, Name: "Mekong", Scopes: []string{"im:message"}})
	h.AddGroup(group, appID)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reached = nil
}

func TestContractOfACustomBot(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		w := newWorld(t)
		return openSink(t, w, w.hook())
	})
}

func TestContractOfAnApp(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		w := newWorld(t)
		return openSink(t, w, w.app())
	})
}
