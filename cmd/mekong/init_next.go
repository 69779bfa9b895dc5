package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// next says exactly what there is to do now. The tokens are shown: whoever reads this
// has to paste them.
func (r *initRun) next() {
	door, proxied := r.o.door, r.o.door != ""
	if !proxied {
		door = r.say("next.domain")
	}
	p := func(format string, a ...any) { fmt.Fprintf(r.out, format+"\n", a...) }
	pair := func(name, value string) { p("  %s  %s", padded(name, 20), value) }
	outside := false
	for _, s := range r.o.sources {
		p("\n%s", r.say("next."+s))
		url := door + initPath(s)
		switch s {
		case "ladipage":
			pair("API URL", url)
			pair("API Request Header", `{"token": "`+r.secrets[fileLanding]+`"}`)
			p("  %s", r.say("next.tick"))
			outside = true
		case "larkbot":
			pair("Request URL", url)
			outside = true
		case "webhook":
			pair("URL", url)
			pair("Header", "token: "+r.secrets[fileWebhook])
			outside = true
		case "chatbot":
			pair("URL", "http://"+reachable(r.o.intake)+initPath(s))
			pair("Header", "token: "+r.secrets[fileChat])
		}
	}
	if outside && !proxied {
		p("  "+r.say("next.proxy"), reachable(r.o.intake))
	}
	file := ""
	if r.config != "mekong.yaml" {
		file = " -c " + shellWord(r.config)
	}
	p("\n%s", r.say("next.now"))
	run, send, console := "mekong run"+file, "mekong send "+initNames[r.o.sources[0]]+file, "http://"+reachable(r.o.console)+"/"
	width := max(utf8.RuneCountInString(send), len(console))
	p("  %s   %s", padded(run, width), r.say("next.run"))
	p("  %s   %s", padded(send, width), r.say("next.send"))
	if slices.Contains(r.o.sources, "ladipage") {
		p("  %s", curl("http://"+reachable(r.o.intake)+initPath("ladipage"), r.secrets[fileLanding]))
	}
	p("  %s   %s", padded(console, width), r.say("next.console"))
	if len(r.later) > 0 {
		p("\n%s", r.say("next.later"))
		for _, l := range r.later {
			more := ""
			if l.endpoint != "" {
				more = " --endpoint " + l.endpoint
			}
			p("  mekong connect %s %s%s%s", l.kind, shellWord(l.link), more, file)
		}
	}
}

// shellWord is s as one word of a shell.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
