package larkbot

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	larkevent "github.com/larksuite/oapi-sdk-go/v3/event"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sources/intake"
	"mekong/sources/request"
)

const (
	token = "the-verification-token"
	key   = "test key"
)

var now = time.Date(2026, 3, 1, 3, 4, 5, 0, time.UTC)

func receiver(t testing.TB, encryptKey string) *Receiver {
	t.Helper()
	r, err := New("bot", config.LarkBot{Path: "/in/bot", VerificationToken: config.NewSecret(token), EncryptKey: config.NewSecret(encryptKey), Window: 12 * time.Hour},
		func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The vectors of `lark.md` §6.2.
func TestVectors(t *testing.T) {
	sum := signature("1", "2", "key", []byte("body"))
	if got := hex.EncodeToString(sum[:]); got != "8771f8ad6a4ab4e8f36c46495080174cfd1281a96df41bc9b82542e87ba04b77" {
		t.Errorf("the signature is %s", got)
	}
	if got, err := decrypt("P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=", "test key"); err != nil || string(got) != "hello world" {
		t.Errorf("decrypted %q, %v", got, err)
	}
}

// seal encrypts a text that is padded already.
func seal(padded []byte, key string) string {
	sum := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		panic(err)
	}
	out := make([]byte, aes.BlockSize+len(padded))
	copy(out, "a vector, 16 byt")
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], padded)
	return base64.StdEncoding.EncodeToString(out)
}

func pad(text string) []byte {
	n := aes.BlockSize - len(text)%aes.BlockSize
	return append([]byte(text), bytes.Repeat([]byte{byte(n)}, n)...)
}

func TestDecryptIsStrict(t *testing.T) {
	long := strings.Repeat("x", 40)
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"one block":          {seal(pad("hello"), key), true},
		"whole block of pad": {seal(pad(long[:16]), key), true},
		"several blocks":     {seal(pad(long), key), true},
		"another key":        {seal(pad(long), "other"), false},
		"padding of 0":       {seal(append([]byte(long[:15]), 0), key), false},
		"padding of 17":      {seal(append([]byte(long[:15]), 17), key), false},
		"padding of 255":     {seal(append([]byte(long[:15]), 255), key), false},
		"uneven padding":     {seal(append([]byte(long[:13]), 9, 3, 3), key), false},
		"no padding":         {seal([]byte(long[:32]), key), false},
		"vector alone":       {base64.StdEncoding.EncodeToString([]byte(long[:16])), false},
		"half a block":       {base64.StdEncoding.EncodeToString([]byte(long)), false},
		"no base64":          {"***", false},
		"nothing":            {"", false},
	} {
		got, err := decrypt(c.text, key)
		if (err == nil) != c.ok {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

const v2 = `{"schema":"2.0","header":{"event_id":"f7984f25108f8137722bb63cee927e66","token":"` + token + `","create_time":"1772334245000","event_type":"im.message.receive_v1","tenant_key":"t","app_id":"cli_1"},` +
	`"event":{"sender":{"sender_id":{"open_id":"ou_khach"},"sender_type":"user"},"message":{"message_id":"om_dc13264c20392913a93dd051dba21dcf","create_time":"1772334245000","chat_id":"oc_1","chat_type":"p2p","message_type":"text","content":"{\"text\":\"xin chào\"}"}}}`

// post makes a request as the platform does; with encryptKey sealed and signed by
// the SDK's own signer.
func post(t testing.TB, body, encryptKey string, at time.Time) (*http.Request, []byte) {
	t.Helper()
	r := httptest.NewRequest("POST", "/in/bot", nil)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	if encryptKey != "" {
		body = `{"encrypt":"` + seal(pad(body), encryptKey) + `"}`
		stamp := strconv.FormatInt(at.Unix(), 10)
		r.Header.Set(headerTimestamp, stamp)
		r.Header.Set(headerNonce, "n0nce")
		r.Header.Set(headerSignature, larkevent.Signature(stamp, "n0nce", encryptKey, body))
	}
	return r, []byte(body)
}

func TestReceive(t *testing.T) {
	const v1 = `{"ts":"1502199207.7171419","uuid":"bc447199585340d1f3728d26b1c0297a","token":"` + token + `","type":"event_callback","event":{"type":"message","open_message_id":"om_36686ee62209da697d8775375d0c8e88","text":"xin chào"}}`
	for _, c := range []struct{ name, body, id string }{
		{"v2", v2, "bot-om_dc13264c20392913a93dd051dba21dcf"},
		{"redelivered as another event", strings.Replace(v2, "f7984f25108f8137722bb63cee927e66", "00004f25108f8137722bb63cee927e66", 1), "bot-om_dc13264c20392913a93dd051dba21dcf"},
		{"another type of the same message", strings.Replace(v2, "im.message.receive_v1", "im.message.recalled_v1", 1), "bot-f7984f25108f8137722bb63cee927e66"},
		{"v1 message", v1, "bot-om_36686ee62209da697d8775375d0c8e88"},
		{"v1 other", strings.Replace(v1, `"message"`, `"app_ticket"`, 1), "bot-h"},
		{"nothing names it", strings.Replace(v1, `"uuid"`, `"x"`, 1)[:10] + `","token":"` + token + `","event":{}}`, "bot-h"},
		{"spaces", "\n " + v2 + "\n", "bot-om_dc13264c20392913a93dd051dba21dcf"},
	} {
		for _, k := range []string{"", key} {
			req, body := post(t, c.body, k, now)
			raws, reply, err := receiver(t, k).Receive(req, body)
			if err != nil || reply != nil || len(raws) != 1 {
				t.Errorf("%s, key %q: %d raws, reply %q, %v", c.name, k, len(raws), reply, err)
				continue
			}
			raw := raws[0]
			if !strings.HasPrefix(raw.ID, c.id) || raw.Format != Format || raw.Source != "bot" || !raw.Received.Equal(now) || raw.Meta[request.ContentType] == "" {
				t.Errorf("%s: %+v", c.name, raw)
			}
			if want := strings.Replace(c.body, `"`+token+`"`, `""`, 1); string(raw.Body) != want {
				t.Errorf("%s: the body is %s", c.name, raw.Body)
			}
		}
	}
}

func TestChallenge(t *testing.T) {
	const body = `{"challenge":"ajls\"384k","token":"` + token + `","type":"url_verification"}`
	for _, k := range []string{"", key} {
		for _, signed := range []bool{true, false} {
			req, sent := post(t, body, k, now)
			if !signed {
				req.Header.Del(headerSignature)
			}
			raws, reply, err := receiver(t, k).Receive(req, sent)
			if err != nil || len(raws) != 0 || string(reply) != `{"challenge":"ajls\"384k"}` {
				t.Errorf("key %q signed %v: %v %s %v", k, signed, raws, reply, err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	bad := func(change func(r *http.Request, body []byte) []byte) (*http.Request, []byte) {
		req, body := post(t, v2, key, now)
		return req, change(req, body)
	}
	type sent struct {
		req  *http.Request
		body []byte
	}
	one := func(r *http.Request, b []byte) sent { return sent{r, b} }
	unsealed := func(text string, padded []byte) sent {
		body := []byte(`{"encrypt":"` + seal(padded, key) + `"}`)
		req, _ := post(t, text, "", now)
		stamp := strconv.FormatInt(now.Unix(), 10)
		req.Header.Set(headerTimestamp, stamp)
		req.Header.Set(headerNonce, "n")
		req.Header.Set(headerSignature, larkevent.Signature(stamp, "n", key, string(body)))
		return sent{req, body}
	}
	unsigned := func(s sent) sent { s.req.Header.Del(headerSignature); return s }
	for _, c := range []struct {
		name, key string
		sent      sent
		want      error
	}{
		{"forged token", "", one(post(t, strings.Replace(v2, token, "another", 1), "", now)), errToken},
		{"no token", "", one(post(t, strings.Replace(v2, `"token"`, `"x"`, 1), "", now)), errToken},
		{"token that is no text", "", one(post(t, strings.Replace(v2, `"`+token+`"`, `true`, 1), "", now)), errToken},
		{"challenge with another token", "", one(post(t, `{"challenge":"x","token":"y","type":"url_verification"}`, "", now)), errToken},
		{"huge challenge", "", one(post(t, `{"challenge":"`+strings.Repeat("x", 2000)+`","token":"`+token+`","type":"url_verification"}`, "", now)), errNotEvent},
		{"no JSON", "", one(post(t, "phone=0900000000", "", now)), errNotEvent},
		{"half of it", "", one(post(t, v2[:100], "", now)), errNotEvent},
		{"a list", "", one(post(t, "["+v2+"]", "", now)), errNotEvent},
		{"no envelope", "", one(post(t, `{"token":"`+token+`"}`, "", now)), errNotEvent},
		{"encrypted without a key here", "", one(post(t, v2, key, now)), errEncrypted},
		{"plain although there is a key", key, one(post(t, v2, "", now)), errUnsigned},
		{"forged signature", key, one(bad(func(r *http.Request, b []byte) []byte {
			r.Header.Set(headerSignature, strings.Repeat("0", 64))
			return b
		})), errSignature},
		{"short signature", key, one(bad(func(r *http.Request, b []byte) []byte { r.Header.Set(headerSignature, "00"); return b })), errSignature},
		{"tampered body", key, one(bad(func(_ *http.Request, b []byte) []byte { b[20] ^= 1; return b })), errSignature},
		{"another time", key, one(bad(func(r *http.Request, b []byte) []byte { r.Header.Set(headerTimestamp, "1"); return b })), errSignature},
		{"signed with another key", key, one(post(t, v2, "another", now)), errSignature},
		{"replayed a day later", key, one(post(t, v2, key, now.Add(-24*time.Hour))), errLate},
		{"from tomorrow", key, one(post(t, v2, key, now.Add(24*time.Hour))), errLate},
		{"unsigned", key, unsigned(one(post(t, v2, key, now))), errUnsigned},
		{"unsigned, badly padded", key, unsigned(unsealed("", []byte("0123456789abcdef"))), errUnsigned},
		{"unsigned, no event", key, unsigned(unsealed("", pad("x"))), errUnsigned},
		{"unsigned challenge with another token", key, unsigned(one(post(t, `{"challenge":"x","token":"y","type":"url_verification"}`, key, now))), errUnsigned},
		{"signed, badly padded", key, unsealed("", []byte("0123456789abcdef")), errKey},
		{"signed, forged token", key, one(post(t, strings.Replace(v2, token, "another", 1), key, now)), errToken},
		{"signed, no event", key, unsealed("", pad("x")), errNotEvent},
	} {
		raws, reply, err := receiver(t, c.key).Receive(c.sent.req, c.sent.body)
		if err != c.want || reply != nil || len(raws) != 1 || raws[0].ID == "" {
			t.Errorf("%s: %v, want %v; %d raws", c.name, err, c.want, len(raws))
		}
		if request.AsRefusal(err) == nil {
			t.Errorf("%s: %v is no refusal", c.name, err)
		}
	}
}

// What the SDK decrypts, this package does too.
func TestAgainstSDK(t *testing.T) {
	text := seal(pad(v2), key)
	want, err := larkevent.EventDecrypt(text, key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decrypt(text, key); err != nil || !bytes.Equal(got, want) {
		t.Errorf("decrypted %s, %v", got, err)
	}
}

// A message whose answers were lost comes again after 15 s, 5 min, 1 h and 6 h, as
// another event and signed anew, or as it was: it is one delivery.
func TestRedeliveries(t *testing.T) {
	for _, fresh := range []bool{true, false} {
		at := now
		var mu sync.Mutex
		clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return at }
		sim := larksim.New(larksim.Options{Clock: clock})
		sim.AddGroup("oc_1")
		r := receiver(t, key)
		r.now = clock
		ids := map[string]int{}
		fail := true
		door, err := intake.New(intake.Options{}, intake.Route{Source: "bot", Path: "/in/bot", Receiver: r})
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewServer(door.Handler(func(_ context.Context, raws ...pipeline.Raw) error {
			for _, raw := range raws {
				ids[raw.ID]++
			}
			if fail {
				return context.DeadlineExceeded // stored, perhaps, and the platform is told to come again
			}
			return nil
		}))
		defer srv.Close()
		sender := sim.Subscribe(larksim.Subscription{URL: srv.URL + "/in/bot", App: "cli_1", Token: token, Key: key, Fresh: fresh})
		if err := sender.Challenge(t.Context()); err != nil {
			t.Fatal(err)
		}
		sender.Send(t.Context(), sim.MessageEvent(sim.Say("oc_1", "ou_khach", "xin chào")))
		for {
			next, more := sender.Next()
			if !more {
				break
			}
			mu.Lock()
			at = next
			mu.Unlock()
			fail = len(sender.Attempts()) < 4
			sender.Due(t.Context())
		}
		n := len(sender.Attempts())
		if last := sender.Attempts()[n-1]; n != 5 || !last.OK {
			t.Errorf("fresh %v: %d attempts, the last %+v", fresh, n, last)
		}
		if len(ids) != 1 {
			t.Errorf("fresh %v: one message is %d deliveries: %v", fresh, len(ids), ids)
		}
	}
}

func TestOversized(t *testing.T) {
	door, err := intake.New(intake.Options{}, intake.Route{Source: "bot", Path: "/in/bot", MaxBody: 16 << 10, Receiver: receiver(t, "")})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	door.Handler(func(context.Context, ...pipeline.Raw) error { t.Error("stored"); return nil }).
		ServeHTTP(w, httptest.NewRequest("POST", "/in/bot", strings.NewReader(strings.Replace(v2, "xin", strings.Repeat("x", 17<<10), 1))))
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %d", w.Code)
	}
}

func TestCardAnswer(t *testing.T) {
	req, body := post(t, strings.Replace(v2, "im.message.receive_v1", "card.action.trigger", 1), key, now)
	if _, reply, err := receiver(t, key).Receive(req, body); err != nil || string(reply) != "{}" {
		t.Errorf("%s, %v", reply, err)
	}
}

func TestLate(t *testing.T) {
	for text, want := range map[string]bool{
		"1772334245": false, "1772334245000": false, "1772334245000000": false, "1772334245000000000": false, "soon": false,
		"1772204245": true, "1": true, "1772434245": true, "-5": true,
	} {
		if got := late(text, now, 12*time.Hour); got != want {
			t.Errorf("%s is late: %v", text, got)
		}
	}
}

func TestNew(t *testing.T) {
	if _, err := New("", config.LarkBot{VerificationToken: config.NewSecret(token)}, nil); err == nil {
		t.Error("a source without a name")
	}
	if _, err := New("bot", config.LarkBot{}, nil); err == nil {
		t.Error("a source without a token")
	}
	if r, err := New("bot", config.LarkBot{VerificationToken: config.NewSecret(token)}, nil); err != nil || r.now == nil {
		t.Error("no clock")
	}
}

// FuzzReceive: whatever arrives, nothing panics, nothing unsigned is stored, and
// what is stored does not show the token.
func FuzzReceive(f *testing.F) {
	sealed := `{"encrypt":"` + seal(pad(v2), key) + `"}`
	good := larkevent.Signature("1772334245", "n", key, sealed)
	f.Add([]byte(sealed), "1772334245", good, true)
	f.Add([]byte(v2), "", "", false)
	f.Add([]byte(`{"challenge":"x","token":"`+token+`","type":"url_verification"}`), "", "", false)
	f.Add([]byte(`{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}`), "1", "00", true)
	f.Add([]byte(`{"token":"`+token+`","token":1,"header":{"token":"`+token+`"},"event":{}}`), "", "", false)
	f.Fuzz(func(t *testing.T, body []byte, stamp, sign string, keyed bool) {
		k := ""
		if keyed {
			k = key
		}
		req := httptest.NewRequest("POST", "/in/bot", nil)
		req.Header[headerTimestamp], req.Header[headerSignature], req.Header[headerNonce] = []string{stamp}, []string{sign}, []string{"n"}
		raws, reply, err := receiver(t, k).Receive(req, bytes.Clone(body))
		if err == nil && keyed && reply == nil && larkevent.Signature(stamp, "n", key, string(body)) != strings.ToLower(sign) {
			t.Fatal("an unsigned event was taken")
		}
		if err != nil && request.AsRefusal(err) == nil {
			t.Fatalf("%v is no refusal", err)
		}
		for _, raw := range raws {
			if raw.ID == "" || len(raw.ID) > pipeline.MaxID {
				t.Fatalf("ID %q", raw.ID)
			}
			if e, ok := parse(raw.Body); err == nil && (!ok || e.token != "") {
				t.Fatalf("the stored event shows a token, or is none: %v", ok)
			}
		}
	})
}
