package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/webhook"
)

func TestNewRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(c *config.Webhook)
		says   string
	}{
		"address":        {func(c *config.Webhook) { c.URL = config.NewSecret("ftp://x/" + urlToken) }, "webhook.url"},
		"no address":     {func(c *config.Webhook) { c.URL = config.Secret{} }, "webhook.url"},
		"forget":         {func(c *config.Webhook) { c.Forget.URL = config.NewSecret(urlToken) }, "webhook.forget.url"},
		"template":       {func(c *config.Webhook) { c.Body = "{{" }, "webhook.body: line 1"},
		"no JSON":        {func(c *config.Webhook) { c.Body = "name={{.Fields.name}}" }, "makes no JSON"},
		"own quotes":     {func(c *config.Webhook) { c.Body = `{"name":"{{.Fields.name}}"}` }, "without quotes around it"},
		"quotes, absent": {func(c *config.Webhook) { c.Body = `{"name":{{with .Fields.name}}{{json .}}{{end}} }` }, "without fields"},
		"unknown name":   {func(c *config.Webhook) { c.Body = `{"a":{{json .Phone}} }` }, "webhook.body: line 1"},
		"endless":        {func(c *config.Webhook) { c.Body = `{{range 1000000000}}aaaaaaaaaa{{end}}` }, "too long"},
		"rule":           {func(c *config.Webhook) { c.Success.JSON = "code" }, "webhook.success.json"},
	} {
		c := conf("https://example.com/" + urlToken)
		test.change(&c)
		s, err := webhook.New("crm", c, webhook.Options{})
		if err == nil || s != nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), urlToken) {
			t.Errorf("%s: %v; want it to say %q", name, err, test.says)
		}
	}
}

func TestRequest(t *testing.T) {
	var got *http.Request
	var body []byte
	s := plain(t, func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}, func(c *config.Webhook) {
		c.Headers = map[string]config.Secret{"X-Api-Key": config.NewSecret("k")}
		c.IDHeader = "X-Once"
		c.HMAC = config.WebhookHMAC{Secret: config.NewSecret("s"), Header: "X-Sign", Algorithm: "sha256", Encoding: "base64"}
		c.List = true
	})
	batch := []pipeline.Record{lead("b", nil), lead("a", map[string]any{"name": "Lê C"})}
	ids := map[string]bool{}
	for range 2 {
		for _, o := range s.Write(t.Context(), batch) {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
		}
		ids[got.Header.Get("X-Once")] = true
	}
	h := hmac.New(sha256.New, []byte("s"))
	h.Write(body)
	if got.Header.Get("X-Sign") != base64.StdEncoding.EncodeToString(h.Sum(nil)) || got.Header.Get("X-Api-Key") != "k" {
		t.Errorf("the headers are %v", got.Header)
	}
	if len(ids) != 1 || ids[""] {
		t.Errorf("the same list has the IDs %v", slices.Collect(maps.Keys(ids)))
	}
	if !strings.HasPrefix(string(body), `[{"id":"a",`) || !strings.Contains(string(body), `"fields":{}`) {
		t.Errorf("the body is %s", body)
	}
	s.Write(t.Context(), batch[:1])
	if got.Header.Get("X-Once") != "b" {
		t.Errorf("a list of one has the ID %q", got.Header.Get("X-Once"))
	}
}

// What no JSON can hold is the record's fault, and found without asking anybody.
func TestValueWithoutJSON(t *testing.T) {
	for _, list := range []bool{false, true} {
		calls := 0
		s := plain(t, func(http.ResponseWriter, *http.Request) { calls++ }, func(c *config.Webhook) { c.List = list })
		out := s.Write(t.Context(), []pipeline.Record{lead("a", map[string]any{"score": math.Inf(1)}), lead("b", nil)})
		if fate(out[0].Err) != "permanent" || out[1].Err != nil || calls != 1 {
			t.Errorf("list %v: %v, %d calls", list, out, calls)
		}
	}
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	reached := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"} {
		c := conf("http://" + host + ":" + port + "/" + urlToken)
		c.AllowPrivate = false
		s, err := webhook.New("crm", c, webhook.Options{})
		if err != nil {
			t.Fatal(err)
		}
		werr := s.Write(t.Context(), []pipeline.Record{lead("a", nil)})[0].Err
		// A machine without IPv6 may say so before it is asked to connect.
		if fate(werr) != "hold 0s" || !strings.Contains(werr.Error(), "set sinks.crm.webhook.allow_private") && !strings.HasPrefix(host, "[") {
			t.Errorf("%s: %v", host, werr)
		}
		found := s.Check(t.Context())
		if found[0].Level != pipeline.Fail || found[0].Setting != "sinks.crm.webhook.url" || found[0].Fix == "" {
			t.Errorf("%s: %+v", host, found[0])
		}
	}
	if reached {
		t.Error("a private address was reached")
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	calls := 0
	s := plain(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}, nil)
	if err := s.Write(t.Context(), []pipeline.Record{lead("a", nil)})[0].Err; fate(err) != "hold 0s" || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestCheckSendsNothing(t *testing.T) {
	h := open(t, nil)
	for _, f := range h.sink.Check(t.Context()) {
		if f.Level != pipeline.OK {
			t.Errorf("%+v", f)
		}
	}
	if n := len(h.requests); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	// An authority that is not known, and a name that no certificate has.
	c := conf(h.URL)
	s, err := webhook.New("crm", c, webhook.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if f := s.Check(t.Context())[0]; f.Level != pipeline.Fail || !strings.Contains(f.What, "certificate") {
		t.Errorf("an unknown authority: %+v", f)
	}
	s = plain(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }, nil)
	found := s.Check(t.Context())
	if len(found) != 2 || found[0].Level != pipeline.Warn || !strings.Contains(found[0].What, "TLS") || found[1].Level != pipeline.Warn || found[1].Setting != "sinks.crm.webhook.forget.url" {
		t.Errorf("without TLS and forget.url: %+v", found)
	}
}

func TestForget(t *testing.T) {
	h := open(t, func(c *config.Webhook) { c.Forget.URL = config.Secret{} })
	if err := h.sink.Forget(t.Context(), []string{"a"}); fate(err) != "unknown" || !strings.Contains(err.Error(), "by hand") {
		t.Errorf("without an address: %v", err)
	}
	if err := h.sink.Forget(t.Context(), nil); err != nil {
		t.Errorf("of nobody: %v", err)
	}
	h = open(t, nil)
	keys := make([]string, 1201)
	for i := range keys {
		keys[i] = "k"
	}
	if err := h.sink.Forget(t.Context(), keys); err != nil || len(h.requests) != 3 {
		t.Errorf("of many: %v, in %d requests", err, len(h.requests))
	}
	h.receiver.set(func() { h.answer = says(422) })
	if err := h.sink.Forget(t.Context(), keys[:1]); fate(err) != "unknown" {
		t.Errorf("refused: %v", err)
	}
}

// A receiver that knows nothing of versions ends with what happened last, whatever was
// received last.
func TestOldestFirst(t *testing.T) {
	for _, list := range []bool{false, true} {
		var got string
		s := plain(t, func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			for part := range strings.SplitSeq(string(body), `"id":"`) {
				if id, _, ok := strings.Cut(part, `"`); ok && len(id) == 1 && id != "{" {
					got += id
				}
			}
		}, func(c *config.Webhook) { c.List = list })
		batch := []pipeline.Record{lead("n", nil), lead("c", nil), lead("m", nil), lead("a", nil)}
		batch[0].Occurred = at.Add(2)
		batch[1].Received = at.Add(5)
		batch[2].Occurred = at.Add(1)
		batch[2].Received = at.Add(9)
		for _, o := range s.Write(t.Context(), batch) {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
		}
		if want := "acmn"; strings.TrimLeft(strings.ReplaceAll(got, "[", ""), "{") != want {
			t.Errorf("list %v: sent in the order %s, want %s", list, got, want)
		}
	}
}
