package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // whether a time zone loads must not depend on the machine
)

var (
	nameRule = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	kindRule = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
)

const (
	nameFix = "use up to 32 lower-case letters, digits, _ and -, a letter first: it becomes part of subjects and metrics"
	kindFix = "use up to 32 lower-case letters, digits and _, a letter first, such as lead"
)

// minSecret is the fewest characters of a token that others must show to us.
// Sixteen of hex are 64 bits: not to be guessed over a network.
const minSecret = 16

func (c *Config) defaults(string) {
	c.DataDir = "./data"
	c.ShutdownGrace = 20 * time.Second
	c.Timezone = "Asia/Ho_Chi_Minh"
	c.Sources = map[string]Source{}
	c.Transform = map[string]Mapping{}
	c.Sinks = map[string]Sink{}
}

func (c *Config) check(r *report) {
	if c.DataDir == "" {
		r.at("data_dir").bad("no folder", "write one, such as ./data")
	}
	checkTimezone(r.at("timezone"), c.Timezone)
	for _, name := range c.SourceNames() {
		checkName(r.at("sources").at(name), name)
	}
	for _, name := range c.SinkNames() {
		checkName(r.at("sinks").at(name), name)
	}
	for _, name := range sortedKeys(reflect.ValueOf(c.Transform)) {
		if _, ok := c.Sources[name]; ok {
			continue
		}
		fix := "name a source as it is named under sources"
		if near := closest(name, c.SourceNames()); near != "" {
			fix = "did you mean " + near + "?"
		}
		r.at("transform").at(name).bad("there is no source of this name", fix)
	}
	checkRoutes(r.doc)
	c.checkGateway(r)
}

// checkGateway refuses what needs the servers to take something in.
func (c *Config) checkGateway(r *report) {
	if !c.NATS.Gateway {
		return
	}
	for _, name := range c.SourceNames() {
		if l := c.Sources[name].ChatLog; l != nil && l.Subject != "" {
			r.at("sources").at(name).at("chatlog").at("subject").bad("a gateway does without the servers that it is published on, and cannot hear it",
				"leave it out here, and give it to a process without nats.gateway")
		}
	}
}

func checkName(r *report, name string) {
	if !nameRule.MatchString(name) {
		r.bad("not a good name", nameFix)
	}
}

func checkTimezone(r *report, name string) {
	const fix = "write an IANA name, such as Asia/Ho_Chi_Minh or UTC"
	if name == "" || name == "Local" {
		r.bad("depends on the machine", fix)
		return
	}
	if _, err := time.LoadLocation(name); err != nil {
		r.bad(r.quote(name)+" is no time zone", fix)
	}
}

func (h *HTTP) defaults(string) {
	h.Intake = "127.0.0.1:8080"
	h.Console = "127.0.0.1:8081"
}

func (h *HTTP) check(r *report) {
	intake, ok1 := checkAddress(r.at("intake"), h.Intake)
	console, ok2 := checkAddress(r.at("console"), h.Console)
	if ok1 && ok2 && overlap(intake, console) {
		at := r.at("console")
		if !at.set() { // the default was there first
			at = r.at("intake")
		}
		at.bad("intake and console are the same address", "give each a port of its own")
	}
	for i, p := range h.TrustedProxies {
		checkProxy(r.at("trusted_proxies").item(i), p)
	}
}

type address struct {
	host string
	port int
}

// checkAddress accepts host:port, where the host may be missing (all
// interfaces) and port 0 takes a free one.
func checkAddress(r *report, text string) (address, bool) {
	host, port, err := net.SplitHostPort(text)
	n, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil || strings.ContainsAny(host, " /@") {
		r.bad(r.quote(text)+" is no address to listen on", "write host:port, such as 127.0.0.1:8080, or :8080 for every interface")
		return address{}, false
	}
	return address{host, int(n)}, true
}

// overlap reports whether two listeners would be in each other's way.
func overlap(a, b address) bool {
	all := func(host string) bool {
		ip, err := netip.ParseAddr(host)
		return host == "" || err == nil && ip.IsUnspecified()
	}
	return a.port != 0 && a.port == b.port && (a.host == b.host || all(a.host) || all(b.host))
}

func checkProxy(r *report, text string) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		if prefix.Bits() == 0 {
			r.bad("this is every address there is, so anybody could claim any address", "name the proxies' own network")
		}
		return
	}
	if _, err := netip.ParseAddr(text); err != nil {
		r.bad(r.quote(text)+" is no address or network", "write 10.0.0.7 or 10.0.0.0/8; names are not looked up")
	}
}

func (n *NATS) defaults(string) {
	n.Keep = 720 * time.Hour
	n.Replicas = 1
	n.Reserve = 15
}

func (n *NATS) check(r *report) {
	embedded := n.URL == "" && !r.at("url").failed()
	if n.URL != "" {
		checkServers(r.at("url"), n.URL)
	}
	if n.Listen != "" {
		n.checkListen(r)
	}
	if embedded && n.Gateway {
		r.at("gateway").bad("there is nothing to pass deliveries on to", "set nats.url too, or take this away")
	}
	for _, s := range []struct{ name, value string }{
		{"credentials", n.Credentials}, {"ca", n.CA}, {"cert", n.Cert}, {"key", n.Key},
	} {
		if embedded && s.value != "" {
			r.at(s.name).bad("the embedded server needs no login", "set nats.url too, or take this away")
		}
	}
	if n.Monitor != "" {
		n.checkMonitor(r.at("monitor"), embedded)
	}
	if embedded && n.Listen == "" && !n.Token.IsZero() {
		r.at("token").bad("nobody can show it: the embedded server does not listen", "set nats.url or nats.listen too, or take this away")
	}
	if !embedded && n.Credentials != "" && !n.Token.IsZero() {
		r.at("token").bad("two ways to log in", "keep credentials or token")
	}
	switch {
	case embedded:
	case n.Cert != "" && n.Key == "" && !r.at("key").failed():
		r.at("cert").bad("a certificate needs its key", "set nats.key too")
	case n.Key != "" && n.Cert == "" && !r.at("cert").failed():
		r.at("key").bad("a key needs its certificate", "set nats.cert too")
	}
	if embedded && n.Replicas != 1 {
		r.at("replicas").bad("the embedded server is one server and keeps one copy", "write 1, or set nats.url to use a cluster")
	}
	if n.MaxBytes != 0 && n.MaxBytes < 64<<20 {
		r.at("max_bytes").bad("too little to work with", "write at least 64MiB, or 0")
	}
}

func (n *NATS) checkMonitor(r *report, embedded bool) {
	u, err := url.Parse(n.Monitor)
	switch {
	case embedded:
		r.bad("the embedded server is known to flush every write", "take this away")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "":
		r.bad(r.quote(n.Monitor)+" is no address of a monitoring port", "write it as in http://nats-1:8222")
	}
}

func (n *NATS) checkListen(r *report) {
	at := r.at("listen")
	if n.URL != "" || r.at("url").failed() {
		at.bad("only the embedded server listens, and nats.url names another", "keep one of the two")
		return
	}
	a, ok := checkAddress(at, n.Listen)
	if !ok {
		return
	}
	ip, err := netip.ParseAddr(a.host)
	if a.host != "localhost" && (err != nil || !ip.IsLoopback()) {
		at.bad(at.quote(n.Listen)+" can be reached from outside this machine", "write a loopback address, such as 127.0.0.1:4222; for other machines run a NATS server and set nats.url")
	}
	if !n.Token.IsZero() {
		checkSecret(r.at("token"), n.Token)
	}
}

// checkServers accepts nats://host:port, tls, ws and wss, separated by commas.
// No problem quotes one: it may hold a login.
func checkServers(r *report, text string) {
	const fix = "write nats://host:4222; tls, ws and wss are fine too, and several are separated by commas"
	var schemes []string
	for i, one := range strings.Split(text, ",") {
		which := ""
		if strings.Contains(text, ",") {
			which = fmt.Sprintf("address %d: ", i+1)
		}
		u, err := url.Parse(strings.TrimSpace(one))
		switch {
		case err != nil || u.Hostname() == "":
			r.bad(which+"not the address of a server", fix)
			continue
		case !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme):
			r.bad(which+"not a kind of NATS address", fix)
			continue
		case u.User != nil:
			r.bad(which+"a login inside the address would be shown wherever the address is", "put it in nats.credentials or nats.token")
		case u.RawQuery != "" || u.Fragment != "":
			r.bad(which+"a ? or # means nothing in it", fix)
		}
		if !slices.Contains(schemes, u.Scheme) {
			schemes = append(schemes, u.Scheme)
		}
	}
	// The client takes the kind of connection from the first and cannot mix.
	if web := slices.Contains(schemes, "ws") || slices.Contains(schemes, "wss"); web && (slices.Contains(schemes, "nats") || slices.Contains(schemes, "tls")) {
		r.bad("ws and nats addresses do not mix", "use one kind for all of them")
	}
}

// checkSecret looks at a token that others must show to us.
func checkSecret(r *report, s Secret) {
	v := s.Reveal()
	switch {
	case strings.IndexFunc(v, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0:
		r.bad("it has characters that do not survive in a header", "use letters, digits and signs, no spaces")
	case len(v) < minSecret:
		r.bad("short enough to be guessed", fmt.Sprintf("use %d characters or more; openssl rand -hex 16 makes some", minSecret))
	}
}
