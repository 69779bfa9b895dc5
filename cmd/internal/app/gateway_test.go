//go:build unix

package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline/bus"
)

// beyond is a cluster of one NATS server, a process of its own that is not there yet,
// and what is in front of it.
type beyond struct {
	*world // its files, addresses and server; nothing else of it is there
}

func newBeyond(t testing.TB) *beyond {
	b := &beyond{&world{t: t, dir: t.TempDir(), logs: t.ArtifactDir(), silence: 5 * time.Second}}
	b.openServers(1)
	return b
}

// conf is a configuration of one source and no sink, with data of its own.
func (b *beyond) conf(name, addr string, gateway bool) string {
	return fmt.Sprintf(`
data_dir: %q
http: { intake: %q, console: "127.0.0.1:0" }
shutdown_grace: 5s
nats: { url: %q, token: %s, gateway: %v, reserve: 1, max_bytes: 2GiB }
sources:
  landing: { ladipage: { path: /in/landing, token: %s, rate: 100000 } }
`, filepath.Join(b.dir, name), addr, b.urls, worldToken, gateway, secretToken)
}

func (b *beyond) config(name string, gateway bool) *config.Config {
	b.t.Helper()
	c := configured(b.t, filepath.Join(b.dir, name), b.conf(name, "127.0.0.1:0", gateway))
	return c
}

// deliveries are the IDs in a place of the cluster, in their order there.
func (b *beyond) deliveries(place bus.Place) (ids []string) {
	b.t.Helper()
	far := b.open(30 * time.Second)
	defer far.Close()
	err := far.Walk(b.t.Context(), place, bus.Span{}, func(k bus.Kept) error {
		if place == bus.Records {
			r, err := k.Record()
			ids = append(ids, r.ID)
			return err
		}
		r, err := k.Raw()
		ids = append(ids, r.ID)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return ids
}

// lead is the n-th submission of a test, always the same.
func lead(n int) []byte {
	return fmt.Appendf(nil, "name=Nguyen+Van+A&phone=0912%06d&email=%s&ladi_form_id=F1", n, mail(uint64(n)))
}

const formType = "application/x-www-form-urlencoded"

// drained waits until nothing waits at a gateway.
func (r *running) drained(most time.Duration) {
	r.t.Helper()
	poll(r.t, most, func() string {
		all, err := r.Passages(r.t.Context())
		if err != nil {
			return err.Error()
		}
		if n := all[0].Waiting + all[1].Waiting; n > 0 {
			return fmt.Sprintf("%+v", all)
		}
		return ""
	})
}

// A gateway that has never seen its cluster takes leads in, over its own restart too,
// and says how many wait and since when. Once the cluster is there it has everything,
// each once, in order, under the IDs that the senders were told.
func TestGatewayBeforeTheClusterIsThere(t *testing.T) {
	b := newBeyond(t)
	c := b.config("gateway", true)
	var ids []string
	post := func(r *running, from, to int) {
		for n := from; n < to; n++ {
			got := r.post(formType, lead(n))
			if got.status != http.StatusOK || got.ID == "" {
				t.Fatalf("answered %d %s", got.status, got.text)
			}
			ids = append(ids, got.ID)
		}
	}
	findings := func() string {
		e := &examination{c: c, log: slog.New(slog.DiscardHandler)}
		defer e.close()
		var out strings.Builder
		for _, f := range e.nats(t.Context()) {
			fmt.Fprintf(&out, "%v %s: %s\n", f.Level, f.Setting, f.What)
		}
		return out.String()
	}
	if says := findings(); !strings.Contains(says, "made at the first start") || !strings.Contains(says, "deliveries are kept on this machine") {
		t.Errorf("before the first start the doctor says\n%s", says)
	}
	began := time.Now()
	r := start(t, c, Options{Only: []string{RoleIntake}})
	post(r, 0, 20)
	if got, err := send(t.Context(), r.door, lead(99), map[string]string{"Content-Type": formType, "Token": "a wrong one"}); err != nil || got.status != http.StatusUnauthorized {
		t.Errorf("a wrong token: %+v %v", got, err)
	}
	if says := findings(); !strings.Contains(says, "20 deliveries and 1 refused ones wait here") {
		t.Errorf("beside the gateway the doctor says\n%s", says)
	}
	r.stop()
	r = start(t, c, Options{Only: []string{RoleIntake}})
	post(r, 15, 30) // the first five are known
	if status, text := r.operators("/readyz"); status != http.StatusOK {
		t.Errorf("without its cluster the gateway is not ready: %d %s", status, text)
	}
	var text string
	poll(t, 10*time.Second, func() string {
		_, text = r.operators("/metrics")
		if !strings.Contains(text, `mekong_gateway_away_seconds{stream="RAW"} 0`+"\n") {
			return ""
		}
		return "it does not say that the cluster is away"
	})
	for _, want := range []string{`mekong_gateway_waiting{stream="RAW"} 30`, `mekong_gateway_waiting{stream="REFUSED"} 1`, `mekong_gateway_oldest_timestamp_seconds{stream="RAW"} 1.`,
		`mekong_emitted_total{outcome="accepted"} 10`, `mekong_emitted_total{outcome="duplicate"} 5`} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics do not say %s:\n%s", want, text)
		}
	}
	all, err := r.Passages(t.Context())
	if err != nil || all[0].Oldest.Before(began.Add(-time.Second)) || all[0].Oldest.After(began.Add(time.Minute)) || all[0].Why == nil {
		t.Errorf("it stands at %+v (%v)", all, err)
	}

	came := time.Now()
	b.servers[0].start()
	r.drained(30 * time.Second)
	t.Logf("everything was passed on %s after the server's process was started", time.Since(came).Round(time.Millisecond))
	var want []string
	want = append(want, ids[:20]...)
	want = append(want, ids[25:]...)
	if got := b.deliveries(bus.Deliveries); fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(ids[20:25]) != fmt.Sprint(ids[15:20]) {
		t.Errorf("the cluster has\n%v, and was sent\n%v", got, want)
	}
	if n := len(b.deliveries(bus.Refused)); n != 1 {
		t.Errorf("%d refused ones arrived", n)
	}
	if says := findings(); !strings.Contains(says, "nothing waits here") || !strings.Contains(says, "NATS is new enough") {
		t.Errorf("with the cluster the doctor says\n%s", says)
	}
	if _, text := r.operators("/metrics"); !strings.Contains(text, `mekong_gateway_waiting{stream="RAW"} 0`) || !strings.Contains(text, `mekong_gateway_passed_total{outcome="fresh"} 31`) || strings.Contains(text, "mekong_gateway_oldest") {
		t.Errorf("with nothing waiting the metrics say\n%s", text)
	}
	r.stop()

	// Without the setting somebody is told.
	c.NATS.Gateway = false
	if says := findings(); !strings.Contains(says, "this was a gateway") {
		t.Errorf("without the setting the doctor says\n%s", says)
	}
	// And with no cluster at all what was passed on is not worked on once more.
	c.NATS.URL = ""
	if _, err := New(t.Context(), c, Options{}); err == nil || !strings.Contains(err.Error(), "that of a gateway") {
		t.Errorf("as a Mekong of its own it says %v", err)
	}
}

// Two gateways behind one balancer that get the same submission make one record of it.
func TestTwoGatewaysMakeOneRecord(t *testing.T) {
	b := newBeyond(t)
	one, two := start(t, b.config("one", true), Options{Only: []string{RoleIntake}}), start(t, b.config("two", true), Options{Only: []string{RoleIntake}})
	for n := range 40 {
		first := one.post(formType, lead(n))
		again := two.post(formType, lead(n))
		if first.status != http.StatusOK || again.status != http.StatusOK {
			t.Fatalf("answered %+v and %+v", first, again)
		}
		if first.ID != again.ID {
			t.Skipf("the ten minutes in which content is known ended between %s and %s", first.ID, again.ID)
		}
	}
	b.servers[0].start()
	one.drained(30 * time.Second)
	two.drained(30 * time.Second)
	if n := len(b.deliveries(bus.Deliveries)); n != 40 {
		t.Errorf("the cluster has %d deliveries", n)
	}
	c := b.config("worker", false)
	start(t, c, Options{Only: []string{RoleTransform}})
	poll(t, 30*time.Second, func() string {
		if n := len(b.deliveries(bus.Records)); n != 40 {
			return fmt.Sprintf("%d records", n)
		}
		return ""
	})
	_ = pause(t.Context(), 200*time.Millisecond)
	if n := len(b.deliveries(bus.Records)); n != 40 {
		t.Errorf("%d records", n)
	}
}

// What a gateway cannot do is said when it starts, with what to do.
func TestGatewayTakesOnlyIn(t *testing.T) {
	b := newBeyond(t)
	for _, only := range [][]string{nil, {RoleTransform}, {RoleIntake, RoleConsole}, {RoleIntake, RoleTransform}, {RoleDeliver}} {
		a, err := New(t.Context(), b.config("gateway", true), Options{Only: only})
		var problems config.Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), "mekong.yaml:5: nats.gateway") || !strings.Contains(err.Error(), "--only intake") || a != nil {
			t.Errorf("with %v it says %v", only, err)
		}
		if len(Check(b.config("gateway", true), Options{Only: only})) == 0 {
			t.Errorf("with %v nothing is said before it is opened", only)
		}
	}
	// A folder in which a Mekong worked by itself is none for a gateway.
	c := configured(t, filepath.Join(b.dir, "alone"), oneSink)
	start(t, c, Options{Only: []string{RoleIntake}}).stop()
	c = b.config("alone", true)
	if _, err := New(t.Context(), c, Options{Only: []string{RoleIntake}}); err == nil || !strings.Contains(err.Error(), "data_dir of its own") {
		t.Errorf("over the folder of a Mekong it says %v", err)
	}
}

// A port in use does not keep leads out.
func TestGatewayWithoutProbes(t *testing.T) {
	b := newBeyond(t)
	taken := start(t, b.config("one", true), Options{Only: []string{RoleIntake}})
	c := b.config("two", true)
	c.HTTP.Console = taken.Console.Addr().String()
	r := start(t, c, Options{Only: []string{RoleIntake}})
	if got := r.post(formType, lead(1)); got.status != http.StatusOK || r.Console != nil {
		t.Errorf("answered %+v", got)
	}
}

// The gateway's own disk is watched like that of any embedded server.
func TestGatewayWithAFullDisk(t *testing.T) {
	b := newBeyond(t)
	volume, ok := mount(t, "64m")
	if !ok {
		t.Skip("no volume can be mounted here")
	}
	c := b.config("gateway", true)
	c.DataDir, c.NATS.Reserve = filepath.Join(volume, "data"), 15
	f := newTraffic(start(t, c, Options{Only: []string{RoleIntake}}))
	f.many(20)
	filler := f.untilTheReserve(volume)
	f.refused(5)
	filler.remove()
	f.many(20)
	b.servers[0].start()
	f.drained(30 * time.Second)
	accepted := 0
	for _, ok := range f.sent {
		if ok {
			accepted++
		}
	}
	if n := len(b.deliveries(bus.Deliveries)); n != accepted {
		t.Errorf("%d arrived of %d", n, accepted)
	}
}
