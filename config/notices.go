package config

import "time"

// Notices tells operators in a chat what needs them: a sink that is held, records
// that were buried, a sign-in that ends. Without an address nothing is told.
type Notices struct {
	Lark     NoticesLark   `yaml:"lark" doc:"the group of Lark or Feishu where it is told; without hook: nowhere"`
	After    time.Duration `yaml:"after" range:"30s..24h" doc:"how long a sink must have been held before it is told; a shorter hold says nothing"`
	Language string        `yaml:"language" oneof:"vi en both" doc:"Vietnamese, English, or both"`
}

// NoticesLark is a custom bot of a group.
type NoticesLark struct {
	Hook   Secret `yaml:"hook" doc:"webhook address of a custom bot: in the group, Settings, Bots, Add bot, Custom bot; it is not shown, since it holds a token"`
	Secret Secret `yaml:"secret" doc:"the secret of the bot's signature check, where it is on"`
}

// On says whether anything is told.
func (n Notices) On() bool { return !n.Lark.Hook.IsZero() }

func (n *Notices) defaults(string) {
	n.After = 2 * time.Minute
	n.Language = "both"
}

func (n *Notices) check(r *report) {
	if at := r.at("language"); n.Language == "" && !at.failed() {
		at.bad("not set", "write vi, en or both, or leave it out, which is both")
	}
}

func (n *NoticesLark) defaults(string) {}

func (n *NoticesLark) check(r *report) {
	hook := r.at("hook")
	switch {
	case hook.failed():
	case !n.Hook.IsZero():
		checkBot(hook, n.Hook)
	case !n.Secret.IsZero():
		r.at("secret").bad("it is the secret of a bot, and there is none", "set hook too: the bot's address, from its page in the group's settings")
	}
}
