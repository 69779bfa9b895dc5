package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// serve runs a console on a free port and gives its address.
func serve(t *testing.T, ready func(context.Context) error) string {
	t.Helper()
	reg := prometheus.NewRegistry()
	n := prometheus.NewCounter(prometheus.CounterOpts{Name: "mekong_test_total", Help: "A count."})
	n.Add(3)
	reg.MustRegister(n)
	c, err := New(Options{Addr: "127.0.0.1:0", Metrics: reg, Ready: ready})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + c.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestEndpoints(t *testing.T) {
	var trouble error
	base := serve(t, func(context.Context) error { return trouble })
	for _, c := range []struct {
		path    string
		trouble error
		status  int
		says    string
	}{
		{"/healthz", nil, 200, "ok"},
		{"/readyz", nil, 200, `"ready":true`},
		{"/metrics", nil, 200, "mekong_test_total 3"},
		{"/readyz", errors.New("the store is full"), 503, "the store is full"},
		{"/healthz", errors.New("the store is full"), 200, "ok"},
		{"/", nil, 404, ""},
	} {
		trouble = c.trouble
		status, body := get(t, base+c.path)
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s with %v answers %d %q", c.path, c.trouble, status, body)
		}
	}
}

func TestAPortInUseIsSaidAtOnce(t *testing.T) {
	c, err := New(Options{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = New(Options{Addr: c.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "http.console") {
		t.Errorf("a second listener on the port says %v", err)
	}
}
