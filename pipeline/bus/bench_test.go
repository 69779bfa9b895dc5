package bus

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"mekong/pipeline"
)

// BenchmarkEmit is the group commit beside what it replaces: a publish for each
// caller. Both are flushed to disk before they return.
func BenchmarkEmit(b *testing.B) {
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("grouped/%d", callers), func(b *testing.B) {
			s, _ := serve(b, b.TempDir())
			var groups uint64
			concurrently(b, callers, func(i uint64) error { return s.Emit(b.Context(), typical(i)) })
			if groups = s.Counts().Groups; groups > 0 {
				b.ReportMetric(float64(s.Counts().Accepted)/float64(groups), "leads/commit")
			}
		})
		b.Run(fmt.Sprintf("naive/%d", callers), func(b *testing.B) {
			s, _ := serve(b, b.TempDir())
			concurrently(b, callers, func(i uint64) error {
				_, err := s.js.PublishMsg(b.Context(), rawMsg(typical(i)))
				return err
			})
		})
	}
}

// concurrently calls f b.N times from so many goroutines.
func concurrently(b *testing.B, callers int, f func(uint64) error) {
	b.ReportAllocs()
	var next atomic.Uint64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for i := next.Add(1); i <= uint64(b.N); i = next.Add(1) {
				if err := f(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leads/s")
}

// typical is a lead of the usual size.
func typical(i uint64) pipeline.Raw {
	r := raw(fmt.Sprintf("landing-w%d", i))
	r.Meta = map[string]string{"content_type": "application/x-www-form-urlencoded", "origin": "https://khoahoc.example.vn",
		"client_ip": "203.0.113.7", "user_agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36", "path": "/in/landing"}
	r.Body = append(r.Body, noise(300, int(i))...)
	return r
}

var _ = nats.MsgIdHdr
var _ = jetstream.ErrNoMessages
