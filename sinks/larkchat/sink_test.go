package larkchat_test

import (
	"encoding/json"
	"fmt"
	"io"
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
)

var at = time.Date(2026, time.March, 3, 8, 30, 0, 0, time.UTC)

func record(id, key string, fields map[string]any) pipeline.Record {
	return pipeline.Record{ID: id, Key: key, Kind: "lead", Source: "landing", Occurred: at, Received: at, Fields: fields}
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

func newSink(t *testing.T, w *world, c config.LarkChat) *larkchat.Sink {
	t.Helper()
	s, err := larkchat.New("sales", c, w.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// write demands that all of batch is stored.
func write(t *testing.T, s *larkchat.Sink, batch ...pipeline.Record) {
	t.Helper()
	for _, o := range s.Write(t.Context(), batch) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
	}
}

func TestLeadCard(t *testing.T) {
	w := newWorld(t)
	s := newSink(t, w, w.hook())
	write(t, s, record("a", "a", map[string]any{
		"name": "Trần Văn B", "phone": "0900000000", "message": "Gọi <at id=all></at> [tôi](http://example.com)", "utm_source": "fb",
		"consent": true, "score": 1.5, "tags": []string{"đỏ", "xanh"}, "empty": "", "none": nil,
	}))
	want := strings.Join([]string{
		"Họ tên / Name: Trần Văn B", "Điện thoại / Phone: 0900000000", "Lời nhắn / Message: Gọi <at id=all></at> [tôi](http://example.com)",
		"consent: true", "score: 1.5", "tags: đỏ, xanh", "utm_source: fb", "Lúc / At: 15:30 03/03/2026",
	}, "\n")
	posted := w.posted()
	if len(posted) != 1 || !strings.Contains(posted[0], "Khách mới / New lead: landing") || strings.Join(texts(t, posted[0]), "|") != want {
		t.Errorf("it posted %q, want %q", posted, want)
	}
	// What others wrote is plain text everywhere in a card.
	if strings.Contains(posted[0], "lark_md") || strings.Contains(posted[0], `"markdown"`) {
		t.Errorf("the card holds text with formats: %s", posted[0])
	}
}

func TestTextMentionsNobody(t *testing.T) {
	w := newWorld(t)
	c := w.hook()
	c.Format, c.Title, c.Body = "text", "{{.Kind}}\n{{.Fields.name}}", "{{.Fields.note}}{{.Fields.missing}}"
	write(t, newSink(t, w, c), record("a", "a", map[string]any{"name": `<at user_id="all">x</at>`, "note": `< AT id=all>`}))
	var in struct{ Content struct{ Text string } }
	if err := json.Unmarshal([]byte(w.posted()[0]), &in); err != nil {
		t.Fatal(err)
	}
	if low := strings.ToLower(in.Content.Text); strings.Contains(low, "<at") || strings.Contains(low, "< at") || !strings.HasPrefix(low, "lead <") || strings.Contains(low, "no value") {
		t.Errorf("the text is %q", in.Content.Text)
	}
}

func TestOnceForEachKey(t *testing.T) {
	w := newWorld(t)
	s := newSink(t, w, w.hook())
	first := record("a", "row", map[string]any{"phone": "0900000000"})
	write(t, s, first, record("b", "row", map[string]any{"name": "Lê C"}), record("c", "other", nil))
	write(t, s, first)
	write(t, s, record("d", "row", map[string]any{"name": "Lê D"}))
	if got := w.posted(); len(got) != 1 || len(texts(t, got[0])) != 2 {
		t.Errorf("without updates it posted %q", got)
	}
	c := w.hook()
	c.Updates = true
	s = newSink(t, w, c)
	write(t, s, first)
	write(t, s, first)
	write(t, s, record("b", "row", map[string]any{"name": "Lê C"}))
	if got := w.posted(); len(got) != 3 {
		t.Errorf("with updates it posted %q", got)
	}
}

// A notice that was not taken is not remembered as told.
func TestRefusedIsToldLater(t *testing.T) {
	w := newWorld(t)
	s := newSink(t, w, w.hook())
	w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpBotHook}, Kind: larksim.HTTPError, Status: 502, Next: 1})
	if err := s.Write(t.Context(), []pipeline.Record{record("a", "a", nil)})[0].Err; fate(err) != "hold 0s" {
		t.Fatal(err)
	}
	write(t, s, record("a", "a", nil))
	if n := len(w.posted()); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	s := newSink(t, w, w.hook())
	var batch []pipeline.Record
	for i := range 23 {
		batch = append(batch, record(fmt.Sprint(i), fmt.Sprint(i), map[string]any{"name": "Khách"}))
	}
	write(t, s, batch...)
	if got := w.posted(); len(got) != 3 || !strings.Contains(got[0], "10 × Khách mới") || len(texts(t, got[2])) != 3 {
		t.Errorf("23 records are %d messages", len(got))
	}
	// Long ones are fewer in one message, and what is too long for one is cut.
	c := w.hook()
	c.Body = "{{.Fields.note}}"
	s = newSink(t, w, c)
	batch = nil
	for i := range 4 {
		batch = append(batch, record(fmt.Sprint(i), fmt.Sprint(i), map[string]any{"note": strings.Repeat("ữ\"", 2000*(i+1))}))
	}
	write(t, s, batch...)
	for _, m := range w.posted()[3:] {
		if len(m) > 20<<10 {
			t.Errorf("a message of %d bytes", len(m))
		}
	}
	if n := len(w.posted()); n != 7 {
		t.Errorf("%d messages, want 7", n)
	}
}

// TestPace keeps a bot at its limits, enforced by the simulator on the same clock.
func TestPace(t *testing.T) {
	var mu sync.Mutex
	now := at
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	sim := larksim.New(larksim.Options{Clock: clock, RateLimits: true})
	sim.AddBotHook(larksim.BotHook{Token: hookToken})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	c := config.LarkChat{Hook: config.NewSecret(server.URL + "/open-apis/bot/v2/hook/" + hookToken), Format: "card", Group: 1, Timeout: time.Minute}
	s, err := larkchat.New("sales", c, larkchat.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	holds := 0
	for i := range 250 {
		for {
			err := s.Write(t.Context(), []pipeline.Record{record(fmt.Sprint(i), fmt.Sprint(i), nil)})[0].Err
			if err == nil {
				break
			}
			wait, held := pipeline.IsHold(err)
			if !held || wait <= 0 || !strings.Contains(err.Error(), "used up") {
				t.Fatalf("message %d: %v", i, err)
			}
			holds++
			mu.Lock()
			now = now.Add(wait)
			mu.Unlock()
		}
	}
	if took := now.Sub(at); took < 2*time.Minute || took > 3*time.Minute || holds == 0 {
		t.Errorf("250 messages took %v and %d holds", took, holds)
	}
}

func TestHookVerdicts(t *testing.T) {
	for name, test := range map[string]struct {
		bot  larksim.BotHook
		conf func(c *config.LarkChat)
		want string
		says string
	}{
		"wrong secret": {larksim.BotHook{Token: hookToken, Secret: "another"}, nil, "hold 0s", "clock"},
		"no keyword":   {larksim.BotHook{Token: hookToken, Keyword: "báo giá"}, nil, "hold 0s", "keyword"},
		"its keyword":  {larksim.BotHook{Token: hookToken, Keyword: "báo giá"}, func(c *config.LarkChat) { c.Title = "báo giá" }, "stored", ""},
		"allow-list":   {larksim.BotHook{Token: hookToken, AllowIPs: []string{"203.0.113.9"}}, nil, "hold 0s", "address"},
		"no such bot":  {larksim.BotHook{Token: "x"}, func(c *config.LarkChat) { c.Hook = config.NewSecret(c.Hook.Reveal() + "x") }, "hold 0s", "add the bot anew"},
	} {
		w := newWorld(t)
		w.AddBotHook(test.bot)
		c := w.hook()
		if test.conf != nil {
			test.conf(&c)
		}
		err := newSink(t, w, c).Write(t.Context(), []pipeline.Record{record("a", "a", nil)})[0].Err
		if fate(err) != test.want || err != nil && (!strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), hookToken)) {
			t.Errorf("%s: %v, want %s and %q", name, err, test.want, test.says)
		}
	}
	for _, test := range []struct {
		status int
		body   string
		want   string
	}{
		{200, `{"code":0}`, "stored"},
		{200, `{"StatusCode":0,"StatusMessage":"success"}`, "stored"},
		{200, `{"code":9499,"msg":"hunter2"}`, "unknown"},
		{200, `{"code":19002}`, "unknown"},
		{200, `{"code":19036}`, "permanent"},
		{400, `{"code":11232}`, "hold 1s"},
		{200, `{"code":42}`, "unknown"},
		{503, `{"code":42}`, "hold 0s"},
		{200, `<html>`, "unknown"},
		{200, ``, "unknown"},
		{302, ``, "hold 0s"},
		{404, `not found`, "hold 0s"},
		{429, ``, "hold 0s"},
		{500, `{"code":0}`, "hold 0s"},
	} {
		w := newWorld(t)
		w.Server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Location", "/elsewhere")
			rw.WriteHeader(test.status)
			io.WriteString(rw, test.body)
		})
		err := newSink(t, w, w.hook()).Write(t.Context(), []pipeline.Record{record("a", "a", nil)})[0].Err
		if fate(err) != test.want || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%d %s: %v, want %s", test.status, test.body, err, test.want)
		}
	}
}

func TestAppVerdicts(t *testing.T) {
	for name, test := range map[string]struct {
		conf func(w *world, c *config.LarkChat)
		want string
	}{
		"good":          {func(*world, *config.LarkChat) {}, "stored"},
		"no such group": {func(_ *world, c *config.LarkChat) { c.Chat = "oc_none" }, "hold 0s"},
		"bot is off": {func(w *world, _ *config.LarkChat) {
			w.AddApp(larksim.App{ID: appID, Secret: appSecret, Scopes: []string{"im:message"}, NoBot: true})
		}, "hold 0s"},
		"too many": {func(w *world, _ *config.LarkChat) {
			w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpSend}, Kind: larksim.Answer, Code: 230020})
		}, "hold 1s"},
		"card refused": {func(w *world, _ *config.LarkChat) {
			w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpSend}, Kind: larksim.Answer, Code: 230099})
		}, "permanent"},
	} {
		w := newWorld(t)
		c := w.app()
		test.conf(w, &c)
		out := newSink(t, w, c).Write(t.Context(), []pipeline.Record{record("a", "a", nil), record("b", "b", nil)})
		for _, o := range out {
			if fate(o.Err) != test.want || (o.Err == nil) != strings.HasPrefix(o.Ref, "om_") {
				t.Errorf("%s: %q %v, want %s", name, o.Ref, o.Err, test.want)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, test := range []struct {
		conf config.LarkChat
		says string
	}{
		{config.LarkChat{Hook: config.NewSecret("hunter2")}, "larkchat.hook"},
		{config.LarkChat{}, "neither hook nor chat"},
		{config.LarkChat{Chat: "oc_a", Brand: "hunter"}, "brand"},
		{config.LarkChat{Chat: "oc_a", Title: "{{"}, "larkchat.title: line 1"},
		{config.LarkChat{Chat: "oc_a", Body: "{{.Phone}}"}, "larkchat.body: line 1"},
		{config.LarkChat{Chat: "oc_a", Body: "{{range 1000000000}}aaaaaa{{end}}"}, "too long"},
	} {
		if _, err := larkchat.New("sales", test.conf, larkchat.Options{}); err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v; want it to say %q", err, test.says)
		}
	}
}

func FuzzNotice(f *testing.F) {
	f.Add("<at user_id=\"all\">", "Trần", "card")
	f.Add("\xff\xfe\x00<AT", strings.Repeat("a", 700), "text")
	sim := larksim.New(larksim.Options{})
	sim.AddBotHook(larksim.BotHook{Token: hookToken})
	server := httptest.NewServer(sim)
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, name, value, format string) {
		if format != "text" {
			format = "card"
		}
		c := config.LarkChat{Hook: config.NewSecret(server.URL + "/open-apis/bot/v2/hook/" + hookToken), Format: format, Group: 3, Timeout: time.Minute}
		s, err := larkchat.New("sales", c, larkchat.Options{})
		if err != nil {
			t.Fatal(err)
		}
		fields := map[string]any{name: value, "name": name, "note": value}
		defer s.Close()
		for _, o := range s.Write(t.Context(), []pipeline.Record{record("a", "a", fields), record("b", "b", fields)}) {
			if o.Err != nil {
				t.Errorf("refused: %v", o.Err)
			}
		}
		for _, h := range sim.Hooked() {
			if text := strings.ToLower(string(h.Body)); format == "text" && strings.Contains(text, `"msg_type":"text"`) && strings.Contains(text, "<at") {
				t.Errorf("it mentions somebody: %s", text)
			}
		}
	})
}

// One record that the bot does not take leaves the others of its notice alone.
func TestRefusedRecordStandsAlone(t *testing.T) {
	w := newWorld(t)
	taken := 0
	w.Server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "xấu") {
			io.WriteString(rw, `{"code":19036}`)
			return
		}
		taken++
		io.WriteString(rw, `{"code":0}`)
	})
	s := newSink(t, w, w.hook())
	for bad := range 5 {
		var batch []pipeline.Record
		for i := range 5 {
			id := fmt.Sprint(bad, "-", i)
			batch = append(batch, record(id, id, map[string]any{"note": map[bool]string{true: "xấu", false: "tốt"}[i == bad]}))
		}
		for i, o := range s.Write(t.Context(), batch) {
			if want := map[bool]string{true: "permanent", false: "stored"}[i == bad]; fate(o.Err) != want {
				t.Errorf("record %d of a batch whose record %d is refused: %v, want %s", i, bad, o.Err, want)
			}
		}
	}
	if taken == 0 {
		t.Error("nothing was taken")
	}
}
