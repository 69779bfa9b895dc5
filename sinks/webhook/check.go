package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"mekong/pipeline"
	"mekong/sinks/outbound"
)

// Check resolves the host and connects to it, with TLS, and sends nothing: every
// request, be it HEAD, may set something off at such an address.
func (s *Sink) Check(ctx context.Context) []pipeline.Finding {
	found := []pipeline.Finding{s.reach(ctx, "url", s.url)}
	if s.forget != nil {
		found = append(found, s.reach(ctx, "forget.url", s.forget))
	} else {
		found = append(found, pipeline.Finding{
			Level: pipeline.Warn, Setting: s.setting("forget.url"), What: "nobody is asked to erase rows when a person is to be forgotten",
			Fix: "set forget.url if the receiver has such an address, or ask it by hand each time",
		})
	}
	return found
}

// reach is the finding about one address.
func (s *Sink) reach(ctx context.Context, setting string, u *url.URL) pipeline.Finding {
	f := pipeline.Finding{Level: pipeline.OK, Setting: s.setting(setting)}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	ctx, cancel := context.WithTimeout(ctx, min(s.conf.Timeout, 10*time.Second))
	defer cancel()
	err := s.connect(ctx, u.Scheme, net.JoinHostPort(host, port))
	switch {
	case err != nil:
		f.Level, f.What, f.Fix = pipeline.Fail, "cannot connect to "+host+": "+silent(err), remedy(err)
	case u.Scheme == "http":
		f.Level, f.What, f.Fix = pipeline.Warn, "connected to "+host+" without TLS: everybody on the way can read the records", "use an https:// address unless the network is your own"
	default:
		f.What = "connected to " + host + "; whether it takes records is seen with the first one"
	}
	return f
}

func (s *Sink) connect(ctx context.Context, scheme, address string) error {
	conn, err := s.dialler.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing was sent
	if scheme != "https" {
		return nil
	}
	conf := s.tls.Clone()
	if conf == nil {
		conf = &tls.Config{}
	}
	if conf.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		conf.ServerName = strings.TrimSuffix(host, ".")
	}
	return tls.Client(conn, conf).HandshakeContext(ctx)
}

// remedy is what to do about a connection that did not come about.
func remedy(err error) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, outbound.ErrPrivate):
		return "set allow_private if the receiver is yours; else the address is wrong, or somebody means harm"
	case errors.As(err, &dns):
		return "see that the host's name is spelt right, and that this machine can resolve names"
	}
	return "see that the address is right, that the receiver runs, and that no firewall is between"
}
