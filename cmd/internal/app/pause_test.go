package app

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A sink that a person holds gets nothing, in whichever process it is delivered to and
// also after a restart, and gets everything once it goes on.
func TestASinkThatIsHeldWaits(t *testing.T) {
	dir := t.TempDir()
	c := configured(t, dir, oneSink)
	r := start(t, c, Options{})
	if got := r.pauses.of("archive")(); got != "" {
		t.Fatalf("before anybody holds it, it says %q", got)
	}
	// Another process on the same store.
	other, err := openPauses(t.Context(), r.Bus)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- other.follow(t.Context(), r.log) }()
	at := time.Now()
	if err := other.hold(t.Context(), "archive", "an", "the table is being tidied", at); err != nil {
		t.Fatal(err)
	}
	if err := other.hold(t.Context(), "archive", "binh", "too", at); !errors.Is(err, errPaused) {
		t.Errorf("holding it twice: %v", err)
	}
	poll(t, 10*time.Second, func() string {
		if why := r.pauses.of("archive")(); !strings.Contains(why, "an") || !strings.Contains(why, "tidied") {
			return "this process says " + why
		}
		return ""
	})
	if got := r.post("application/x-www-form-urlencoded", []byte("name=An&phone=0900000000")); got.status != http.StatusOK {
		t.Fatalf("the lead is answered %d", got.status)
	}
	held := func(r *running) {
		t.Helper()
		poll(t, 30*time.Second, func() string {
			if _, why := r.delivers[0].Held(); !strings.Contains(why, "tidied") {
				return "the worker is held because of " + why
			}
			return ""
		})
	}
	held(r)
	r.stop()
	r = start(t, c, Options{})
	held(r)
	if n := len(r.documents("mekong", "records")); n != 0 {
		t.Errorf("%d records were written all the same", n)
	}
	if err := r.pauses.release(t.Context(), "archive", "binh", at.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := r.pauses.release(t.Context(), "archive", "binh", at); !errors.Is(err, errNotPaused) {
		t.Errorf("releasing it twice: %v", err)
	}
	if line := r.settled("archive")["archive"]; line.Stored != 1 {
		t.Errorf("the balance is %+v", line)
	}
	if one := r.pauses.now("archive"); one.on() || one.By != "an" || one.OverBy != "binh" || one.Why != "the table is being tidied" {
		t.Errorf("what is kept of it is %+v", one)
	}
}
