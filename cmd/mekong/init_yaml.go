package main

import (
	"fmt"
	"net"
	"strings"
)

// yaml is the configuration without the tables, which connect puts in.
func (r *initRun) yaml() string {
	var b strings.Builder
	line := func(depth int, text string) {
		if text != "" {
			text = strings.Repeat("  ", depth) + text
		}
		b.WriteString(text + "\n")
	}
	note := func(depth int, word string) { line(depth, "# "+r.say(word)) }
	secret := func(name string) string { return reference("${file:" + secretPath(name) + "}") }

	note(0, "yaml.head")
	note(0, "yaml.example")
	note(0, "yaml.check")
	line(0, "")
	note(0, "yaml.data")
	line(0, "data_dir: "+plainOr(r.dataDir()))
	line(0, "")
	line(0, "http:")
	note(1, "yaml.intake")
	line(1, "intake: "+plainOr(r.o.intake))
	note(1, "yaml.proxies")
	line(1, "#trusted_proxies: [127.0.0.1]")
	note(1, "yaml.console")
	line(1, "console: "+plainOr(r.o.console))
	if r.o.door != "" {
		line(0, "")
		line(0, "console:")
		note(1, "yaml.door")
		line(1, "door: "+plainOr(r.o.door))
	}
	line(0, "")
	note(0, "yaml.sources")
	line(0, "sources:")
	for _, s := range r.o.sources {
		line(1, "# "+r.say("source."+s))
		line(1, initNames[s]+":")
		switch s {
		case "ladipage":
			line(2, "ladipage:")
			line(3, "path: "+initPath(s))
			line(3, "token: "+secret(fileLanding))
		case "chatbot":
			line(2, "chatlog:")
			line(3, "path: "+initPath(s))
			line(3, "token: "+secret(fileChat))
		case "larkbot":
			line(2, "larkbot:")
			line(3, "path: "+initPath(s))
			line(3, "verification_token: "+secret(fileVerify))
			if r.secrets[fileEncrypt] != "" {
				line(3, "encrypt_key: "+secret(fileEncrypt))
			}
		case "webhook":
			line(2, "webhook:")
			line(3, "path: "+initPath(s))
			line(3, "verify:")
			note(4, "yaml.header")
			line(4, fmt.Sprintf("token: { value: %s, header: token }", secret(fileWebhook)))
		}
	}
	line(0, "")
	note(0, "yaml.sinks")
	line(0, "sinks:")
	note(1, "yaml.all")
	line(1, "archive:")
	line(2, `accept: ["*"]`)
	line(2, "mongodb:")
	if r.secrets[fileMongoDB] != "" {
		line(3, "uri: "+secret(fileMongoDB))
	} else {
		note(3, "yaml.embedded")
		line(3, "#uri: "+secret(fileMongoDB))
	}
	line(3, "database: mekong")
	line(3, "collection: records")
	return b.String()
}

// plainOr is s as people write it, where YAML reads that as s, else in quotes.
func plainOr(s string) string {
	host, _, err := net.SplitHostPort(s)
	plain := err == nil && net.ParseIP(host) != nil || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "https://")
	if plain && s == shellWord(s) && !strings.HasSuffix(s, ":") {
		return s
	}
	return quoted(s)
}

// initPath is where a source's senders post to.
func initPath(source string) string { return "/in/" + initNames[source] }
