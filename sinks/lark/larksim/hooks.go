package larksim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// BotHook is a custom bot of a group: an address that messages are posted to
// (`lark.md` §8.1). Its token is the last step of the address.
type BotHook struct {
	Token    string
	Secret   string   // of the signature; "": none is asked for
	Keyword  string   // that a message must hold; "": none
	AllowIPs []string // none: any
}

// Automation is the address of a Base's "when webhook received" (§8.2). Where
// Base is set, an accepted request adds a row to Table there: each name of its
// JSON that is a column is written, the rest is not looked at.
type Automation struct {
	Token       string // the last step of the address
	Bearer      string // of the Authorization header; "": none is asked for
	Disabled    bool
	Base, Table string
}

// Hooked is one accepted request to a bot or an automation, or to /sink/:name,
// which takes whatever it is sent, as AnyCross and Bot Builder do.
type Hooked struct {
	Token string
	Body  []byte
	Type  string // Content-Type
	At    time.Time
}

type hookState struct {
	bots     map[string]BotHook
	flows    map[string]Automation
	accepted []Hooked
	pace     map[string]*window
	seen     map[string]time.Time // Client-Token of automations → until when
}

// Bounds of the hooks (§8.1, §8.2).
const (
	maxHook    = 20 << 10
	hardHook   = 30 << 10
	maxFlow    = 4 << 20
	signLife   = time.Hour
	flowLife   = 3 * time.Hour
	hookPerMin = 100
	hookPerSec = 5
)

func newHooks() hookState {
	return hookState{bots: map[string]BotHook{}, flows: map[string]Automation{}, pace: map[string]*window{}, seen: map[string]time.Time{}}
}

// AddBotHook adds a custom bot at /open-apis/bot/v2/hook/TOKEN.
func (s *Sim) AddBotHook(h BotHook) { s.set(func() { s.hooks.bots[h.Token] = h }) }

// AddAutomation adds or replaces an automation at /base/automation/webhook/event/TOKEN.
func (s *Sim) AddAutomation(a Automation) { s.set(func() { s.hooks.flows[a.Token] = a }) }

// Hooked is what hooks, automations and sinks accepted, oldest first.
func (s *Sim) Hooked() []Hooked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hooks.accepted)
}

func (c *call) accept(token string) {
	c.s.hooks.accepted = append(c.s.hooks.accepted, Hooked{Token: token, Body: bytes.Clone(c.body), Type: c.r.Header.Get("Content-Type"), At: c.s.now()})
}

// refuse is a hook's refusal, whose envelope has an empty data.
func refuse(code int, msg string) *failure {
	if msg == "" {
		msg = means(code).name
	}
	return &failure{code: code, body: map[string]any{"code": code, "msg": msg, "data": map[string]any{}}}
}

func botHook(c *call) (any, *failure) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.hooks.bots[c.vars["token"]]
	if !ok {
		return nil, refuse(19001, "")
	}
	now := s.now()
	switch {
	case s.opts.RateLimits && (!paced(s.hooks.pace, h.Token+"/min", now, time.Minute, hookPerMin) || !paced(s.hooks.pace, h.Token+"/s", now, time.Second, hookPerSec)):
		return nil, refuse(11232, "")
	case !c.listed(h.AllowIPs):
		return nil, refuse(19022, "")
	case len(c.body) > hardHook:
		return nil, refuse(19036, "")
	case len(c.body) > maxHook:
		return nil, refuse(9499, "")
	}
	var in struct {
		Timestamp json.RawMessage `json:"timestamp"`
		Sign      string          `json:"sign"`
		Type      string          `json:"msg_type"`
		Content   json.RawMessage `json:"content"`
		Card      json.RawMessage `json:"card"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return nil, refuse(9499, "")
	}
	if h.Secret != "" && !signed(h.Secret, strings.Trim(string(in.Timestamp), `"`), in.Sign, now) {
		return nil, refuse(19021, "")
	}
	content := in.Content
	switch in.Type {
	case "interactive":
		content = in.Card
	case "text":
		var text struct {
			Text *string `json:"text"`
		}
		if json.Unmarshal(in.Content, &text) != nil || text.Text == nil {
			return nil, refuse(19002, "")
		}
	case "post", "share_chat", "image":
	default:
		return nil, refuse(9499, "")
	}
	var object map[string]any
	if json.Unmarshal(content, &object) != nil || object == nil {
		return nil, refuse(19002, "")
	}
	if h.Keyword != "" && !strings.Contains(texts(object), h.Keyword) {
		return nil, refuse(19024, "")
	}
	c.accept(h.Token)
	return flat{map[string]any{"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": map[string]any{}, "msg": "success"}}, nil
}

// texts is every text in a message, one after the other.
func texts(v any) string {
	var b strings.Builder
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			b.WriteString(v + "\n")
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(v)
	return b.String()
}

// signed checks a custom bot's signature: the key is timestamp and secret, the
// message is empty, and the timestamp is in seconds, at most an hour off.
func signed(secret, timestamp, sign string, now time.Time) bool {
	sec, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return false
	}
	if off := now.Sub(time.Unix(sec, 0)); off > signLife || off < -signLife {
		return false
	}
	h := hmac.New(sha256.New, []byte(timestamp+"\n"+secret))
	return same(sign, base64.StdEncoding.EncodeToString(h.Sum(nil)))
}

// automation accepts a request of any JSON. Accepted means just that: whether the
// rows are written is not told (§8.2).
func automation(c *call) (any, *failure) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.hooks.flows[c.vars["token"]]
	var in any
	switch {
	case !ok, a.Disabled:
		return nil, refuse(800004509, "")
	case a.Bearer != "" && !same(c.r.Header.Get("Authorization"), "Bearer "+a.Bearer):
		return nil, refuse(800005649, "")
	case len(c.body) > maxFlow:
		return nil, refuse(800005647, "")
	case json.Unmarshal(c.body, &in) != nil:
		return nil, refuse(9499, "")
	}
	now := s.now()
	for t, until := range s.hooks.seen {
		if !now.Before(until) {
			delete(s.hooks.seen, t)
		}
	}
	key := a.Token + "\x00" + c.r.Header.Get("Client-Token")
	_, again := s.hooks.seen[key]
	if c.r.Header.Get("Client-Token") != "" {
		if !again {
			s.hooks.seen[key] = now.Add(flowLife)
		}
	} else {
		again = false
	}
	if !again {
		c.accept(a.Token)
		s.run(a)
	}
	return flat{map[string]any{"code": 0, "msg": "", "data": map[string]any{}}}, nil
}

// run is the flow behind an automation: one row of what fits. The caller holds
// the lock; a value that does not fit its column makes no row, and nobody is told.
func (s *Sim) run(a Automation) {
	b := s.bases[a.Base]
	if b == nil || b.table(a.Table) == nil {
		return
	}
	t := b.table(a.Table)
	var in map[string]json.RawMessage
	if json.Unmarshal(s.hooks.accepted[len(s.hooks.accepted)-1].Body, &in) != nil {
		return
	}
	g := given{Fields: map[string]json.RawMessage{}}
	for name, v := range in {
		if t.known(name, s.now()) != nil {
			g.Fields[name] = v
		}
	}
	w := &convert{s: s, table: t, idKind: "open_id"}
	if changes, code := w.changes([]given{g}, false, false); code == 0 {
		w.commit()
		t.apply(s, changes, "automation")
	}
}

// openSink takes anything; what AnyCross and Bot Builder answer is not documented (§8.3).
func openSink(c *call) (any, *failure) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.accept(c.vars["name"])
	return flat{map[string]any{"code": 0, "msg": "success"}}, nil
}
