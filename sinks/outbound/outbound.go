// Package outbound connects to addresses that a customer may have written into a
// configuration, and not to what only this machine or its network can reach: the
// other services of the host, a router, a cloud's metadata at 169.254.169.254.
//
// What counts is the address that is connected to, looked at after the name was
// resolved and again for every try: a name can show one address to a check and another
// to the connection. No redirect is followed, for it would lead past the address that
// was meant, and no proxy is used, behind which nothing could be looked at.
//
// What it cannot see: a public address that the network it runs in leads somewhere
// private, such as NAT64 under a prefix of its own. It does not know what is sent, and
// errors hold no address.
package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// ErrPrivate is what an error wraps when an address was refused.
var ErrPrivate = errors.New("the host is one of this machine or of a private network")

// refused says which setting would have let the address be one.
type refused struct{ setting string }

func (e refused) Error() string {
	return ErrPrivate.Error() + ": set " + e.setting + " if that is meant"
}

func (e refused) Unwrap() error { return ErrPrivate }

// Told is the refusal that err wraps in words that name the setting and no address;
// "" if err wraps none.
func Told(err error) string {
	var r refused
	if errors.As(err, &r) {
		return r.Error()
	}
	return ""
}

// Dialer connects to public addresses only, or to any. It may be used at once from
// many goroutines.
type Dialer struct {
	Private bool   // let the address be any
	Setting string // whole path of the setting that Private comes from

	resolver *net.Resolver // of tests; nil: the system's
}

// DialContext connects to address, a name or a number with a port, within ten
// seconds. It fails with [ErrPrivate] when none of the name's addresses is public and
// could be reached, without having sent a packet to any that is not.
func (d Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	n := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Resolver: d.resolver}
	if !d.Private {
		n.Control = func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !Public(at.Addr()) {
				return refused{d.Setting}
			}
			return nil
		}
	}
	return n.DialContext(ctx, network, address)
}

// Client follows no redirect, keeps no cookie and knows no proxy. It keeps up to idle
// connections open for a minute. secure may be nil, and is copied.
func (d Dialer) Client(secure *tls.Config, idle int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: d.DialContext, TLSClientConfig: secure.Clone(), ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost: max(idle, 1), IdleConnTimeout: 60 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// internet is where IPv6 addresses are given out of; everything else is for use
// inside of something, or leads to an IPv4 address written into it (NAT64 of RFC 6052
// and 8215 among them).
var internet = netip.MustParsePrefix("2000::/3")

// special are the networks that nobody outside reaches, or that lead into others by
// an address inside the address (IANA's special-purpose registries).
var special = func() (out []netip.Prefix) {
	for _, p := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

// Public reports whether ip can belong to a host on the internet. An IPv4 address
// that is written as an IPv6 one is judged as what it is.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() || ip.Is6() && !internet.Contains(ip) {
		return false
	}
	for _, p := range special {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}
