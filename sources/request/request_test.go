package request

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestMeta(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/in/landing/sesame?token=sesame", nil)
	r.RemoteAddr = "203.0.113.7"
	for k, v := range map[string]string{
		"Content-Type": "application/json", "Origin": "https://khoahoc.example.vn", "User-Agent": "Mozilla/5.0",
		"Token": "sesame", "Authorization": "Bearer sesame", "Cookie": "sesame", "X-Api-Key": "sesame",
	} {
		r.Header.Set(k, v)
	}
	got := Meta(r, "/in/landing")
	want := map[string]string{
		ContentType: "application/json", Origin: "https://khoahoc.example.vn", UserAgent: "Mozilla/5.0",
		ClientIP: "203.0.113.7", Path: "/in/landing",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestMetaIsBoundedText(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header["Referer"] = []string{strings.Repeat("ế", 3000)}
	r.Header["User-Agent"] = []string{"a\xffb"}
	m := Meta(r, "/")
	if len(m[Referer]) > maxFact+len("\uFFFD") || !utf8.ValidString(m[Referer]) {
		t.Errorf("a referer of %d bytes", len(m[Referer]))
	}
	if m[UserAgent] != "a\uFFFDb" {
		t.Errorf("user agent %q", m[UserAgent])
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		cause  string
		wait   time.Duration
	}{
		{Unauthorized("send the token"), 401, CauseUnauthorized, 0},
		{Malformed("send a form"), 400, CauseMalformed, 0},
		{TooMany("slow down", time.Second), 429, CauseTooMany, time.Second},
	} {
		r := AsRefusal(fmt.Errorf("wrapped: %w", tt.err))
		if r == nil || r.Status != tt.status || r.Cause != tt.cause || r.Wait != tt.wait || r.Fix != tt.err.Error() {
			t.Errorf("%v became %+v", tt.err, r)
		}
	}
	if AsRefusal(errors.New("other")) != nil || AsRefusal(nil) != nil {
		t.Error("a refusal out of nothing")
	}
}
