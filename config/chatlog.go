package config

import (
	"path/filepath"
	"regexp"
	"strings"
)

// ChatLog receives what a chatbot logs, in every common shape: posted, read
// from files as they grow, or published on NATS (`sources.md` §3).
type ChatLog struct {
	Path           string   `yaml:"path" doc:"path on the intake listener; left out: /in/ and the source's name"`
	Token          Secret   `yaml:"token" doc:"what the sender must show, in a header or as the last element of the path; 16 characters or more; empty, and neither tokens nor chatbase_secret: anybody may post"`
	Tokens         []Secret `yaml:"tokens" doc:"further tokens that are valid too, while chatbots are given a new one"`
	ChatbaseSecret Secret   `yaml:"chatbase_secret" doc:"secret key of the Chatbase webhook; with it what Chatbase sends must be signed, and needs no token"`
	Origins        []string `yaml:"origins" doc:"origins of the pages that may post from a browser, such as https://chat.example.vn; empty: any"`
	MaxBody        Size     `yaml:"max_body" range:"1KiB..900KiB" why:"one turn is one NATS message, which is at most 1 MiB with its headers" doc:"larger bodies are refused with 413, longer lines of a file are kept as refused"`
	Tail           []string `yaml:"tail" doc:"files of JSON lines to follow as they grow, such as ./logs/*.jsonl; rotation and truncation are fine"`
	Subject        string   `yaml:"subject" doc:"NATS subject that a chatbot publishes to, such as chat.turns; * and > work; where a stream holds it, nothing is missed while Mekong is down"`
	Zone           string   `yaml:"zone" doc:"IANA name of the time zone that times without an offset are in; empty: the timezone of the whole configuration"`
	Shape          string   `yaml:"shape" oneof:"transcript message row rasa dialogflow chatwoot chatbase botpress langfuse" doc:"what the log is, tried first; left out: told by looking at it"`
	Session        []string `yaml:"session" doc:"members that name the conversation, such as chat.thread_id; looked at before the usual names"`
}

func (l *ChatLog) defaults(name string) {
	l.Path = "/in/" + name
	l.MaxBody = 900 << 10
}

func (l *ChatLog) check(r *report) {
	checkRoute(r.at("path"), l.Path)
	if !l.Token.IsZero() {
		checkSecret(r.at("token"), l.Token)
	}
	for i, s := range l.Tokens {
		at := r.at("tokens").item(i)
		switch {
		case at.failed():
		case s.IsZero():
			at.bad("an empty token would let anybody post", "write one, or take it away")
		default:
			checkSecret(at, s)
		}
	}
	for i, origin := range l.Origins {
		checkOrigin(r.at("origins").item(i), origin)
	}
	checkDistinct(r.at("origins"), l.Origins)
	checkDistinct(r.at("tail"), l.Tail)
	for i, glob := range l.Tail {
		at := r.at("tail").item(i)
		if at.failed() {
			continue
		}
		if _, err := filepath.Match(glob, ""); err != nil || glob == "" {
			at.bad(at.quote(glob)+" is no pattern of files", "write a path, with * for any part of a name, such as ./logs/*.jsonl")
		}
	}
	if l.Subject != "" {
		checkSubject(r.at("subject"), l.Subject)
	}
	if l.Zone != "" {
		checkTimezone(r.at("zone"), l.Zone)
	}
	checkNames(r.at("session"), l.Session)
}

var subjectRule = regexp.MustCompile(`^([^\s.*>]+|\*)(\.([^\s.*>]+|\*))*(\.>)?$`)

// checkSubject accepts a subject that is not one of Mekong's own streams or the
// server's.
func checkSubject(r *report, subject string) {
	const fix = "write names with dots between, such as chat.turns, or chat.> for all below"
	first, _, _ := strings.Cut(subject, ".")
	switch {
	case !subjectRule.MatchString(subject) || len(subject) > 200:
		r.bad(r.quote(subject)+" is no NATS subject", fix)
	case strings.ContainsAny(first, "*>") || strings.HasPrefix(first, "$") || strings.HasPrefix(first, "_"):
		r.bad(r.quote(subject)+" would hear the server's own messages and Mekong's", fix)
	case strings.Contains(" raw rec redo buried trace refused ", " "+first+" "):
		r.bad(r.quote(subject)+" is one of Mekong's own", "choose a subject that begins otherwise, such as chat.turns")
	}
}
