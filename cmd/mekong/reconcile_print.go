package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"mekong/cmd/internal/app"
)

// reconcilePrinter writes a reconciliation for people.
type reconcilePrinter struct {
	out    io.Writer
	zone   *time.Location
	repair bool // it is about to be repaired
}

func (p *reconcilePrinter) line(format string, v ...any) { fmt.Fprintf(p.out, format+"\n", v...) }

func (p *reconcilePrinter) moment(t time.Time) string { return t.In(p.zone).Format(shownTime) }

func (p *reconcilePrinter) all(r app.Reconciliation) {
	since := ""
	if !r.Since.IsZero() {
		since = "received since " + p.moment(r.Since)
	}
	switch {
	case r.Oldest.IsZero() && !r.Cut:
		p.line("Nothing has been accepted yet.")
	case r.Oldest.IsZero():
		p.line("Nothing is kept any more (nats.keep %s), so nothing can be compared.", hours(r.KeepHours))
	case r.Cut:
		p.line("Compared: what is still kept, from %s on (nats.keep %s)%s. Of anything older nothing can be said.", p.moment(r.Oldest), hours(r.KeepHours), comma(since))
	default:
		p.line("Compared: everything since the first record, at %s%s. It is kept for %s (nats.keep).", p.moment(r.Oldest), comma(since), hours(r.KeepHours))
	}
	if r.Untransformed > 0 {
		p.line("%d deliveries are not records yet and wait for the transform.", r.Untransformed)
	}
	if r.Unreadable > 0 {
		p.line("%d deliveries are buried, since no record can be made of them: mekong buried list --sink transform", r.Unreadable)
	}
	for _, s := range r.Sinks {
		p.line("")
		p.sink(s)
	}
	p.line("")
	p.verdict(r)
}

func hours(n float64) string { return fmt.Sprintf("%gh", n) }

func comma(s string) string {
	if s == "" {
		return ""
	}
	return ", " + s
}

// amount is a number with what it counts.
type amount struct {
	n    int
	what string
}

// amounts lists those that are not zero.
func amounts(list ...amount) string {
	var out []string
	for _, a := range list {
		if a.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", a.n, a.what))
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

func (p *reconcilePrinter) sink(s app.SinkReconciliation) {
	p.line("%s (%s)", tame(s.Sink), s.Adapter)
	a, n := s.Records, s.Rows
	p.line("  records  %d accepted: %s", a.Accepted, amounts(amount{a.Stored, "stored"}, amount{a.Waiting, "waiting"}, amount{a.Buried, "buried"},
		amount{a.Filtered, "left out by a rule"}, amount{a.Dropped, "dropped by hand"}, amount{a.Untold, "of which it is no longer kept what became of them, taken for stored"}))
	switch {
	case s.Unreadable != "":
		p.line("  rows     NOT COMPARED: %s", s.Unreadable)
		return
	case s.Failed != "":
		p.line("  rows     NOT COMPARED: %s", tame(s.Failed))
		return
	}
	p.line("  rows     %d expected: %s", n.Expected, amounts(amount{n.Found, "there"}, amount{n.Missing, "MISSING"}, amount{n.Rekeyed, "WITHOUT THEIR KEY"},
		amount{n.InFlight, "being written"}, amount{n.TooFresh, "written a moment ago and not shown yet"}, amount{n.Unwanted, "gone, that today's where would not let in"}))
	if n.Doubled > 0 {
		p.line("           %d keys are there MORE THAN ONCE", n.Doubled)
	}
	if rest := amounts(amount{n.Older, "rows from before what is kept"}, amount{n.Other, "rows that need not be here (an earlier key, another sink)"},
		amount{n.Unknown, "rows with a key that is none of ours"}, amount{n.Forgotten, "keys of forgotten people, left alone"}); rest != "none" {
		p.line("  besides  %s", rest)
	}
	p.named("missing", n.Missing, s.Missing, func(f app.RowFinding) string {
		if f.Records > 1 {
			return fmt.Sprintf("  of %d records", f.Records)
		}
		return ""
	})
	p.named("doubled", n.Doubled, s.Doubled, func(f app.RowFinding) string { return fmt.Sprintf("  %d rows of key %s", f.Rows, tame(f.Key)) })
	p.named("no key", n.Rekeyed, s.Rekeyed, func(f app.RowFinding) string {
		return fmt.Sprintf("  has %q and should have %s", short(f.FoundKey, 40), tame(f.Key))
	})
}

func (p *reconcilePrinter) named(sort string, of int, list []app.RowFinding, more func(app.RowFinding) string) {
	for _, f := range list {
		phone := f.Phone
		if phone == "" {
			phone = "(no phone)"
		}
		p.line("  %-8s %s  %-10s  %s%s", sort, p.moment(f.Received), tame(phone), tame(f.Record), more(f))
	}
	if of > len(list) && len(list) > 0 {
		p.line("  %-8s and %d more: --all", "", of-len(list))
	}
}

// verdict is the last word.
func (p *reconcilePrinter) verdict(r app.Reconciliation) {
	var missing, doubled, rekeyed, failed, compared, unreadable int
	for _, s := range r.Sinks {
		missing, doubled, rekeyed = missing+s.Rows.Missing, doubled+s.Rows.Doubled, rekeyed+s.Rows.Rekeyed
		switch {
		case s.Failed != "":
			failed++
		case s.Unreadable != "":
			unreadable++
		default:
			compared++
		}
	}
	if missing > 0 && !p.repair {
		p.line("%d rows are missing. mekong reconcile --repair writes them again; a row whose key cell somebody emptied counts as missing, too.", missing)
	}
	if doubled > 0 {
		p.line("%d keys are there more than once: delete the row that you do not want; Mekong never deletes one.", doubled)
	}
	if rekeyed > 0 {
		p.line("%d rows have lost their key: write it back, or the next change of that lead makes a second row.", rekeyed)
	}
	switch {
	case failed > 0:
		p.line("%d of %d destinations could not be read; mekong doctor says why.", failed, len(r.Sinks))
	case compared == 0:
		p.line("No destination was compared.")
	case r.AddsUp():
		p.line("Everything adds up in %s.", destinations(compared))
	}
	if unreadable > 0 && compared+failed > 0 {
		p.line("Of %s nothing is claimed: what they hold cannot be read.", destinations(unreadable))
	}
}

func destinations(n int) string {
	if n == 1 {
		return "1 destination"
	}
	return fmt.Sprintf("%d destinations", n)
}

// repaired says what a repair did.
func repaired(p app.Repair) string {
	line := fmt.Sprintf("%s: %d rows sent again, %d records", tame(p.Sink), p.Rows, p.Sent)
	if p.Sent > 0 {
		line += ": " + amounts(amount{p.Stored, "stored"}, amount{p.Waiting, "waiting"}, amount{p.Filtered, "left out by a rule"}, amount{p.Buried, "buried (mekong buried list)"})
	}
	if p.LeftOut > 0 {
		line += fmt.Sprintf("; %d rows left alone, forgotten or no longer kept meanwhile", p.LeftOut)
	}
	return line
}
