package larksim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	larkevent "github.com/larksuite/oapi-sdk-go/v3/event"

	"mekong/sinks/lark/larksim"
)

// receiver is an app's callback address that answers as it is told.
type receiver struct {
	status  int
	headers []http.Header
	bodies  [][]byte
	answer  func([]byte) any
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	b, _ := io.ReadAll(req.Body)
	r.headers, r.bodies = append(r.headers, req.Header), append(r.bodies, b)
	w.WriteHeader(r.status)
	if r.answer != nil {
		_ = json.NewEncoder(w).Encode(r.answer(b))
	}
}

// envelope2 is what a receiver needs of an event.
type envelope2 struct {
	Schema string
	Header struct {
		ID    string `json:"event_id"`
		Token string
		Type  string `json:"event_type"`
		At    string `json:"create_time"`
		App   string `json:"app_id"`
	}
	Event struct {
		Message struct {
			ID      string `json:"message_id"`
			Content string
		}
	}
	UUID, Type, Token, Challenge string
}

// The vendor's own code decrypts and checks what the sender makes.
func TestEventCrypto(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	id := w.Say("oc_p2p", "ou_an", "xin chào")
	app := &receiver{status: 200}
	srv := httptest.NewServer(app)
	defer srv.Close()
	d := w.Subscribe(larksim.Subscription{URL: srv.URL, App: appID, Token: "verify", Key: "encrypt"})
	if a := d.Send(context.Background(), w.MessageEvent(id)); !a.OK {
		t.Fatalf("%+v", a)
	}
	var sealed struct{ Encrypt string }
	if err := json.Unmarshal(app.bodies[0], &sealed); err != nil {
		t.Fatal(err)
	}
	plain, err := larkevent.EventDecrypt(sealed.Encrypt, "encrypt")
	if err != nil {
		t.Fatal(err)
	}
	h := app.headers[0]
	if got := larkevent.Signature(h.Get("X-Lark-Request-Timestamp"), h.Get("X-Lark-Request-Nonce"), "encrypt", string(app.bodies[0])); got != h.Get("X-Lark-Signature") {
		t.Error("the signature does not hold")
	}
	var e envelope2
	if err := json.Unmarshal(plain, &e); err != nil || e.Schema != "2.0" || e.Header.Token != "verify" || e.Header.Type != "im.message.receive_v1" ||
		e.Header.App != appID || e.Event.Message.ID != id || e.Event.Message.Content != text("xin chào") {
		t.Errorf("%+v %v", e, err)
	}

	forged, err := d.Request(context.Background(), larksim.Event{Type: "x", Forged: true})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(forged.Body)
	if err != nil {
		t.Fatal(err)
	}
	if larkevent.Signature(forged.Header.Get("X-Lark-Request-Timestamp"), forged.Header.Get("X-Lark-Request-Nonce"), "encrypt", string(body)) == forged.Header.Get("X-Lark-Signature") {
		t.Error("a forged signature holds")
	}
	bare, err := d.Request(context.Background(), larksim.Event{Type: "x", Unsigned: true})
	if err != nil || bare.Header.Get("X-Lark-Signature") != "" {
		t.Errorf("unsigned: %v %v", bare.Header, err)
	}
}

func TestEventEnvelopes(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	app := &receiver{status: 200}
	srv := httptest.NewServer(app)
	defer srv.Close()
	d := w.Subscribe(larksim.Subscription{URL: srv.URL, App: appID, Token: "verify"})
	d.Send(context.Background(), larksim.Event{V1: true, Body: map[string]string{"type": "app_ticket", "app_id": appID, "app_ticket": "t"}})
	d.Send(context.Background(), larksim.Event{Type: "x", Token: "forged"})
	var old, new envelope2
	if err := json.Unmarshal(app.bodies[0], &old); err != nil || old.Schema != "" || old.Type != "event_callback" || old.UUID == "" || old.Token != "verify" {
		t.Errorf("v1: %s", app.bodies[0])
	}
	if err := json.Unmarshal(app.bodies[1], &new); err != nil || new.Header.Token != "forged" || app.headers[1].Get("X-Lark-Signature") != "" {
		t.Errorf("v2: %s", app.bodies[1])
	}
}

func TestChallenge(t *testing.T) {
	for _, key := range []string{"", "encrypt"} {
		w := newWorld(t, larksim.Options{})
		app := &receiver{status: 200}
		srv := httptest.NewServer(app)
		app.answer = func(b []byte) any {
			var e struct{ Encrypt, Challenge string }
			if err := json.Unmarshal(b, &e); err != nil {
				return nil
			}
			if e.Encrypt != "" {
				plain, err := larkevent.EventDecrypt(e.Encrypt, key)
				if err != nil || json.Unmarshal(plain, &e) != nil {
					return nil
				}
			}
			return map[string]string{"challenge": e.Challenge}
		}
		d := w.Subscribe(larksim.Subscription{URL: srv.URL, App: appID, Token: "verify", Key: key})
		if err := d.Challenge(context.Background()); err != nil {
			t.Error(err)
		}
		if app.headers[0].Get("X-Lark-Signature") != "" {
			t.Error("a challenge is not signed")
		}
		app.answer = func([]byte) any { return map[string]string{"challenge": "x"} }
		if d.Challenge(context.Background()) == nil {
			t.Error("a wrong answer passed")
		}
		srv.Close()
		if d.Challenge(context.Background()) == nil {
			t.Error("no answer passed")
		}
	}
}

// A delivery that is not answered 200 in time comes again after 15 s, 5 min, 1 h
// and 6 h, and then no more (`lark.md` §6.4).
func TestRedelivery(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		w := newWorld(t, larksim.Options{})
		app := &receiver{status: 500}
		srv := httptest.NewServer(app)
		defer srv.Close()
		d := w.Subscribe(larksim.Subscription{URL: srv.URL, App: appID, Token: "verify", Key: "encrypt", Fresh: fresh})
		ctx := context.Background()
		if a := d.Send(ctx, larksim.Event{Type: "x"}); a.OK || a.Status != 500 {
			t.Fatalf("%+v", a)
		}
		for i, wait := range []time.Duration{15 * time.Second, 5 * time.Minute, time.Hour, 6 * time.Hour} {
			w.Advance(wait - time.Millisecond)
			if got := d.Due(ctx); len(got) != 0 {
				t.Fatalf("redelivery %d came early", i+1)
			}
			w.Advance(time.Millisecond)
			if at, ok := d.Next(); !ok || !at.Equal(w.Now()) {
				t.Errorf("next at %v", at)
			}
			if got := d.Due(ctx); len(got) != 1 || got[0].Nth != i+1 {
				t.Fatalf("redelivery %d: %+v", i+1, got)
			}
		}
		w.Advance(24 * time.Hour)
		if _, ok := d.Next(); ok || len(d.Due(ctx)) != 0 || len(d.Attempts()) != 5 {
			t.Error("a fifth redelivery")
		}
		if same := bytes.Equal(app.bodies[0], app.bodies[4]); same == fresh {
			t.Errorf("fresh %v, yet the bodies are equal: %v", fresh, same)
		}
		app.status = 200
		if a := d.Send(ctx, larksim.Event{Type: "x"}); !a.OK {
			t.Errorf("%+v", a)
		}
	}
}

func TestDeliveryTimesOut(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	d := w.Subscribe(larksim.Subscription{URL: srv.URL, Timeout: 20 * time.Millisecond})
	if a := d.Send(context.Background(), larksim.Event{Type: "x"}); a.OK || a.Err == nil {
		t.Errorf("%+v", a)
	}
	if _, ok := d.Next(); !ok {
		t.Error("not queued again")
	}
}
