package transform

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"mekong/pipeline"
	"mekong/sources/form"
)

// larkEvent is the format of an event of a bot in Lark (`lark.md` §6.3, §6.5), in
// either envelope. It gives one record:
//
//	message  somebody wrote to the bot, or into a chat that it reads
//	event    anything else
//
// A message has text, which is what one would read on the screen: names in place of
// mentions, the words of a post or card, and for what is no text a note such as
// [image] or [file] price.pdf. Beside it are message_type, message_id, chat_id,
// chat_type (p2p, group), root_id, parent_id, thread_id; user_ref (the sender's
// open_id), user_id, union_id, sender_type (user, app); mentions (names);
// image_key, file_key, file_name, duration; session, which is the thread, the chat
// between two, or a person's part of a group; channel, always "lark"; sent_at, and
// edited_at where it was. content is the platform's own text for anything but plain
// text, up to 16 KiB, so that a type nobody here knows is read all the same.
//
// Any other event has event_type and what it holds, flat, with dots in the names.
//
// Both have event_id and app_id. The Verification Token is in neither. Of a
// configured mapping, kind is for leads and does not apply.
const larkEvent = "lark.event"

const (
	kindMessage = "message"
	kindEvent   = "event"
)

// maxLarkText bounds a message's text: the platform's own bound (`lark.md` §6.6).
const maxLarkText = 150 << 10

// lark makes the record of one event.
func (m *mapper) lark(raw pipeline.Raw) ([]pipeline.Record, error) {
	if !gjson.ValidBytes(raw.Body) {
		return nil, pipeline.Permanent(errors.New("the event is no JSON"))
	}
	body := gjson.ParseBytes(raw.Body)
	event, header := body.Get("event"), body.Get("header")
	kind, created, id := header.Get("event_type").String(), header.Get("create_time").String(), header.Get("event_id").String()
	if !header.IsObject() {
		kind, created, id = event.Get("type").String(), body.Get("ts").String(), body.Get("uuid").String()
	}
	switch {
	case body.Get("encrypt").Type == gjson.String && !event.Exists():
		return nil, pipeline.Permanent(errors.New("the event is encrypted, and was refused for that: it comes again when encrypt_key is right"))
	case !event.Exists():
		return nil, pipeline.Permanent(errors.New("this is no event of Lark"))
	}
	d := &larkDraft{kind: kindEvent, created: created, fields: map[string]any{}}
	d.set("channel", "lark")
	d.set("event_id", id)
	d.set("app_id", header.Get("app_id").String())
	switch {
	case kind == "im.message.receive_v1":
		d.message(event)
	case kind == "message" && !header.IsObject():
		d.oldMessage(event)
	default:
		d.set("event_type", kind)
		d.sent, d.flags = flatten(event, "")
	}
	r, err := m.larkRecord(raw, d)
	if err != nil {
		return nil, err
	}
	return []pipeline.Record{r}, nil
}

// larkDraft is a record before the mapping has seen it.
type larkDraft struct {
	kind    string
	created string // when it happened, as sent
	fields  map[string]any
	sent    []form.Field // everything else, under names of its own
	flags   []string
}

func (d *larkDraft) set(name, value string) {
	if value != "" {
		d.fields[name] = value
	}
}

// message reads an event of the present kind (`lark.md` §6.5).
func (d *larkDraft) message(event gjson.Result) {
	message, sender := event.Get("message"), event.Get("sender")
	d.kind = kindMessage
	d.created = message.Get("create_time").String()
	for _, name := range [...]string{"message_id", "chat_id", "chat_type", "message_type", "root_id", "parent_id", "thread_id"} {
		d.set(name, message.Get(name).String())
	}
	d.set("user_ref", sender.Get("sender_id.open_id").String())
	d.set("user_id", sender.Get("sender_id.user_id").String())
	d.set("union_id", sender.Get("sender_id.union_id").String())
	d.set("sender_type", sender.Get("sender_type").String())
	if at := message.Get("update_time").String(); at != d.created {
		d.set("edited_at", at)
	}
	names := mentioned(message.Get("mentions"))
	if list := names.list(); len(list) > 0 {
		d.fields["mentions"] = list
	}
	d.content(message.Get("message_type").String(), message.Get("content").String(), names)
	d.session()
}

// oldMessage reads an event of the first kind, which has its text beside all else.
func (d *larkDraft) oldMessage(event gjson.Result) {
	d.kind = kindMessage
	for name, from := range map[string]string{
		"message_id": "open_message_id", "chat_id": "open_chat_id", "message_type": "msg_type", "root_id": "root_id", "parent_id": "parent_id",
		"user_ref": "open_id", "user_id": "employee_id", "image_key": "image_key", "file_key": "file_key",
	} {
		d.set(name, event.Get(from).String())
	}
	d.set("sender_type", "user")
	d.set("chat_type", event.Get("chat_type").String())
	if d.fields["chat_type"] == "private" {
		d.fields["chat_type"] = "p2p"
	}
	text := event.Get("text_without_at_bot").String()
	if text == "" {
		text = event.Get("text").String()
	}
	kind, _ := d.fields["message_type"].(string)
	if text = strings.TrimSpace(text); text == "" && kind != "text" {
		text = "[" + kind + "]"
	}
	d.text(text)
	d.session()
}

// session is what belongs together: a thread, a chat between two, and in a group
// what one person says in it.
func (d *larkDraft) session() {
	chat, _ := d.fields["chat_id"].(string)
	person, _ := d.fields["user_ref"].(string)
	thread, _ := d.fields["thread_id"].(string)
	switch {
	case thread != "":
		d.set("session", thread)
	case d.fields["chat_type"] == "group" && person != "":
		d.set("session", chat+"/"+person)
	default:
		d.set("session", chat)
	}
}

func (d *larkDraft) text(s string) {
	s, cut := bounded(clean(s), maxLarkText)
	if cut {
		d.flags = append(d.flags, "text_cut")
	}
	d.set("text", s)
}

// larkRecord puts a draft through the mapping.
func (m *mapper) larkRecord(raw pipeline.Raw, d *larkDraft) (pipeline.Record, error) {
	b := m.pool.Get().(*build)
	defer func() {
		if b.reset(); cap(b.items) <= maxRoom {
			m.pool.Put(b)
		}
	}()
	b.raw, b.kind, b.occurred = raw, d.kind, raw.Received
	b.secrets = mentionsOTP(raw.Body)
	b.flags = append(b.flags, d.flags...)
	b.collect(d.sent)
	b.fields = make(map[string]any, len(b.items)+len(d.fields)+added)
	for _, name := range slices.Sorted(maps.Keys(d.fields)) {
		v := d.fields[name]
		if s, ok := v.(string); ok {
			if b.secrets {
				s = withoutOTP(s)
			}
			v = clean(s)
		}
		b.set(name, v)
	}
	b.sentTimes(d)
	b.configured()
	b.keepAsSent()
	b.compute(m.order[:m.early])
	b.compute(m.order[m.early:])
	return b.record()
}

// sentTimes settles when it happened: milliseconds, and in one sample of the
// documentation microseconds (`lark.md` §6.3).
func (b *build) sentTimes(d *larkDraft) {
	if d.created != "" {
		b.happened(d.created)
	}
	if d.kind == kindMessage {
		b.set("sent_at", b.occurred.UTC().Format(timeText))
	}
	if text, ok := d.fields["edited_at"].(string); ok {
		if t, _, ok := parseDate(text, b.m.loc); ok {
			b.set("edited_at", t.UTC().Format(timeText))
		}
	}
}

// timeText is how a moment is written in a field.
const timeText = "2006-01-02T15:04:05.999Z07:00"
