package bench

import (
	"bytes"
	"fmt"
	"strconv"
	"sync/atomic"

	"mekong/cmd/internal/leads"
)

// mint makes requests that differ, at the price of copying one: a lead's number
// is printed over the number of a lead that was encoded before.
type mint struct {
	forms []stamped
	next  atomic.Uint64
}

// stamped is an encoded request, and where the number in it is.
type stamped struct {
	request []byte
	body    int // where it begins
	digits  int
}

const (
	doorPath   = "/in/landing"
	doorToken  = "bench-token-of-no-account" // the door has one to compare, as in production
	firstLead  = 100_000_000_000             // all numbers have as many digits
	digitCount = 12
	formCount  = 16 // kinds of names, phones and courses
)

func newMint() *mint {
	m := &mint{}
	for i := range uint64(formCount) {
		n := firstLead + i
		contentType, body := leads.Make(n).Encode(leads.URLEncoded)
		head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://khoahoc.example.vn\r\nReferer: https://khoahoc.example.vn/ielts\r\n"+
			"User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36\r\nToken: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
			doorPath, doorToken, contentType, len(body))
		request := append([]byte(head), body...)
		at := bytes.Index(request, []byte("lead"+strconv.FormatUint(n, 10)+"%40"))
		m.forms = append(m.forms, stamped{request, len(head), at + len("lead")})
	}
	return m
}

// payload is how many bytes a form has.
func (m *mint) payload() int {
	sum := 0
	for _, f := range m.forms {
		sum += len(f.request) - f.body
	}
	return sum / len(m.forms)
}

// numbers reserves n numbers for one sender, and gives the first.
func (m *mint) numbers(n int) uint64 { return m.next.Add(uint64(n)) - uint64(n) }

// request writes request number n over buf.
func (m *mint) request(buf []byte, n uint64) []byte {
	f := &m.forms[n%formCount]
	buf = append(buf[:0], f.request...)
	stamp(buf[f.digits:], n)
	return buf
}

// form makes the body of number n.
func (m *mint) form(n uint64) []byte {
	f := &m.forms[n%formCount]
	body := bytes.Clone(f.request[f.body:])
	stamp(body[f.digits-f.body:], n)
	return body
}

func stamp(b []byte, n uint64) {
	n += firstLead
	for i := digitCount - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
}
