package console

import (
	"net/http"
	"net/netip"
	"strings"
)

// address is where a request comes from: the peer or, behind trusted proxies, the
// right-most address in X-Forwarded-For that is not one of them. What stands left of
// that was written by the client. The zero Addr: the peer has none.
func (c *Console) address(r *http.Request) netip.Addr {
	peer, ok := peerOf(r)
	if !ok || !c.trusted(peer) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(hops[i]), "[]"))
		if err != nil {
			break
		}
		if peer = hop.Unmap().WithZone(""); !c.trusted(peer) {
			break
		}
	}
	return peer
}

func peerOf(r *http.Request) (netip.Addr, bool) {
	p, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	return p.Addr().Unmap().WithZone(""), true
}

func (c *Console) trusted(a netip.Addr) bool {
	for _, p := range c.opts.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// encrypted says whether the browser speaks HTTPS, to us or to a proxy of ours.
func (c *Console) encrypted(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	peer, ok := peerOf(r)
	return ok && c.trusted(peer) && r.Header.Get("X-Forwarded-Proto") == "https"
}
