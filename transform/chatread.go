package transform

import (
	"slices"
	"strings"
	"time"

	"mekong/pipeline"
	"mekong/sources/chatlog/turn"
)

// chatReading is what a turn says, before it is cut into records.
type chatReading struct {
	body turn.Body
	raw  pipeline.Raw
	loc  *time.Location

	parts []chatPart
	row   turn.Object   // the row that is question and answer in one; else what stands around the messages
	named []turn.Object // where a fact of the turn may stand, the likeliest first
	spent []turn.Object // the token counts of each call that the answer took

	question, answer string
	asked, answered  time.Time
	told             bool // the sender said when it was asked
	handoff          bool
	contact          chatContact
	flags            []string
}

type chatPart struct {
	role turn.Role
	in   turn.Object
	text string
}

// maxChatText bounds a question or an answer in a record: a cell of a sheet
// holds 50,000 characters. All of it is in the Raw.
const maxChatText = 32 << 10

func readChat(body turn.Body, raw pipeline.Raw, loc *time.Location) *chatReading {
	c := &chatReading{body: body, raw: raw, loc: loc}
	c.row, _ = turn.ParseObject(body.Facts)
	for _, p := range body.Parts {
		o, _ := turn.ParseObject(p.Original)
		if data := o.Object("data"); data.Has("conversationid") { // Botpress wraps
			if o = data.Object("message"); len(o.Members()) == 0 {
				o = data
			}
		}
		c.parts = append(c.parts, chatPart{p.Role, o, clean(turn.MessageText(o))})
	}
	c.words()
	c.places()
	c.times()
	c.handoff = c.handedOff()
	c.contact = c.contacts()
	c.doubts()
	return c
}

// words puts the parts together. What was said before the customer's first
// words is no answer to them.
func (c *chatReading) words() {
	if len(c.parts) == 0 {
		q, a := turn.Pair(c.row)
		c.question, c.answer = clean(q), clean(a)
	}
	var questions, answers []string
	asked := !slices.ContainsFunc(c.parts, func(p chatPart) bool { return p.role == turn.Customer })
	for _, p := range c.parts {
		switch {
		case p.role == turn.Customer:
			asked = true
			questions = append(questions, p.text)
		case asked && p.text != "" && (p.role == turn.Bot || p.role == turn.Agent):
			answers = append(answers, p.text)
		}
	}
	if len(c.parts) > 0 {
		c.question, c.answer = clean(strings.Join(questions, "\n")), clean(strings.Join(answers, "\n"))
	}
	for _, text := range []*string{&c.question, &c.answer} {
		var long bool
		if *text, long = bounded(*text, maxChatText); long {
			c.flag("text_cut")
		}
	}
}

// places lists the objects that a fact of the turn may stand in: those of the
// answer before those of the question, and those of the whole conversation last.
func (c *chatReading) places() {
	add := func(o turn.Object) {
		if len(o.Members()) == 0 {
			return
		}
		c.named = append(c.named, o)
		for _, name := range [...]string{"metadata", "meta", "usage", "queryresult", "parsedata", "payload", "contentattributes", "responsemetadata", "tokenusage"} {
			if inner := o.Object(name); len(inner.Members()) > 0 {
				c.named = append(c.named, inner)
				if usage := inner.Object("usage", "tokenusage"); len(usage.Members()) > 0 {
					c.named = append(c.named, usage)
				}
			}
		}
	}
	for _, customer := range [...]bool{false, true} {
		for i := len(c.parts) - 1; i >= 0; i-- {
			if (c.parts[i].role == turn.Customer) == customer {
				add(c.parts[i].in)
			}
		}
	}
	add(c.row)
	if list, ok := c.row.List("observations"); ok {
		for _, raw := range list[:min(len(list), 50)] {
			o, _ := turn.ParseObject(raw)
			if o.Has("model") {
				c.named = append(c.named, o)
				c.spent = append(c.spent, o.Object("usagedetails", "usage"))
			}
		}
	}
}

// text is the first filled of names in the likeliest place.
func (c *chatReading) text(names ...string) string {
	for _, o := range c.named {
		if s := o.Text(names...); s != "" {
			return cleanLine(s)
		}
	}
	return ""
}

// number is like text, for a number; ok is false where there is none.
func (c *chatReading) number(names ...string) (n float64, ok bool) {
	for _, o := range c.named {
		for _, name := range names {
			if n, ok := plainNumber(o.Text(name)); ok {
				return n, true
			}
		}
	}
	return 0, false
}

func (c *chatReading) flag(f string) { c.flags = append(c.flags, f) }

// handedOff reports whether a person took over, or was asked to.
func (c *chatReading) handedOff() bool {
	for _, p := range c.parts {
		if p.role == turn.Agent {
			return true
		}
		if p.role == turn.Aside && p.in.Text("event") == "action" && isHandoff(p.in.Text("name")) {
			return true
		}
	}
	if yes, ok := parseBool(c.text("handoff", "handover", "humanhandoff", "humanhandover", "escalate", "escalated", "transfertohuman", "transferredtohuman", "livehandoff")); ok && yes {
		return true
	}
	return isHandoff(c.intent())
}

func isHandoff(name string) bool {
	key := turn.Fold(name)
	return strings.Contains(key, "handoff") || strings.Contains(key, "handover") || strings.Contains(key, "humanagent") || strings.Contains(key, "liveagent")
}

func (c *chatReading) intent() string {
	for _, o := range c.named {
		if s := o.Text("intent", "intentname"); s != "" {
			return cleanLine(s)
		}
		if inner := o.Object("intent", "intentinfo"); len(inner.Members()) > 0 {
			if s := inner.Text("displayname", "name"); s != "" {
				return cleanLine(s)
			}
		}
	}
	return ""
}

func (c *chatReading) confidence() (float64, bool) {
	for _, o := range c.named {
		if inner := o.Object("intent"); inner.Has("confidence") {
			if n, ok := plainNumber(inner.Text("confidence")); ok {
				return n, true
			}
		}
	}
	return c.number("confidence", "intentconfidence", "intentdetectionconfidence")
}

// feedback is what the customer thought of the answer, with the note where there
// is one.
func (c *chatReading) feedback() string {
	for _, o := range c.named {
		if csat := o.Object("submittedvalues").Object("csatsurveyresponse"); csat.Has("rating") {
			return joined(csat.Text("rating"), csat.Text("feedbackmessage"))
		}
		if s := o.Text("feedback", "rating", "thumbs", "vote"); s != "" {
			return joined(s, o.Text("feedbacknote", "feedbacktext", "feedbackcomment"))
		}
		if f := o.Object("feedback", "rating"); len(f.Members()) > 0 {
			if s := f.Text("rating", "score", "value", "type", "thumb", "thumbs"); s != "" {
				return joined(s, f.Text("text", "note", "comment", "optionaltext"))
			}
		}
		if list, ok := o.List("scores"); ok {
			var all []string
			for _, raw := range list[:min(len(list), 20)] {
				s, _ := turn.ParseObject(raw)
				if v := s.Text("value", "stringvalue"); v != "" {
					all = append(all, joined(strings.TrimPrefix(s.Text("name")+"="+v, "="), s.Text("comment")))
				}
			}
			if len(all) > 0 {
				return strings.Join(all, "; ")
			}
		}
	}
	return ""
}

func joined(a, b string) string {
	if b != "" {
		a += ": " + b
	}
	a, _ = bounded(cleanLine(a), 2000)
	return a
}

// failure is what went wrong, in the chatbot's words.
func (c *chatReading) failure() string {
	for _, o := range c.named {
		s := o.Text("error", "errormessage", "exception")
		if inner := o.Object("error", "exception"); s == "" {
			s = inner.Text("message", "type", "code")
		}
		if s == "false" || s == "true" {
			s = map[string]string{"true": "failed"}[s]
		}
		if s != "" {
			s, _ = bounded(clean(s), 2000)
			return s
		}
		if o.Text("success") == "false" {
			return "failed"
		}
	}
	return ""
}

// doubts flags what somebody should know about how sure the turn is.
func (c *chatReading) doubts() {
	switch c.body.Derived {
	case turn.FromUser:
		c.flag("session_from_user")
	case turn.FromOpening:
		c.flag("session_from_opening")
	}
	if c.body.Session == "" {
		c.flag("no_session")
	}
	if c.body.Cut {
		c.flag("facts_cut")
	}
	if c.body.What == turn.Turn {
		switch {
		case c.question == "" && c.answer != "":
			c.flag("answer_alone")
		case c.answer == "":
			c.flag("unanswered")
		}
		if !c.told {
			c.flag("no_time")
		}
	}
}
