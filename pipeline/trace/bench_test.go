package trace

import (
	"context"
	"flag"
	"fmt"
	"os"
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
				e.Ref = fmt.Sprintf("https://example.larksuite.com/base/HTJ6b?table=tblpg&record=rec%012x", mix(seq)>>16)
				if seq%500 == 0 {
					e.State, e.Ref, e.Reason = BuriedAt, "", "the field wants a number"
				}
			case "sales":
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
	{"last 6 digits", func(n uint64) string { return phoneOf(n)[4:] }, Filter{}},
	{"last 3 digits", func(n uint64) string { return phoneOf(n)[7:] }, Filter{}},
	{"full name", nameOf, Filter{}},
	{"a frequent name", func(uint64) string { return "Nguyễn" }, Filter{}},
	{"beginnings", func(n uint64) string { return "ngu th " + givens[n%24][:2] }, Filter{}},
	{"one beginning", func(n uint64) string { return givens[n%24][:2] }, Filter{}},
	{"name in a form", nameOf, Filter{Form: "IELTS 7"}},
	{"e-mail", func(n uint64) string { return fmt.Sprintf("lead%d@example.com", n) }, Filter{}},
	{"ID", idOf, Filter{}},
	{"page", func(n uint64) string { return fmt.Sprintf("ielts/%d", n%200) }, Filter{}},
	{"campaign", func(n uint64) string { return fmt.Sprint(120208585133120000 + n%1000) }, Filter{}},
	{"the newest", func(uint64) string { return "" }, Filter{}},
	{"a source's newest", func(uint64) string { return "" }, Filter{Source: "zalo"}},
	{"buried", func(uint64) string { return "" }, Filter{State: BuriedAt}},
	{"nobody", func(n uint64) string { return fmt.Sprintf("zq%d xw", n) }, Filter{}},
}

// BenchmarkIndex builds an index and searches it: records per second, bytes per record,
// and the slowest hundredth of searches of each kind.
func BenchmarkIndex(b *testing.B) {
	n := uint64(*many)
	o := options(b, synthetic{n})
	o.Sinks = []Sink{{"archive", []string{"*"}}, {"crm", []string{"lead"}}, {"sales", []string{"lead"}}}
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
			for i := uint64(0); i < 40 || b.Loop() && i < 400; i++ {
				term := s.term(mix(i)%n + 1)
				began := time.Now()
				if _, err := x.Search(b.Context(), term, s.filter, 50); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			all = append(all, took...)
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
