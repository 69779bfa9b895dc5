package app

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mekong/cmd/internal/leads"
	"mekong/pipeline"
	"mekong/sources/ladipage"
	"mekong/sources/request"
)

// The end of the space is reached in the three ways there are. A sender is told
// to come again, and never anything else; what was accepted is kept; and when
// space returns all goes on by itself.
func TestFullDisk(t *testing.T) {
	t.Run("max_bytes", streamsAreFull)
	for name, play := range map[string]func(*testing.T, string){"reserve": reserveIsReached, "last byte": volumeIsFull} {
		t.Run(name, func(t *testing.T) {
			if volume, ok := mount(t, "64m"); ok {
				t.Log("run on a volume of 64 MiB")
				play(t, volume)
			} else {
				t.Log("run with nats.max_bytes instead of a volume of its own")
				streamsAreFull(t)
			}
		})
	}
}

// streamsAreFull: nats.max_bytes is reached. Room comes back as settled messages
// grow older than nats.keep, or with more of max_bytes.
func streamsAreFull(t *testing.T) {
	c := configured(t, t.TempDir(), oneSink)
	c.NATS.MaxBytes = 64 << 20 // the least there may be; RAW and RECORDS have 27 MB each
	away := &elsewhere{rows: map[string]string{}}
	options := Options{Wrap: func(string, pipeline.Sink) pipeline.Sink { return away }}
	r := start(t, c, options)
	f := newTraffic(r)
	fill := func() {
		for n := 0; f.one(heavy(300<<10, f.next)); n++ {
			if n > 200 {
				t.Fatal("the streams never filled")
			}
		}
		for range 5 {
			if f.one(heavy(300<<10, f.next)) {
				t.Fatal("a lead was accepted for which there is no room")
			}
		}
	}
	fill()
	poll(t, 30*time.Second, func() string { // the janitor, once nats.keep has passed
		if err := r.Bus.Tidy(t.Context(), time.Now()); err != nil {
			return err.Error()
		}
		if !f.one(heavy(300<<10, f.next)) {
			return "there is no room yet"
		}
		return ""
	})
	fill()
	r.stop()

	c.NATS.MaxBytes = 256 << 20
	f.running = start(t, c, options)
	f.many(10)
	f.settled("archive")
	f.complete("archive", away.mails())
	f.nothingBuried()
}

// untilTheReserve has another program fill the volume until the door takes nothing more.
func (f *traffic) untilTheReserve(volume string) *filler {
	filler := newFiller(f.t, volume)
	for n := 0; f.one(); n++ {
		if n > 64 {
			f.t.Fatal("the reserve was never reached")
		}
		filler.grow(1 << 20)
	}
	return filler
}

// reserveIsReached: another program fills the volume up to nats.reserve, which
// the door does not touch.
func reserveIsReached(t *testing.T, volume string) {
	c := configured(t, filepath.Join(volume, "data"), oneSink)
	c.NATS.Reserve = 15
	f := newTraffic(start(t, c, Options{}))
	f.many(100)
	filler := f.untilTheReserve(volume)
	f.refused(20)
	if status, text := f.operators("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(text, "reserve") {
		t.Errorf("/readyz answers %d %s", status, text)
	}
	if err := f.nats.Healthy(); err != nil {
		t.Errorf("the reserve did not keep the store from harm: %v", err)
	}
	f.settled("archive") // what was accepted has the reserve to go on with
	filler.remove()
	f.many(50)
	f.settled("archive")
	f.complete("archive", mails(f.documents("mekong", "records")))
	f.nothingBuried()
}

// twoSinks has one destination on the same disk, and one elsewhere.
const twoSinks = oneSink + `  crm:
    mongodb: { uri: "mongodb://127.0.0.1:1" } # stands for any; the test puts its own there
`

// volumeIsFull: another program takes the very last byte, behind our back and
// with records on their way. Then JetStream breaks, for good until it is started
// anew, and the embedded MongoDB cannot write.
func volumeIsFull(t *testing.T, volume string) {
	c := configured(t, filepath.Join(volume, "data"), twoSinks)
	away := &elsewhere{rows: map[string]string{}}
	gates := map[string]*gate{"archive": newGate(), "crm": newGate()}
	options := Options{Wrap: func(name string, s pipeline.Sink) pipeline.Sink {
		if name == "crm" {
			s = away
		}
		return gates[name].before(s)
	}}
	f := newTraffic(start(t, c, options))
	f.many(200)
	f.settled("archive", "crm")

	for _, g := range gates {
		g.shutter(true)
	}
	for range 40 { // more than SQLite's log has room for already
		if !f.one(heavy(250<<10, f.next)) {
			t.Fatal("a lead was not accepted")
		}
	}
	held := func() string {
		for name := range gates {
			if since, _ := f.Held(name); since.IsZero() {
				return name + " is not held"
			}
		}
		return ""
	}
	poll(t, 20*time.Second, held)
	// After a start one worker has them all in hand, and will write them as one.
	f.stop()
	f.running = start(t, c, options)
	poll(t, 20*time.Second, held)
	filler := newFiller(t, volume)
	filler.all()
	filler.giveBack(1 << 20) // more than the reserve, less than what comes now
	group := f.group(8, 250<<10)
	grouped := make(chan error, 1)
	go func() { grouped <- f.Bus.Emit(t.Context(), group...) }()
	poll(t, 20*time.Second, func() string {
		if f.nats.Healthy() == nil {
			return "JetStream is not broken"
		}
		return ""
	})
	filler.all()
	for _, g := range gates {
		g.shutter(false)
	}
	if err := <-grouped; err == nil {
		t.Error("a group was accepted for which there is no room")
	}
	poll(t, 30*time.Second, func() string {
		filler.all() // JetStream gives some back when it packs a finished block
		f.one()
		holds, _ := gates["archive"].verdicts()
		switch {
		case f.nats.Healthy() == nil:
			return "JetStream is not broken"
		case !strings.Contains(fmt.Sprint(holds), "disk is full"):
			return fmt.Sprint("the embedded MongoDB is not held for its disk: ", holds)
		}
		return ""
	})
	if status, text := f.operators("/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d %s", status, text)
	}
	if f.statuses[http.StatusServiceUnavailable] == 0 {
		t.Error("nobody was told to come again")
	}

	filler.remove()
	began := time.Now()
	poll(t, 30*time.Second, func() string {
		if !f.one() {
			return "the door is closed"
		}
		return ""
	})
	door := time.Since(began)
	poll(t, 30*time.Second, func() string {
		if err := errors.Join(f.nats.Healthy(), f.Ready(t.Context())); err != nil {
			return err.Error()
		}
		return ""
	})
	t.Logf("after space returned, the door took leads within %s, and JetStream was whole within %s",
		door.Round(10*time.Millisecond), time.Since(began).Round(10*time.Millisecond))
	poll(t, 30*time.Second, func() string {
		if !f.one() {
			return "the door is closed"
		}
		return ""
	})
	f.many(50)
	f.settled("archive", "crm")
	t.Logf("everything was settled within %s", time.Since(began).Round(10*time.Millisecond))
	f.complete("archive", mails(f.documents("mekong", "records")))
	f.complete("crm", away.mails())
	f.nothingBuried()

	// A start on a full volume says so, and harms nothing.
	filler = newFiller(t, volume)
	filler.all()
	f.stop()
	for range 2 {
		a, err := New(t.Context(), c, options)
		switch {
		case err == nil:
			a.Close()
		case !strings.Contains(err.Error(), "no space left"):
			t.Errorf("a start on a full volume says %v", err)
		}
	}
	filler.remove()
	f.running = start(t, c, options)
	f.many(10)
	f.settled("archive", "crm")
	f.complete("archive", mails(f.documents("mekong", "records")))
	f.complete("crm", away.mails())
	f.nothingBuried()
	for name, g := range gates {
		holds, others := g.verdicts()
		t.Logf("%s held for %v", name, holds)
		if len(others) > 0 {
			t.Errorf("%s blames records: %v", name, others)
		}
		if name == "archive" && len(holds) == 0 {
			t.Error("the embedded MongoDB was never held")
		}
	}
}

// group is n leads of that many bytes, as the door hands them over together when
// their senders come at the same moment. Which of them are stored when there is
// no room for all, nobody is told.
func (f *traffic) group(n, size int) []pipeline.Raw {
	raws := make([]pipeline.Raw, n)
	for i := range raws {
		contentType, body := append(leads.Make(f.next), heavy(size, f.next)).Encode(leads.JSON)
		raws[i] = pipeline.Raw{ID: fmt.Sprint("landing-group-", f.next), Source: "landing", Format: ladipage.Format,
			Received: time.Now(), Meta: map[string]string{request.ContentType: contentType}, Body: body}
		f.sent[mail(f.next)] = false
		f.next++
	}
	return raws
}

// nothingBuried: a disk is no record's fault.
func (r *running) nothingBuried() {
	r.t.Helper()
	graves, err := r.Bus.Graves(r.t.Context(), "", 0, 10)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, g := range graves {
		r.t.Errorf("%s is buried at %s: %s", g.ID, g.Stage, g.Reason)
	}
}

// filler is the other program.
type filler struct {
	t    testing.TB
	file *os.File
}

func newFiller(t testing.TB, volume string) *filler {
	t.Helper()
	f, err := os.Create(filepath.Join(volume, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	return &filler{t, f}
}

func (f *filler) grow(n int) {
	f.t.Helper()
	if _, err := f.file.Write(make([]byte, n)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *filler) giveBack(n int64) {
	f.t.Helper()
	size, err := f.file.Seek(0, io.SeekEnd)
	if err == nil {
		err = f.file.Truncate(size - n)
	}
	if err == nil {
		_, err = f.file.Seek(0, io.SeekEnd)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// all takes what is left, in ever smaller pieces.
func (f *filler) all() {
	f.t.Helper()
	for n := 1 << 20; n > 0; {
		if _, err := f.file.Write(make([]byte, n)); err != nil {
			n /= 2
		}
	}
}

func (f *filler) remove() {
	f.t.Helper()
	if err := errors.Join(f.file.Close(), os.Remove(f.file.Name())); err != nil {
		f.t.Fatal(err)
	}
}
