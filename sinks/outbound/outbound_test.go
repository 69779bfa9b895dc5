package outbound

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "203.162.0.1": true, "::ffff:8.8.8.8": true, "2001:4860:4860::8888": true, "2a00:1450::1": true,
		"172.32.0.1": true, "100.63.255.255": true, "100.128.0.1": true, "223.255.255.255": true,
		"127.0.0.1": false, "127.255.255.255": false, "::ffff:127.0.0.1": false, "10.0.0.1": false, "::ffff:10.0.0.1": false, "172.16.0.1": false,
		"172.31.255.255": false, "192.168.1.1": false, "169.254.169.254": false, "::ffff:169.254.169.254": false, "100.64.0.1": false, "100.127.255.255": false,
		"0.0.0.0": false, "0.1.2.3": false, "255.255.255.255": false, "224.0.0.1": false, "239.1.1.1": false, "240.0.0.1": false, "192.0.0.192": false,
		"::": false, "::1": false, "::127.0.0.1": false, "::ffff:0:7f00:1": false, "fe80::1%eth0": false, "fec0::1": false, "fd12::1": false, "fd00:ec2::254": false,
		"64:ff9b::a00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b:1::a00:1": false, "2002:a00:1::": false, "2001:0:1::": false, "2001:db8::1": false,
		"ff02::1": false, "100::1": false, "4000::1": false, "3fff::1": false,
	} {
		if got := Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v", text, got)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address is taken for a public one")
	}
}

// names is a resolver that knows one name, by the addresses given. Each question is
// answered with the next of turns, the last for ever.
func names(asked *atomic.Int32, turns ...[]string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer func() { _ = far.Close() }()
			for {
				var size [2]byte // a pipe is a stream: questions have their length before them
				if _, err := io.ReadFull(far, size[:]); err != nil {
					return
				}
				q := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := io.ReadFull(far, q); err != nil {
					return
				}
				end := 12
				for q[end] != 0 {
					end += int(q[end]) + 1
				}
				end += 5
				turn := min(int(asked.Load()), len(turns)-1)
				var answers []byte
				count := 0
				if q[end-3] == 1 { // A; nothing has another kind of address
					asked.Add(1)
					for _, text := range turns[turn] {
						ip := netip.MustParseAddr(text).As4()
						answers = append(answers, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ip[0], ip[1], ip[2], ip[3])
						count++
					}
				}
				a := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, byte(count), 0, 0, 0, 0}, q[12:end]...)
				a = append(a, answers...)
				if _, err := far.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)); err != nil {
					return
				}
			}
		}()
		return near, nil
	}}
}

// A name is not believed: what it resolves to is looked at, each address, each time.
func TestNamesThatLeadInside(t *testing.T) {
	var reached atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(inside.Close)
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for what, turns := range map[string][][]string{
		"one address":             {{"127.0.0.1"}},
		"many":                    {{"10.255.255.1", "127.0.0.1", "169.254.169.254", "0.0.0.0"}},
		"another at the next try": {{"100.64.0.1"}, {"127.0.0.1"}},
	} {
		t.Run(what, func(t *testing.T) {
			var asked atomic.Int32
			d := Dialer{Setting: "sinks.crm.webhook.allow_private", resolver: names(&asked, turns...)}
			c := d.Client(nil, 1)
			for range 3 {
				_, err := c.Get("http://crm.example.com:" + port + "/")
				if !errors.Is(err, ErrPrivate) || !strings.Contains(Told(err), "set sinks.crm.webhook.allow_private") {
					t.Fatalf("%v", err)
				}
			}
			if reached.Load() != 0 || asked.Load() < 3 {
				t.Errorf("reached %d times, the name asked for %d times", reached.Load(), asked.Load())
			}
			d.Private = true
			asked.Store(int32(len(turns)))
			if what == "many" {
				return // who answers at the others is nobody's to say
			}
			res, err := d.Client(nil, 1).Get("http://crm.example.com:" + port + "/")
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if reached.Swap(0) != 1 {
				t.Error("with the setting it was not reached, so nothing was proved")
			}
		})
	}
}

// Numbers in the ways that other software reads them, and what stands for a name.
func TestNumbersThatLeadInside(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]", "2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "169.254.169.254", "[64:ff9b::7f00:1]", "[fe80::1%25lo]"} {
		res, err := Dialer{Setting: "s"}.Client(nil, 1).Get("http://" + host + ":1/")
		if err == nil {
			_ = res.Body.Close()
			t.Errorf("%s is connected to", host)
			continue
		}
		var dns *net.DNSError
		var op *net.OpError
		switch {
		case errors.Is(err, ErrPrivate), errors.As(err, &dns):
		case strings.HasPrefix(host, "[") && errors.As(err, &op) && op.Op == "dial": // a machine without IPv6 says so first
		default:
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestNoRedirectAndNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	calls := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(s.Close)
	c := Dialer{Private: true}.Client(nil, 1)
	res, err := c.Post(s.URL, "", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusTemporaryRedirect || calls != 1 {
		t.Errorf("%d after %d calls", res.StatusCode, calls)
	}
	if tr := c.Transport.(*http.Transport); tr.Proxy != nil {
		t.Error("a proxy is used")
	}
}
