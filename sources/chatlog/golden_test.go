package chatlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/chatlog"
	"mekong/sources/request"
	"mekong/transform"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var noon = time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC)

// receiver is a source called support whose clock stands still.
func receiver(t testing.TB, change func(*config.ChatLog)) *chatlog.Receiver {
	t.Helper()
	c := config.ChatLog{Path: "/in/chat"}
	if change != nil {
		change(&c)
	}
	r, err := chatlog.New("support", c, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func post() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/in/chat", nil)
	r.RemoteAddr = "203.0.113.9"
	r.Header.Set("Content-Type", "application/json")
	return r
}

// receive hands body to r, which must take it.
func receive(t testing.TB, r *chatlog.Receiver, body string) []pipeline.Raw {
	t.Helper()
	raws, _, err := r.Receive(post(), []byte(body))
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return raws
}

func mapping(t testing.TB, m *config.Mapping) pipeline.Transform {
	t.Helper()
	f, err := transform.New("support", m, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// records puts raws through f. What a rule leaves out is left out.
func records(t testing.TB, f pipeline.Transform, raws ...pipeline.Raw) []pipeline.Record {
	t.Helper()
	var all []pipeline.Record
	for _, raw := range raws {
		rs, err := f(raw)
		if _, filtered := pipeline.IsFiltered(err); err != nil && !filtered {
			t.Fatal(err)
		}
		all = append(all, rs...)
	}
	return all
}

func TestShapes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json*")
	if err != nil || len(files) < 13 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	f := mapping(t, nil)
	for _, file := range files {
		if strings.Contains(file, ".golden.") {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			type made struct {
				ID      string
				Records []pipeline.Record
			}
			var all []made
			for _, raw := range receive(t, receiver(t, nil), string(body)) {
				all = append(all, made{raw.ID, records(t, f, raw)})
			}
			var got bytes.Buffer
			e := json.NewEncoder(&got)
			e.SetEscapeHTML(false)
			e.SetIndent("", " ")
			if err := e.Encode(all); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, filepath.Ext(file)) + ".golden.json"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("differs from %s; got\n%s", golden, got.Bytes())
			}
		})
	}
}

func refusal(t testing.TB, err error) *request.Refusal {
	t.Helper()
	var r *request.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("no refusal but %v", err)
	}
	return r
}
