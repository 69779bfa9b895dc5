package larksim

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"
)

// Event is one happening to tell an app of (`lark.md` §6.3).
type Event struct {
	ID      string    // event_id, or uuid in v1; "": made up
	Type    string    // e.g. "im.message.receive_v1"
	Body    any       // the "event" object; in v1 it names its own type
	V1      bool      // the older envelope
	Created time.Time // zero: now

	Token    string // instead of the right verification token, to forge one
	Unsigned bool   // without the signature headers
	Forged   bool   // with a signature made with another key
}

// Subscription is where and how an app wants its events.
type Subscription struct {
	URL     string
	App     string
	Token   string       // the Verification Token
	Key     string       // the Encrypt Key; "": plain and unsigned
	Client  *http.Client // nil: one without limits of its own
	Timeout time.Duration
	// Fresh gives a redelivery a new event id, timestamp and signature; otherwise
	// it is the same request again. Which of the two the platform does is unknown (§12).
	Fresh bool
}

// Sender delivers events of one subscription.
type Sender struct {
	sim *Sim
	Subscription

	attempts []Attempt
	queue    []*pending
}

// Attempt is one delivery.
type Attempt struct {
	At      time.Time
	EventID string
	Nth     int   // 0: the first; 1 to 4: redeliveries
	Status  int   // 0: none
	Err     error // of the connection
	OK      bool  // HTTP 200 in time
}

// The times that an app has (§6.1, §6.4).
const (
	deliverIn   = 3 * time.Second
	challengeIn = time.Second
)

// Subscribe returns a sender for an app's events. It has no goroutine: whoever
// holds it says when to deliver, one call at a time.
func (s *Sim) Subscribe(sub Subscription) *Sender {
	if sub.Client == nil {
		sub.Client = &http.Client{}
	}
	if sub.Timeout == 0 {
		sub.Timeout = deliverIn
	}
	return &Sender{sim: s, Subscription: sub}
}

// Request builds the request for an event, as it goes over the wire.
func (d *Sender) Request(ctx context.Context, e Event) (*http.Request, error) {
	body, header := d.dress(&e)
	return d.request(ctx, body, header)
}

func (d *Sender) request(ctx context.Context, body []byte, header http.Header) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header.Clone()
	return req, nil
}

// dress puts an event into its envelope, encrypts and signs it. It gives the event
// its id and time.
func (d *Sender) dress(e *Event) ([]byte, http.Header) {
	s := d.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if e.ID == "" {
		e.ID = s.hexID(16)
	}
	if e.Created.IsZero() {
		e.Created = now
	}
	token := d.Token
	if e.Token != "" {
		token = e.Token
	}
	var body []byte
	if e.V1 {
		ms := e.Created.UnixMicro()
		body = encode(map[string]any{"ts": strconv.FormatFloat(float64(ms)/1e6, 'f', 7, 64), "uuid": e.ID, "token": token, "type": "event_callback", "event": e.Body})
	} else {
		body = encode(map[string]any{"schema": "2.0", "header": map[string]any{"event_id": e.ID, "token": token, "create_time": stamp(e.Created.UnixMilli()),
			"event_type": e.Type, "tenant_key": s.opts.Tenant, "app_id": d.App}, "event": e.Body})
	}
	header := http.Header{"Content-Type": {jsonType}}
	if d.Key == "" {
		return body, header
	}
	body = s.encrypted(d.Key, body)
	if !e.Unsigned {
		key := d.Key
		if e.Forged {
			key += "x"
		}
		sec, nonce := stamp(now.Unix()), s.hexID(8)
		header.Set("X-Lark-Request-Timestamp", sec)
		header.Set("X-Lark-Request-Nonce", nonce)
		header.Set("X-Lark-Signature", signature(sec, nonce, key, body))
	}
	return body, header
}

func (s *Sim) hexID(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.rand.IntN(256))
	}
	return hex.EncodeToString(b)
}

// signature is the plain SHA-256 over timestamp, nonce, key and the body as sent (§6.2).
func signature(timestamp, nonce, key string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(timestamp + nonce + key))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// encrypted wraps a body: AES-256-CBC under the digest of the key, its vector in
// front, PKCS#7 behind (§6.2).
func (s *Sim) encrypted(key string, plain []byte) []byte {
	sum := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		panic("larksim: a key of 32 bytes that AES does not take: " + err.Error())
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	plain = append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	out := make([]byte, aes.BlockSize+len(plain))
	for i := range aes.BlockSize {
		out[i] = byte(s.rand.IntN(256))
	}
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], plain)
	return encode(map[string]string{"encrypt": base64.StdEncoding.EncodeToString(out)})
}

// MessageEvent is the event of a message of [Sim.Say]: im.message.receive_v1 (§6.5).
// A message that is not there makes an empty event.
func (s *Sim) MessageEvent(messageID string) Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.message(messageID)
	if m == nil {
		return Event{Type: "im.message.receive_v1"}
	}
	kind := "p2p"
	if _, group := s.chats.groups[m.Chat]; group {
		kind = "group"
	}
	id := map[string]any{"open_id": m.From}
	if u := s.user(m.From, "open_id"); u != nil {
		id["union_id"], id["user_id"] = u.UnionID, u.UserID
	}
	at := stamp(m.At.UnixMilli())
	return Event{Type: "im.message.receive_v1", Created: m.At, Body: map[string]any{
		"sender": map[string]any{"sender_id": id, "sender_type": "user", "tenant_key": s.opts.Tenant},
		"message": map[string]any{"message_id": m.ID, "create_time": at, "update_time": at, "chat_id": m.Chat, "chat_type": kind,
			"message_type": m.Type, "content": m.Content},
	}}
}
