package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"mekong/pipeline/bus"
)

// account is the end of a demo. Received is counted by the senders, rows and documents
// in the destinations, everything else by the streams; parties that must agree.
type account struct {
	sent     sent
	accepted int64    // deliveries taken into the store, as the door counted
	repeated int64    // of leads: known already, and dropped
	arrived  arrivals // as the store has them
	unsaved  int64    // conversations' saves that were not answered 200
	places   []place
	before   reading
	after    reading
	held     map[string]string // why a sink takes nothing, at the end
	answered spread            // from when it was to be sent to accepted
	traffic  bool              // the demo sent some itself
	kept     bool              // the folder stays
	durable  string            // what an answer 200 is worth
}

// settle makes the account from two readings and what the senders counted.
func (d *demoRun) settle(ctx context.Context, held map[string]string) (*account, error) {
	after, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	arrived, err := d.arrivals(ctx)
	if err != nil {
		return nil, err
	}
	n := d.app.Bus.Counts()
	return &account{
		sent: d.traffic.soFar(), accepted: int64(n.Accepted), repeated: d.repeated(), arrived: arrived, unsaved: d.chats.failed.Load(),
		places: d.places, before: d.before, after: after, held: held, traffic: d.opts.rate > 0,
		answered: d.traffic.answered(), kept: d.opts.data != "", durable: d.app.Bus.Durability().String(),
	}, nil
}

// repeated is how many submissions of leads were known already. Turns that a chatbot
// saves again are no news of anybody.
func (d *demoRun) repeated() int64 {
	return max(0, int64(d.app.Bus.Counts().Duplicates)-d.chats.again.Load())
}

// accepted is about how many leads were taken in so far.
func (d *demoRun) accepted() int64 {
	return max(0, int64(d.app.Bus.Counts().Accepted)-d.chats.fresh.Load())
}

// received is how many leads were answered 200: those in the store, and their repeats.
func (a *account) received() int64 { return a.arrived.leads + a.repeated }

// others is how many of them were not of the demo's own traffic: the page, curl.
func (a *account) others() int64 { return max(0, a.received()-a.sent.received) }

// print writes the account. It is meant to be read by people, and by scripts
// line by line: a name, then a number.
func (a *account) print(w io.Writer) {
	row := func(name string, n int64, note string) {
		if note != "" {
			note = "  " + note
		}
		fmt.Fprintf(w, "  %-35s %9d%s\n", name, n, note)
	}
	if a.sent.refused > 0 {
		row("refused", a.sent.refused, "not answered 200: "+a.sent.why)
	}
	if a.sent.unsent > 0 {
		row("not sent", a.sent.unsent, "before time was up")
	}
	if a.unsaved > 0 {
		row("saves refused", a.unsaved, "of conversations; the next save has all of them")
	}
	note := "answered 200; " + a.durable
	if a.others() > 0 && a.traffic {
		note = fmt.Sprintf("answered 200, %d of them not of the demo's own traffic; %s", a.others(), a.durable)
	}
	row("received", a.received(), note)
	row("duplicates dropped", a.repeated, "the same submission again")
	for _, p := range a.places {
		if !p.chats {
			a.leads(row, p)
		}
	}
	if s := a.arrived.said; s != (said{}) {
		row("conversations", s.conversations, fmt.Sprintf("of %d turns, %d messages to the bot in Lark", s.turns, s.messages))
		for _, p := range a.places {
			if p.chats {
				a.talked(row, p)
			}
		}
	}
	if a.answered.n > 0 {
		fmt.Fprintf(w, "  %-35s p50 %s   p99 %s\n", "sent to accepted", plain(a.answered.p50), plain(a.answered.p99))
	}
	for _, p := range a.places {
		if p.watch == nil {
			continue
		}
		if s := p.watch.latency(); s.n > 0 {
			fmt.Fprintf(w, "  %-35s p50 %s   p99 %s   (%d leads)\n", "accepted to "+p.name, plain(s.p50), plain(s.p99), s.n)
		}
	}
	for _, p := range a.places {
		s, name := a.after[p.sink], "balance of "+p.name
		if p.chats {
			if s.meant() == 0 {
				continue
			}
			name += ", chats"
		}
		b := s.balance
		fmt.Fprintf(w, "  %-35s accepted %d = stored %d + waiting %d + buried %d + filtered %d; missing %d\n",
			name, s.meant(), b.Stored, b.Waiting, b.Buried, s.filtered(), b.Missing)
	}
}

// leads writes what became of the leads at one destination.
func (a *account) leads(row func(string, int64, string), p place) {
	was, is := a.before[p.sink], a.after[p.sink]
	if was.balance.Waiting > 0 {
		row("carried over to "+p.name, was.balance.Waiting, "waiting since an earlier run")
	}
	if p.lasts {
		row("stored in "+p.name, is.rows-was.rows, "documents, counted in the collection")
	} else {
		note := "rows of different leads, counted there"
		if a.kept {
			note += "; it is in memory and began empty"
		}
		row("stored in "+p.name+" (simulated)", is.keys, note)
	}
	row("buried for "+p.name, is.balance.Buried-was.balance.Buried, "")
	row("filtered for "+p.name, is.filtered()-was.filtered(), "")
	row("pending for "+p.name, is.balance.Waiting, a.pendingWhy(was.balance, is.balance, a.held[p.sink]))
	if p.lasts && (was.rows > 0 || was.balance.Accepted > 0) {
		row("in all runs", is.rows, fmt.Sprintf("documents of %d leads", is.meant()))
	}
}

// talked writes what became of the conversations at one destination.
func (a *account) talked(row func(string, int64, string), p place) {
	was, is := a.before[p.sink], a.after[p.sink]
	rows, name, what := is.keys, "conversations in "+p.name, "rows of different conversations, counted there"
	if p.lasts {
		rows = is.rows - was.rows
	}
	if p.turns {
		name, what = "chats in "+p.name, "documents of conversations, turns and messages, counted in the collection"
	}
	if why := a.pendingWhy(was.balance, is.balance, a.held[p.sink]); why != "" {
		what += fmt.Sprintf("; %d updates are pending: %s", is.balance.Waiting, why)
	}
	if n := is.balance.Buried - was.balance.Buried; n > 0 {
		what += fmt.Sprintf("; %d updates are buried", n)
	}
	row(name, rows, what)
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
	switch {
	case a.traffic && a.sent.requests > 0 && a.received() == 0:
		return fmt.Errorf("not one lead was answered 200; the last answer was: %s", a.sent.why)
	case a.sent.distinct > a.arrived.leads:
		return fmt.Errorf("%d different leads were answered 200, but the store holds %d", a.sent.distinct, a.arrived.leads)
	case a.accepted != a.arrived.all:
		return fmt.Errorf("%d deliveries were taken in, but the store holds %d of them", a.accepted, a.arrived.all)
	}
	var wrong error
	for _, p := range a.places {
		check := a.leadsVerdict
		if p.chats {
			check = a.chatsVerdict
		}
		wrong = cmp.Or(wrong, check(p))
	}
	return wrong
}

// leadsVerdict holds that each lead is a row of its own at a destination, or is known to
// be elsewhere. One that lasts is held against all that ever came in, another against
// what it was owed in this run.
func (a *account) leadsVerdict(p place) error {
	was, is := a.before[p.sink], a.after[p.sink]
	w, b := was.balance, is.balance
	owed, buried, filtered := is.meant(), b.Buried, is.filtered()
	if !p.lasts {
		owed -= w.Stored + w.Buried + was.filtered()
		buried, filtered = buried-w.Buried, filtered-was.filtered()
	}
	sum := is.keys + buried + filtered + b.Waiting
	quiet := w.Waiting == 0 && b.Waiting == 0
	switch {
	case is.rows != is.keys:
		return fmt.Errorf("%s has %d rows, of %d different leads", p.name, is.rows, is.keys)
	case b.Missing != 0:
		return fmt.Errorf("the balance of %s does not add up: %d missing", p.name, b.Missing)
	case quiet && w.Missing == 0 && is.meant()-was.meant() != a.arrived.leads:
		return fmt.Errorf("%d leads came in, but %d were for %s", a.arrived.leads, is.meant()-was.meant(), p.name)
	case sum > owed && sum-owed <= b.Waiting:
		// Stored, but whoever wrote it was stopped before it knew: it waits to be
		// written once more, onto itself.
	case sum != owed:
		return fmt.Errorf("%d leads were for %s, but %d are accounted for: %d rows, %d buried, %d filtered, %d pending",
			owed, p.name, sum, is.keys, buried, filtered, b.Waiting)
	}
	return nil
}

// chatsVerdict holds that each conversation, and where they are kept each turn and
// message, is one row. Of one row there are many records, so what is pending or buried
// says how many rows may be missing, not how many are.
func (a *account) chatsVerdict(p place) error {
	was, is := a.before[p.sink], a.after[p.sink]
	w, b := was.balance, is.balance
	want, rows := a.arrived.said, is.rows
	if p.lasts {
		want, rows = a.arrived.fresh, is.rows-was.rows
	}
	most := want.conversations
	if p.turns {
		most = want.all()
	}
	least := most - b.Waiting - (b.Buried - w.Buried) - (is.filtered() - was.filtered())
	switch {
	case is.rows != is.keys:
		return fmt.Errorf("%s has %d rows, of %d different conversations", p.name, is.rows, is.keys)
	case b.Missing != 0:
		return fmt.Errorf("the balance of the chats in %s does not add up: %d missing", p.name, b.Missing)
	case rows < least || rows > most+w.Waiting:
		return fmt.Errorf("%s should have %d rows of what was said, and has %d; %d updates are pending, %d buried",
			p.name, most, rows, b.Waiting, b.Buried-w.Buried)
	}
	return nil
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
