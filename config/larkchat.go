package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// LarkChat posts a notice about each record into a group of Lark or Feishu: through
// a custom bot, which is an address, or through the bot of an app.
type LarkChat struct {
	Hook      Secret        `yaml:"hook" doc:"webhook address of a custom bot: in the group, Settings, Bots, Add bot, Custom bot; it is not shown, since it holds a token"`
	Secret    Secret        `yaml:"secret" doc:"with hook: the secret of the bot's signature check, where it is on"`
	Chat      string        `yaml:"chat" doc:"instead of hook: id of the group, oc_…, that the app's bot is in"`
	AppID     string        `yaml:"app_id" doc:"with chat: App ID of the custom app, from the developer console; begins with cli_"`
	AppSecret Secret        `yaml:"app_secret" doc:"with chat: App Secret of the custom app"`
	Brand     string        `yaml:"brand" oneof:"lark feishu" doc:"with chat: which deployment the app is on; left out: lark"`
	Endpoint  string        `yaml:"endpoint" doc:"with chat: address of the Open API; left out: the brand's own"`
	Format    string        `yaml:"format" oneof:"card text" doc:"what a notice looks like"`
	Title     string        `yaml:"title" doc:"template of the title of one record's notice; left out: new lead and its source, in Vietnamese and English"`
	Body      string        `yaml:"body" doc:"template of the text of one record's notice, such as {{.Fields.name}} {{.Fields.phone}}; left out: the record's fields, in Vietnamese and English"`
	Group     int           `yaml:"group" range:"1..50" doc:"most records in one notice, when several wait"`
	Updates   bool          `yaml:"updates" doc:"post again when something is added to a record that was posted; false: once for each"`
	Timeout   time.Duration `yaml:"timeout" range:"1s..5m" doc:"for one call"`
}

func (l *LarkChat) defaults(string) {
	l.Format = "card"
	l.Group = 10
	l.Timeout = 20 * time.Second
}

var chatID = regexp.MustCompile(`^oc_[A-Za-z0-9_-]{1,100}$`)

func (l *LarkChat) check(r *report) {
	hook, chat := r.at("hook"), r.at("chat")
	switch {
	case hook.failed() || chat.failed():
	case l.Hook.IsZero() && l.Chat == "":
		hook.bad("not set", `in the group, add a custom bot, copy its address into an environment variable, and write "${LARK_HOOK}"; or set chat, app_id and app_secret`)
	case !l.Hook.IsZero() && l.Chat != "":
		chat.bad("hook says already where notices go", "keep one of the two")
	case !l.Hook.IsZero():
		l.checkBot(r)
	default:
		l.checkApp(r)
	}
	for _, s := range []struct{ name, text string }{{"title", l.Title}, {"body", l.Body}} {
		if s.text != "" {
			checkTemplate(r.at(s.name), s.text)
		}
	}
}

// botPath is where the addresses of custom bots are (`lark.md` §8.1).
const botPath = "/open-apis/bot/v2/hook/"

// checkBot accepts the address of a custom bot. No problem quotes it: it holds a token.
func checkBot(at *report, hook Secret) {
	const fix = "copy the address from the bot's page in the group's settings: https://open.larksuite.com/open-apis/bot/v2/hook/…"
	u, err := url.Parse(hook.Reveal())
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		at.bad("not the address of a custom bot", fix)
	case !strings.HasPrefix(u.Path, botPath) || len(u.Path) == len(botPath) || strings.Contains(u.Path[len(botPath):], "/"):
		at.bad("an address, but not that of a custom bot", fix+"; for other addresses there is the webhook block")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		at.bad("without TLS everybody on the way can read the notices", "write https://")
	}
}

func (l *LarkChat) checkBot(r *report) {
	checkBot(r.at("hook"), l.Hook)
	for _, s := range []struct {
		name string
		set  bool
	}{{"app_id", l.AppID != ""}, {"app_secret", !l.AppSecret.IsZero()}, {"brand", l.Brand != ""}, {"endpoint", l.Endpoint != ""}} {
		if s.set {
			r.at(s.name).bad("a custom bot has no app", "take it away, or set chat in place of hook")
		}
	}
}

func (l *LarkChat) checkApp(r *report) {
	if !chatID.MatchString(l.Chat) {
		r.at("chat").bad(r.at("chat").quote(l.Chat)+" is no id of a group", "it begins with oc_; in the group, Settings shows it at the bottom")
	}
	if at := r.at("app_id"); l.AppID == "" && !at.failed() {
		at.bad("not set", "copy it from the developer console: your app, Credentials & Basic Info; it begins with cli_")
	}
	if at := r.at("app_secret"); l.AppSecret.IsZero() && !at.failed() {
		at.bad("not set", `copy it from the developer console into an environment variable, and write "${LARK_APP_SECRET}"`)
	}
	if !l.Secret.IsZero() {
		r.at("secret").bad("only a custom bot has a signature", "take it away")
	}
	if l.Endpoint != "" {
		checkEndpoint(r.at("endpoint"), l.Endpoint)
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
