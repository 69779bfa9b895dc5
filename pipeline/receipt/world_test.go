package receipt

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/pipeline"
)

var update = flag.Bool("update", false, "write what is got as what is wanted")

// memory is a table that is not kept.
type memory struct {
	mu   sync.Mutex
	at   uint64
	rows map[string]memoryRow
	// before runs in front of every Set, without the lock.
	before func(name string)
}

type memoryRow struct {
	value    []byte
	revision uint64
}

var _ Table = (*memory)(nil)

func newMemory() *memory { return &memory{rows: map[string]memoryRow{}} }

func (m *memory) Get(_ context.Context, name string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[name]
	if !ok {
		return nil, 0, ErrAbsent
	}
	return r.value, r.revision, nil
}

func (m *memory) Set(_ context.Context, name string, value []byte, revision uint64) (uint64, error) {
	if m.before != nil {
		m.before(name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows[name].revision != revision {
		return 0, ErrTaken
	}
	m.at++
	m.rows[name] = memoryRow{bytes.Clone(value), m.at}
	return m.at, nil
}

// keyOf is always the same key for the same letter.
func keyOf(letter byte) *Key {
	return &Key{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{letter}, ed25519.SeedSize))}
}

var (
	hanoi = time.FixedZone("", 7*3600)
	noon  = time.Date(2026, 11, 24, 12, 0, 0, 0, hanoi)
)

// lead is one that was buried at a destination, sent on again and stored.
func lead(id, name, wording string) []Fact {
	rec := Record{ID: id, Key: id, Kind: "lead", Source: "landing", Occurred: noon, Name: name, Phone: "0900000000", Email: "a@example.com",
		Fields: map[string]any{"name": name, "phone": "+84900000000", "flags": []string{"x", "y"}, "score": 2.5, "consent": true, "nothing": nil}}
	consent := Consent{Given: Yes, Wording: wording, At: "2026-11-24T05:00:00Z", Form: "F1", Page: "a.example/p", URL: "https://a.example/p?utm_source=fb",
		Sent: []Pair{{"i_agree", wording}}}
	return []Fact{
		{At: noon, Lead: id, Received: &Received{Source: "landing", Format: "ladipage.form", Bytes: 33, SHA256: strings.Repeat("ab", 32), Number: 7,
			Stored: noon.Add(3 * time.Millisecond), Facts: map[string]string{"client_ip": "192.0.2.1", "user_agent": name}}},
		{At: noon, Lead: id, Consent: &consent},
		{At: noon.Add(time.Second), Lead: id, Record: &rec},
		{At: noon.Add(2 * time.Second), Lead: id, Outcome: &Outcome{Record: id, Sink: "archive", Type: "mongodb", State: Stored, Took: 4 * time.Millisecond, Ref: "mekong.records/" + id}},
		{At: noon.Add(3 * time.Second), Lead: id, Outcome: &Outcome{Record: id, Sink: "crm", Type: "larkbase", State: Buried, Attempts: 2, Why: name}},
		{At: noon.Add(4 * time.Second), Lead: id, Outcome: &Outcome{Record: id, Sink: "crm", Type: "larkbase", State: Unburied}},
		{At: noon.Add(5 * time.Second), Lead: id, Outcome: &Outcome{Record: id, Sink: "crm", Type: "larkbase", State: Stored, Ref: "https://base.example/x?record=" + name}},
		{Lead: id, Outcome: &Outcome{Record: id, Sink: "sales", Type: "sheets", State: Waiting}},
	}
}

const (
	anName    = "Nguyễn Thị Ánh"
	anWording = "Tôi đồng ý để trung tâm dùng thông tin này để tư vấn khóa học."
)

func issue(t testing.TB, l *Ledger, k *Key, facts ...Fact) *Receipt {
	t.Helper()
	r, err := Issue(context.Background(), l, k, noon.Add(time.Hour), "Trung tâm A", facts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func an(t testing.TB) *Receipt {
	t.Helper()
	return issue(t, NewLedger(newMemory()), keyOf('k'), lead("landing-1", anName, anWording)...)
}

// writings are the ways to write a receipt.
var writings = []struct {
	name  string
	lang  Lang
	write func(*Receipt, io.Writer, Lang) error
}{
	{"vi.html", VI, (*Receipt).WriteHTML}, {"en.html", EN, (*Receipt).WriteHTML},
	{"vi.csv", VI, (*Receipt).WriteCSV}, {"en.csv", EN, (*Receipt).WriteCSV},
}

// files are all writings of a receipt, by name.
func files(t testing.TB, r *Receipt) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, w := range writings {
		var b bytes.Buffer
		if err := w.write(r, &b, w.lang); err != nil {
			t.Fatal(err)
		}
		out[w.name] = b.Bytes()
	}
	return out
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not as it was; run the test with -update and look at the difference", path)
	}
}

// says joins what failed, or all where nothing has.
func says(fs []pipeline.Finding) string {
	var out, all []string
	for _, f := range fs {
		text := f.Setting + ": " + f.What
		all = append(all, text)
		if f.Level == pipeline.Fail {
			out = append(out, text)
		}
	}
	if len(out) == 0 {
		out = all
	}
	return strings.Join(out, "; ")
}

var errBroken = errors.New("the table is broken")

// broken is a table that nothing can be read from.
type broken struct{ Table }

func (broken) Get(context.Context, string) ([]byte, uint64, error) { return nil, 0, errBroken }
