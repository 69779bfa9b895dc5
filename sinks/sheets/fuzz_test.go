package sheets

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/googleapi"
)

// FuzzAnswered: whatever Google's error is, it has a class, a wait within bounds, and
// no link but to Google's own consoles.
func FuzzAnswered(f *testing.F) {
	for _, s := range []string{
		`{"error":{"message":"Invalid requests[3].updateCells: hunter2","status":"INVALID_ARGUMENT"}}`, `[{"error":{"message":"x"}}]`, "<html>", "", "null", `{"error":[]}`,
		`{"error":{"errors":[{"reason":"accessNotConfigured"}],"details":[{"reason":"SERVICE_DISABLED","metadata":{"activationUrl":"https://console.developers.google.com/apis"}}]}}`,
		`{"error":{"details":[{"metadata":{"activationUrl":"https://console.developers.google.com@a.example/"}}]}}`,
	} {
		f.Add(403, s, "30")
		f.Add(429, s, "-1")
		f.Add(500, s, "99999999999999999999")
		f.Add(526, s, "9999999999")
	}
	f.Fuzz(func(t *testing.T, status int, text, after string) {
		e := answered(&googleapi.Error{Code: status, Body: text, Header: http.Header{"Retry-After": {after}}})
		if e.Wait < 0 || e.Wait > time.Hour {
			t.Errorf("a wait of %v", e.Wait)
		}
		if e.Link != "" {
			u, err := url.Parse(e.Link)
			if err != nil || u.Scheme != "https" || !slices.Contains(consolesOf, u.Host) || u.User != nil {
				t.Errorf("a link to %q", e.Link)
			}
		}
		if s := e.Error(); len(s) > 2000 || strings.Contains(s, "hunter2") {
			t.Errorf("it says %q", s)
		}
	})
}

// FuzzVersion: whatever a person writes into the version's cell, only what was written
// there by us is read, and it is read as it was written.
func FuzzVersion(f *testing.F) {
	for _, s := range []string{"", "2026-11-24T16:36:00.000000000Z 2026-11-24T16:36:01.000000000Z landing-1", "a b c", "2026-11-24T16:36:00Z 2026-11-24T16:36:00Z", "  ", "9999-12-31T23:59:59.999999999Z 0001-01-01T00:00:00Z x y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !isVersion(s) {
			return
		}
		occurred, received, id := parseVersion(s)
		if again := occurred.Format(stamp) + " " + received.Format(stamp) + " " + id; !isVersion(again) {
			t.Errorf("%q is read as %q, which is none", s, again)
		}
	})
}
