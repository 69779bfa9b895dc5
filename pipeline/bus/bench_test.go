package bus

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"mekong/pipeline"
)

// BenchmarkEmit is the group commit beside what it replaces: a publish for each
// caller. Both are flushed to disk before they return.
func BenchmarkEmit(b *testing.B) {
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("grouped/%d", callers), func(b *testing.B) {
			s, _ := serve(b, b.TempDir())
			concurrently(b, callers, func(i uint64) error { return s.Emit(b.Context(), typical(i)) })
			if c := s.Counts(); c.Groups > 0 {
				b.ReportMetric(float64(c.Accepted)/float64(c.Groups), "leads/commit")
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

// BenchmarkCodec is what the bus adds to a delivery and to a record: into a
// message and out of it.
func BenchmarkCodec(b *testing.B) {
	raw, record := typical(1), full()
	r, m := rawMsg(raw), recordMsg(record)
	for _, c := range []struct {
		name string
		f    func() error
	}{
		{"raw/write", func() error { rawMsg(raw); return nil }},
		{"raw/read", func() error { _, err := decodeRaw(r.Header, r.Data); return err }},
		{"record/write", func() error { recordMsg(record); return nil }},
		{"record/read", func() error { _, err := decodeRecord(m.Header, m.Data); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// typical is a lead of the usual size.
func typical(i uint64) pipeline.Raw {
	r := raw(fmt.Sprintf("landing-w%d", i))
	r.Meta = map[string]string{"content_type": "application/x-www-form-urlencoded", "origin": "https://khoahoc.example.vn",
		"client_ip": "203.0.113.7", "user_agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36", "path": "/in/landing"}
	r.Body = append(r.Body, noise(300, int(i))...)
	return r
}
