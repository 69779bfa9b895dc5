package chatlog_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/chatlog"
	"mekong/sources/chatlog/turn"
)

type ctxt = context.Context

// FuzzReceive throws bodies at a receiver that keeps its memory, and what it
// makes of them at the transform.
func FuzzReceive(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if strings.Contains(file, ".golden.") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, s := range []string{
		`{"session_id":1e999,"role":"user","text":{"text":[{"text":"a"}]}}`, `{"messages":[{"role":"user"},{"role":"assistant","content":null}]}`,
		`[{"role":"user","content":"a"},{"role":"tool","content":"b"}]`, `{"data":[{"data":[{"question":"q"}]}]}`, `{"event":"message_updated","id":1,"account":{}}`,
		`{"sender_id":"a","timestamp":"x","event":"user"}`, `{"responseId":"r","session":"a/sessions/"}`, `{"question":"a","turn":99999999}`, `{"Session_ID":"a","session-id":"b","user":"x","bot":"y"}`,
		"{\"role\":\"user\",\"text\":\"\xff\",\"session_id\":\"\xfe\"}", `{"session_id":"s","turns":[{"question":"1"},{"answer":"2"}]}`, `{"id":"x","input":5,"output":[]}`,
	} {
		f.Add([]byte(s))
	}
	r := receiver(f, func(c *config.ChatLog) { c.Zone = "Asia/Tokyo" })
	plain := mapping(f, nil)
	mapped := mapping(f, &config.Mapping{
		Kind: "turn", Key: []string{"phone"}, Required: []string{"email"}, Where: `kind != "conversation" || question == ""`, Drop: []string{"model"},
		Fields: map[string]config.Field{"q": {From: []string{"question"}}, "n": {From: []string{"latency_ms"}, As: "number"}, "phone": {From: []string{"sdt", "phone"}, As: "phone_vn"}, "x": {Expr: `len(flags)`}},
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		raws, _, err := r.Receive(post(), body)
		if err != nil {
			if len(raws) != 1 || string(raws[0].Body) != string(body) {
				t.Fatalf("refused and not kept: %v", err)
			}
			refusal(t, err)
			return
		}
		for _, raw := range raws {
			if raw.ID == "" || len(raw.ID) > pipeline.MaxID-2 || raw.Format != turn.Format || raw.Source != "support" {
				t.Fatalf("raw %q of %q", raw.ID, raw.Format)
			}
			if _, err := turn.Decode(raw.Body); err != nil {
				t.Fatal(err)
			}
			for _, m := range []pipeline.Transform{plain, mapped} {
				for _, rec := range records(t, m, raw) {
					if rec.Key == "" || rec.Kind == "" || !strings.HasPrefix(rec.ID, raw.ID+"/") || rec.Occurred.IsZero() {
						t.Fatalf("record %+v", rec)
					}
					for name, v := range rec.Fields {
						switch v.(type) {
						case string, bool, float64, []string:
						default:
							t.Fatalf("%s is a %T", name, v)
						}
					}
				}
			}
		}
	})
}

// FuzzRemember hands a receiver what a stream might hold.
func FuzzRemember(f *testing.F) {
	f.Add([]byte(`{"shape":"message","what":"turn","session":"s","row":"r","number":3,"parts":[{"role":"bot","original":{}}]}`), []byte(`{"session_id":"s","role":"bot","text":"x"}`))
	f.Add([]byte(`{"shape":"row","what":"turn","session":"s","row":"t1","number":-1,"seen":"x"}`), []byte(`{"session_id":"s","turn":1,"question":"x"}`))
	f.Fuzz(func(t *testing.T, stored, body []byte) {
		r := receiver(t, nil)
		r.Remember(pipeline.Raw{ID: "support-1", Source: "support", Format: turn.Format, Body: stored})
		_, _, _ = r.Receive(post(), body) // must not panic
	})
}

func TestListener(t *testing.T) {
	var refused []string
	var emitted []pipeline.Raw
	messages := []chatlog.Heard{
		{Subject: "chat.turns", Place: "CHAT:1", Data: []byte(`{"question":"một","answer":"1"}`)},
		{Subject: "chat.turns", Place: "CHAT:2", Data: []byte(`{"question":"một","answer":"1"}`)},
		{Subject: "chat.turns", Place: "CHAT:3", Data: []byte(`gì đó`)},
		{Subject: "chat.turns", Data: []byte(``)},
	}
	l, err := chatlog.NewListener(receiver(t, nil), func(ctx ctxt, handle func(ctxt, []chatlog.Heard) error) error {
		if err := handle(ctx, messages); err != nil {
			return err
		}
		return handle(ctx, messages[:1]) // again, as after a crash
	}, func(_ ctxt, cause string, raw pipeline.Raw) error {
		refused = append(refused, cause+" "+string(raw.Body))
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(t.Context(), func(_ ctxt, raws ...pipeline.Raw) error {
		emitted = append(emitted, raws...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(emitted) != 3 || emitted[0].ID == emitted[1].ID || emitted[0].ID != emitted[2].ID || emitted[0].Meta["subject"] != "chat.turns" {
		t.Errorf("%d emitted", len(emitted))
	}
	if len(refused) != 1 || refused[0] != "malformed gì đó" {
		t.Errorf("refused %q", refused)
	}
	if _, err := chatlog.NewListener(receiver(t, nil), nil, nil, nil); err == nil {
		t.Error("a listener that hears nothing is no error")
	}
}
