package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"mekong/pipeline"
	"mekong/pipeline/bus/local"
)

// shelf holds a backup in memory.
type shelf map[string]*bytes.Buffer

type kept struct{ *bytes.Buffer }

func (kept) Close() error { return nil }

func (s shelf) put(name string) (io.WriteCloser, error) {
	s[name] = new(bytes.Buffer)
	return kept{s[name]}, nil
}

func (s shelf) get(name string) (io.ReadCloser, error) {
	if s[name] == nil {
		return nil, errors.New("it is not in the backup")
	}
	return io.NopCloser(bytes.NewReader(s[name].Bytes())), nil
}

// workshop is a bus at work: somebody sends, a transform makes a record of each
// delivery, and a sink takes some of them.
type workshop struct {
	mu       sync.Mutex
	accepted []string
	stored   map[string]bool
}

func (w *workshop) work(t *testing.T, ctx context.Context, b *Bus) *sync.WaitGroup {
	t.Helper()
	raws, err := b.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	records, err := b.Records(t.Context(), "archive", []string{"*"}, QueueOptions{Most: 40})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			id := fmt.Sprintf("r%05d", n)
			if err := b.Emit(context.WithoutCancel(ctx), raw(id)); err != nil {
				t.Error(err)
				return
			}
			w.mu.Lock()
			w.accepted = append(w.accepted, id)
			w.mu.Unlock()
		}
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			ds, _ := raws.Fetch(ctx, 20, 0)
			var rs []pipeline.Record
			for _, d := range ds {
				rs = append(rs, pipeline.Record{ID: d.Value.ID, Key: d.Value.ID, Kind: "lead", Source: "landing", Again: d.Again})
			}
			if err := errors.Join(b.Publish(rs)...); err != nil {
				t.Error(err)
				return
			}
			for _, d := range ds {
				_ = d.Ack()
			}
		}
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			ds, _ := records.Fetch(ctx, 20, 0)
			for _, d := range ds {
				w.mu.Lock()
				w.stored[d.Value.ID] = true
				w.mu.Unlock()
				_ = d.Ack()
			}
		}
	})
	return &wg
}

// A backup made while everything is going on, restored on another server, holds every
// delivery that had been accepted before it began; what was made of them is there
// once; and whatever comes to a sink is marked Again.
func TestABackupIsOfOneMoment(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	w := &workshop{stored: map[string]bool{}}
	wg := w.work(t, ctx, b)
	poll(t, func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.stored) > 300 })
	table, err := b.KV(t.Context(), "mekong-things", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Set(t.Context(), "a", []byte("value"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.KV(t.Context(), "mekong-leases", time.Minute); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	before := slices.Clone(w.accepted)
	w.mu.Unlock()

	books := shelf{}
	copies, stood, err := b.Backup(t.Context(), books.put)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	n, then := len(w.accepted), len(w.stored)
	w.mu.Unlock()
	if n <= len(before) {
		t.Errorf("the door stood still for %s", stood)
	}
	poll(t, func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.stored) > then+100 }) // it goes on
	stop()
	wg.Wait()
	t.Logf("%d accepted before and %d meanwhile; the transform stood still for %s", len(before), n-len(before), stood)

	var names []string
	for _, c := range copies {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != "KV_mekong RAW RECORDS BURIED REFUSED TRACE KV_mekong-things" {
		t.Errorf("the backup holds %s", got)
	}

	dir := t.TempDir()
	s, err := local.Start(t.Context(), local.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Server: s, Dir: dir, MaxBytes: 256 << 20}
	if err := Restore(t.Context(), o, copies, books.get); err != nil {
		t.Fatal(err)
	}
	if err := Restore(t.Context(), o, copies, books.get); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("a second restore: %v", err)
	}
	// The server reads the IDs that it knows when it starts.
	s.Close()
	if s, err = local.Start(t.Context(), local.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	o.Server = s
	r, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	checkRestored(t, r, before)
	again, err := r.KV(t.Context(), "mekong-things", 0)
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := again.Get(t.Context(), "a"); err != nil || string(v) != "value" {
		t.Errorf("the table holds %q, %v", v, err)
	}
	// What the stream knew of IDs it still knows.
	if err := r.Emit(t.Context(), raw(before[0])); err != nil {
		t.Fatal(err)
	}
	if n := r.Counts(); n.Duplicates != 1 {
		t.Errorf("a delivery from before came again: %+v", n)
	}
}

func checkRestored(t *testing.T, r *Bus, before []string) {
	t.Helper()
	all := map[string]int{}
	es, err := r.RawsAfter(t.Context(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	seqOf := map[string]uint64{}
	for _, e := range es {
		seqOf[e.Value.ID] = e.Seq
	}
	for _, id := range before {
		if seqOf[id] == 0 {
			t.Fatalf("%s was accepted before the backup and is not in it", id)
		}
	}
	rs, err := r.RecordsAfter(t.Context(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range rs {
		all[e.Value.ID]++
	}
	c, err := r.js.Consumer(t.Context(), streamRaw, StageTransform)
	if err != nil {
		t.Fatal(err)
	}
	info := c.CachedInfo()
	if info.NumAckPending != 0 || info.Paused {
		t.Errorf("%d deliveries were in hand; paused: %v", info.NumAckPending, info.Paused)
	}
	for id, seq := range seqOf {
		want := 0
		if seq <= info.AckFloor.Stream {
			want = 1
		}
		if all[id] != want {
			t.Errorf("of delivery %s there are %d records, want %d", id, all[id], want)
		}
	}
	q, err := r.Records(t.Context(), "archive", []string{"*"}, QueueOptions{Most: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	stand, err := q.Standing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if stand.Waiting == 0 {
		return
	}
	for _, d := range take(t, q, int(stand.Waiting)) {
		if !d.Again {
			t.Fatalf("record %s comes to the sink as if for the first time", d.Value.ID)
		}
	}
}

// A replay adds records: what was copied before it does not fit what is copied after.
func TestABackupNoticesAReplay(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	books := shelf{}
	_, _, err := b.Backup(t.Context(), func(name string) (io.WriteCloser, error) {
		if name == streamTrace {
			if err := errors.Join(b.Publish([]pipeline.Record{{ID: "x", Key: "x", Kind: "lead", Source: "landing"}})...); err != nil {
				t.Error(err)
			}
		}
		return books.put(name)
	})
	if !errors.Is(err, errMoved) {
		t.Errorf("it says %v", err)
	}
}

// Half a restore would look like a whole one to the mekong that is started next.
func TestARestoreIsWholeOrNotAtAll(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	for i := range 50 {
		if err := b.Emit(t.Context(), raw(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	books := shelf{}
	copies, _, err := b.Backup(t.Context(), books.put)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(shelf, []StreamCopy){
		"cut short":   func(s shelf, _ []StreamCopy) { s[streamTrace].Truncate(s[streamTrace].Len() / 2) },
		"empty":       func(s shelf, _ []StreamCopy) { s[streamTrace].Reset() },
		"not there":   func(s shelf, _ []StreamCopy) { delete(s, streamTrace) },
		"no snapshot": func(s shelf, _ []StreamCopy) { s[streamTrace] = bytes.NewBuffer(noise(100_000, 1)) },
		"another":     func(_ shelf, c []StreamCopy) { c[1].Messages++ },
	} {
		t.Run(name, func(t *testing.T) {
			bad, list := shelf{}, slices.Clone(copies)
			for k, v := range books {
				bad[k] = bytes.NewBuffer(bytes.Clone(v.Bytes()))
			}
			spoil(bad, list)
			dir := t.TempDir()
			s, err := local.Start(t.Context(), local.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			o := Options{Server: s, Dir: dir}
			if err := Restore(t.Context(), o, list, bad.get); err == nil {
				t.Fatal("it was restored")
			}
			if err := Restore(t.Context(), o, copies, books.get); err != nil {
				t.Errorf("the whole one afterwards: %v", err)
			}
		})
	}
}

// From one embedded server to a cluster of three, which is how somebody outgrows a
// machine.
func TestABackupMovesToACluster(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	for i := range 200 {
		if err := b.Emit(t.Context(), raw(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	books := shelf{}
	copies, _, err := b.Backup(t.Context(), books.put)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{URL: cluster(t), Replicas: 3, MaxBytes: 256 << 20, Timeout: 10 * time.Second}
	if err := Restore(t.Context(), o, copies, books.get); err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s, err := r.js.Stream(t.Context(), streamRaw)
	if err != nil {
		t.Fatal(err)
	}
	if info := s.CachedInfo(); info.State.Msgs != 200 || info.Config.Replicas != 3 {
		t.Errorf("%d messages on %d servers", info.State.Msgs, info.Config.Replicas)
	}
	back := shelf{}
	if copies, _, err = r.Backup(t.Context(), back.put); err != nil || len(copies) < 6 {
		t.Errorf("the cluster's own backup: %d streams, %v", len(copies), err)
	}
}

// cluster is three servers with one JetStream, and their addresses.
func cluster(t *testing.T) string {
	t.Helper()
	var urls []string
	var routes []string
	var servers []*server.Server
	for i := range 3 {
		s := external(t, func(o *server.Options) {
			o.ServerName = fmt.Sprintf("n%d", i)
			o.SyncAlways = true
			o.Cluster = server.ClusterOpts{Name: "mekong", Host: "127.0.0.1", Port: server.RANDOM_PORT}
			o.Routes = server.RoutesFromStr(strings.Join(routes, ","))
		})
		routes = append(routes, "nats://"+s.ClusterAddr().String())
		urls = append(urls, s.ClientURL())
		servers = append(servers, s)
	}
	poll(t, func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == 3 {
				return true
			}
		}
		return false
	})
	return strings.Join(urls, ",")
}
