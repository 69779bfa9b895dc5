package identity

import (
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/pipeline"
)

func TestVendor(t *testing.T) {
	tests := []struct{ source, id, want string }{
		{"bot", "om_dc13264c20392913a93dd051dba21dcf", "bot-om_dc13264c20392913a93dd051dba21dcf"},
		{"bot", "6f1a2b3c-4d5e-4f60-8a9b-0c1d2e3f4a5b", "bot-6f1a2b3c-4d5e-4f60-8a9b-0c1d2e3f4a5b"},
		{"bot", "0900000000", "bot-h"},
		{"bot", "a@example.com", "bot-h"},
		{"bot", "nguyen-van-a-2024", "bot-h"},
		{"bot", "ab0900000000cdefab", "bot-h"},
		{"bot", "ab090-000-0000-cdefab", "bot-h"},
		{"bot", "ladi.1700000000000.12345678901", "bot-h"},
		{"bot", "", "bot-h"},
		{"bot", strings.Repeat("a1", 4000), "bot-h"},
		{"my-bot", "6f1a2b3c-4d5e-4f60-8a9b-0c1d2e3f4a5b", "my-bot-h"},
		{"bốt/../x y", "1", "x"},
		{strings.Repeat("s", 300), "1", "x"},
	}
	for _, tt := range tests {
		got := Vendor(tt.source, tt.id)
		if !strings.HasPrefix(got, tt.want) || strings.HasSuffix(tt.want, "-h") && len(got) != len(tt.want)+32 {
			t.Errorf("Vendor(%q, %q) = %q, want %q…", tt.source, tt.id, got, tt.want)
		}
		checkSafe(t, got)
	}
	if Vendor("a", "1") == Vendor("b", "1") || Vendor("a", "1") == Vendor("a", "2") {
		t.Error("different deliveries, one ID")
	}
}

func checkSafe(t *testing.T, id string) {
	t.Helper()
	if len(id) > pipeline.MaxID || url.PathEscape(id) != id || strings.ContainsAny(id, ".*> \t/") {
		t.Errorf("ID %q is not safe everywhere", id)
	}
}

func TestSumKeepsPartsApart(t *testing.T) {
	if Sum([]byte("ab"), []byte("c")) == Sum([]byte("a"), []byte("bc")) {
		t.Error("parts run together")
	}
}

func TestWindow(t *testing.T) {
	start := time.Date(2026, 3, 1, 8, 9, 59, 0, time.UTC) // a second before the edge of a bucket
	sum := Sum([]byte("x"))
	w := New(10*time.Minute, 100)
	id := w.ID("landing", sum, start)
	checkSafe(t, id)
	for _, d := range []time.Duration{0, time.Second, 9 * time.Minute, 10 * time.Minute, -9 * time.Minute} {
		if got := w.ID("landing", sum, start.Add(d)); got != id {
			t.Errorf("%v later: %q, want %q", d, got, id)
		}
	}
	if w.ID("landing", sum, start.Add(10*time.Minute+1)) == id {
		t.Error("a window later it is still the same delivery")
	}
	if w.ID("other", sum, start) == id || w.ID("landing", Sum([]byte("y")), start) == id {
		t.Error("another source or content, the same ID")
	}
	if got := New(10*time.Minute, 1).ID("landing", sum, start); got != id {
		t.Errorf("another process gives %q in the same bucket, want %q", got, id)
	}
}

func TestWindowAfterRestart(t *testing.T) {
	start := time.Date(2026, 3, 1, 8, 9, 59, 0, time.UTC)
	sum := Sum([]byte("x"))
	for _, source := range []string{"landing", "my-land-ing", "tên lạ"} {
		id := New(10*time.Minute, 100).ID(source, sum, start)
		w := New(10*time.Minute, 100)
		for _, other := range []string{"", "a", "a-b", "a-wzz-zz", "bot-h00112233445566778899aabbccddeeff", "x-w!-00112233445566778899aabbccddeeff", "x-w1-zz112233445566778899aabbccddeeff"} {
			w.Warm(other, start)
		}
		if len(w.seen) != 0 {
			t.Errorf("%d IDs of others remembered", len(w.seen))
		}
		w.Warm(id, start)
		w.Warm(id, start.Add(time.Minute)) // not a new beginning
		if got := w.ID(source, sum, start.Add(9*time.Minute)); got != id {
			t.Errorf("after a restart %q, want %q", got, id)
		}
		if w.ID(source, sum, start.Add(11*time.Minute)) == id {
			t.Error("remembered for longer than the window")
		}
	}
}

// TestWindowProperties walks random times and contents against the rule itself:
// the ID changes exactly when the first sight is more than a window away.
func TestWindowProperties(t *testing.T) {
	const length = 10 * time.Minute
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := New(length, 1000)
		type sight struct {
			at time.Time
			id string
		}
		firsts := map[int]sight{}
		used := map[string]int{}
		now := time.Unix(rng.Int64N(2e9), 0)
		for range 2000 {
			now = now.Add(time.Duration(rng.Int64N(int64(2 * time.Minute))))
			content := rng.IntN(20)
			id := w.ID("s", Sum([]byte{byte(content)}), now)
			f, ok := firsts[content]
			if ok && now.Sub(f.at) <= length {
				if id != f.id {
					t.Fatalf("seed %d: a repeat after %v got a new ID", seed, now.Sub(f.at))
				}
				continue
			}
			if _, taken := used[id]; taken {
				t.Fatalf("seed %d: a new delivery got an old ID", seed)
			}
			used[id] = content
			firsts[content] = sight{now, id}
		}
	}
}

func TestWindowIsBounded(t *testing.T) {
	w := New(time.Hour, 50)
	now := time.Unix(1_700_000_000, 0)
	for i := range 1000 {
		w.ID("s", Sum([]byte{byte(i), byte(i >> 8)}), now)
	}
	if len(w.seen) > 50 || len(w.order) > 50 {
		t.Errorf("remembers %d contents in %d places, at most 50", len(w.seen), len(w.order))
	}
}

func TestWindowAtOnce(t *testing.T) {
	w := New(time.Minute, 64)
	now := time.Unix(1_700_000_000, 0)
	var ids [8][200]string
	var wg sync.WaitGroup
	for g := range ids {
		wg.Go(func() {
			for i := range ids[g] {
				ids[g][i] = w.ID("s", Sum([]byte{byte(i % 50)}), now)
			}
		})
	}
	wg.Wait()
	for g := range ids {
		if ids[g] != ids[0] {
			t.Fatal("two goroutines, two IDs for one delivery")
		}
	}
}

func FuzzIDs(f *testing.F) {
	f.Add("landing", "om_0011223344556677", int64(0))
	f.Add("a b", "\x00", int64(-1))
	w := New(time.Minute, 16)
	f.Fuzz(func(t *testing.T, source, id string, at int64) {
		checkSafe(t, Vendor(source, id))
		got := w.ID(source, Sum([]byte(id)), time.Unix(0, at))
		checkSafe(t, got)
		w.Warm(id, time.Unix(0, at))
		w.Warm(got, time.Unix(0, at))
	})
}

func BenchmarkWindow(b *testing.B) {
	w := New(10*time.Minute, 100_000)
	now := time.Unix(1_700_000_000, 0)
	sum := Sum([]byte("x"))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		sum[0], sum[1], sum[2] = byte(i), byte(i>>8), byte(i>>16)
		w.ID("landing", sum, now)
	}
}
