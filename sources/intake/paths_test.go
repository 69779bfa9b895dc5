package intake

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Paths are taken as they are written: what is not a route's own to the letter stores
// nothing and leads nowhere, however it is spelt. Sent by hand, since a client would
// tidy them up.
func TestPathTricks(t *testing.T) {
	s := &store{}
	addr, _ := running(t, newIntake(t, Options{Refuse: s.refuse, Addr: "127.0.0.1:0"}, Route{}), s.emit)
	for _, target := range []string{
		"//in/landing", "/in//landing", "/in/../in/landing", "/in/./landing", "/in/landing/..", "/in/landing/../../etc/passwd", "/x/%2e%2e/in/landing",
		"/in/%2e%2e/in/landing", "/in%5clanding", `/in\landing`, "/in/landing%00", "/in/landing%00/x", "/IN/LANDING", "/in/landing;x=1",
		"/in/landing%2f..", "/in/landing%0d%0aX:%20y", "/in/landing/%2e", "/.", "/..", "/in/lan\xffding",
		"/in/" + strings.Repeat("a/", 10_000), "http://a.example/x", "*",
	} {
		c := dial(t, addr)
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=1", target)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%.60q: %v", target, err)
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusBadRequest || res.Header.Get("Location") != "" {
			t.Errorf("%.60q is answered %d, %q", target, res.StatusCode, res.Header.Get("Location"))
		}
	}
	// The route's own path with its characters written as numbers is the same path, and
	// so it is here with a slash written so; the dialect asks for the token all the same.
	for _, target := range []string{"/in/landing", "/in/landing/", "/in/l%61nding", "/%69%6e%2flanding", "http://a.example/in/landing"} {
		before := len(s.raws)
		c := dial(t, addr)
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=1", target)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || len(s.raws) != before+1 {
			t.Errorf("%q is answered %d", target, res.StatusCode)
		}
	}
	if len(s.raws) != 5 {
		t.Errorf("%d are stored", len(s.raws))
	}
}

// Requests that two servers could read as two different ones are refused, so that none
// can be hidden in another behind a proxy.
func TestRequestsThatHideAnother(t *testing.T) {
	s := &store{}
	addr, _ := running(t, newIntake(t, Options{Addr: "127.0.0.1:0"}, Route{}), s.emit)
	for name, head := range map[string]string{
		"two lengths":              "Content-Length: 3\r\nContent-Length: 4\r\n",
		"a length with a sign":     "Content-Length: +3\r\n",
		"an odd coding":            "Transfer-Encoding: xchunked\r\n",
		"a coding twice":           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"a space before the colon": "Content-Length : 3\r\n",
		"a folded header":          "X: a\r\n Content-Length: 3\r\n\tb: c\r\n\x00: d\r\n",
		"no host":                  "-",
	} {
		c := dial(t, addr)
		host := "Host: a\r\n"
		if head == "-" {
			host, head = "", ""
		}
		fmt.Fprintf(c, "POST /in/landing HTTP/1.1\r\n%s%s\r\na=1", host, head)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusBadRequest && res.StatusCode != http.StatusNotImplemented {
			t.Errorf("%s is answered %d", name, res.StatusCode)
		}
	}
	if len(s.raws) != 0 {
		t.Errorf("%d are stored", len(s.raws))
	}
}
