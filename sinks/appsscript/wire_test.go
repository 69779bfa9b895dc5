package appsscript

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
)

// road is a network in which each request is answered by f.
type road func(*http.Request) (*http.Response, error)

func (f road) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func onRoad(t testing.TB, f road) *Sink {
	t.Helper()
	s, err := New("crm", config.AppsScript{
		URL: config.NewSecret("https://script.google.com/macros/s/the-deployment/exec?x=1"), Secret: config.NewSecret("s3cr3t-of-the-sheet-1"),
		KeyColumn: "Mekong ID", Timeout: 10 * time.Second,
	}, Options{Transport: f})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func says(status int, location, body string) *http.Response {
	h := http.Header{}
	if location != "" {
		h.Set("Location", location)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

var one = []pipeline.Record{{ID: "a", Key: "a", Fields: map[string]any{"phone": "0900000000"}}}

// TestWhatIsSent: the secret is nowhere, and nothing of ours is outside the body; the
// second request says nothing at all.
func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	var seen []*http.Request
	s := onRoad(t, func(r *http.Request) (*http.Response, error) {
		seen = append(seen, r)
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			if bytes.Contains(body, []byte("s3cr3t")) {
				t.Error("the body shows the secret")
			}
			for _, c := range body {
				if c > '~' {
					t.Error("the body is not ASCII")
					break
				}
			}
			return says(302, "https://script.googleusercontent.com/macros/echo?user_content_key=k&lib=l", "moved"), nil
		}
		return says(200, "", "{}"), nil
	})
	s.Write(context.Background(), []pipeline.Record{{ID: "a", Key: "a", Fields: map[string]any{"name": "Nguyễn 🌾", "phone": "0900000000"}}})
	if len(seen) != 2 {
		t.Fatalf("%d requests", len(seen))
	}
	if got := seen[0].URL.String(); got != "https://script.google.com/macros/s/the-deployment/exec" {
		t.Errorf("posted to %s", got)
	}
	if got := seen[1].URL.String(); seen[1].Method != http.MethodGet || got != "https://script.googleusercontent.com/macros/echo?user_content_key=k&lib=l" || seen[1].Body != nil {
		t.Errorf("then %s %s", seen[1].Method, got)
	}
	for i, allowed := range []string{"Content-Type User-Agent", "User-Agent"} {
		for name := range seen[i].Header {
			if !strings.Contains(allowed, name) {
				t.Errorf("request %d has the header %s", i, name)
			}
		}
	}
}

// TestRedirects: one is followed, and only to Google's hosts for scripts.
func TestRedirects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		location string
		followed bool
		login    bool
	}{
		{"https://script.googleusercontent.com/macros/echo?user_content_key=k", true, false},
		{"https://SCRIPT.googleusercontent.com:443/macros/echo", true, false},
		{"https://script.google.com/macros/echo", true, false},
		{"/macros/echo", true, false},
		{"http://script.googleusercontent.com/macros/echo", false, false},
		{"https://script.googleusercontent.com:8443/macros/echo", false, false},
		{"https://script.googleusercontent.com.example.com/", false, false},
		{"https://user:pw@script.googleusercontent.com/", false, false},
		{"https://example.com/", false, false},
		{"http://127.0.0.1/", false, false},
		{"file:///etc/passwd", false, false},
		{"https://accounts.google.com/ServiceLogin?continue=x", false, true},
		{"://", false, false},
	} {
		var gets int
		s := onRoad(t, func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				gets++
				// A second redirect is never followed.
				return says(302, "https://script.googleusercontent.com/again", ""), nil
			}
			return says(302, c.location, ""), nil
		})
		out := s.Write(context.Background(), one)
		if want := map[bool]int{true: 1}[c.followed]; gets != want {
			t.Errorf("%s: %d requests after it, want %d", c.location, gets, want)
		}
		var f *failure
		if _, held := pipeline.IsHold(out[0].Err); !held || !errors.As(out[0].Err, &f) {
			t.Errorf("%s: %v", c.location, out[0].Err)
			continue
		}
		if got := strings.Contains(f.what, "signed in"); got != c.login || f.doubtful == c.login {
			t.Errorf("%s: %s (doubtful %v)", c.location, f.what, f.doubtful)
		}
	}
}

// TestAnAnswerOfAnotherRequest is none, though it is signed.
func TestAnAnswerOfAnotherRequest(t *testing.T) {
	t.Parallel()
	var s *Sink
	data := `{"ok":true,"rows":[2],"id":"x","gid":0}`
	for name, sig := range map[string]func(e envelope) (string, string){
		"of another signature": func(e envelope) (string, string) { return e.Batch, s.sign("answer.." + data) },
		"of another batch":     func(e envelope) (string, string) { return "B0", s.sign("answer." + e.Sig + "." + data) },
		"of nobody":            func(e envelope) (string, string) { return e.Batch, "" },
		"our own":              func(e envelope) (string, string) { return e.Batch, e.Sig },
		"right":                func(e envelope) (string, string) { return e.Batch, s.sign("answer." + e.Sig + "." + data) },
	} {
		s = onRoad(t, func(r *http.Request) (*http.Response, error) {
			var e envelope
			if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
				return nil, err
			}
			batch, sig := sig(e)
			text, err := json.Marshal(sealed{1, batch, data, sig})
			return says(200, "", string(text)), err
		})
		out := s.Write(context.Background(), one)
		if _, held := pipeline.IsHold(out[0].Err); held != (name != "right") {
			t.Errorf("%s: %v", name, out[0].Err)
		}
	}
}

// TestParts: a batch is cut where a request would be too long, and a record that is too
// long by itself is refused.
func TestParts(t *testing.T) {
	t.Parallel()
	s := onRoad(t, nil)
	var entries []*entry
	for range 60 {
		r := pipeline.Record{ID: "x", Key: "x", Fields: map[string]any{"note": strings.Repeat("ữ", 10_000)}} // 60,000 bytes each
		e, err := newEntry(0, &r)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	n, parts := 0, 0
	for n < len(entries) {
		p, err := s.pack(entries[n:])
		if err != nil {
			t.Fatal(err)
		}
		if len(p.payload) > maxPayload {
			t.Errorf("a request of %d bytes", len(p.payload))
		}
		n, parts = n+len(p.entries), parts+1
	}
	if parts < 4 || parts > 6 {
		t.Errorf("3.6 MB went in %d requests", parts)
	}
	fields := map[string]any{}
	for _, name := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		fields[name] = strings.Repeat("ữ", 50_000)
	}
	if _, err := newEntry(0, &pipeline.Record{ID: "x", Key: "x", Fields: fields}); err == nil {
		t.Error("a record of 4 MB is taken")
	}
	for _, key := range []string{"", " a", "a\x00", "\xff", strings.Repeat("k", 2001)} {
		if _, err := newEntry(0, &pipeline.Record{ID: "x", Key: key}); err == nil {
			t.Errorf("the key %q is taken", key)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "null", `{"mekong":1,"batch":"B","data":"{}","sig":""}`, `{"mekong":1,"batch":"B","data":"{\"ok\":true,\"rows\":[1]}","sig":"00"}`,
		`{"mekong":1,"data":"{\"ok\":false,\"code\":\"auth\"}"}`, `{"mekong":1,"data":"{\"rows\":{}}"}`, "<html>doPost</html>", "<html>accounts.google.com</html>",
	} {
		f.Add(200, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		s := onRoad(t, func(*http.Request) (*http.Response, error) { return says(status, "", body), nil })
		out := s.Write(context.Background(), one)
		if _, held := pipeline.IsHold(out[0].Err); !held {
			t.Errorf("not signed, and taken: %v", out[0].Err)
		}
		if strings.Contains(out[0].Err.Error(), body) && len(body) > 12 {
			t.Errorf("the error repeats the answer: %v", out[0].Err)
		}
	})
}
