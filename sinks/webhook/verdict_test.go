package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/webhook"
)

var at = time.Date(2026, time.March, 3, 8, 30, 0, 0, time.UTC)

func lead(id string, fields map[string]any) pipeline.Record {
	return pipeline.Record{ID: id, Key: id, Kind: "lead", Source: "landing", Occurred: at, Received: at, Fields: fields}
}

// fate is a verdict in a word.
func fate(err error) string {
	wait, held := pipeline.IsHold(err)
	switch {
	case err == nil:
		return "stored"
	case held:
		return fmt.Sprintf("hold %v", wait)
	case pipeline.IsPermanent(err):
		return "permanent"
	}
	return "unknown"
}

// plain is a sink in front of a handler without TLS.
func plain(t *testing.T, handler http.HandlerFunc, change func(c *config.Webhook)) *webhook.Sink {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c := conf(server.URL + "/x?token=" + urlToken)
	if change != nil {
		change(&c)
	}
	s, err := webhook.New("crm", c, webhook.Options{Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestVerdicts(t *testing.T) {
	rule := func(c *config.Webhook) { c.Success.JSON = "code == 0" }
	for _, test := range []struct {
		status int
		retry  string
		body   string
		change func(c *config.Webhook)
		want   string
		says   string
	}{
		{200, "", "", nil, "stored", ""},
		{204, "", "", nil, "stored", ""},
		{299, "", "x", nil, "stored", ""},
		{302, "", "", nil, "hold 0s", "redirect"},
		{400, "", "", nil, "permanent", "content"},
		{401, "", "", nil, "hold 0s", "credentials"},
		{403, "", "", nil, "hold 0s", "credentials"},
		{404, "", "", nil, "hold 0s", "copy url"},
		{405, "", "", nil, "hold 0s", "POST"},
		{408, "3", "", nil, "hold 3s", ""},
		{409, "", "", nil, "unknown", ""},
		{410, "", "", nil, "hold 0s", "new one"},
		{413, "", "", nil, "permanent", "too large"},
		{415, "", "", nil, "permanent", ""},
		{418, "", "", nil, "unknown", ""},
		{422, "", "", nil, "permanent", ""},
		{425, "", "", nil, "hold 0s", ""},
		{429, "9", "", nil, "hold 9s", "too many"},
		{429, "Tue, 03 Mar 2026 08:30:40 GMT", "", nil, "hold 40s", ""},
		{429, "Tue, 03 Mar 2026 08:29:00 GMT", "", nil, "hold 0s", ""},
		{429, "-3", "", nil, "hold 0s", ""},
		{429, "999999999", "", nil, "hold 1h0m0s", ""},
		{429, "99999999999999999999", "", nil, "hold 0s", ""},
		{500, "", "", nil, "hold 0s", ""},
		{503, "120", "", nil, "hold 2m0s", ""},
		{200, "", `{"code":0}`, rule, "stored", ""},
		{200, "", `{"code":7}`, rule, "unknown", "code is another value"},
		{200, "", `<html>`, rule, "unknown", ""},
		{200, "", `{"code":0,"x":"` + strings.Repeat("x", 1<<20) + `"}`, rule, "unknown", ""},
		{503, "", `{"code":0}`, rule, "hold 0s", ""},
		{409, "", "", func(c *config.Webhook) { c.Success.Status = []int{200, 409} }, "stored", ""},
		{201, "", "", func(c *config.Webhook) { c.Success.Status = []int{200} }, "unknown", ""},
	} {
		s := plain(t, func(w http.ResponseWriter, _ *http.Request) {
			if test.retry != "" {
				w.Header().Set("Retry-After", test.retry)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(test.status)
			io.WriteString(w, test.body)
		}, test.change)
		err := s.Write(t.Context(), []pipeline.Record{lead("a", map[string]any{"phone": "0900000000"})})[0].Err
		if got := fate(err); got != test.want {
			t.Errorf("%d %s %.40s: %s (%v), want %s", test.status, test.retry, test.body, got, err, test.want)
		}
		if err != nil && (!strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), urlToken)) {
			t.Errorf("%d: %v; want it to say %q, and no token", test.status, err, test.says)
		}
	}
}

func TestTimeoutHolds(t *testing.T) {
	s := plain(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // or the server does not notice that the caller goes
		<-r.Context().Done()
	}, func(c *config.Webhook) { c.Timeout = 50 * time.Millisecond })
	if err := s.Write(context.Background(), []pipeline.Record{lead("a", nil)})[0].Err; fate(err) != "hold 0s" || !strings.Contains(err.Error(), "in time") {
		t.Errorf("no answer in time: %v", err)
	}
}

func TestAutomation(t *testing.T) {
	sim := larksim.New(larksim.Options{})
	sim.AddBase("bascn1", "Bán hàng")
	table := sim.AddTable("bascn1", "Leads", larksim.Field{Name: "Tên", Type: larksim.Text})
	flow := larksim.Automation{Token: urlToken, Bearer: "flow-bearer", Base: "bascn1", Table: table}
	sim.AddAutomation(flow)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	open := func(bearer, body string) *webhook.Sink {
		c := conf(server.URL + "/base/automation/webhook/event/" + urlToken)
		c.Preset, c.Bearer, c.Body = "lark_automation", config.NewSecret(bearer), body
		s, err := webhook.New("crm", c, webhook.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const body = `{"Tên": {{json .Fields.name}} }`
	write := func(s *webhook.Sink, id string) error {
		return s.Write(t.Context(), []pipeline.Record{lead(id, map[string]any{"name": "Trần Văn B"})})[0].Err
	}
	good := open("flow-bearer", body)
	for range 3 { // Client-Token makes it one
		if err := write(good, "a/1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(good, "mã số 2"); err != nil { // an ID no header can hold
		t.Fatal(err)
	}
	if n := len(sim.Hooked()); n != 2 {
		t.Errorf("%d requests were taken, want 2", n)
	}
	if err := write(open("another", body), "b"); fate(err) != "hold 0s" || !strings.Contains(err.Error(), "bearer") {
		t.Errorf("wrong bearer: %v", err)
	}
	flow.Disabled = true
	sim.AddAutomation(flow)
	if err := write(good, "c"); fate(err) != "hold 0s" || !strings.Contains(err.Error(), "switch it on") || strings.Contains(err.Error(), urlToken) {
		t.Errorf("a disabled workflow: %v", err)
	}
	flow.Disabled = false
	sim.AddAutomation(flow)
	if err := write(open("flow-bearer", `{"x": {{json .Fields.name}}, "y": "`+strings.Repeat("y", 16000)+`"}`), "d"); err != nil {
		t.Errorf("a long body: %v", err)
	}
	big := good.Write(t.Context(), []pipeline.Record{lead("e", map[string]any{"name": strings.Repeat("a", 5<<20)})})[0].Err
	if fate(big) != "permanent" {
		t.Errorf("more than 4 MiB: %v", big)
	}
}

// TestAnyReceiver is AnyCross and Bot Builder: they take whatever it is.
func TestAnyReceiver(t *testing.T) {
	sim := larksim.New(larksim.Options{})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	c := conf(server.URL + "/sink/anycross")
	s, err := webhook.New("crm", c, webhook.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), []pipeline.Record{lead("a", map[string]any{"name": "<b>Trần & B</b>"})})[0].Err; err != nil {
		t.Fatal(err)
	}
	want := `{"id":"a","key":"a","kind":"lead","source":"landing","occurred":"2026-03-03T08:30:00Z","received":"2026-03-03T08:30:00Z","fields":{"name":"<b>Trần & B</b>"}}`
	if got := sim.Hooked(); len(got) != 1 || string(got[0].Body) != want || !strings.HasPrefix(got[0].Type, "application/json") {
		t.Errorf("it was sent %q, want %s", got, want)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{`{"code":0}`, `{"code":800004509}`, `{"code":"0"}`, `{`, "<html>", ""} {
		f.Add(200, "1", []byte(seed))
	}
	f.Add(429, "Tue, 03 Mar 2026 08:30:40 GMT", []byte("hunter2"))
	var status int
	var retry string
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", retry)
		w.WriteHeader(status)
		w.Write(body)
	}))
	f.Cleanup(server.Close)
	c := conf(server.URL)
	c.Preset = "lark_automation"
	s, err := webhook.New("crm", c, webhook.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, n int, after string, text []byte) {
		status, retry, body = 200+(n%400+400)%400, after, text
		out := s.Write(t.Context(), []pipeline.Record{lead("a", nil)})
		if len(out) != 1 || out[0].Err == nil && (status > 299 || !bytes.Contains(text, []byte("code"))) {
			t.Errorf("%d %q: %v", status, text, out)
		}
		if wait, held := pipeline.IsHold(out[0].Err); held && (wait < 0 || wait > time.Hour) {
			t.Errorf("asked to wait %v", wait)
		}
	})
}
