package transform

import (
	"encoding/json"
	"strings"

	"mekong/sources/chatlog/turn"
	"mekong/sources/form"
)

// Bounds of what is kept beside the outputs; all of it is in the Raw.
const (
	maxExtras     = 80
	maxExtra      = 4 << 10
	maxExtraDepth = 3
)

// extras flattens what was sent and no output holds, under its own names: the
// members of metadata without a prefix, those of other objects behind the name
// of the object.
type extras struct {
	d       *chatDraft
	names   map[string]bool
	dropped bool
}

func newExtras(d *chatDraft) *extras {
	e := &extras{d: d, names: map[string]bool{}}
	for _, f := range d.sent {
		e.names[f.Name] = true
	}
	return e
}

// turnExtras are those of the messages of a turn, or of its row.
func (c *chatReading) turnExtras(d *chatDraft) {
	e := newExtras(d)
	for i := len(c.parts) - 1; i >= 0; i-- {
		if c.parts[i].role != turn.Aside {
			e.object("", c.parts[i].in, 0)
		}
	}
	if len(c.parts) == 0 {
		e.object("", c.row, 0)
	}
	e.done()
}

// talkExtras are those of a whole conversation: what stands around its messages,
// and what the page said of the visitor.
func (c *chatReading) talkExtras(d *chatDraft) {
	e := newExtras(d)
	if len(c.parts) > 0 || c.body.What == turn.Facts {
		e.object("", c.row, 0)
	}
	seen := c.objects()
	if len(c.parts) == 0 && c.body.What != turn.Facts {
		seen = append(seen, c.row)
	}
	for _, o := range seen {
		for _, name := range [...]string{"metadata", "meta"} {
			if inner := o.Object(name); len(inner.Members()) > 0 {
				e.object("", inner, 1)
			}
		}
	}
	e.done()
}

func (c *chatReading) objects() []turn.Object {
	var all []turn.Object
	for _, p := range c.parts {
		if p.role == turn.Customer {
			all = append(all, p.in)
		}
	}
	return all
}

func (e *extras) done() {
	if e.dropped {
		e.d.flags = append(e.d.flags, "extras_cut")
	}
}

func (e *extras) object(prefix string, o turn.Object, depth int) {
	for _, m := range o.Members() {
		key := turn.Fold(m.Name)
		if prefix == "" && isRead(key) {
			continue
		}
		name := m.Name
		if prefix != "" {
			name = prefix + "_" + name
		}
		inner, isObject := turn.ParseObject(m.Value)
		switch {
		case isObject && depth < maxExtraDepth:
			if isLifted(key) {
				e.object(prefix, inner, depth+1)
			} else {
				e.object(name, inner, depth+1)
			}
		default:
			e.value(name, m.Value)
		}
	}
}

// value keeps one value: a list of texts as a list, other lists as JSON.
func (e *extras) value(name string, raw json.RawMessage) {
	name, _ = bounded(cleanLine(name), 120)
	var values []string
	list, isList := turn.ParseList(raw)
	for _, part := range list {
		s := turn.Scalar(part)
		if s == "" {
			values = nil
			break
		}
		values = append(values, s)
	}
	switch {
	case isList && len(list) == 0, string(raw) == "null":
		return
	case values == nil:
		text := turn.Scalar(raw)
		if text == "" && (raw[0] == '{' || raw[0] == '[') {
			text = string(raw)
		}
		values = []string{text}
		isList = false
	}
	size := 0
	for _, v := range values {
		size += len(v)
	}
	if size == 0 {
		return
	}
	if size > maxExtra || len(e.names) >= maxExtras {
		e.dropped = true
		return
	}
	switch turn.Fold(name) {
	case "state":
		name = "conversation_state" // a form's state is a province
	case "name", "ten":
		name = "title"
	case "page", "pageurl", "currenturl", "landingpage", "referrer", "referer":
		if strings.Contains(values[0], "://") && !e.names["link"] {
			name = "link"
		}
	}
	if isChatOutput(name) {
		name += "_sent"
	}
	if e.names[name] {
		return // nearer places come first
	}
	e.names[name] = true
	e.d.sent = append(e.d.sent, form.Field{Name: name, Values: values, List: isList})
}

// isLifted reports the objects whose members are kept without a prefix.
func isLifted(key string) bool {
	switch key {
	case "metadata", "meta", "extra", "extras", "customattributes", "customfields", "parameters", "slots", "payload", "context":
		return true
	}
	return false
}

// isRead reports the members that an output holds already, or that are the
// machinery's own.
func isRead(key string) bool {
	if turn.IsTime(key) || turn.IsPairName(key) || chatRead[key] {
		return true
	}
	for _, list := range [...][]string{contactPhones, contactEmails, courseNames, {"customername", "fullname", "hoten", "hovaten", "personname"}} {
		if hasName(list, key) {
			return true
		}
	}
	return false
}

// chatRead are further names of that kind, folded.
var chatRead = func() map[string]bool {
	m := map[string]bool{}
	for _, s := range strings.Fields(`sessionid conversationid threadid chatid session thread role sendertype authortype direction messagetype speaker
		sender from author content text message parts body msg utterance value turn turnno turnnumber turnindex userid customerid senderid visitorid
		channel inputchannel model modelname modelid llm usage tokenusage prompttokens inputtokens completiontokens outputtokens tokensin tokensout
		tokensprompt tokenscompletion cost totalcost latency latencyms responsetimems processingtime intent confidence feedback rating error errormessage
		handoff handover eventid messageid event input output observations scores queryresult parsedata responseid conversation contact user customer visitor
		answeredat success outcome messages metadatahash createdat account inbox id private contenttype type authorid eventtype attachments contentattributes originaldetectintentrequest`) {
		m[s] = true
	}
	return m
}()
