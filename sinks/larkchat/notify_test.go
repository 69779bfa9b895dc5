package larkchat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkchat"
)

// watch is a notifier on a clock that stands until it is moved.
func watch(t *testing.T, w *world, c config.LarkChat) (*larkchat.Notifier, *time.Time) {
	t.Helper()
	now := time.Now()
	o := w.options()
	o.Now = func() time.Time { return now }
	n, err := larkchat.NewNotifier("notices", c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n, &now
}

func TestNotifier(t *testing.T) {
	w := newWorld(t)
	n, now := watch(t, w, w.hook())
	tell := func(title, text string) {
		t.Helper()
		if err := n.Notify(t.Context(), title, text); err != nil {
			t.Fatal(err)
		}
	}
	flush := func(after time.Duration, messages int) string {
		t.Helper()
		*now = now.Add(after)
		if err := n.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := w.posted()
		if len(got) != messages {
			t.Fatalf("%d messages, want %d", len(got), messages)
		}
		return got[len(got)-1]
	}
	tell("crm holds", "no column Phone")
	if got := flush(0, 1); !strings.Contains(got, "crm holds") || !strings.Contains(got, "no column Phone") {
		t.Errorf("the first alert is %s", got)
	}
	// What comes up within 30 seconds is one message; a title told is quiet.
	tell("sales holds", "403")
	tell("crm goes on", "")
	tell("crm holds", "1")
	tell("crm holds", "2")
	flush(29*time.Second, 1)
	if got := flush(time.Second, 2); !strings.Contains(got, "sales holds") || !strings.Contains(got, "crm goes on") || strings.Contains(got, "crm holds") {
		t.Errorf("the second message is %s", got)
	}
	// And is told after ten minutes, with how often and its last text.
	flush(9*time.Minute, 2)
	if got := flush(time.Minute, 3); !strings.Contains(got, "crm holds") || !strings.Contains(got, "2\\n(× 2)") {
		t.Errorf("the third message is %s", got)
	}
	flush(time.Hour, 3)
}

func TestNotifierKeepsWhatFails(t *testing.T) {
	w := newWorld(t)
	n, now := watch(t, w, w.app())
	w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpSend}, Kind: larksim.HTTPError, Next: 1})
	tell := func(text string) {
		t.Helper()
		if err := n.Notify(t.Context(), "crm holds", text); err != nil {
			t.Fatal(err)
		}
	}
	tell("x")
	if err := n.Flush(t.Context()); err == nil || fate(err) != "hold 0s" {
		t.Fatalf("a notice that fails: %v", err)
	}
	// It is not tried again at once.
	tell("y")
	if err := n.Flush(t.Context()); err != nil || len(w.posted()) != 0 {
		t.Fatalf("%v, %d messages", err, len(w.posted()))
	}
	*now = now.Add(time.Minute)
	if err := n.Flush(t.Context()); err != nil || len(w.posted()) != 1 || !strings.Contains(w.posted()[0], "(× 2)") {
		t.Fatalf("%v, %q", err, w.posted())
	}
}

func TestNotifierIsBounded(t *testing.T) {
	for _, format := range []string{"card", "text"} {
		w := newWorld(t)
		c := w.hook()
		c.Format = format
		n, now := watch(t, w, c)
		for i := range 500 {
			if err := n.Notify(t.Context(), fmt.Sprintf("%d %s", i, strings.Repeat("ữ", 1000)), strings.Repeat("ữ", 10000)); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			*now = now.Add(time.Minute)
			if err := n.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		posted := w.posted()
		if len(posted) != 5 || !strings.Contains(posted[0], "+ 400") {
			t.Errorf("%s: 500 alerts are %d messages", format, len(posted))
		}
		for _, m := range posted {
			if len(m) > 20<<10 {
				t.Errorf("%s: a message of %d bytes", format, len(m))
			}
		}
	}
}

func TestNotifierCheck(t *testing.T) {
	w := newWorld(t)
	n, _ := watch(t, w, w.app())
	if f := n.Check(t.Context()); len(f) != 1 || f[0].Level != pipeline.OK || f[0].Setting != "notices.app_id" {
		t.Errorf("%+v", f)
	}
	if n := len(w.posted()); n != 0 {
		t.Errorf("a check posted %d messages", n)
	}
}
