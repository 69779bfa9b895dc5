package larkbase

import (
	"testing"
	"time"
)

// FuzzVersion: whatever stands in the version's cell, only times are read out of it.
func FuzzVersion(f *testing.F) {
	for _, s := range []string{"", "a b c", "2026-11-24T16:36:00.000000000Z 2026-11-24T16:36:01.000000000Z landing-1", "2026-11-24T16:36:00Z  x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		occurred, received, id, ok := parseVersion(s)
		if !ok && (!occurred.IsZero() || !received.IsZero() || id != "") {
			t.Errorf("%q is none, and read as %v %v %q", s, occurred, received, id)
		}
		if ok && len(id) > len(s) {
			t.Errorf("ID %q of %q", id, s)
		}
	})
}

// FuzzFollower: of the tables that people name, only those count that were made here.
func FuzzFollower(f *testing.F) {
	for _, s := range []string{"Leads 2", "Leads 02", "Leads 1", "Leads 2026-11", "Leads 2026-11 (2)", "Leads 2026-11 (02)", "Leads 2026-13", "Leads 9223372036854775808", "Leads"} {
		f.Add(s, "size")
		f.Add(s, "month")
	}
	f.Fuzz(func(t *testing.T, name, rotate string) {
		place, ok := follower("Leads", name, rotate)
		if !ok {
			return
		}
		if place[1] < 1 || rotate == "size" && (place[0] != 0 || place[1] < 2) {
			t.Errorf("%q is at %v", name, place)
		}
		if rotate != "size" {
			month := time.Date(0, time.Month(place[0]), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
			if len(name) < len("Leads ")+7 || name[6:13] != month {
				t.Errorf("%q is of the month %s", name, month)
			}
		}
	})
}
