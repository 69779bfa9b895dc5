package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mekong/pipeline/bus"
)

// oneDead has a destination where nobody listens.
const oneDead = oneSink + `  crm:
    mongodb: { uri: "mongodb://mekong:` + secretPassword + `@127.0.0.1:1/?serverSelectionTimeoutMS=300" }
`

const secretPassword = "hunter2-of-a-test"

// A dead destination delays neither the door nor another destination; that it is
// dead, since when and why can be seen; and what it lacks is accounted for.
func TestDeadSinkDelaysNobody(t *testing.T) {
	f := newTraffic(start(t, configured(t, t.TempDir(), oneDead), Options{}))
	const n = 300
	began := time.Now()
	f.many(n)
	door := time.Since(began)
	line := f.settled("archive")["archive"]
	t.Logf("%d leads one after the other: accepted in %s, stored after %s", n, door.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if line.Stored != n {
		t.Errorf("the living sink's balance is %+v", line)
	}
	f.complete("archive", mails(f.documents("mekong", "records")))

	poll(t, 20*time.Second, func() string {
		since, why := f.Held("crm")
		if since.Before(began) || !strings.Contains(why, "connection refused") {
			return fmt.Sprintf("held since %v for %q", since, why)
		}
		return ""
	})
	if since, why := f.Held("archive"); !since.IsZero() {
		t.Errorf("the living sink is held since %v for %q", since, why)
	}
	want := bus.Balance{Sink: "crm", Accepted: n, Waiting: n}
	poll(t, 20*time.Second, func() string {
		for _, b := range f.balance() {
			if b.Sink != "crm" {
				continue
			}
			if b.Oldest.Before(began) {
				return fmt.Sprintf("the oldest is of %v", b.Oldest)
			}
			b.Oldest, b.Pulling, b.FilteredBy = time.Time{}, 0, nil
			if fmt.Sprint(b) != fmt.Sprint(want) {
				return fmt.Sprintf("the dead sink's balance is %+v", b)
			}
		}
		return ""
	})
	status, metrics := f.operators("/metrics")
	if status != http.StatusOK {
		t.Fatalf("/metrics answers %d", status)
	}
	for _, is := range []string{
		`mekong_balance_records{sink="crm",state="accepted"} 300`,
		`mekong_balance_records{sink="crm",state="waiting"} 300`,
		`mekong_balance_records{sink="crm",state="stored"} 0`,
		`mekong_balance_records{sink="crm",state="missing"} 0`,
		`mekong_balance_records{sink="archive",state="stored"} 300`,
		`mekong_balance_records{sink="archive",state="waiting"} 0`,
		`mekong_sink_held_seconds{sink="archive"} 0`,
		`mekong_sink_records_total{outcome="stored",sink="archive"} 300`,
	} {
		if !strings.Contains(metrics, is+"\n") {
			t.Errorf("the metrics do not say %s; they say\n%s", is, about(metrics, strings.Fields(is)[0]))
		}
	}
	for _, isNot := range []string{`mekong_sink_held_seconds{sink="crm"} 0`, `mekong_sink_oldest_seconds{sink="crm"} 0`} {
		if name := strings.Fields(isNot)[0]; strings.Contains(metrics, isNot+"\n") || !strings.Contains(metrics, name) {
			t.Errorf("the metrics say of the dead sink %q", about(metrics, name))
		}
	}
	if status, text := f.operators("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz answers %d %s: leads are taken in all the same", status, text)
	}

	began = time.Now()
	f.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a stop with a dead sink took %s, and shutdown_grace is 5s", took)
	}
}

// about is the lines of text with that name, without its labels.
func about(text, name string) string {
	name, _, _ = strings.Cut(name, "{")
	var out []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}
