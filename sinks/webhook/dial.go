package webhook

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"mekong/config"
)

// errPrivate is the refusal to connect to an address that is not public.
var errPrivate = errors.New("the host is one of this machine or of a private network")

// dialler connects to public addresses, or to any.
type dialler struct{ private bool }

// DialContext looks at the address after the name was resolved and for each try, so
// that a name cannot show one address to a check and another to the connection.
func (d dialler) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	n := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if !d.private {
		n.Control = func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !public(at.Addr()) {
				return errPrivate
			}
			return nil
		}
	}
	return n.DialContext(ctx, network, address)
}

// notPublic are the networks that nobody outside reaches, or that lead into others
// by an address inside the address (IANA's special-purpose registries).
var notPublic = func() []netip.Prefix {
	var out []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
		"fc00::/7", "fe80::/9", "ff00::/8",
	} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

// public reports whether ip can belong to a host on the internet.
func public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// newClient follows no redirect, keeps no cookie and knows no proxy.
func (s *Sink) newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: s.dialler.DialContext, TLSClientConfig: s.tls.Clone(), ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost: max(s.conf.Writers, 1), IdleConnTimeout: 60 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// address reads an address. Its error does not repeat it.
func address(text config.Secret) (*url.URL, error) {
	u, err := url.Parse(text.Reveal())
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return nil, errors.New("not an address to post to; write https:// and the rest, as the receiver gives it")
	}
	return u, nil
}
