package config

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// LarkBot receives the events of a bot in Lark or Feishu, by callback or over a
// connection of our own, and may have a chatbot answer its messages (`lark.md` §6).
type LarkBot struct {
	Path              string        `yaml:"path" doc:"with mode http: path on the intake listener, for the request URL of Events & Callbacks; left out: /in/ and the source's name"`
	Mode              string        `yaml:"mode" oneof:"http websocket" doc:"how events come: http, Lark posts them to path; websocket, a connection to Lark is held open, for a machine that nobody can reach"`
	VerificationToken Secret        `yaml:"verification_token" doc:"with mode http: the Verification Token, from Events & Callbacks, Encryption Strategy; every event must show it"`
	EncryptKey        Secret        `yaml:"encrypt_key" doc:"with mode http: the Encrypt Key, from the same page; with it events are encrypted and signed; empty: there is none, and the token is the only proof"`
	Window            time.Duration `yaml:"window" range:"8h..20h" why:"Lark sends an event again for 7 hours, and a repetition is recognised for 24" doc:"with encrypt_key: signed events older than this are refused, so that nobody who has recorded one sends it again"`
	MaxBody           Size          `yaml:"max_body" range:"16KiB..900KiB" why:"a delivery is one NATS message, which is at most 1 MiB with its headers" doc:"larger events are refused"`
	AppID             string        `yaml:"app_id" doc:"with mode websocket, and with reply: App ID of the custom app; begins with cli_"`
	AppSecret         Secret        `yaml:"app_secret" doc:"with mode websocket, and with reply: App Secret of the custom app"`
	Brand             string        `yaml:"brand" oneof:"lark feishu" doc:"which deployment the app is on; left out: lark"`
	Endpoint          string        `yaml:"endpoint" doc:"address of the Open API; left out: the brand's own"`
	Reply             LarkReply     `yaml:"reply" doc:"have a chatbot answer the messages; without a url nobody does"`
}

// LarkReply is the chatbot that answers.
type LarkReply struct {
	URL          Secret            `yaml:"url" doc:"address that each message is posted to as JSON, with the conversation so far; it is not shown, since such addresses often hold a token"`
	Bearer       Secret            `yaml:"bearer" doc:"sent as Authorization: Bearer …"`
	Headers      map[string]Secret `yaml:"headers" doc:"further headers of every request, by name; their values are not shown"`
	Answer       string            `yaml:"answer" doc:"where the answer stands in the chatbot's JSON, as names and numbers with dots between, such as choices.0.message.content; left out: the usual names"`
	Timeout      time.Duration     `yaml:"timeout" range:"1s..5m" doc:"how long the chatbot may think; then the person gets the polite message"`
	Polite       string            `yaml:"polite" doc:"what a person is told when the chatbot fails or is too slow; left out: an apology in Vietnamese and English"`
	History      int               `yaml:"history" range:"0..50" doc:"earlier questions and answers of the conversation that go with each message"`
	Writers      int               `yaml:"writers" range:"1..64" doc:"messages being answered at once, per process"`
	AllowPrivate bool              `yaml:"allow_private" doc:"let the address be one of this machine or of a private network, and plain http"`
}

func (l *LarkBot) defaults(name string) {
	l.Path = "/in/" + name
	l.Mode = "http"
	l.Window = 12 * time.Hour
	l.MaxBody = 900 << 10
}

func (l *LarkReply) defaults(string) {
	l.Headers = map[string]Secret{}
	l.Timeout = 30 * time.Second
	l.History = 10
	l.Writers = 8
}

func (l *LarkBot) check(r *report) {
	if l.Mode == "websocket" {
		for _, s := range []struct {
			name string
			set  bool
		}{{"path", r.at("path").set()}, {"verification_token", !l.VerificationToken.IsZero()}, {"encrypt_key", !l.EncryptKey.IsZero()}} {
			if s.set {
				r.at(s.name).bad("nothing is posted here with mode websocket", "take it away")
			}
		}
	} else {
		checkRoute(r.at("path"), l.Path)
		if at := r.at("verification_token"); l.VerificationToken.IsZero() && !at.failed() {
			at.bad("not set", `copy it from the developer console, Events & Callbacks, Encryption Strategy, into an environment variable, and write "${LARK_VERIFY}"`)
		}
	}
	if l.Mode == "websocket" || !l.Reply.URL.IsZero() {
		l.checkApp(r)
	}
	if l.Endpoint != "" {
		checkEndpoint(r.at("endpoint"), l.Endpoint)
	}
}

func (l *LarkBot) checkApp(r *report) {
	if at := r.at("app_id"); l.AppID == "" && !at.failed() {
		at.bad("not set", "copy it from the developer console: your app, Credentials & Basic Info; it begins with cli_")
	}
	if at := r.at("app_secret"); l.AppSecret.IsZero() && !at.failed() {
		at.bad("not set", `copy it from the developer console into an environment variable, and write "${LARK_APP_SECRET}"`)
	}
}

func (l *LarkReply) check(r *report) {
	if l.URL.IsZero() {
		return
	}
	checkHook(r.at("url"), l.URL, l.AllowPrivate)
	checkHeaderValue(r.at("bearer"), l.Bearer)
	for _, name := range slices.Sorted(maps.Keys(l.Headers)) {
		at := r.at("headers").at(name)
		switch {
		case !headerName.MatchString(name):
			at.bad("this cannot be the name of a header", "use letters, digits and -")
		case slices.Contains(ownHeaders, strings.ToLower(name)):
			at.bad("this header is Mekong's to set", "take it away")
		case strings.EqualFold(name, "Authorization") && !l.Bearer.IsZero():
			at.bad("bearer sets this header already", "keep one of the two")
		}
		checkHeaderValue(at, l.Headers[name])
	}
	checkJSONPath(r.at("answer"), l.Answer)
	if len(l.Polite) > 4000 {
		r.at("polite").bad("longer than 4000 bytes", "say it shorter")
	}
}
