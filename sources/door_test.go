package sources_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/intake"
	"mekong/sources/ladipage"
)

// fixture is a request as LadiPage, a browser or somebody's script sends it.
type fixture struct {
	Name    string            `json:"name"`
	About   string            `json:"about"`
	Headers map[string]string `json:"headers"`
	body    []byte
}

func fixtures(t testing.TB) []fixture {
	t.Helper()
	dir := filepath.Join("ladipage", "testdata")
	index, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []fixture
	if err := json.Unmarshal(index, &all); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if all[i].body, err = os.ReadFile(filepath.Join(dir, all[i].Name+".body")); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.body"))
	if err != nil || len(files) != len(all) {
		t.Fatalf("%d bodies, %d in the index (%v)", len(files), len(all), err)
	}
	return all
}

// kept remembers what came through the door, and what did not.
type kept struct {
	mu      sync.Mutex
	err     error
	raws    []pipeline.Raw
	refused []string
}

func (k *kept) emit(_ context.Context, raws ...pipeline.Raw) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		k.raws = append(k.raws, raws...)
	}
	return k.err
}

func (k *kept) refuse(_ context.Context, cause string, raw pipeline.Raw) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refused = append(k.refused, cause+" "+string(raw.Body))
	return nil
}

// door serves one LadiPage source and returns the URL of its path.
func door(t testing.TB, k *kept, c config.LadiPage, log *slog.Logger) string {
	t.Helper()
	c.Path, c.Window = "/in/landing", 10*time.Minute
	rec, err := ladipage.New("landing", c, func() time.Time { return time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC) })
	if err != nil {
		t.Fatal(err)
	}
	in, err := intake.New(intake.Options{Logger: log, Refuse: k.refuse}, intake.Route{
		Source: "landing", Path: c.Path, PathToken: true, Format: ladipage.Format, MaxBody: int64(c.MaxBody),
		Headers: ladipage.Headers(), Origins: c.Origins, Receiver: rec,
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(in.Handler(k.emit))
	t.Cleanup(srv.Close)
	return srv.URL + c.Path
}

type answer struct {
	status int
	header http.Header
	OK     bool   `json:"ok"`
	ID     string `json:"id"`
	Cause  string `json:"cause"`
	Error  string `json:"error"`
}

func post(t testing.TB, url string, body []byte, headers map[string]string) answer {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range headers {
		r.Header.Set(name, v)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header}
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("answer %q: %v", text, err)
	}
	return a
}

// Every submission we know of is stored byte for byte, has an ID of its own,
// and is the same delivery when it is sent again.
func TestEveryFixtureIsStored(t *testing.T) {
	k := &kept{}
	url := door(t, k, config.LadiPage{Rate: 50}, nil)
	ids := map[string]string{}
	for _, f := range fixtures(t) {
		first, again := post(t, url, f.body, f.Headers), post(t, url+"/", f.body, f.Headers)
		if first.status != 200 || !first.OK || first.ID == "" {
			t.Errorf("%s: %+v", f.Name, first)
			continue
		}
		raw := k.raws[len(k.raws)-2]
		if !bytes.Equal(raw.Body, f.body) || raw.ID != first.ID || raw.Format != ladipage.Format || raw.Source != "landing" {
			t.Errorf("%s: stored %+v", f.Name, raw)
		}
		for name, key := range map[string]string{"Content-Type": "content_type", "Origin": "origin", "Referer": "referer", "User-Agent": "user_agent"} {
			if raw.Meta[key] != f.Headers[name] {
				t.Errorf("%s: %s kept as %q, sent as %q", f.Name, name, raw.Meta[key], f.Headers[name])
			}
		}
		if raw.Meta["client_ip"] != "127.0.0.1" || raw.Meta["path"] != "/in/landing" {
			t.Errorf("%s: meta %v", f.Name, raw.Meta)
		}
		if again.ID != first.ID {
			t.Errorf("%s: sent again it is %q, not %q", f.Name, again.ID, first.ID)
		}
		if other, taken := ids[first.ID]; taken && !sameLead[f.Name+" "+other] {
			t.Errorf("%s has the ID of %s", f.Name, other)
		}
		ids[first.ID] = f.Name
		if origin := f.Headers["Origin"]; first.header.Get("Access-Control-Allow-Origin") != origin {
			t.Errorf("%s: the page may not read the answer", f.Name)
		}
	}
	if len(k.refused) > 0 {
		t.Errorf("refused: %q", k.refused)
	}
}

// sameLead are the fixtures that are one submission in two body types.
var sameLead = map[string]bool{"server-urlencoded server-json-submit": true}

func TestRefusals(t *testing.T) {
	lead := []byte("name=A&phone=0900000000")
	secret := config.LadiPage{Token: config.NewSecret("sesame"), Tokens: []config.Secret{config.NewSecret("older")}}
	for _, tt := range []struct {
		name    string
		c       config.LadiPage
		path    string
		body    []byte
		headers map[string]string
		emit    error
		status  int
		cause   string
	}{
		{name: "right token", c: secret, body: lead, headers: map[string]string{"token": "sesame"}, status: 200},
		{name: "token in the path", c: secret, path: "/older", body: lead, status: 200},
		{name: "wrong token", c: secret, path: "/sesam", body: lead, headers: map[string]string{"token": "x"}, status: 401, cause: "unauthorized"},
		{name: "too large", c: config.LadiPage{MaxBody: 10}, body: lead, status: 413, cause: "too_large"},
		{name: "noise", body: bytes.Repeat([]byte{0, 1, 2, 0xff}, 100), status: 400, cause: "malformed"},
		{name: "not on disk", body: lead, emit: context.DeadlineExceeded, status: 503, cause: "not_stored"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := &kept{err: tt.emit}
			var log bytes.Buffer
			a := post(t, door(t, k, tt.c, slog.New(slog.NewTextHandler(&log, nil)))+tt.path, tt.body, tt.headers)
			if a.status != tt.status || a.Cause != tt.cause || (a.Error == "") != (tt.status == 200) {
				t.Errorf("%+v", a)
			}
			if (a.header.Get("Retry-After") != "") != (tt.status == 503) {
				t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
			}
			if keeps := tt.status != 200 && tt.status != 503; keeps != (len(k.refused) == 1) {
				t.Errorf("kept %q", k.refused)
			}
			for _, bad := range []string{"sesam", "older", "0900000000", "/in/"} {
				if strings.Contains(log.String(), bad) {
					t.Errorf("the log shows %q: %s", bad, log.String())
				}
			}
		})
	}
}

func TestFlood(t *testing.T) {
	k := &kept{}
	url := door(t, k, config.LadiPage{Rate: 1}, nil)
	var last answer
	for range 11 {
		last = post(t, url, []byte("name=A&ladi_form_id=FORM1"), nil)
	}
	if last.status != 429 || last.Cause != "too_many" || last.header.Get("Retry-After") != "1" {
		t.Errorf("%+v", last)
	}
	if len(k.raws) != 10 || len(k.refused) != 1 {
		t.Errorf("%d stored, %d kept", len(k.raws), len(k.refused))
	}
}

// A browser asks before it sends JSON or a token, and shows no token then.
func TestPreflight(t *testing.T) {
	url := door(t, &kept{}, config.LadiPage{Token: config.NewSecret("sesame")}, nil)
	r, err := http.NewRequest(http.MethodOptions, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://khoahoc.example.vn")
	r.Header.Set("Access-Control-Request-Method", "POST")
	r.Header.Set("Access-Control-Request-Headers", "content-type,token")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	allowed := strings.ToLower(res.Header.Get("Access-Control-Allow-Headers"))
	if res.StatusCode != 204 || res.Header.Get("Access-Control-Allow-Origin") != "https://khoahoc.example.vn" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	for _, name := range []string{"content-type", "token", "x-api-key", "authorization", "x-webhook-token", "idempotency-key"} {
		if !strings.Contains(allowed, name) {
			t.Errorf("%s is not allowed: %s", name, allowed)
		}
	}
}

// BenchmarkDoor sets the door beside a handler that only reads the body and
// answers: the difference is what the door costs. Sub-benchmarks ending in
// "handler" are without a network, the others over loopback.
func BenchmarkDoor(b *testing.B) {
	body := []byte("name=Nguy%E1%BB%85n%20V%C4%83n%20A&phone=0900000000&email=a%40example.com&Khóa học=%5B%22IELTS%22%2C%22TOEIC%22%5D" +
		"&link=https%3A%2F%2Fkhoahoc.example.vn%2Fielts%3Futm_source%3D120208585133120157%26fbclid%3DIwAR0x&utm_source=120208585133120157" +
		"&utm_medium=cpc&utm_campaign=TS-K27&utm_content=video-3&form_item3209=T%C3%B4i%20mu%E1%BB%91n%20b%C3%A1o%20gi%C3%A1&message_id=")
	rec, err := ladipage.New("landing", config.LadiPage{Path: "/in/landing", Window: 10 * time.Minute, Rate: 1e9, Token: config.NewSecret("sesame")}, nil)
	if err != nil {
		b.Fatal(err)
	}
	in, err := intake.New(intake.Options{}, intake.Route{Source: "landing", Path: "/in/landing", Receiver: rec, Headers: ladipage.Headers()})
	if err != nil {
		b.Fatal(err)
	}
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"ok":true}`)
		}
	})
	mekong := in.Handler(func(context.Context, ...pipeline.Raw) error { return nil })
	request := func(target string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, target, bytes.NewReader(body))
		r.RequestURI = ""
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://khoahoc.example.vn")
		r.Header.Set("Token", "sesame")
		return r
	}
	for _, bb := range []struct {
		name    string
		handler http.Handler
	}{{"bare", bare}, {"mekong", mekong}} {
		b.Run(bb.name+"-handler", func(b *testing.B) {
			b.ReportAllocs()
			r := request("/in/landing")
			rd := bytes.NewReader(body)
			for b.Loop() {
				rd.Reset(body)
				r.Body = io.NopCloser(rd)
				r.RemoteAddr = "127.0.0.1:50000"
				w := httptest.NewRecorder()
				if bb.handler.ServeHTTP(w, r); w.Code != 200 {
					b.Fatal(w.Code)
				}
			}
		})
		b.Run(bb.name, func(b *testing.B) {
			srv := httptest.NewServer(bb.handler)
			defer srv.Close()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					res, err := srv.Client().Do(request(srv.URL + "/in/landing"))
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
					if res.StatusCode != 200 {
						b.Error(res.StatusCode)
					}
				}
			})
		})
	}
}
