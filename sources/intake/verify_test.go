package intake

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mekong/pipeline"
	"mekong/sources/request"
)

func TestVerify(t *testing.T) {
	var log bytes.Buffer
	s := &store{}
	echo := func(r *http.Request) ([]byte, string, error) {
		switch r.URL.Query().Get("token") {
		case "right":
			return []byte(r.URL.Query().Get("challenge")), "text/plain; charset=utf-8", nil
		case "panic":
			panic("hunter2")
		case "broken":
			return nil, "", errors.New("no")
		}
		return nil, "", request.Unauthorized("Another token.")
	}
	in := newIntake(t, Options{Refuse: s.refuse, Logger: slog.New(slog.NewTextHandler(&log, nil))},
		Route{Path: "/asks", Verify: echo}, Route{Path: "/posts"})
	h := in.Handler(s.emit)
	for _, c := range []struct {
		method, target, body, kind string
		status                     int
	}{
		{"GET", "/asks?token=right&challenge=123", "123", "text/plain; charset=utf-8", 200},
		{"GET", "/asks?token=wrong&challenge=123", "Another token.", "application/json; charset=utf-8", 401},
		{"GET", "/asks?token=panic", "not_stored", "application/json; charset=utf-8", 503},
		{"GET", "/asks?token=broken", "not_stored", "application/json; charset=utf-8", 503},
		{"HEAD", "/asks?token=right", "method", "application/json; charset=utf-8", 405},
		{"GET", "/posts?token=right", "method", "application/json; charset=utf-8", 405},
		{"POST", "/asks", `"ok":true`, "application/json; charset=utf-8", 200},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.target, strings.NewReader("x")))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || w.Header().Get("Content-Type") != c.kind || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %d %q %s", c.method, c.target, w.Code, w.Body, w.Header().Get("Content-Type"))
		}
		if want := map[string]string{"/asks?token=right": "GET, POST, OPTIONS", "/posts?token=right": "POST, OPTIONS"}[c.target]; c.status == 405 && w.Header().Get("Allow") != want {
			t.Errorf("%s %s allows %q", c.method, c.target, w.Header().Get("Allow"))
		}
	}
	if len(s.raws) != 1 || len(s.refused) != 0 {
		t.Errorf("%d stored and %d causes kept, want the POST alone", len(s.raws), len(s.refused))
	}
	if text := log.String(); strings.Contains(text, "hunter2") || strings.Contains(text, "token") {
		t.Errorf("the log has what was asked: %s", text)
	}
}

// A reply without raws is given and nothing is emitted: a vendor's challenge by POST.
func TestReplyWithoutRaws(t *testing.T) {
	s := &store{err: errors.New("no room")}
	in := newIntake(t, Options{}, Route{Receiver: dialect(func(*http.Request, []byte) ([]pipeline.Raw, []byte, error) {
		return nil, []byte(`{"challenge":"1"}`), nil
	})})
	w := httptest.NewRecorder()
	in.Handler(s.emit).ServeHTTP(w, httptest.NewRequest("POST", "/in/landing", strings.NewReader("{}")))
	if got, _ := io.ReadAll(w.Body); w.Code != 200 || string(got) != `{"challenge":"1"}` {
		t.Errorf("%d %s", w.Code, got)
	}
}
