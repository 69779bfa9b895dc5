package main

import (
	"context"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/sources/chatlog/turn"
)

// place is one destination of the demo, and how what it holds is counted there.
type place struct {
	sink  string // its name in demo.yaml
	name  string // in the account
	chats bool   // it takes what was said; otherwise leads
	turns bool   // with chats: turns and messages too, otherwise a row per conversation
	lasts bool   // what it holds is kept with --data
	count func(context.Context) (rows, keys int64, err error)
	watch *watch
}

// openPlaces lists the destinations, those of leads first.
func (d *demoRun) openPlaces() {
	documents := func(f interface {
		Count(context.Context) (int64, error)
	}) func(context.Context) (int64, int64, error) {
		return func(ctx context.Context) (int64, int64, error) {
			n, err := f.Count(ctx)
			return n, n, err // a document has its key for a name
		}
	}
	inBase := func(table string) func(context.Context) (int64, int64, error) {
		return func(context.Context) (int64, int64, error) {
			rows, keys := d.lark.count(table)
			return rows, keys, nil
		}
	}
	inSheet := func(id string) func(context.Context) (int64, int64, error) {
		return func(context.Context) (int64, int64, error) {
			rows, keys := d.google.count(id)
			return rows, keys, nil
		}
	}
	d.places = []place{
		{sink: demoSink, name: "MongoDB", lasts: true, count: documents(d.far), watch: d.watch},
		{sink: demoBase, name: "Lark Base", count: inBase(d.lark.table), watch: d.inBase},
		{sink: demoSheet, name: "Google Sheets", count: inSheet(d.google.leads), watch: d.inSheet},
		{sink: demoChats, name: "MongoDB", chats: true, turns: true, lasts: true, count: documents(d.farChats)},
		{sink: demoBaseChats, name: "Lark Base", chats: true, count: inBase(d.lark.chats)},
		{sink: demoSheetChats, name: "Google Sheets", chats: true, count: inSheet(d.google.chats)},
	}
}

// standing is how one destination stands while nothing moves: the rows and keys counted
// there, and what the streams say of its sink.
type standing struct {
	rows, keys int64
	balance    bus.Balance
}

// meant is how many records were for the destination, whatever became of them.
func (s standing) meant() int64 { return s.balance.Accepted - s.refused() }

// refused is how many were of a kind that it does not take.
func (s standing) refused() int64 {
	return s.balance.FilteredBy["sinks."+s.balance.Sink+".accept"]
}

// filtered is how many a rule left out.
func (s standing) filtered() int64 { return s.balance.Filtered - s.refused() }

// reading is how things stand, by sink.
type reading map[string]standing

func (d *demoRun) read(ctx context.Context) (reading, error) {
	lines, err := d.app.BalanceAtRest(ctx)
	if err != nil {
		return nil, err
	}
	r := reading{}
	for _, p := range d.places {
		s := standing{balance: bus.Balance{Sink: p.sink}}
		for _, l := range lines {
			if l.Sink == p.sink {
				s.balance = l
			}
		}
		if s.rows, s.keys, err = p.count(ctx); err != nil {
			return nil, err
		}
		r[p.sink] = s
	}
	return r, nil
}

// said is how much of conversations the store holds.
type said struct{ conversations, turns, messages int64 }

func (s said) all() int64 { return s.conversations + s.turns + s.messages }

// arrivals is what is in the store of this run, read from there.
type arrivals struct {
	leads, all int64 // deliveries
	said       said  // conversations and turns that anything was heard of
	fresh      said  // those of them that no earlier run had heard of
}

// longAgo is past everything that the store keeps.
const longAgo = 60 * 24 * time.Hour

func (d *demoRun) arrivals(ctx context.Context) (a arrivals, err error) {
	err = d.app.Bus.RecentIDs(ctx, d.began, func(source, _ string, _ time.Time) {
		if a.all++; source == demoSource {
			a.leads++
		}
	})
	old, now := map[string]bool{}, map[string]bool{}
	for _, source := range []string{demoChat, demoBot} {
		if err != nil {
			break
		}
		err = d.app.Bus.RecentRaws(ctx, source, d.began.Add(-longAgo), func(r pipeline.Raw) {
			seen := now
			if r.Received.Before(d.began) {
				seen = old
			}
			b, not := turn.Decode(r.Body)
			switch {
			case r.Format != turn.Format || not != nil:
				seen["message "+r.ID] = true
			case b.What == turn.Turn:
				seen["turn "+source+" "+b.Session+" "+b.Row] = true
				fallthrough
			default:
				seen["conversation "+source+" "+b.Session] = true
			}
		})
	}
	for key := range now {
		of := func(s *said) {
			switch key[0] {
			case 'c':
				s.conversations++
			case 't':
				s.turns++
			default:
				s.messages++
			}
		}
		if of(&a.said); !old[key] {
			of(&a.fresh)
		}
	}
	return a, err
}
