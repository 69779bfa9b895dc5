package console

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// speak sends bytes as they are, and reads one answer.
func speak(t *testing.T, w *world, text string) (*http.Response, error) {
	t.Helper()
	c, err := net.Dial("tcp", w.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(15 * time.Second))
	go func() { _, _ = io.WriteString(c, text) }() // it may be cut off in the middle
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil {
		t.Cleanup(func() { _ = res.Body.Close() })
	}
	return res, err
}

func TestHugeHeadsAreCutOff(t *testing.T) {
	w := newWorld(t)
	for name, text := range map[string]string{
		"one long header": "GET /login HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 100<<10) + "\r\n\r\n",
		"many headers":    "GET /login HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 20_000) + "\r\n",
		"a long path":     "GET /login" + strings.Repeat("/x", 50<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n",
		"many cookies":    "GET /flow HTTP/1.1\r\nHost: a\r\nCookie: " + strings.Repeat("a=b; ", 20_000) + "\r\n\r\n",
	} {
		if res, err := speak(t, w, text); err == nil && res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	if a := w.get(w.browser(), "/login"); a.status != http.StatusOK {
		t.Errorf("afterwards: %d", a.status)
	}
}

// Who sends a request byte by byte is cut off, and holds nobody up meanwhile.
func TestSlowBrowsersAreCutOff(t *testing.T) {
	w := newWorld(t)
	var slow []net.Conn
	for range 30 {
		for _, text := range []string{"GET /login HTTP/1.1\r\nHost: a\r\nX: ", "POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nname="} {
			c, err := net.Dial("tcp", w.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			if _, err := io.WriteString(c, text); err != nil {
				t.Fatal(err)
			}
			slow = append(slow, c)
		}
	}
	if a := w.get(w.browser(), "/login"); a.status != http.StatusOK {
		t.Errorf("beside slow ones: %d", a.status)
	}
	end := time.Now().Add(20 * time.Second) // the console gives a whole request ten
	for _, c := range slow {
		_ = c.SetReadDeadline(end)
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a slow one is still connected")
		}
	}
}

// Neither a long form nor one that unpacks to a long one is read to its end.
func TestLongFormsAreNotRead(t *testing.T) {
	w := newWorld(t)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(bytes.Repeat([]byte("a"), 50<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ headers, body string }{
		"long":       {"", "name=" + strings.Repeat("a", 12<<20)},
		"compressed": {"Content-Encoding: gzip\r\n", bomb.String()},
		"many names": {"", strings.Repeat("a&", 6<<20)},
	} {
		res, err := speak(t, w, fmt.Sprintf("POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n%sContent-Length: %d\r\n\r\n%s", c.headers, len(c.body), c.body))
		if err == nil && (res.StatusCode < 400 || res.StatusCode > 499) {
			t.Errorf("%s is answered %d", name, res.StatusCode)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: it is neither answered nor cut off", name)
		}
	}
}

// However a path is spelt, it shows nobody what is behind the sign-in, nor any file.
func TestPathTricks(t *testing.T) {
	w := newWorld(t)
	for _, target := range []string{
		"//flow", "/flow/", "/./flow", "/login/../flow", "/assets/../flow", "/assets/..%2fflow", "/assets/%2e%2e/%2e%2e/etc/passwd", "/assets/..%5c..%5cetc",
		"/assets/", "/assets/.", "/assets/%00", "/assets/console.css%00.html", "/flow%00", "/FLOW", "/%66low", "/flow;x", "/flow%2f", "//a.example/flow", `/\a.example`,
		"/buried/1%2f..", "/buried/18446744073709551616", "/forget/../../x/proof", "/" + strings.Repeat("../", 2000) + "etc/passwd", "http://a.example/flow", "*",
	} {
		res, err := speak(t, w, "GET "+target+" HTTP/1.1\r\nHost: "+w.Addr().String()+"\r\nConnection: close\r\n\r\n")
		if err != nil {
			t.Errorf("%.60q: %v", target, err)
			continue
		}
		text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		if err != nil {
			t.Errorf("%.60q: %v", target, err)
		}
		if res.StatusCode < 300 {
			t.Errorf("%.60q is answered %d:\n%.300s", target, res.StatusCode, text)
		}
		if bytes.Contains(text, []byte("root:")) || bytes.Contains(text, []byte(`name="csrf"`)) {
			t.Errorf("%.60q shows\n%.300s", target, text)
		}
		if to := res.Header.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "://") || strings.Contains(to, `\`) {
			t.Errorf("%.60q leads to %q", target, to)
		}
	}
}
