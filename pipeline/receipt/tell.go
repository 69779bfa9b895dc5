package receipt

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// shownMost is how many characters of a value are shown; the data hold all.
const shownMost = 1500

// tell is a fact in words, item by item.
func (t tongue) tell(f *Fact) (title string, items []Pair) {
	add := func(name, value string) {
		if value != "" {
			items = append(items, Pair{visible(name), t.cut(visible(value))})
		}
	}
	switch {
	case f.Received != nil:
		t.tellReceived(f, add)
		return t.say("received"), items
	case f.Consent != nil:
		t.tellConsent(f, add)
		return t.say("consent"), items
	case f.Record != nil:
		t.tellRecord(f, add)
		return t.say("record"), items
	case f.Outcome != nil:
		t.tellOutcome(f, add)
		return t.say("outcome"), items
	case f.Forgotten != nil:
		add(t.say("state"), t.say(f.Forgotten.words()))
		add(t.say("forgotten.at"), t.moment(f.At))
		for _, m := range f.Forgotten.Marks {
			add(t.say("forgotten.mark"), m)
		}
		return t.say("forgotten"), items
	case f.Issued != nil:
		add(t.say("number"), number(f.Issued.Number))
		add(t.say("issued"), t.moment(f.At))
		add(t.say("by"), f.Issued.By)
		add(t.say("entries"), strconv.Itoa(f.Issued.Facts))
		add(t.say("proof.prev"), f.Issued.Prev)
		return t.say("issued"), items
	}
	return f.kind(), nil
}

func (f *Forgotten) words() string {
	if f.Since {
		return "forgotten.since"
	}
	return "forgotten.all"
}

func (t tongue) cut(s string) string {
	n := utf8.RuneCountInString(s)
	if n <= shownMost {
		return s
	}
	return string([]rune(s)[:shownMost]) + t.say("cut", n)
}

func (t tongue) tellReceived(f *Fact, add func(name, value string)) {
	r := f.Received
	add(t.say("received.at"), t.moment(f.At))
	add(t.say("received.stored"), t.moment(r.Stored))
	add(t.say("received.source"), r.Source)
	add(t.say("received.format"), r.Format)
	add(t.say("received.id"), f.Lead)
	if r.Number > 0 {
		add(t.say("received.number"), strconv.FormatUint(r.Number, 10))
	}
	if r.SHA256 == "" {
		add(t.say("received.sha256"), t.say("received.gone"))
	} else {
		add(t.say("received.bytes"), t.say("bytes", r.Bytes))
		add(t.say("received.sha256"), r.SHA256)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Facts)) {
		label := name
		if _, ok := words["fact."+name]; ok {
			label = t.say("fact." + name)
		}
		add(label, r.Facts[name])
	}
}

// words says how it stands about consent.
func (c *Consent) words() string {
	switch {
	case c.Given == Yes && c.Wording != "":
		return "consent.worded"
	case c.Given == Yes:
		return "consent.ticked"
	case c.Given == No && c.Wording != "":
		return "consent.saying"
	case c.Given == No:
		return "consent.refused"
	}
	return "consent.none"
}

func (t tongue) tellConsent(f *Fact, add func(name, value string)) {
	c := f.Consent
	add(t.say("consent.given"), t.say(c.words()))
	add(t.say("consent.text"), c.Wording)
	add(t.say("consent.sha256"), c.SHA256)
	for _, p := range c.Sent {
		add(t.say("consent.sent", p.Name), p.Value)
	}
	add(t.say("consent.at"), t.when(c.At, f.At.Location()))
	add(t.say("consent.form"), c.Form)
	add(t.say("consent.page"), c.Page)
	add(t.say("consent.url"), c.URL)
}

// when is a time as it stands in a record, shown as other times are if it is one.
func (t tongue) when(s string, zone *time.Location) string {
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.moment(at.In(zone))
	}
	return s
}

func (t tongue) tellRecord(f *Fact, add func(name, value string)) {
	r := f.Record
	add(t.say("record.id"), r.ID)
	add(t.say("record.key"), r.Key)
	add(t.say("record.kind"), r.Kind)
	add(t.say("record.occurred"), t.moment(r.Occurred))
	add(t.say("record.made"), t.moment(f.At))
	if r.Fields == nil {
		for _, p := range [...]Pair{{"name", r.Name}, {"phone", r.Phone}, {"email", r.Email}} {
			add(t.field(p.Name), p.Value)
		}
		add(t.say("record"), t.say("record.gone"))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		add(t.field(name), t.when(t.plain(r.Fields[name]), f.At.Location()))
	}
}

// plain is a field's value as text.
func (t tongue) plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any: // a list, as it comes out of JSON
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = t.plain(e)
		}
		return strings.Join(parts, ", ")
	case bool:
		return t.say(strconv.FormatBool(v))
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func (t tongue) tellOutcome(f *Fact, add func(name, value string)) {
	o := f.Outcome
	add(t.say("record.id"), o.Record)
	add(t.say("sink"), t.sink(o))
	add(t.say("state"), t.state(o.State))
	add(t.say("at"), t.moment(f.At))
	if o.Attempts > 0 {
		add(t.say("attempts"), strconv.Itoa(o.Attempts))
	}
	add(t.say("took"), took(o.Took))
	add(t.say("ref"), o.Ref)
	add(t.say("why"), o.Why)
}

func (t tongue) sink(o *Outcome) string {
	switch {
	case o.Sink == TransformStage:
		return t.say("transform")
	case o.Type == "" || o.Type == o.Sink:
		return o.Sink
	}
	return o.Sink + " (" + o.Type + ")"
}

// TransformStage is the Sink of an outcome before there are records.
const TransformStage = "transform"

func took(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return d.Round(time.Millisecond).String()
}
