package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/pipeline"
	"mekong/sources/request"
)

// metric sums a family.
func metric(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range all {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

// TestNothingLeaks sends secrets and a phone everywhere a request has room, in
// every way that is refused or fails, and looks for them in logs and metrics.
func TestNothingLeaks(t *testing.T) {
	var mu sync.Mutex
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	reg := prometheus.NewRegistry()
	s := &store{err: errors.New("no room")}
	kinds := []Route{
		{Path: "/stores", PathToken: true},
		{Path: "/refuses", PathToken: true, Receiver: dialect(func(r *http.Request, b []byte) ([]pipeline.Raw, []byte, error) {
			raws, _, _ := plain(r, b)
			return raws, nil, request.Unauthorized("Send the token.")
		})},
		{Path: "/panics", PathToken: true, Receiver: dialect(func(_ *http.Request, b []byte) ([]pipeline.Raw, []byte, error) { panic(string(b)) })},
		{Path: "/small", PathToken: true, MaxBody: 4},
	}
	in := newIntake(t, Options{Addr: "127.0.0.1:0", Logger: logger, Metrics: reg, Refuse: s.refuse, Grace: time.Second}, kinds...)
	addr, stop := running(t, in, s.emit)
	for _, path := range []string{"/stores", "/refuses", "/panics", "/small", "/nowhere"} {
		for _, method := range []string{"POST", "GET", "OPTIONS"} {
			r, err := http.NewRequest(method, "http://"+addr+path+"/sesame-token?token=sesame-token&phone=0900000000", strings.NewReader("phone=0900000000&token=sesame-token"))
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range []string{"Token", "Authorization", "Referer", "User-Agent", "Cookie", "X-Forwarded-For"} {
				r.Header.Set(h, "sesame-token 0900000000")
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if strings.Contains(string(answer), "sesame") || strings.Contains(string(answer), "0900000000") {
				t.Errorf("%s %s answers %s", method, path, answer)
			}
		}
	}
	c := dial(t, addr)
	fmt.Fprint(c, "POST /sesame-token 0900000000 HTTP/9\r\n\r\n")
	_, _ = io.ReadAll(c)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + fmt.Sprint(families)
	for _, secret := range []string{"sesame", "0900000000", "/refuses", "/stores", "/panics", "/nowhere"} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is in the log or the metrics:\n%s", secret, shown)
		}
	}
	for _, want := range []string{"refused", "not stored", "panicked", "door closed"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log says nothing of %q:\n%s", want, log.String())
		}
	}
	for _, raws := range s.refused {
		for _, raw := range raws {
			if strings.Contains(raw.Meta[request.Path], "sesame") {
				t.Errorf("the token is kept with the path: %v", raw.Meta)
			}
		}
	}
	for name, want := range map[string]float64{
		"mekong_intake_requests_total": 12, "mekong_intake_unknown_path_total": 3, "mekong_intake_refused_total": 2,
		"mekong_intake_in_flight": 0, "mekong_intake_request_duration_seconds": 4, "mekong_intake_received_bytes_total": 3 * 35,
	} {
		if got := metric(t, reg, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
