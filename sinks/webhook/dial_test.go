package webhook

import (
	"net/netip"
	"testing"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "203.162.0.1": true, "::ffff:8.8.8.8": true, "2001:4860:4860::8888": true, "2a00:1450::1": true,
		"127.0.0.1": false, "::ffff:10.0.0.1": false, "172.31.255.255": false, "172.32.0.1": true, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "::": false, "::1": false, "::127.0.0.1": false, "255.255.255.255": false, "224.0.0.1": false, "240.0.0.1": false,
		"fe80::1%eth0": false, "fec0::1": false, "fd12::1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false, "2001:0:1::": false, "ff02::1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v", text, got)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is taken for a public one")
	}
}
