package chatbot

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"mekong/pipeline"
	"mekong/sources/chatlog/turn"
	"mekong/sources/identity"
)

// log stores question and answer as a turn. Its ID is made of the message's, so that
// a second try is the same turn.
func (s *Sink) log(ctx context.Context, m message, a said) error {
	raw, err := s.turn(m, a)
	if err != nil {
		return pipeline.Permanent(err)
	}
	if err := s.opts.Emit(ctx, raw); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return pipeline.Hold(fmt.Errorf("chatbot: the turn cannot be stored: %w", err), 0)
	}
	return nil
}

func (s *Sink) turn(m message, a said) (pipeline.Raw, error) {
	asked, err := json.Marshal(map[string]any{"role": "user", "content": m.question, "ts": stamp(m.at), "message_id": m.id})
	if err != nil {
		return pipeline.Raw{}, err
	}
	answered, err := json.Marshal(map[string]any{"role": "assistant", "content": a.text, "ts": stamp(a.asked.Add(a.took))})
	if err != nil {
		return pipeline.Raw{}, err
	}
	facts := map[string]any{"user_id": m.user, "channel": "lark", "latency_ms": a.took.Milliseconds()}
	if a.failure != "" {
		facts["error"] = a.failure
	}
	around, err := json.Marshal(facts)
	if err != nil {
		return pipeline.Raw{}, err
	}
	b := turn.Body{
		Shape: shape, What: turn.Turn, Session: m.session, Row: m.id, Seen: m.at.UTC().Format(time.RFC3339Nano),
		Parts: []turn.Part{{Role: turn.Customer, Original: asked}, {Role: turn.Bot, Original: answered}}, Facts: around,
	}
	body, err := b.Encode()
	if err != nil {
		return pipeline.Raw{}, err
	}
	return pipeline.Raw{
		ID: identity.Vendor(s.source, "turn/"+m.id), Source: s.source, Format: turn.Format, Received: s.opts.Now().UTC(),
		Meta: map[string]string{"content_type": "application/json"}, Body: body,
	}, nil
}

// Recall tells the sink of a turn that it logged before this process started, oldest
// first, so that a conversation goes on where it was. Anything else is passed over.
func (s *Sink) Recall(raw pipeline.Raw) {
	if raw.Source != s.source || raw.Format != turn.Format {
		return
	}
	b, err := turn.Decode(raw.Body)
	if err != nil || b.Shape != shape || len(b.Parts) != 2 {
		return
	}
	if facts, _ := turn.ParseObject(b.Facts); facts.Has("error") {
		return // the polite text is no part of what the chatbot said
	}
	var said [2]struct{ Content string }
	for i, p := range b.Parts {
		if json.Unmarshal(p.Original, &said[i]) != nil {
			return
		}
	}
	s.Remember(b.Session, said[0].Content, said[1].Content)
}

// shape is what the turns of this package are called among those of chat logs.
const shape = "larkbot"

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
