package config

import (
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Tracing sends OpenTelemetry traces to a collector: what became of a delivery,
// from the door to each sink. Without an endpoint nothing is traced. No variable of
// the environment turns it on or sends it elsewhere: what leaves this process, and
// whereto, is told by this file alone.
type Tracing struct {
	Endpoint string            `yaml:"endpoint" doc:"address of an OpenTelemetry collector that takes OTLP over HTTP, such as https://collector:4318; empty: nothing is traced"`
	Headers  map[string]Secret `yaml:"headers" doc:"headers of every request to it, by name, such as authorization; their values are not shown"`
	Sample   float64           `yaml:"sample" range:"0..1" doc:"share of the deliveries that are traced; one whose sender asks for it, with a traceparent header, is traced in any case, ten of them a second"`
}

// On says whether anything is traced.
func (t Tracing) On() bool { return t.Endpoint != "" }

func (t *Tracing) defaults(string) {
	t.Headers = map[string]Secret{}
	t.Sample = 1
}

func (t *Tracing) check(r *report) {
	at := r.at("endpoint")
	if t.Endpoint == "" {
		if len(t.Headers) > 0 && !at.failed() {
			r.at("headers").bad("nothing is sent, so they are of no use", "set endpoint too: the address of the collector")
		}
		return
	}
	u, err := url.Parse(t.Endpoint)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || len(t.Endpoint) > 2048:
		at.bad("not the address of a collector", "write https:// and the host, with the port for OTLP over HTTP, as in https://collector:4318")
		return
	case u.User != nil:
		at.bad("a login inside the address would be shown wherever the address is", "put it in tracing.headers")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		at.bad("a ? or # means nothing in it", "put what the collector wants to be told in tracing.headers")
	case u.Scheme == "http" && len(t.Headers) > 0 && !ownMachine(u.Hostname()):
		at.bad("without TLS everybody on the way can read the headers", "write https://, or take tracing.headers away")
	}
	for _, name := range slices.Sorted(maps.Keys(t.Headers)) {
		at := r.at("headers").at(name)
		switch {
		case !headerName.MatchString(name):
			at.bad("this cannot be the name of a header", "use letters, digits and -")
		case slices.Contains(ownHeaders, strings.ToLower(name)), strings.EqualFold(name, "Content-Encoding"):
			at.bad("this header is Mekong's to set", "take it away")
		}
		checkHeaderValue(at, t.Headers[name])
	}
}

// ownMachine reports whether host never leaves this machine.
func ownMachine(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Traces is where spans are posted: the endpoint itself where it names the path, else
// the path of the protocol behind it.
func (t Tracing) Traces() string {
	const path = "/v1/traces"
	base := strings.TrimRight(t.Endpoint, "/")
	if strings.HasSuffix(base, path) {
		return base
	}
	return base + path
}
