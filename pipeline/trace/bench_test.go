package trace

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"mekong/pipeline"
)

// many is how many records the benchmarks search among:
//
//	go test ./pipeline/trace -bench . -benchtime 1x -many 1000000
var many = flag.Int("many", 100_000, "records of the benchmarks' index")

var (
	families = []string{"nguyen", "nguyen", "nguyen", "nguyen", "tran", "tran", "le", "pham", "hoang", "huynh", "phan", "vu", "vo", "dang", "bui", "do", "ho", "ngo", "duong", "ly"}
	middles  = []string{"thi", "thi", "van", "van", "ngoc", "minh", "thanh", "huu", "thu", "quoc", "kim", "duc", "bao", "gia", "xuan"}
	givens   = []string{"anh", "binh", "chi", "dung", "giang", "ha", "huong", "khanh", "lan", "mai", "nam", "phuc", "quan", "thao", "trang", "uyen", "viet", "yen", "linh", "nga", "nghia", "nhung", "phuong", "tuan"}
)

// synthetic is a feed that makes up leads as they are read: a delivery, a record and
// outcomes at three sinks each.
type synthetic struct{ n uint64 }

const perSettlement = 200

func (f synthetic) Extent(_ context.Context, s Stream) (Extent, error) {
	e := Extent{Made: start, First: 1, Last: f.n}
	switch s {
	case Buried:
		e.Last = 0
	case Trace:
		e.Last = f.n / perSettlement * 3
	}
	return e, nil
}

func (f synthetic) NextStored(context.Context, Stream, uint64) (time.Time, bool, error) {
	return time.Time{}, false, nil
}

func mix(n uint64) uint64 {
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

func idOf(n uint64) string { return fmt.Sprintf("landing-w29384756-%016x%016x", mix(n), mix(n+1<<32)) }

func receivedAt(n uint64) time.Time { return start.Add(time.Duration(n) * 2600 * time.Microsecond) }

func (f synthetic) Raws(_ context.Context, after uint64, n int) (out []Entry[pipeline.Raw], _ error) {
	for s := after + 1; s <= f.n && len(out) < n; s++ {
		out = append(out, Entry[pipeline.Raw]{Seq: s, Value: pipeline.Raw{ID: idOf(s), Source: "landing"}})
	}
	return out, nil
}

func phoneOf(n uint64) string { return fmt.Sprintf("09%08d", mix(n)%100_000_000) }

func nameOf(n uint64) string {
	m := mix(n + 7)
	name := families[m%20] + " " + middles[m>>8%15] + " " + givens[m>>16%24]
	if m>>32%20 == 0 {
		name += fmt.Sprintf(" %c%c%c%c", 'a'+m>>40%26, 'a'+m>>44%26, 'a'+m>>48%26, 'a'+m>>52%26) // what people type
	}
	return name
}

func (f synthetic) Records(_ context.Context, after uint64, n int) (out []Entry[pipeline.Record], _ error) {
	for s := after + 1; s <= f.n && len(out) < n; s++ {
		name, phone, at := nameOf(s), phoneOf(s), receivedAt(s)
		out = append(out, Entry[pipeline.Record]{Seq: s, Value: pipeline.Record{
			ID: idOf(s), Key: idOf(s), Kind: "lead", Source: []string{"landing", "zalo", "web"}[mix(s)%3], Received: at, Occurred: at.Add(-time.Second),
			Fields: map[string]any{
				"name": name, "search": name, "phone": "+84" + phone[1:], "phone_local": phone, "phone_raw": phone,
				"email": fmt.Sprintf("lead%d@example.com", s), "form": fmt.Sprintf("IELTS %d", mix(s)>>8%40), "page": fmt.Sprintf("khoahoc.example.vn/ielts/%d", mix(s)>>16%200),
				"utm_source": []string{"fb", "google", "tiktok", "zalo"}[mix(s)%4], "utm_campaign": fmt.Sprint(120208585133120000 + mix(s)>>8%1000), "flags": []string{},
			},
		}})
	}
	return out, nil
}

func (f synthetic) Burials(context.Context, uint64, int) ([]Entry[Burial], error) { return nil, nil }

func (f synthetic) Settlements(_ context.Context, after uint64, n int) (out []Entry[Settlement], _ error) {
	last := f.n / perSettlement * 3
	for s := after + 1; s <= last && len(out) < n; s++ {
		batch := (s - 1) / 3
		sink := []string{"archive", "crm", "sales"}[(s-1)%3]
		v := Settlement{Stage: "sink-" + sink, At: receivedAt((batch + 1) * perSettlement).Add(time.Second), Took: 90 * time.Millisecond}
		for i := range uint64(perSettlement) {
			seq := batch*perSettlement + i + 1
			e := Settled{Seq: seq, ID: idOf(seq), State: Stored, Attempts: 1}
			switch sink {
			case "archive":
				e.Ref = "mongodb:mekong.records/" + e.ID
			case "crm":
				if seq%20_000 == 11 {
					continue // it waits there
				}
				e.Ref = fmt.Sprintf("https://example.larksuite.com/base/HTJ6b?table=tblpg&record=rec%012x", mix(seq)>>16)
				if seq%500 == 0 {
					e.State, e.Ref, e.Reason = BuriedAt, "", "the field wants a number"
				}
			case "sales":
				if mix(seq+3)%4 != 0 {
					e.State, e.Reason, e.Attempts = Filtered, "sinks.sales.where", 0
					break
				}
				e.Ref = fmt.Sprintf("https://docs.google.com/spreadsheets/d/1AbC/edit#gid=0&range=A%d", seq)
			}
			v.Settled = append(v.Settled, e)
		}
		out = append(out, Entry[Settlement]{Seq: s, Value: v})
	}
	return out, nil
}

func (f synthetic) Raw(context.Context, uint64) (Entry[pipeline.Raw], bool, error) {
	return Entry[pipeline.Raw]{}, false, nil
}

func (f synthetic) Record(context.Context, uint64) (Entry[pipeline.Record], bool, error) {
	return Entry[pipeline.Record]{}, false, nil
}

// searches are what operators ask, by name.
var searches = []struct {
	name   string
	term   func(n uint64) string
	filter Filter
}{
	{"phone", phoneOf, Filter{}},
	{"phone, last 6 digits", func(n uint64) string { return phoneOf(n)[4:] }, Filter{}},
	{"phone, last 3 digits", func(n uint64) string { return phoneOf(n)[7:] }, Filter{}},
	{"name in full", nameOf, Filter{}},
	{"name without diacritics, rare", func(n uint64) string { return "ly xuan " + givens[n%24] }, Filter{}},
	{"family name, common", func(uint64) string { return "nguyen" }, Filter{}},
	{"family name, with diacritics", func(uint64) string { return "Nguyễn" }, Filter{}},
	{"name, beginnings of words", func(n uint64) string { return "ngu th " + givens[n%24][:2] }, Filter{}},
	{"name, one beginning", func(n uint64) string { return givens[n%24][:2] }, Filter{}},
	{"name, nobody's", func(n uint64) string { return fmt.Sprintf("zq%d xw", n) }, Filter{}},
	{"e-mail", func(n uint64) string { return fmt.Sprintf("lead%d@example.com", n) }, Filter{}},
	{"ID", idOf, Filter{}},
	{"page", func(n uint64) string { return fmt.Sprintf("ielts/%d", n%200) }, Filter{}},
	{"page, all of a site", func(uint64) string { return "khoahoc.example.vn" }, Filter{}},
	{"UTM campaign", func(n uint64) string { return fmt.Sprint(120208585133120000 + n%1000) }, Filter{}},
	{"UTM campaign, beginning", func(n uint64) string { return fmt.Sprint(12020858513312 + n%10) }, Filter{}},
	{"UTM source", func(uint64) string { return "fb" }, Filter{}},
	{"the newest", nobody, Filter{}},
	{"by source", nobody, Filter{Source: "zalo"}},
	{"by form", nobody, Filter{Form: "IELTS 7"}},
	{"by form nobody sent", nobody, Filter{Form: "TOEIC"}},
	{"by sink", nobody, Filter{Sink: "sales"}},
	{"by sink nothing goes to", nobody, Filter{Sink: "turns"}},
	{"stored", nobody, Filter{State: Stored}},
	{"stored there", nobody, Filter{State: Stored, Sink: "sales"}},
	{"filtered", nobody, Filter{State: Filtered}},
	{"buried", nobody, Filter{State: BuriedAt}},
	{"buried there", nobody, Filter{State: BuriedAt, Sink: "crm"}},
	{"waiting", nobody, Filter{State: Waiting}},
	{"waiting there", nobody, Filter{State: Waiting, Sink: "crm"}},
	{"waiting, nothing", nobody, Filter{State: Waiting, Sink: "archive"}},
	{"dropped, nothing", nobody, Filter{State: Dropped}},
	{"name in a form", nameOf, Filter{Form: "IELTS 7"}},
	{"name of a source, buried", nameOf, Filter{Source: "zalo", State: BuriedAt}},
	{"common name, buried", func(uint64) string { return "nguyen" }, Filter{State: BuriedAt}},
	{"common name, waiting", func(uint64) string { return "nguyen" }, Filter{State: Waiting}},
	{"common name, filtered there", func(uint64) string { return "nguyen" }, Filter{State: Filtered, Sink: "sales"}},
	{"form, buried", nobody, Filter{Form: "IELTS 7", State: BuriedAt}},
	{"a day long ago", nobody, Filter{Until: start.Add(10 * time.Minute)}},
	{"common name, long ago", func(uint64) string { return "nguyen" }, Filter{Until: start.Add(3 * time.Minute)}},
}

func nobody(uint64) string { return "" }

// BenchmarkIndex builds an index and searches it: records per second, bytes per record,
// and by kind of search the slowest hundredth, what Go allocated for one, and what the
// process holds in memory after them.
func BenchmarkIndex(b *testing.B) {
	n := uint64(*many)
	o := options(b, synthetic{n})
	o.Sinks = []Sink{{"archive", []string{"*"}}, {"crm", []string{"lead"}}, {"sales", []string{"lead"}}, {"turns", []string{"turn"}}}
	x := open(b, o)
	began := time.Now()
	catchUp(b, x)
	took := time.Since(began)
	if x.Records() != int64(n) {
		b.Fatalf("%d records of %d", x.Records(), n)
	}
	// The log belongs to the file.
	if err := x.write.exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(o.Path)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("build", func(b *testing.B) {
		for b.Loop() {
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(n)/took.Seconds(), "records/s")
		b.ReportMetric(float64(info.Size())/float64(n), "bytes/record")
	})
	var all []time.Duration
	for _, s := range searches {
		b.Run(s.name, func(b *testing.B) {
			var took []time.Duration
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for i := uint64(0); i < 100 || b.Loop() && i < 400; i++ {
				term := s.term(mix(i)%n + 1)
				began := time.Now()
				if _, err := x.Search(b.Context(), term, s.filter, 50); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			runtime.ReadMemStats(&after)
			all = append(all, took...)
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/1024/float64(len(took)), "KB/search")
			if held, ok := resident(); ok {
				b.ReportMetric(held, "MB-held")
			}
			report(b, took)
		})
	}
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
		}
		report(b, all)
	})
}

func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
}

// resident is what the process holds in memory, in megabytes: most of it is SQLite's, which
// Go does not count. False: this system does not say it here.
func resident() (float64, bool) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0, false
	}
	return float64(pages) * float64(os.Getpagesize()) / (1 << 20), true
}
