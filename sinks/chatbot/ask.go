package chatbot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// said is what the chatbot said, or what is said in its place.
type said struct {
	text    string
	failure string // why it is not the chatbot's own; "": it is
	asked   time.Time
	took    time.Duration
}

// instead is the polite message.
func (s said) instead(polite string, err error) said {
	s.text, s.failure = polite, err.Error()
	return s
}

type line struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// ask posts a question once. An empty text and no error means that nothing is to be
// said. Its errors say what happened and nothing of what was asked or answered.
func (s *Sink) ask(ctx context.Context, m message) (said, error) {
	start := s.opts.Now()
	out := said{asked: start}
	body, err := s.question(m)
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.conf.Timeout)
	defer cancel()
	out.text, err = s.post(ctx, m, body)
	out.took = max(s.opts.Now().Sub(start), 0)
	return out, err
}

func (s *Sink) question(m message) ([]byte, error) {
	lines := []line{}
	for _, t := range s.memory.turns(m.session) {
		lines = append(lines, line{"user", t.question}, line{"assistant", t.answer})
	}
	for {
		body, err := json.Marshal(map[string]any{
			"session_id": m.session, "message_id": m.id, "text": m.question, "channel": "lark", "chat_type": m.chatType,
			"user": map[string]string{"id": m.user}, "messages": append(lines[:len(lines):len(lines)], line{"user", m.question}),
		})
		switch {
		case err != nil:
			return nil, errors.New("the question cannot be written as JSON")
		case len(body) <= maxRequest:
			return body, nil
		case len(lines) == 0:
			return nil, errors.New("the question is too long")
		}
		lines = lines[2:]
	}
}

func (s *Sink) post(ctx context.Context, m message, body []byte) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url.String(), bytes.NewReader(body))
	if err != nil {
		return "", errors.New("the chatbot's address cannot be used")
	}
	req.Header = s.header.Clone()
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Accept", "application/json, text/plain")
	req.Header.Set("User-Agent", "mekong")
	req.Header.Set("Idempotency-Key", uuid(m.id))
	resp, err := s.client.Do(req)
	if err != nil {
		return "", errors.New(silent(err))
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return "", errors.New(silent(err))
	case resp.StatusCode == http.StatusNoContent:
		return "", nil
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return "", fmt.Errorf("the chatbot answers %d", resp.StatusCode)
	case len(answer) > maxAnswer:
		return "", errors.New("the chatbot's answer is too long")
	}
	text := s.find(resp.Header.Get("Content-Type"), answer)
	if text == "" {
		return "", errors.New("there is no answer in what the chatbot says")
	}
	return cut(text, maxReply), nil
}

// usual are where chatbots put their answer, best first.
var usual = []string{"answer", "reply", "response", "output", "text", "message", "content", "choices.0.message.content", "data.answer", "data.text", "result", "output.0.content.0.text", "0.text", "message.content"}

// find is the answer in a body.
func (s *Sink) find(contentType string, body []byte) string {
	if !gjson.ValidBytes(body) {
		if strings.HasPrefix(contentType, "text/plain") && utf8.Valid(body) && s.conf.Answer == "" {
			return strings.TrimSpace(string(body))
		}
		return ""
	}
	v := gjson.ParseBytes(body)
	if v.Type == gjson.String && s.conf.Answer == "" {
		return tidy(v.Str)
	}
	paths := usual
	if s.conf.Answer != "" {
		paths = []string{s.conf.Answer}
	}
	for _, path := range paths {
		if a := v.Get(path); a.Type == gjson.String && tidy(a.Str) != "" {
			return tidy(a.Str)
		}
	}
	return ""
}

func tidy(s string) string { return strings.TrimSpace(strings.ToValidUTF8(s, "\ufffd")) }
