package bench

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"mekong/config"
	"mekong/sources/form"
	"mekong/sources/identity"
	"mekong/sources/ladipage"
)

// Every request is one that a door takes, and another lead.
func TestRequestsAreDistinctLeads(t *testing.T) {
	m := newMint()
	conf := config.LadiPage{Path: doorPath, Window: 1e9, Token: config.NewSecret(doorToken)}
	door, err := ladipage.New("landing", conf, nil)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	var buf []byte
	for n := m.numbers(1000); n < 1000; n++ {
		buf = m.request(buf, n)
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(buf)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(body, m.form(n)) {
			t.Fatalf("request %d has the body %s, form %d is %s", n, body, n, m.form(n))
		}
		if p, err := form.Parse(r.Header.Get("Content-Type"), body); err != nil || len(p.Fields) < 9 {
			t.Fatalf("request %d: %d fields, %v", n, len(p.Fields), err)
		}
		r.RemoteAddr = "127.0.0.1"
		raws, _, err := door.Receive(r, body)
		if err != nil || len(raws) != 1 {
			t.Fatalf("request %d: %d raws, %v", n, len(raws), err)
		}
		ids[raws[0].ID] = true
	}
	if len(ids) != 1000 {
		t.Errorf("1000 requests have %d IDs", len(ids))
	}
	if next := m.numbers(1); next != 1000 {
		t.Errorf("the next number is %d", next)
	}
	if m.payload() < 300 {
		t.Errorf("a form has %d bytes", m.payload())
	}
	if a, b := identity.Sum(m.form(1)), identity.Sum(m.form(17)); a == b {
		t.Error("two leads of one kind are the same")
	}
}

func TestIsAnswer(t *testing.T) {
	const good = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nabcd"
	for _, c := range []struct {
		got   string
		whole bool
		err   string
	}{
		{good, true, ""},
		{good[:len(good)-1], false, ""},
		{good[:20], false, ""},
		{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", false, "answered 503"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, "the answer has no length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: much\r\n\r\n", false, "the answer's length makes no sense"},
		{"\r\n\r\n", false, "the answer is not HTTP"},
		{"HTTP/1.1 2\r\n\r\n", false, "the answer is not HTTP"},
	} {
		whole, err := isAnswer([]byte(c.got))
		text := ""
		if err != nil {
			text = err.Error()
		}
		if whole != c.whole || text != c.err {
			t.Errorf("%q: %v, %q; want %v, %q", c.got, whole, text, c.whole, c.err)
		}
	}
}

func FuzzIsAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200\r\nContent-Length: \r\n\r\n"))
	f.Fuzz(func(t *testing.T, got []byte) {
		if whole, err := isAnswer(got); whole && (err != nil || !bytes.HasPrefix(got, []byte("HTTP/1.1 200"))) {
			t.Errorf("%q is a whole answer, %v", got, err)
		}
	})
}
