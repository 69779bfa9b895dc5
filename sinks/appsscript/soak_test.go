package appsscript_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/appsscript"
	"mekong/sinks/appsscript/scriptsim"
)

// TestSoak: answers are lost in every way, the script runs twice, people sort, insert
// and write, and the sink is killed midway with a doubt in hand: every key ends as one
// row that is up to date, and nothing of people's is touched.
func TestSoak(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), soak)
}

func soak(t *testing.T, b backend) {
	rnd := rand.New(rand.NewPCG(7, 7))
	b.cell(1, 1, "Ghi chú riêng", "@")
	w := newWorld(t, b)
	open := func() *appsscript.Sink {
		return w.sink(t, func(c *config.AppsScript, _ *appsscript.Options) { c.Timeout = 5 * time.Second })
	}
	s := open()
	faults := []scriptsim.Fault{
		scriptsim.LostRedirect, scriptsim.LostEcho, scriptsim.Truncated, scriptsim.LateHTML, scriptsim.LateNotFound,
		scriptsim.Twice, scriptsim.Quota, scriptsim.Unavailable, scriptsim.Forged, scriptsim.Elsewhere,
	}
	const people = 600
	last := map[string]int{} // key → newest minute written
	notes := map[string]string{}
	for step := range 120 {
		var batch []pipeline.Record
		for range 1 + rnd.IntN(60) {
			key, minute := fmt.Sprintf("0%09d", rnd.IntN(people)), rnd.IntN(1000)
			batch = append(batch, record(fmt.Sprint("r", step, "-", len(batch)), key, minute, map[string]any{"phone": key, "name": fmt.Sprint("phút ", minute)}))
		}
		if rnd.IntN(3) == 0 {
			w.server.Inject(faults[rnd.IntN(len(faults))], 1+rnd.IntN(3))
		}
		for left := batch; len(left) > 0; {
			var again []pipeline.Record
			for i, o := range s.Write(context.Background(), left) {
				if o.Err == nil {
					last[left[i].Key] = max(last[left[i].Key], minuteOf(left[i]))
					continue
				}
				if _, isHold := pipeline.IsHold(o.Err); !isHold {
					t.Fatalf("step %d: %v", step, o.Err)
				}
				left[i].Again = true
				again = append(again, left[i])
			}
			left = again
			if len(left) > 0 && rnd.IntN(4) == 0 {
				s = open() // killed, with all that it remembered
			}
		}
		d := b.dump(t)
		rows, mine := len(d.Cells), d.column("Ghi chú riêng")
		switch at := 2 + rnd.IntN(rows-1); rnd.IntN(4) {
		case 0:
			b.moveRow(at, 2+rnd.IntN(rows-1))
		case 1:
			b.insertRow(at)
		case 2:
			b.moveColumn(1+rnd.IntN(4), 1+rnd.IntN(4))
		case 3:
			if key, _ := d.value(at, d.column("Mekong ID")).(string); key != "" {
				notes[key] = fmt.Sprint("đã gọi ở bước ", step)
				b.cell(at, mine, notes[key], "@")
			}
		}
	}
	d := b.dump(t)
	seen := map[string]bool{}
	for i := range d.Cells[1:] {
		key := d.value(i+2, d.column("Mekong ID")).(string)
		if key == "" {
			continue
		}
		if seen[key] {
			t.Errorf("%s has two rows", key)
		}
		seen[key] = true
		if got, want := d.value(i+2, d.column("name")), fmt.Sprint("phút ", last[key]); got != want {
			t.Errorf("%s reads %v, want %s", key, got, want)
		}
		if got := d.value(i+2, d.column("phone")); got != key {
			t.Errorf("%s has the phone %v", key, got)
		}
		if got := d.value(i+2, d.column("Ghi chú riêng")); got != notes[key] && (got != "" || notes[key] != "") {
			t.Errorf("%s: people wrote %q, and it reads %v", key, notes[key], got)
		}
	}
	if len(seen) != len(last) {
		t.Errorf("%d rows for %d keys", len(seen), len(last))
	}
}

func minuteOf(r pipeline.Record) int { return int(r.Occurred.Sub(base) / time.Minute) }

// TestTwoSinksOnOneDeployment take turns: never two runs at once.
func TestTwoSinksOnOneDeployment(t *testing.T) {
	t.Parallel()
	counting := &counted{backend: onModel(t)}
	w := newWorld(t, counting)
	gates := appsscript.NewGates()
	done := make(chan error)
	for i := range 4 {
		s := w.sink(t, func(_ *config.AppsScript, o *appsscript.Options) { o.Gates = gates })
		go func() {
			var err error
			for j := range 10 {
				for _, o := range s.Write(context.Background(), leads(i*100+j*5, 5)) {
					if o.Err != nil {
						err = o.Err
					}
				}
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if counting.most > 1 {
		t.Errorf("%d runs at once", counting.most)
	}
	if n := len(rowsOf(w.dump(t))); n != 200 {
		t.Errorf("%d rows, want 200", n)
	}
}

// counted is a script that counts how many of its runs are at work at once.
type counted struct {
	backend
	mu        sync.Mutex
	now, most int
}

func (c *counted) Post(body string) string {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.now--
	}()
	return c.backend.Post(body)
}
