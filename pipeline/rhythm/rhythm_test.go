package rhythm

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// offices is a form with a lead every six minutes on weekdays from eight to eighteen.
func offices(weeks int) []time.Time {
	var out []time.Time
	for at := monday; at.Before(monday.Add(time.Duration(weeks) * week * time.Hour)); at = at.Add(6 * time.Minute) {
		if d := at.Weekday(); at.Hour() >= 8 && at.Hour() < 18 && d != time.Saturday && d != time.Sunday {
			out = append(out, at)
		}
	}
	return out
}

func TestJudge(t *testing.T) {
	leads := offices(6)
	friday := monday.Add(5*week*time.Hour + 4*24*time.Hour + 18*time.Hour)
	h := lived("f", leads, friday)
	for _, c := range []struct {
		name  string
		after time.Duration
		want  bool
	}{
		{"just closed", 31 * time.Minute, false},
		{"at night", 8 * time.Hour, false},
		{"on Sunday", 40 * time.Hour, false},
		{"on Monday before eight", 61 * time.Hour, false},
		{"on Monday before noon", 66 * time.Hour, true},
		{"two weeks later it has ended", Longest, false},
	} {
		got := Judge(friday.Add(c.after), vietnam, []History{h}, nil)
		if some(got) != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
		if c.want && (got[0].Since != h.Last || got[0].Missed < 15 || got[0].Missed > 45) {
			t.Errorf("%s: it says %+v", c.name, got)
		}
	}
	// The same hours elsewhere are not the same.
	if got := Judge(friday.Add(54*time.Hour), time.FixedZone("", -5*3600), []History{h}, nil); some(got) {
		t.Errorf("elsewhere: %+v", got)
	}
}

func TestTooLittleToSay(t *testing.T) {
	now := monday.Add(10 * week * time.Hour)
	for _, c := range []struct {
		name  string
		leads []time.Time
	}{
		{"nothing", nil},
		{"ten days", offices(6)[len(offices(6))-700:]},
		{"a few leads", offices(6)[:1]},
		{"thin", life{perWeek: 2}.leads(rand.New(rand.NewPCG(1, 2)), 8)},
	} {
		h := lived("f", c.leads, now)
		for d := time.Duration(0); d < 20*24*time.Hour; d += 7 * time.Hour {
			if got := Judge(h.Last.Add(d), vietnam, []History{h}, nil); some(got) {
				t.Errorf("%s: after %s it says %+v", c.name, d, got)
			}
		}
	}
}

// A form is quiet until it brings a lead, whatever the reckoning says meanwhile, or until
// it has been so for too long.
func TestQuietUntilALead(t *testing.T) {
	leads := offices(6)
	friday := monday.Add(5*week*time.Hour + 4*24*time.Hour + 18*time.Hour)
	h := lived("f", leads, friday)
	known := []Quiet{{Form: h.Form, Since: h.Last, Missed: 30}}
	if got := Judge(friday.Add(40*time.Hour), vietnam, []History{h}, known); len(got) != 1 || got[0].Missed < 30 {
		t.Errorf("at night it is forgotten: %+v", got)
	}
	if got := Judge(h.Last.Add(Longest), vietnam, []History{h}, known); some(got) {
		t.Errorf("it never ends: %+v", got)
	}
	back := friday.Add(66 * time.Hour)
	h.Hours[back.Unix()/3600]++
	h.Last = back
	if got := Judge(back.Add(time.Minute), vietnam, []History{h}, known); some(got) {
		t.Errorf("after a lead: %+v", got)
	}
	if got := Judge(back, vietnam, nil, known); some(got) {
		t.Errorf("a form that is no longer there: %+v", got)
	}
}

// Ten thousand imported leads are no rhythm.
func TestImport(t *testing.T) {
	l := life{perWeek: 150, days: .3}
	leads := l.leads(rand.New(rand.NewPCG(5, 5)), 7)
	at := monday.Add(5*week*time.Hour + 33*time.Hour) // a Tuesday at nine
	with := func(now time.Time) History {
		h := lived("f", leads, now)
		h.Hours[at.Unix()/3600] += 10_000
		return h
	}
	for now := at.Add(time.Hour); now.Before(monday.Add(7 * week * time.Hour)); now = now.Add(time.Hour) {
		if got := Judge(now, vietnam, []History{with(now)}, nil); some(got) {
			t.Fatalf("%s after the import: %+v", now.Sub(at), got)
		}
	}
}

// One of several forms dies, and it alone is told, the others go on.
func TestOneOfSeveral(t *testing.T) {
	dead := monday.Add(8*week*time.Hour + 34*time.Hour)
	for seed := range uint64(4) {
		var all []History
		for i := range 6 {
			l := life{perWeek: 900, days: .2}
			leads := l.leads(rand.New(rand.NewPCG(seed, uint64(i))), 9)
			when := dead.Add(5 * time.Hour)
			if i == 2 {
				when = dead
			}
			all = append(all, lived(fmt.Sprint("f", i), leads, when))
		}
		got := Judge(dead.Add(5*time.Hour), vietnam, all, nil)
		if len(got) != 1 || got[0].Name != "f2" {
			t.Errorf("seed %d: %+v", seed, got)
		}
	}
}

// FuzzJudge: whatever the counts are, it ends, and what it says makes sense.
func FuzzJudge(f *testing.F) {
	f.Add(int64(1772000000), int64(1771990000), []byte{1, 2, 3})
	f.Add(int64(-5), int64(math.MaxInt64/4), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0x80})
	h := lived("", offices(3), monday.Add(20*24*time.Hour))
	var text []byte
	for hour, n := range h.Hours {
		text = binary.LittleEndian.AppendUint32(text, uint32(hour))
		text = binary.LittleEndian.AppendUint32(text, uint32(n))
	}
	f.Add(h.Last.Unix()+90*3600, h.Last.Unix(), text)
	f.Fuzz(func(t *testing.T, now, last int64, text []byte) {
		now, last = now%(1<<40), last%(1<<40)
		h := History{Last: time.Unix(last, 0), Hours: map[int64]int{}}
		for ; len(text) >= 8; text = text[8:] {
			h.Hours[int64(binary.LittleEndian.Uint32(text))] = int(int32(binary.LittleEndian.Uint32(text[4:])))
		}
		for _, q := range Judge(time.Unix(now, 0), vietnam, []History{h, h}, nil) {
			if !(q.Missed >= minMissed) || math.IsInf(q.Missed, 0) || q.Since.After(time.Unix(now, 0)) {
				t.Errorf("%+v", q)
			}
		}
	})
}
