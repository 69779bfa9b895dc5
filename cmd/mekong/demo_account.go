package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"mekong/pipeline/bus"
)

// reading is how things stand while nothing moves: what the collection and the
// Base hold, counted there, and what the streams say of the two sinks.
type reading struct {
	documents   int64
	balance     bus.Balance
	rows, leads int64 // of the Base, and of how many different leads they are
	base        bus.Balance
}

func (d *demoRun) read(ctx context.Context) (r reading, err error) {
	lines, err := d.app.BalanceAtRest(ctx)
	if err != nil {
		return r, err
	}
	for _, l := range lines {
		switch l.Sink {
		case demoSink:
			r.balance = l
		case demoBase:
			r.base = l
		}
	}
	r.rows, r.leads = d.lark.count()
	r.documents, err = d.far.Count(ctx)
	return r, err
}

// account is the end of a demo. Received is counted by the senders, documents
// in the collection and rows in the Base, everything else by the streams; four
// parties that must agree.
type account struct {
	sent       sent
	others     int64 // answered 200 and not sent by the traffic: the page, curl
	duplicates int64
	accepted   int64 // taken into the store, as the door counted
	before     reading
	after      reading
	stored     spread // from accepted to stored in MongoDB
	inBase     spread // from accepted to stored in the Base
	answered   spread // from when it was to be sent to accepted
	held       string // why MongoDB's sink takes nothing, at the end
	heldBase   string // why the Base's does
	traffic    bool   // the demo sent some itself
	kept       bool   // the folder stays
	durable    string // what an answer 200 is worth
}

// settle makes the account from two readings and what the senders counted.
func (d *demoRun) settle(after reading, held, heldBase string) *account {
	n := d.app.Bus.Counts()
	s := d.traffic.soFar()
	return &account{
		sent: s, others: max(0, int64(n.Accepted+n.Duplicates)-s.received),
		duplicates: int64(n.Duplicates), accepted: int64(n.Accepted),
		before: d.before, after: after, held: held, heldBase: heldBase, traffic: d.opts.rate > 0,
		stored: d.watch.latency(), inBase: d.inBase.latency(), answered: d.traffic.answered(),
		kept: d.opts.data != "", durable: d.app.Bus.Durability().String(),
	}
}

func (a *account) received() int64 { return a.sent.received + a.others }

// distinct is how many different leads were answered 200.
func (a *account) distinct() int64 { return a.received() - a.duplicates }

// print writes the account. It is meant to be read by people, and by scripts
// line by line: a name, then a number.
func (a *account) print(w io.Writer) {
	b, was := a.after.balance, a.before.balance
	base, baseWas := a.after.base, a.before.base
	row := func(name string, n int64, note string) {
		if note != "" {
			note = "  " + note
		}
		fmt.Fprintf(w, "  %-31s %9d%s\n", name, n, note)
	}
	if a.sent.refused > 0 {
		row("refused", a.sent.refused, "not answered 200: "+a.sent.why)
	}
	if a.sent.unsent > 0 {
		row("not sent", a.sent.unsent, "before time was up")
	}
	note := "answered 200; " + a.durable
	if a.others > 0 && a.traffic {
		note = fmt.Sprintf("answered 200, %d of them not of the demo's own traffic; %s", a.others, a.durable)
	}
	row("received", a.received(), note)
	row("duplicates dropped", a.duplicates, "the same submission again")
	if was.Waiting > 0 {
		row("carried over", was.Waiting, "waiting since an earlier run")
	}
	row("stored in MongoDB", a.after.documents-a.before.documents, "documents, counted in the collection")
	row("buried", b.Buried-was.Buried, "")
	row("filtered", b.Filtered-was.Filtered, "")
	row("still pending", b.Waiting, a.pendingWhy(a.before.balance, b, a.held))
	if a.before.documents > 0 || was.Accepted > 0 {
		row("in all runs", a.after.documents, fmt.Sprintf("documents of %d leads", b.Accepted))
	}
	if baseWas.Waiting > 0 {
		row("carried over to Lark Base", baseWas.Waiting, "waiting since an earlier run")
	}
	note = "rows of different leads, counted in the Base"
	if a.kept {
		note += ", which is in memory and began empty"
	}
	row("stored in Lark Base (simulated)", a.after.leads, note)
	row("buried for Lark Base", base.Buried-baseWas.Buried, "")
	row("filtered for Lark Base", base.Filtered-baseWas.Filtered, "")
	row("pending for Lark Base", base.Waiting, a.pendingWhy(baseWas, base, a.heldBase))
	if a.answered.n > 0 {
		fmt.Fprintf(w, "  %-31s p50 %s   p99 %s\n", "sent to accepted", plain(a.answered.p50), plain(a.answered.p99))
	}
	took := func(name string, s spread) {
		if s.n > 0 {
			fmt.Fprintf(w, "  %-31s p50 %s   p99 %s   (%d leads)\n", name, plain(s.p50), plain(s.p99), s.n)
		}
	}
	took("accepted to stored", a.stored)
	took("accepted to Lark Base", a.inBase)
	line := func(name string, b bus.Balance) {
		fmt.Fprintf(w, "  %-31s accepted %d = stored %d + waiting %d + buried %d + filtered %d; missing %d\n",
			name, b.Accepted, b.Stored, b.Waiting, b.Buried, b.Filtered, b.Missing)
	}
	line("balance", b)
	line("balance of Lark Base", base)
}

// pendingWhy says what keeps a sink's pending, and what becomes of them.
func (a *account) pendingWhy(was, b bus.Balance, held string) string {
	if b.Waiting == 0 {
		return ""
	}
	var why []string
	switch {
	case held != "":
		why = append(why, "the sink is held: "+held)
	case was.Waiting > 0:
		// The worker's AckWait: until then the dead might still be at work.
		why = append(why, "what a killed process had in hand is given out again after a minute")
	}
	if !b.Oldest.IsZero() {
		why = append(why, "the oldest came in at "+b.Oldest.Local().Format(time.DateTime))
	}
	if a.kept {
		why = append(why, "all are on disk, and the next demo on this folder goes on with them")
	} else {
		why = append(why, "all were on disk, and went with the demo's folder (--data keeps it)")
	}
	return strings.Join(why, "; ")
}

// verdict is nil when everything that was answered 200 is accounted for.
func (a *account) verdict() error {
	b := a.after.balance
	sum := a.after.documents + b.Buried + b.Filtered + b.Waiting
	switch {
	case a.traffic && a.sent.requests > 0 && a.received() == 0:
		return fmt.Errorf("not one lead was answered 200; the last answer was: %s", a.sent.why)
	case a.sent.distinct > a.accepted:
		return fmt.Errorf("%d different leads were answered 200, but only %d were taken into the store", a.sent.distinct, a.accepted)
	case a.distinct() != b.Accepted-a.before.balance.Accepted:
		return fmt.Errorf("%d leads were received (duplicates left out), but the store holds %d of them", a.distinct(), b.Accepted-a.before.balance.Accepted)
	case b.Missing != 0:
		return fmt.Errorf("the balance does not add up: %d missing", b.Missing)
	case sum > b.Accepted && sum-b.Accepted <= b.Waiting:
		// Stored, but whoever wrote it was stopped before it knew: it waits to be
		// written once more, onto itself.
	case sum != b.Accepted:
		return fmt.Errorf("%d leads were accepted, but %d are accounted for: %d documents in MongoDB, %d buried, %d filtered, %d pending",
			b.Accepted, sum, a.after.documents, b.Buried, b.Filtered, b.Waiting)
	}
	return a.baseVerdict()
}

// plain writes a time with the digits that matter.
func plain(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	default:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
}
