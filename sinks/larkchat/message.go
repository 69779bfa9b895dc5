package larkchat

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// message is what a bot posts, in the form that custom bots and apps share.
type message struct {
	kind    string // "text", "interactive"
	content any
}

// maxContent is how many bytes of JSON a message may be: a custom bot takes 20 KB in
// all (`lark.md` §8.1), an app's bot 30 KB of a card (§6.6).
const maxContent = 19 << 10

// mention is what Lark reads as a mention, of a person or of everybody.
var mention = regexp.MustCompile(`(?i)<(/?\s*at)`)

// Plain makes text of others harmless in a text message: what reads like a mention
// mentions nobody.
func Plain(text string) string { return mention.ReplaceAllString(text, "<\u200b$1") }

// fitting is how many of items, in order, fit in one message; at least one.
func (s *Sink) fitting(items []*item) int {
	var notices []notice
	for i, it := range items {
		notices = append(notices, it.notice)
		if i > 0 && (i >= s.conf.Group || size(s.build(notices)) > maxContent) {
			return i
		}
	}
	return len(items)
}

// message makes one message of notices. One that is too long by itself is cut.
func (s *Sink) message(notices []notice) message {
	m := s.build(notices)
	for n := notices[0]; len(notices) == 1 && size(m) > maxContent && n.body != ""; m = s.build([]notice{n}) {
		n.body = cut(n.body, utf8.RuneCountInString(n.body)*3/4)
		if len(n.body) < 8 { // whatever it is that is long, it is not this
			n.body = ""
		}
	}
	return m
}

func (s *Sink) build(notices []notice) message {
	title := notices[0].title
	alike := true
	for _, n := range notices {
		alike = alike && n.title == title
	}
	var parts []string
	for _, n := range notices {
		part := n.body
		if !alike {
			part = n.title + "\n" + n.body
		}
		parts = append(parts, part)
	}
	switch {
	case len(notices) > 1 && alike:
		title = strconv.Itoa(len(notices)) + " × " + title
	case len(notices) > 1:
		title = strconv.Itoa(len(notices)) + " mục mới / new"
	}
	if s.conf.Format == "text" {
		return textMessage(title + "\n" + strings.Join(parts, "\n———\n"))
	}
	return card(title, "blue", parts)
}

func textMessage(text string) message {
	return message{"text", map[string]any{"text": Plain(text)}}
}

// card is a card of plain texts: in those nothing is a mention, a link or a format.
func card(title, colour string, parts []string) message {
	var elements []any
	for i, part := range parts {
		if i > 0 {
			elements = append(elements, map[string]any{"tag": "hr"})
		}
		if part == "" {
			part = "–" // an empty text is refused
		}
		elements = append(elements, map[string]any{"tag": "div", "text": map[string]any{"tag": "plain_text", "content": part}})
	}
	return message{"interactive", map[string]any{
		"config":   map[string]any{"wide_screen_mode": true},
		"header":   map[string]any{"template": colour, "title": map[string]any{"tag": "plain_text", "content": title}},
		"elements": elements,
	}}
}

// size is how long the message is as JSON.
func size(m message) int { return len(encode(m.content)) }

// encode writes what this package made up, which JSON has a form for.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // texts in maps and lists: it cannot fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
