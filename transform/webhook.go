package transform

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"mekong/pipeline"
	"mekong/sources/form"
)

// webhookJSON is the format of what any other system posts (`sources.md` §2): JSON,
// a form or multipart; [pipeline.Raw.Meta] may hold preset, topic, content_type and
// what else package request keeps. It gives one record:
//
//	lead     of the mapping's kind: a form, an order, a contact, anything
//	message  somebody wrote to a page or an official account (facebook, zalo, pancake)
//	event    what a preset knows to be neither
//
// JSON is made flat: what is inside one another has dots in its name, as in
// customer.phone. What stands in a place for a person, such as customer or data,
// also fills phone, name and email where nothing nearer to the top does; otherwise
// all is as in a form, built-in and configured mapping alike.
//
// A message has session, user_ref, sender_type (user, page), message_id, text,
// channel, has_phone, sent_at, and the contact in it. An event has event_type.
// Of a configured mapping, kind is for leads alone.
//
// Beside the flags of a form: answers_not_fetched (a Facebook lead of which only the
// IDs came), list_cut.
const webhookJSON = "webhook.json"

// webhookDraft is a record before the mapping has seen it.
type webhookDraft struct {
	kind    string
	lead    bool
	created string // when it happened, as sent; "": as the fields say
	utc     bool   // what has no offset is UTC
	fields  map[string]any
	sent    []form.Field
	flags   []string
}

// set stores an output.
func (d *webhookDraft) set(name, value string) {
	if value = clean(value); value != "" {
		d.fields[name] = value
	}
}

// give adds something sent that the mapping reads.
func (d *webhookDraft) give(name string, v gjson.Result) {
	if text := scalarText(v); text != "" {
		d.sent = append(d.sent, form.Field{Name: name, Values: []string{text}})
	}
}

// webhook makes the record of one delivery.
func (m *mapper) webhook(raw pipeline.Raw) ([]pipeline.Record, error) {
	d := &webhookDraft{kind: m.kind, lead: true, fields: map[string]any{}}
	var parsed form.Parsed
	var err error
	if body := gjson.ParseBytes(raw.Body); gjson.ValidBytes(raw.Body) && (body.IsObject() || body.IsArray()) {
		if !d.preset(raw.Meta["preset"], body) {
			d.sent, d.flags = flatten(body, "")
		}
	} else {
		parsed, err = form.Parse(raw.Meta["content_type"], raw.Body)
		d.sent, d.flags = parsed.Fields, parsed.Flags
		if raw.Meta["preset"] == "getfly" {
			getfly(d.sent)
		}
	}
	d.set("topic", raw.Meta["topic"])
	if d.lead {
		d.sent = m.people(d.sent)
	}
	r, err := m.webhookRecord(raw, d, parsed, err)
	if err != nil {
		return nil, err
	}
	return []pipeline.Record{r}, nil
}

// webhookRecord puts a draft through the mapping.
func (m *mapper) webhookRecord(raw pipeline.Raw, d *webhookDraft, parsed form.Parsed, unread error) (pipeline.Record, error) {
	b := m.pool.Get().(*build)
	defer func() {
		if b.reset(); cap(b.items) <= maxRoom {
			m.pool.Put(b)
		}
	}()
	b.raw, b.kind = raw, d.kind
	b.secrets = mentionsOTP(raw.Body) || mentionsOTP([]byte(raw.Meta["referer"]))
	b.plusLost = parsed.Kind == form.URLEncoded
	b.flags = append(b.flags, d.flags...)
	b.collect(d.sent)
	b.fields = make(map[string]any, len(b.items)+len(d.fields)+added)
	for name, v := range d.fields { // each has a name of its own, so no order shows
		if s, ok := v.(string); ok && b.secrets {
			v = withoutOTP(s)
		}
		b.set(name, v)
	}
	b.occurred = raw.Received
	if d.lead || d.kind == kindMessage {
		b.contact()
	}
	if d.lead {
		b.origin()
		b.times()
		b.consent()
		b.plain()
	}
	b.created(d)
	b.configured()
	if d.lead {
		b.proof()
		b.rest()
		b.body(parsed, unread)
	} else {
		b.keepAsSent()
	}
	b.compute(m.order[:m.early])
	if name, _ := b.fields["name"].(string); d.lead {
		b.judge()
	} else if search := foldSearch(name); search != "" {
		b.derive("search", search)
	}
	if d.kind == kindMessage && !d.lead {
		b.derive("has_phone", b.fields["phone"] != nil || b.fields["has_phone"] == true)
	}
	b.compute(m.order[m.early:])
	return b.record()
}

// createdNames are where systems say when something happened, best first.
var createdNames = []string{"created_at", "createdAt", "created_time", "submitted_at", "timestamp", "date_created", "createdDate", "created", "time"}

// keepAsSent keeps every field that no output holds yet under its own name, also
// where a lead would have an output of that name: the state of something that
// happened is no province.
func (b *build) keepAsSent() {
	for i := range b.items {
		it := &b.items[i]
		name := cleanLine(it.sent.Name)
		_, there := b.fields[name]
		switch {
		case it.used:
		case there || name == "" || name == "flags" || isOfRecord(name) || b.m.isConfigured(name):
			b.keep(it.sent.Name, it.whole())
		default:
			b.fields[name] = it.whole()
		}
	}
}

// created settles when it happened by what the preset or the usual names say. Unlike
// LadiPage's message_time nothing promises that one of those is a time, so what
// cannot be read is no fault.
func (b *build) created(d *webhookDraft) {
	if d.lead && b.slots[roleTime-1] != 0 {
		return
	}
	text := d.created
	for _, name := range createdNames {
		for i := 0; i < len(b.items) && text == ""; i++ {
			sent := b.items[i].sent.Name
			if at := strings.LastIndexByte(sent, '.'); isWrapping(sent[:max(at, 0)]) {
				sent = sent[at+1:]
			}
			if sent == name {
				text = b.items[i].first()
			}
		}
	}
	if d.utc && text != "" && !strings.HasSuffix(text, "Z") && !strings.Contains(text, "+") {
		text += "Z"
	}
	if t, day, ok := parseDate(text, b.m.loc); ok && !day && t.Year() >= 2000 && !t.After(b.raw.Received.Add(futureTolerance)) {
		b.occurred = t
	}
	if d.kind == kindMessage && !d.lead {
		b.derive("sent_at", b.occurred.UTC().Format(timeText))
	}
}

// personal are the names that stand around a person's own fields.
var personal = []string{
	"data", "payload", "body", "fields", "answers", "values", "value", "form", "result", "object", "record", "attributes", "properties", "event",
	"customer", "user", "contact", "person", "client", "lead", "buyer", "sender", "from", "profile", "account", "info", "submission", "response",
	"billing_address", "shipping_address", "billing", "shipping", "khach_hang", "nguoi_mua", "hoc_vien", "phu_huynh", "namedvalues",
}

// isWrapping reports whether every piece of a dotted name is one of those; "" is.
func isWrapping(name string) bool {
	for piece := range strings.SplitSeq(name, ".") {
		if name != "" && !slices.Contains(personal, strings.ToLower(piece)) {
			return false
		}
	}
	return true
}

// people lets dotted names fill phone, name and email: the one nearest to the top,
// and of two the one whose place is named first above, unless there is one without dots. A name that the
// configuration reads as it stands is left to it.
func (m *mapper) people(fields []form.Field) []form.Field {
	var has [roleEmail + 1]bool
	roleOf := func(name string) role {
		if e, _ := m.lookup(name, nil); e != nil && e.slot >= 0 && e.slot < int(roleEmail) {
			return role(e.slot + 1)
		}
		return other
	}
	deepest := 0
	for i := range fields {
		has[roleOf(fields[i].Name)] = true
		deepest = max(deepest, strings.Count(fields[i].Name, "."))
	}
	for depth := 1; depth <= min(deepest, 4); depth++ {
		var best [roleEmail + 1]struct{ field, rank int } // field counts from 1
		for i := range fields {
			name := fields[i].Name
			if strings.Count(name, ".") != depth {
				continue
			}
			at := strings.LastIndexByte(name, '.')
			r := roleOf(name[at+1:])
			if e, _ := m.lookup(name, nil); r == other || has[r] || e != nil || !isWrapping(name[:at]) {
				continue
			}
			parent := name[:at]
			rank := slices.Index(personal, strings.ToLower(parent[strings.LastIndexByte(parent, '.')+1:]))
			if b := &best[r]; b.field == 0 || rank < b.rank {
				b.field, b.rank = i+1, rank
			}
		}
		for r, b := range best {
			if b.field > 0 {
				name := fields[b.field-1].Name
				fields[b.field-1].Name, has[r] = name[strings.LastIndexByte(name, '.')+1:], true
			}
		}
	}
	return fields
}
