package chatbot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"mekong/pipeline"
)

// message is what is answered of a record.
type message struct {
	id       string // the platform's
	session  string
	question string
	user     string
	chatType string
	at       time.Time
	record   string // the record's ID
}

// read takes a message out of r; false says that there is nothing to answer in it: it
// is none, or of a bot, or from elsewhere, or has no words.
func (s *Sink) read(r pipeline.Record) (message, bool) {
	text := func(name string) string { v, _ := r.Fields[name].(string); return v }
	m := message{id: text("message_id"), session: text("session"), user: text("user_ref"), chatType: text("chat_type"), at: r.Occurred, record: r.ID}
	kind := text("message_type")
	if r.Source != s.source || r.Kind != "message" || text("sender_type") != "user" || m.id == "" || kind != "text" && kind != "post" {
		return message{}, false
	}
	if m.session == "" {
		m.session = m.id
	}
	m.question = text("text")
	// In a group the bot is addressed by its name, which is no part of the question.
	mentions, _ := r.Fields["mentions"].([]string)
	for again := true; again; {
		again = false
		for _, name := range mentions {
			if rest, ok := strings.CutPrefix(m.question, "@"+name); ok && name != "" {
				m.question, again = strings.TrimSpace(rest), true
			}
		}
	}
	return m, m.question != ""
}

// Write answers the messages of batch, one after the other. A record that is no
// message of a person is settled without a word.
func (s *Sink) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	out := make([]pipeline.Outcome, len(batch))
	for i, r := range batch {
		if err := ctx.Err(); err != nil {
			out[i].Err = err
			continue
		}
		m, ok := s.read(r)
		if !ok {
			continue
		}
		out[i].Ref, out[i].Err = s.answer(ctx, m, r.Again)
	}
	return out
}

// answer asks, replies and logs, whatever of it was not done before.
func (s *Sink) answer(ctx context.Context, m message, again bool) (ref string, err error) {
	leave, err := s.memory.enter(ctx, m.session)
	if err != nil {
		return "", err
	}
	defer leave()
	t := s.memory.try(m.record, m.at, again)
	if !t.replied {
		if !t.doubt.IsZero() && s.opts.Now().Sub(t.doubt) > uuidLife {
			s.memory.done(m.record)
			return "", nil
		}
		if !t.asked {
			said, err := s.ask(ctx, m)
			if ctx.Err() != nil {
				return "", ctx.Err() // the process stops: the next one asks
			}
			if err != nil {
				s.opts.OnFailure(err.Error())
				said = said.instead(s.polite, err)
			}
			t.asked, t.said = true, said
		}
		if t.said.text == "" {
			// The chatbot has nothing to say, and said so.
			s.memory.done(m.record)
			return "", nil
		}
		if t.ref, err = s.opts.Reply(ctx, m.id, plain(t.said.text), uuid(m.id)); err != nil {
			if !s.opts.Sure(err) && t.doubt.IsZero() {
				t.doubt = s.opts.Now()
			}
			return "", err
		}
		t.replied = true
	}
	if err := s.log(ctx, m, t.said); err != nil {
		return "", err
	}
	if t.said.failure == "" {
		s.memory.remember(m.session, exchange{cut(m.question, maxRemembered), cut(t.said.text, maxRemembered)})
	}
	s.memory.done(m.record)
	return t.ref, nil
}

// uuid is the same for whatever is said about a message: at most 50 characters.
func uuid(messageID string) string {
	sum := sha256.Sum256([]byte("chatbot\x00" + messageID))
	return "mk-" + hex.EncodeToString(sum[:16])
}

// plain keeps a text from mentioning anybody: a chatbot repeats what it is told, and
// somebody may have told it to call everyone in the group.
func plain(text string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '<')
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i+1])
		text = text[i+1:]
		if tag := strings.ToLower(strings.TrimPrefix(text, "/")); strings.HasPrefix(tag, "at") {
			b.WriteString("\u200b")
		}
	}
}

// cut shortens s to n bytes, between two characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
