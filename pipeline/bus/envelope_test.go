package bus

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"mekong/pipeline"
)

func TestEnvelopeComesBackAsItWas(t *testing.T) {
	at := time.Date(2026, 11, 24, 3, 4, 5, 123456789, time.UTC)
	for name, want := range map[string]pipeline.Raw{
		"usual":      typical(7),
		"no facts":   {ID: "a", Source: "landing", Format: "f", Received: at, Body: []byte("b")},
		"odd":        {ID: "a\"b\\c", Source: "lộ", Format: "\x00\x1f\r\n\t", Received: at, Meta: map[string]string{"": "", "a\"": "\u2028<&>👩‍👩‍👧", "nfd": "e\u0302"}},
		"whole time": {ID: "a", Received: at.Truncate(time.Second), Meta: map[string]string{"k": "v"}},
	} {
		m := rawMsg(want)
		if e := m.Header.Get(headerEnvelope); !json.Valid([]byte(e)) || strings.ContainsAny(e, "\r\n") {
			t.Errorf("%s: the envelope is %q", name, e)
		}
		if id := m.Header.Get(nats.MsgIdHdr); id != want.ID {
			t.Errorf("%s: the message ID is %q", name, id)
		}
		got, err := decodeRaw(m.Header, want.Body)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n got %#v\nwant %#v", name, err, got, want)
		}
	}
}

// An envelope is JSON, however it was spaced, ordered and escaped.
func TestEnvelopesOfOthersAreRead(t *testing.T) {
	const text = ` {"meta": {"k": "\u003cv\u003e"}, "more": [1], "received": "2026-11-24T10:04:05+07:00", "format": "f", "source": "s", "id": "i"} `
	got, err := decodeRaw(nats.Header{headerEnvelope: {text}}, nil)
	want := pipeline.Raw{ID: "i", Source: "s", Format: "f", Meta: map[string]string{"k": "<v>"}}
	if at := time.Date(2026, 11, 24, 3, 4, 5, 0, time.UTC); err != nil || !got.Received.Equal(at) {
		t.Errorf("received %v, %v", got.Received, err)
	}
	if got.Received = (time.Time{}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

func TestWhatIsNoEnvelope(t *testing.T) {
	for _, text := range []string{"", "x", "[]", "1", "null", `{"id":1}`, `{"id":"a"`, `{"received":"today"}`, `{"received":1}`, `{"meta":1}`, `{"meta":{"a":1}}`, `{"id":"a"}{}`} {
		if r, err := decodeRaw(nats.Header{headerEnvelope: {text}}, nil); err == nil {
			t.Errorf("%q is read as %+v", text, r)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	f.Add("landing-1", "landing", "ip", "203.0.113.7")
	f.Add("\xff", "\x00\"\\", "", "\u2028\r\n")
	f.Fuzz(func(t *testing.T, id, source, name, value string) {
		sent := pipeline.Raw{ID: id, Source: source, Meta: map[string]string{name: value}}
		m := rawMsg(sent)
		got, err := decodeRaw(m.Header, nil)
		if err != nil {
			t.Fatal(err)
		}
		// What is no text cannot be written as text; all else is exact.
		whole := func(s string) string { return string([]rune(s)) }
		if got.ID != whole(id) || got.Source != whole(source) || got.Meta[whole(name)] != whole(value) {
			t.Errorf("sent %#v, got %#v", sent, got)
		}
		var std struct {
			ID   string
			Meta map[string]string
		}
		if err := json.Unmarshal([]byte(m.Header.Get(headerEnvelope)), &std); err != nil || std.ID != got.ID || !reflect.DeepEqual(std.Meta, got.Meta) {
			t.Errorf("%v: encoding/json reads %#v, we read %#v", err, std, got)
		}
	})
}
