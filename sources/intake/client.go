package intake

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// ParseProxies reads addresses and CIDRs, as the configuration spells them.
func ParseProxies(list []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		if a, err := netip.ParseAddr(s); err == nil {
			a = a.Unmap().WithZone("")
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("trusted proxy %q is neither an address nor a CIDR such as 10.0.0.0/8", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// clientIP is the address the request comes from: the peer's or, behind trusted
// proxies, the right-most one in X-Forwarded-For that is not a trusted proxy
// itself. What stands left of that was written by the client and proves nothing.
// It is "" when the peer has no address.
func (in *Intake) clientIP(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	client := peer.Addr().Unmap().WithZone("")
	if len(in.opts.TrustedProxies) == 0 || !in.trusted(client) {
		return client.String()
	}
	headers := r.Header["X-Forwarded-For"]
	for i := len(headers) - 1; i >= 0; i-- {
		list := headers[i]
		for list != "" {
			at := strings.LastIndexByte(list, ',')
			hop, err := parseHop(strings.TrimSpace(list[at+1:]))
			if err != nil {
				return client.String()
			}
			if client = hop; !in.trusted(hop) {
				return client.String()
			}
			list = list[:max(at, 0)]
		}
	}
	return client.String()
}

// parseHop reads an address, which some proxies write with a port.
func parseHop(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		var ap netip.AddrPort
		if ap, err = netip.ParseAddrPort(s); err != nil {
			return netip.Addr{}, err
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone(""), nil
}

func (in *Intake) trusted(a netip.Addr) bool {
	for _, p := range in.opts.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
