package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A wrong token must not cost a lead: what is turned away is kept, with the
// cause, and apart from what was accepted.
func TestRefusedAreKept(t *testing.T) {
	text := strings.Replace(oneSink, "rate: 100000", "rate: 100000, max_body: 1KiB", 1)
	r := start(t, configured(t, t.TempDir(), text), Options{})
	lead := "name=An&phone=0900000000"
	large := lead + "&message=" + strings.Repeat("x", 2000)
	for i, c := range []struct {
		what    string
		path    string
		body    string
		headers map[string]string
		status  int
		cause   string
		kept    string
	}{
		{"a wrong token", "", lead, map[string]string{"Token": "guessed-0123456789"}, http.StatusUnauthorized, "unauthorized", lead},
		{"no token", "", lead + "1", nil, http.StatusUnauthorized, "unauthorized", lead + "1"},
		{"a wrong token in the path", "/guessed-0123456789", lead + "2", nil, http.StatusUnauthorized, "unauthorized", lead + "2"},
		{"too large", "", large, map[string]string{"Token": secretToken}, http.StatusRequestEntityTooLarge, "too_large", large[:1024]},
		{"no form", "", "\x00\x01\x02\x03", map[string]string{"Token": secretToken}, http.StatusBadRequest, "malformed", "\x00\x01\x02\x03"},
	} {
		got, err := send(t.Context(), r.door+c.path, []byte(c.body), c.headers)
		if err != nil {
			t.Fatal(err)
		}
		if got.status != c.status || got.Cause != c.cause {
			t.Errorf("%s: answered %d %s", c.what, got.status, got.text)
		}
		kept, err := r.Bus.Refusals(t.Context(), uint64(i), 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(kept) != 1 {
			t.Fatalf("%s: %d are kept", c.what, len(kept))
		}
		k := kept[0]
		if k.Raw.Source != "landing" || k.Cause != c.cause || string(k.Raw.Body) != c.kept || k.At.IsZero() {
			t.Errorf("%s: kept as %q of %q, %v: %q", c.what, k.Cause, k.Raw.Source, k.At, k.Raw.Body)
		}
		// It may be the right one of another source.
		if all := fmt.Sprint(k); strings.Contains(all, "guessed") || strings.Contains(all, secretToken) {
			t.Errorf("%s: a token is kept", c.what)
		}
	}
	if b := r.settled("archive")["archive"]; b.Accepted != 0 {
		t.Errorf("what was refused is in the balance: %+v", b)
	}
	if docs := r.documents("mekong", "records"); len(docs) != 0 {
		t.Errorf("what was refused is stored: %d documents", len(docs))
	}
}
