package transform

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"mekong/pipeline"
	"mekong/sources/chatlog/turn"
	"mekong/sources/form"
)

// chatTurn is the format of one turn of a conversation (package turn). It gives
// up to three records:
//
//	turn          one row for each question with its answer
//	conversation  one row for each session, which grows with it
//	lead          the chatbot's own contact form, where it has one
//
// A turn has session, turn_no, channel, user_ref, question, answer, asked_at,
// answered_at, latency_ms, model, tokens_in, tokens_out, cost, intent,
// confidence, feedback, error, handoff, has_phone, source_file, and what the
// customer gave away in it: phone (with phone_local, phone_raw, phone_kind),
// name, email. A conversation has session, channel, user_ref, first_at, last_at,
// turns, customer_turns, last_question, last_answer, has_phone, handoff,
// outcome, course, and the same contact. Everything else that was sent is kept
// flat, under its own name.
//
// A row's key is made of source, session and turn, so a turn that comes again
// with its answer updates its row. A conversation's record carries only what
// this delivery knows of it: first_at comes with its first turn, what was said
// last with its latest, a phone with the turn that holds it, and nothing is
// ever taken back. Turns that would tell the conversation nothing give no record
// of it.
//
// Of a configured mapping, fields, drop and where apply to every record, kind,
// key and required to leads alone: a turn stays a turn, whatever leads are
// called. An expression can tell them apart by kind.
//
// The flags of a turn: unanswered, answer_alone (its question is not known),
// no_session, session_from_user, session_from_opening (two people who open with
// the same words may share a conversation), no_time (asked_at is when we first
// saw it), asked_at_invalid, asked_at_future, text_cut, facts_cut, extras_cut.
const chatTurn = turn.Format

// The kinds of record a conversation gives, beside leads.
const (
	kindTurn         = "turn"
	kindConversation = "conversation"
)

// chat makes the records of one turn.
func (m *mapper) chat(raw pipeline.Raw) ([]pipeline.Record, error) {
	body, err := turn.Decode(raw.Body)
	if err != nil {
		return nil, pipeline.Permanent(err)
	}
	c := readChat(body, raw, m.zoneOf(raw))
	var records []pipeline.Record
	var left error
	add := func(n int, d *chatDraft) {
		if d == nil {
			return
		}
		r, err := m.chatRecord(raw, d)
		if err != nil {
			left = err
			return
		}
		r.ID = raw.ID + "/" + strconv.Itoa(n)
		records = append(records, r)
	}
	add(1, c.turn())
	add(2, c.conversation())
	add(3, c.lead(m.kind))
	if len(records) == 0 && left == nil {
		left = pipeline.Filtered("chat.nothing_said")
	}
	if len(records) == 0 {
		return nil, left
	}
	return records, nil
}

// zoneOf is what a time without an offset means in raw: its source's zone, else
// the configuration's.
func (m *mapper) zoneOf(raw pipeline.Raw) *time.Location {
	name := raw.Meta["zone"]
	if name == "" {
		return m.loc
	}
	if loc, ok := m.zones.Load(name); ok {
		return loc.(*time.Location)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return m.loc // the configuration was checked, so this is an old delivery's
	}
	m.zones.Store(name, loc)
	return loc
}

// chatDraft is a record before the mapping has seen it.
type chatDraft struct {
	key      string
	kind     string
	lead     bool // the mapping's kind, key and required apply
	occurred time.Time
	fields   []chatField  // outputs
	sent     []form.Field // what the mapping reads: contact, address, everything else
	flags    []string
}

type chatField struct {
	name  string
	value any
}

func (d *chatDraft) set(name string, v any) {
	switch v := v.(type) {
	case string:
		if v == "" {
			return
		}
	case time.Time:
		if !v.IsZero() {
			d.fields = append(d.fields, chatField{name, v.UTC().Format(time.RFC3339Nano)})
		}
		return
	}
	d.fields = append(d.fields, chatField{name, v})
}

// give adds something sent that the mapping reads.
func (d *chatDraft) give(name, value string) {
	if value != "" {
		d.sent = append(d.sent, form.Field{Name: name, Values: []string{value}})
	}
}

// chatRecord puts a draft through the mapping.
func (m *mapper) chatRecord(raw pipeline.Raw, d *chatDraft) (pipeline.Record, error) {
	b := m.pool.Get().(*build)
	defer func() {
		if b.reset(); cap(b.items) <= maxRoom {
			m.pool.Put(b)
		}
	}()
	b.raw, b.kind, b.occurred = raw, d.kind, d.occurred
	b.secrets = mentionsOTP(raw.Body)
	b.flags = append(b.flags, d.flags...)
	b.collect(d.sent)
	b.fields = make(map[string]any, len(b.items)+len(d.fields)+added)
	for _, f := range d.fields {
		if s, ok := f.value.(string); ok {
			if b.secrets {
				s = withoutOTP(s)
			}
			f.value = s
		}
		b.derive(f.name, f.value)
	}
	b.contact()
	if it := b.slot(roleLink); it != nil {
		b.link = it.first()
		b.derive("link", b.link)
		if page := canonicalPage(b.link); page != "" {
			b.derive("page", page)
		}
	}
	if it := b.slot(roleIP); it != nil {
		if it.used = it.used && isIP(it.first()); it.used {
			b.set("ip", it.first())
		}
	}
	b.consent()
	b.plain()
	b.configured()
	b.proof()
	b.rest()
	b.compute(m.order[:m.early])
	if name, _ := b.fields["name"].(string); d.lead {
		b.judge()
	} else if search := foldSearch(name); search != "" {
		b.derive("search", search)
	}
	if b.fields["phone"] != nil {
		b.derive("has_phone", true)
	} else if d.kind == kindTurn && !d.lead {
		b.derive("has_phone", false)
	}
	b.compute(m.order[m.early:])
	return b.chatFinish(d)
}

// chatFinish is [build.record] for a row that has its key already.
func (b *build) chatFinish(d *chatDraft) (pipeline.Record, error) {
	if d.lead {
		r, err := b.record()
		if r.Key == b.raw.ID {
			r.Key = d.key
		}
		r.Occurred = d.occurred.UTC()
		return r, err
	}
	b.settleFlags()
	if where := b.m.where; where != nil {
		out, err := where.run(&b.machine, b)
		if err != nil {
			b.flag("where_error")
			b.settleFlags()
		} else if !asBool(out) {
			return pipeline.Record{}, pipeline.Filtered("transform." + b.m.source + ".where")
		}
	}
	for _, name := range b.m.drop {
		for _, suffix := range [...]string{"", "_local", "_raw", "_kind", "_suggest"} {
			delete(b.fields, name+suffix)
		}
	}
	return pipeline.Record{
		Key: d.key, Kind: d.kind, Source: b.raw.Source, Occurred: d.occurred.UTC(), Received: b.raw.Received.UTC(), Fields: b.fields,
	}, nil
}

// chatKey is the row of a session, or of a turn in it. Keys travel in logs and a
// session's ID may be somebody's phone number, so it is a hash.
func chatKey(source, session, row string) string {
	h := sha256.New()
	for _, s := range [...]string{source, session, row} {
		h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	return "chat-" + hex.EncodeToString(h.Sum(nil)[:20])
}

// chatOutputs are the names that what was sent may not have.
var chatOutputs = []string{
	"session", "turn_no", "channel", "user_ref", "question", "answer", "asked_at", "answered_at", "latency_ms", "model",
	"tokens_in", "tokens_out", "cost", "intent", "confidence", "feedback", "error", "handoff", "has_phone", "source_file",
	"first_at", "last_at", "turns", "customer_turns", "last_question", "last_answer", "outcome", "course",
}

func isChatOutput(name string) bool { return slices.Contains(chatOutputs, name) }
