package config

import (
	"strings"
	"time"
)

// Notices tells operators in a chat what needs them: a sink that is held, records
// that were buried, a sign-in that ends, a form that has gone quiet. Without an address
// nothing is told.
type Notices struct {
	Lark     NoticesLark   `yaml:"lark" doc:"the group of Lark or Feishu where it is told; without hook: nowhere"`
	After    time.Duration `yaml:"after" range:"30s..24h" doc:"how long a sink must have been held before it is told; a shorter hold says nothing"`
	Language string        `yaml:"language" oneof:"vi en both" doc:"Vietnamese, English, or both"`
	Silence  Silence       `yaml:"silence" doc:"forms that have gone quiet: no lead for so long that it is hardly chance, by what the form usually brings at such hours"`
}

// Silence is what is told of forms that have gone quiet, in notices, metrics and the
// console.
type Silence struct {
	Off  bool     `yaml:"off" doc:"true: nothing"`
	Mute []string `yaml:"mute" doc:"forms of which nothing is told: a form's name, or a source and a name with / between them; a source and / is all of that source"`
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

func (s *Silence) defaults(string) {}

func (s *Silence) check(r *report) {
	mute := r.at("mute")
	for i, name := range s.Mute {
		if at := mute.item(i); strings.TrimSpace(name) == "" && !at.failed() {
			at.bad("no name", "write a form's name, or source/name, or source/ for all of a source")
		}
	}
}

// Mutes says whether nothing is told of a form.
func (s *Silence) Mutes(source, form string) bool {
	for _, name := range s.Mute {
		name = strings.TrimSpace(name)
		if form != "" && strings.EqualFold(name, form) || strings.EqualFold(name, source+"/"+form) || strings.EqualFold(name, source+"/") {
			return true
		}
	}
	return s.Off
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
