package main

import (
	"strings"
	"testing"
	"time"

	"mekong/pipeline/bus"
)

func TestDemoVerdict(t *testing.T) {
	refused := func(sink string, b bus.Balance, kinds int64) bus.Balance {
		b.Sink, b.Accepted, b.Filtered = sink, b.Accepted+kinds, b.Filtered+kinds
		b.FilteredBy = map[string]int64{"sinks." + sink + ".accept": kinds}
		return b
	}
	change := func(r reading, sink string, f func(*standing)) {
		s := r[sink]
		f(&s)
		r[sink] = s
	}
	fine := func() *account {
		return &account{ // of MongoDB's five that wait, the Base has three; three conversations were of seven turns
			sent: sent{requests: 100, received: 100, distinct: 98}, repeated: 2, accepted: 105, traffic: true,
			arrived: arrivals{leads: 98, all: 105, said: said{3, 7, 1}, fresh: said{3, 7, 1}},
			places: []place{
				{sink: demoSink, name: "MongoDB", lasts: true}, {sink: demoBase, name: "Lark Base"},
				{sink: demoChats, name: "MongoDB", chats: true, turns: true, lasts: true}, {sink: demoSheetChats, name: "Google Sheets", chats: true},
			},
			before: reading{},
			after: reading{
				demoSink:       {90, 90, refused(demoSink, bus.Balance{Accepted: 98, Stored: 90, Waiting: 5, Buried: 2, Filtered: 1}, 14)},
				demoBase:       {94, 94, refused(demoBase, bus.Balance{Accepted: 98, Stored: 94, Waiting: 2, Buried: 2}, 14)},
				demoChats:      {11, 11, refused(demoChats, bus.Balance{Accepted: 14, Stored: 14}, 98)},
				demoSheetChats: {2, 2, refused(demoSheetChats, bus.Balance{Accepted: 7, Stored: 6, Waiting: 1}, 105)},
			},
		}
	}
	for _, c := range []struct {
		name   string
		change func(*account)
		says   string
	}{
		{"all there", func(*account) {}, ""},
		{"a page sent too", func(a *account) {
			a.accepted, a.arrived.all, a.arrived.leads = 108, 108, 101
			for _, sink := range []string{demoSink, demoBase} {
				change(a.after, sink, func(s *standing) { s.rows, s.keys, s.balance.Accepted = s.rows+3, s.keys+3, s.balance.Accepted+3 })
			}
		}, ""},
		{"an earlier run", func(a *account) {
			a.before[demoSink] = standing{7, 7, bus.Balance{Sink: demoSink, Accepted: 7, Stored: 7}}
			a.before[demoBase] = standing{0, 0, bus.Balance{Sink: demoBase, Accepted: 7, Stored: 4, Waiting: 1, Buried: 1, Filtered: 1}}
			change(a.after, demoSink, func(s *standing) { s.rows, s.keys, s.balance.Accepted = 97, 97, s.balance.Accepted+7 })
			// Those of this run, and the one that waited.
			a.after[demoBase] = standing{95, 95, bus.Balance{Sink: demoBase, Accepted: 105, Stored: 99, Waiting: 2, Buried: 3, Filtered: 1}}
		}, ""},
		{"a sink that an earlier run had not", func(a *account) {
			a.before[demoBase] = standing{0, 0, bus.Balance{Sink: demoBase, Accepted: 7, Missing: 7}}
			change(a.after, demoBase, func(s *standing) { s.rows, s.keys, s.balance.Accepted = 101, 101, s.balance.Accepted+7 })
		}, ""},
		{"stored and not yet known to be", func(a *account) { change(a.after, demoSink, func(s *standing) { s.rows, s.keys = 95, 95 }) }, ""},
		{"in the Base and not yet known to be", func(a *account) { change(a.after, demoBase, func(s *standing) { s.rows, s.keys = 96, 96 }) }, ""},
		{"a row is missing", func(a *account) { change(a.after, demoBase, func(s *standing) { s.rows, s.keys = 93, 93 }) }, "98 leads were for Lark Base, but 97 are accounted for: 93 rows"},
		{"rows too many", func(a *account) { change(a.after, demoBase, func(s *standing) { s.rows, s.keys = 97, 97 }) }, "98 leads were for Lark Base, but 101 are"},
		{"a row is double", func(a *account) { change(a.after, demoBase, func(s *standing) { s.rows++ }) }, "Lark Base has 95 rows, of 94 different leads"},
		{"a lead never came to the Base's sink", func(a *account) {
			a.after[demoBase] = standing{97, 97, bus.Balance{Sink: demoBase, Accepted: 97, Stored: 97}}
		}, "98 leads came in, but 97 were for Lark Base"},
		{"the streams do not agree on the Base", func(a *account) { change(a.after, demoBase, func(s *standing) { s.balance.Missing = 1 }) }, "balance of Lark Base does not add up: 1 missing"},
		{"a document is missing", func(a *account) { change(a.after, demoSink, func(s *standing) { s.rows, s.keys = 89, 89 }) }, "98 leads were for MongoDB, but 97 are accounted for"},
		{"a document too many", func(a *account) { change(a.after, demoSink, func(s *standing) { s.rows, s.keys = 96, 96 }) }, "98 leads were for MongoDB, but 104 are"},
		{"answered and not in the store", func(a *account) { a.arrived.leads = 97 }, "98 different leads were answered 200, but the store holds 97"},
		{"taken in and not in the store", func(a *account) { a.arrived.all = 104 }, "105 deliveries were taken in, but the store holds 104"},
		{"a conversation's row is missing, and only one can be pending", func(a *account) { change(a.after, demoSheetChats, func(s *standing) { s.rows, s.keys = 1, 1 }) }, "Google Sheets should have 3 rows of what was said, and has 1"},
		{"a conversation has two rows", func(a *account) { change(a.after, demoSheetChats, func(s *standing) { s.rows = 3 }) }, "Google Sheets has 3 rows, of 2 different conversations"},
		{"a turn is missing", func(a *account) { change(a.after, demoChats, func(s *standing) { s.rows, s.keys = 10, 10 }) }, "MongoDB should have 11 rows of what was said, and has 10"},
		{"a turn too many", func(a *account) { change(a.after, demoChats, func(s *standing) { s.rows, s.keys = 12, 12 }) }, "MongoDB should have 11 rows of what was said, and has 12"},
		{"a conversation that goes on from an earlier run", func(a *account) {
			a.arrived.fresh = said{2, 7, 1}
			a.before[demoChats] = standing{5, 5, bus.Balance{Sink: demoChats, Accepted: 5, Stored: 5}}
			change(a.after, demoChats, func(s *standing) { s.rows, s.keys = 15, 15 })
		}, ""},
		{"the streams do not agree on what was said", func(a *account) { change(a.after, demoChats, func(s *standing) { s.balance.Missing = 1 }) }, "the chats in MongoDB does not add up: 1 missing"},
		{"nothing was answered", func(a *account) {
			*a = account{traffic: true, sent: sent{requests: 9, refused: 9, why: "answered 503"}}
		}, "not one lead was answered 200; the last answer was: answered 503"},
		{"nothing was sent", func(a *account) { *a = account{} }, ""},
	} {
		a := fine()
		c.change(a)
		err := a.verdict()
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}

func TestDemoPendingIsExplained(t *testing.T) {
	a := &account{}
	was, is, held := bus.Balance{}, bus.Balance{Waiting: 3, Oldest: time.Now()}, ""
	for _, c := range []struct {
		change func()
		says   string
	}{
		{func() {}, "went with the demo's folder"},
		{func() { a.kept = true }, "the next demo on this folder goes on"},
		{func() { was.Waiting = 2 }, "given out again after a minute"},
		{func() { held = "no room" }, "the sink is held: no room"},
	} {
		c.change()
		if got := a.pendingWhy(was, is, held); !strings.Contains(got, c.says) {
			t.Errorf("%q does not say %q", got, c.says)
		}
	}
	is.Waiting = 0
	if got := a.pendingWhy(was, is, held); got != "" {
		t.Errorf("nothing waits, because %q", got)
	}
}
