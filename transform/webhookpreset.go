package transform

import (
	"html"
	"strings"

	"github.com/tidwall/gjson"

	"mekong/sources/form"
)

// preset reads body as the preset's system writes it, and reports whether it knew
// what it saw; what it did not becomes flat like anything else.
func (d *webhookDraft) preset(name string, body gjson.Result) bool {
	switch name {
	case "facebook":
		return d.facebook(body)
	case "zalo":
		return d.zalo(body)
	case "pancake":
		return d.pancake(body)
	case "haravan":
		d.haravan(body)
		return true
	case "google_form":
		d.googleForm(body)
		return true
	}
	return false
}

// says makes d a message.
func (d *webhookDraft) says(channel, session, person, text string, own bool) {
	d.kind, d.lead = kindMessage, false
	d.set("channel", channel)
	d.set("session", session)
	d.set("user_ref", person)
	d.set("sender_type", "user")
	if own {
		d.set("sender_type", "page")
	}
	text, cut := bounded(clean(text), maxLarkText)
	if cut {
		d.flags = append(d.flags, "text_cut")
	}
	d.set("text", text)
}

// happens makes d an event.
func (d *webhookDraft) happens(channel, what string, all gjson.Result) {
	d.kind, d.lead = kindEvent, false
	d.set("channel", channel)
	d.set("event_type", what)
	d.sent, d.flags = flatten(all, "")
}

// facebook reads one change or one message of a page, as the source cuts them out of
// an entry.
func (d *webhookDraft) facebook(body gjson.Result) bool {
	change, m := body.Get("change"), body.Get("messaging")
	switch {
	case change.Get("field").String() == "leadgen":
		value := change.Get("value")
		d.created = value.Get("created_time").String()
		value.ForEach(func(k, v gjson.Result) bool {
			if !v.IsArray() && !v.IsObject() {
				d.give(k.String(), v)
			}
			return true
		})
		answers := value.Get("field_data")
		if !answers.IsArray() {
			d.flags = append(d.flags, "answers_not_fetched")
		}
		answers.ForEach(func(_, a gjson.Result) bool {
			d.answer(a.Get("name").String(), a.Get("values"))
			return len(d.sent) < form.MaxFields
		})
	case m.IsObject():
		own := m.Get("message.is_echo").Bool()
		person, page := m.Get("sender.id").String(), m.Get("recipient.id").String()
		if own {
			person, page = page, person
		}
		d.created = m.Get("timestamp").String()
		text, id := m.Get("message.text").String(), m.Get("message.mid").String()
		if m.Get("postback").Exists() {
			text, id = m.Get("postback.title").String(), m.Get("postback.mid").String()
		} else if !m.Get("message").Exists() {
			d.happens("facebook", "messaging", m) // read, delivered, a reaction
			return true
		}
		if text == "" {
			text = attached(m.Get("message.attachments"))
		}
		d.says("facebook", person, person, text, own)
		d.set("page_id", page)
		d.set("message_id", id)
		d.set("referral", m.Get("message.referral.ref").String())
		d.set("ad_id", m.Get("message.referral.ad_id").String())
	case change.IsObject():
		d.happens("facebook", change.Get("field").String(), change.Get("value"))
	default:
		return false
	}
	return true
}

// attached names attachments that have no text.
func attached(list gjson.Result) string {
	var kinds []string
	list.ForEach(func(_, a gjson.Result) bool {
		if kind := a.Get("type").String(); kind != "" && len(kind) < 40 {
			kinds = append(kinds, "["+kind+"]")
		}
		return len(kinds) < 20
	})
	return strings.Join(kinds, " ")
}

// answer gives a question and what was answered, of which there may be several.
func (d *webhookDraft) answer(name string, values gjson.Result) {
	if !values.IsArray() {
		d.give(name, values)
		return
	}
	list := values.Array()
	if len(list) == 1 {
		d.give(name, list[0])
		return
	}
	f := form.Field{Name: name, List: true}
	for _, v := range list {
		f.Values = append(f.Values, scalarText(v))
	}
	if len(f.Values) > 0 {
		d.sent = append(d.sent, f)
	}
}

// zalo reads an event of an official account. Its IDs are too large for a number and
// come as text.
func (d *webhookDraft) zalo(body gjson.Result) bool {
	event := body.Get("event_name").String()
	d.created = body.Get("timestamp").String()
	own := strings.HasPrefix(event, "oa_send_")
	person, page := body.Get("sender.id").String(), body.Get("recipient.id").String()
	if own {
		person, page = page, person
	}
	switch {
	case event == "user_submit_info":
		// A form that the account sent into the chat: a lead.
		d.set("channel", "zalo")
		d.set("user_ref", person)
		body.Get("info").ForEach(func(k, v gjson.Result) bool {
			d.give(k.String(), v)
			return len(d.sent) < form.MaxFields
		})
		return true
	case own, strings.HasPrefix(event, "user_send_"):
		text := body.Get("message.text").String()
		if text == "" {
			if text = attached(body.Get("message.attachments")); text == "" {
				_, kind, _ := strings.Cut(event, "_send_")
				text = "[" + kind + "]"
			}
		}
		d.says("zalo", person, person, text, own)
		d.set("page_id", page)
		d.set("message_id", body.Get("message.msg_id").String())
		d.set("message_type", event)
		d.set("user_id_by_app", body.Get("user_id_by_app").String())
		return true
	case event == "":
		return false
	}
	d.happens("zalo", event, body)
	return true
}

// pancake reads an event of a page behind Pancake. Its times have no offset and are
// UTC, by what one implementation does.
func (d *webhookDraft) pancake(body gjson.Result) bool {
	event := body.Get("event_type").String()
	m, c := body.Get("data.message"), body.Get("data.conversation")
	if !m.IsObject() {
		if event == "" {
			return false
		}
		d.happens("pancake", event, body.Get("data"))
		return true
	}
	page := body.Get("page_id").String()
	from := m.Get("from.id").String()
	own := from != "" && from == page
	person := from
	if own {
		person = c.Get("from.id").String()
	}
	text := m.Get("original_message").String()
	if text == "" {
		text = plainHTML(m.Get("message").String())
	}
	if text == "" {
		text = attached(m.Get("attachments"))
	}
	session := m.Get("conversation_id").String()
	if session == "" {
		session = c.Get("id").String()
	}
	d.created, d.utc = m.Get("inserted_at").String(), true
	d.says("pancake", session, person, text, own)
	d.set("page_id", page)
	d.set("message_id", m.Get("id").String())
	d.set("message_type", m.Get("type").String())
	if m.Get("has_phone").Bool() {
		d.fields["has_phone"] = true
	}
	if !own {
		d.give("name", m.Get("from.name"))
		phone := m.Get("phone_info.0.phone_number")
		if !phone.Exists() {
			phone = m.Get("phone_info.0")
		}
		if phone.Type == gjson.String || phone.Type == gjson.Number {
			d.give("phone", phone)
		}
	}
	if tags := c.Get("tags"); tags.IsArray() && len(tags.Array()) > 0 {
		d.answer("tags", tags)
	}
	return true
}

// plainHTML takes the tags off a message.
func plainHTML(s string) string {
	var out strings.Builder
	for s != "" {
		text, rest, found := strings.Cut(s, "<")
		out.WriteString(text)
		if !found {
			break
		}
		tag, after, closed := strings.Cut(rest, ">")
		if !closed {
			out.WriteString("<" + rest)
			break
		}
		switch name := strings.ToLower(strings.Trim(tag, "/ ")); {
		case name == "br", strings.HasPrefix(name, "br "), tag == "/div", tag == "/p", tag == "/li":
			out.WriteByte('\n')
		}
		s = after
	}
	return html.UnescapeString(strings.TrimSpace(out.String()))
}

// haravan reads an order or a customer. A person's name comes in two pieces, the
// family's last in the sender's words and first in ours.
func (d *webhookDraft) haravan(body gjson.Result) {
	d.sent, d.flags = flatten(body, "")
	for _, at := range []string{"", "customer.", "billing_address.", "shipping_address."} {
		if body.Get(at+"name").Exists() && at != "" {
			return
		}
		first, last := body.Get(at+"first_name").String(), body.Get(at+"last_name").String()
		if name := strings.TrimSpace(last + " " + first); name != "" {
			d.sent = append(d.sent, form.Field{Name: at + "full_name", Values: []string{name}})
			return
		}
	}
}

// googleForm reads what a script posts on submit: a spreadsheet's namedValues, or
// the answers of a form's response, by the titles of the questions.
func (d *webhookDraft) googleForm(body gjson.Result) {
	body.ForEach(func(k, v gjson.Result) bool {
		switch name := k.String(); {
		case v.IsObject() && (name == "namedValues" || name == "answers" || name == "responses"):
			v.ForEach(func(q, a gjson.Result) bool {
				d.answer(q.String(), a)
				return len(d.sent) < form.MaxFields
			})
		case name == "values" && v.IsArray():
			// The same again, without the questions.
		default:
			fields, flags := flatten(v, name)
			d.sent, d.flags = append(d.sent, fields...), append(d.flags, flags...)
		}
		return len(d.sent) < form.MaxFields
	})
	if len(d.sent) > form.MaxFields {
		d.sent = d.sent[:form.MaxFields]
	}
}

// getfly takes off what Getfly writes around the names of its fields, and calls a
// customer's name what it is.
func getfly(fields []form.Field) {
	for i := range fields {
		name, ok := strings.CutPrefix(fields[i].Name, "data[")
		if !ok || !strings.HasSuffix(name, "]") || strings.Contains(name, "[") || len(name) < 2 {
			continue
		}
		if name = strings.TrimSuffix(name, "]"); name == "account_name" {
			name = "name"
		}
		fields[i].Name = name
	}
}
