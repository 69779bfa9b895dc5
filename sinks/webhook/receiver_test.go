package webhook_test

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// gate is a listener that can hang up on whoever calls.
type gate struct {
	net.Listener
	mu     sync.Mutex
	closed bool
	conns  []net.Conn
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		if closed := g.closed; closed {
			g.mu.Unlock()
			c.Close()
			continue
		}
		g.conns = append(g.conns, c)
		g.mu.Unlock()
		return c, nil
	}
}

func (g *gate) set(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed = closed; closed {
		for _, c := range g.conns {
			c.Close()
		}
		g.conns = nil
	}
}

// item is a record as it comes over the wire.
type item struct {
	ID, Key, Kind, Source string
	Occurred, Received    time.Time
	Fields                map[string]any
}

type row struct {
	newest item
	fields map[string]any
}

// receiver is the least that a destination must do for "one row for each key" to
// hold: rows by key, fields merged by when the record happened.
type receiver struct {
	*gate
	*httptest.Server
	bearer, secret string

	mu       sync.Mutex
	rows     map[string]*row
	requests []*http.Request
	bodies   [][]byte
	answer   func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
	lose     bool                                              // the next answer, after storing
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{bearer: "the-bearer-of-the-crm", secret: "the-hmac-secret", rows: map[string]*row{}}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	r.gate = &gate{Listener: r.Server.Listener}
	r.Server.Listener = r.gate
	r.Server.Config.ErrorLog = quiet
	r.StartTLS()
	t.Cleanup(r.Server.Close)
	return r
}

// trust is the TLS of a client that knows the receiver's authority.
func (r *receiver) trust() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(r.Certificate())
	return &tls.Config{RootCAs: pool}
}

func (r *receiver) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

func (r *receiver) serve(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	var answer func(http.ResponseWriter, *http.Request) bool
	r.set(func() {
		r.requests, r.bodies = append(r.requests, q), append(r.bodies, body)
		answer = r.answer
	})
	if answer != nil && answer(w, q) {
		return
	}
	h := hmac.New(sha256.New, []byte(r.secret))
	h.Write(body)
	switch {
	case q.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case q.Header.Get("Authorization") != "Bearer "+r.bearer, q.Header.Get("X-Signature") != "sha256="+hex.EncodeToString(h.Sum(nil)):
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	status := r.take(q, body)
	if r.lose && status == http.StatusOK {
		r.lose = false
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
	io.WriteString(w, `{"ok":true,"echo":`+strconv.Quote(string(body[:min(len(body), 200)]))+`}`)
}

func (r *receiver) take(q *http.Request, body []byte) int {
	if q.URL.Path == "/forget" {
		var in struct{ Keys []string }
		if json.Unmarshal(body, &in) != nil {
			return http.StatusBadRequest
		}
		for _, k := range in.Keys {
			delete(r.rows, k)
		}
		return http.StatusOK
	}
	var items []item
	if body[0] == '[' {
		if json.Unmarshal(body, &items) != nil {
			return http.StatusBadRequest
		}
	} else {
		items = make([]item, 1)
		if json.Unmarshal(body, &items[0]) != nil || q.Header.Get("Idempotency-Key") != items[0].ID {
			return http.StatusBadRequest
		}
	}
	for _, it := range items {
		if it.Fields["bad"] != nil {
			return http.StatusUnprocessableEntity // and nothing of a list is stored
		}
	}
	for _, it := range items {
		r.merge(it)
	}
	return http.StatusOK
}

func (r *receiver) merge(it item) {
	at := r.rows[it.Key]
	if at == nil {
		at = &row{newest: it, fields: map[string]any{}}
		r.rows[it.Key] = at
	}
	n := at.newest
	newer := cmp.Or(it.Occurred.Compare(n.Occurred), it.Received.Compare(n.Received), cmp.Compare(it.ID, n.ID)) >= 0
	if newer {
		at.newest = it
	}
	for name, v := range it.Fields {
		if v != nil && (newer || at.fields[name] == nil) {
			at.fields[name] = v
		}
	}
}

// read gives a value of JSON the type it had in a record.
func read(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	texts := make([]string, len(list))
	for i := range list {
		texts[i], _ = list[i].(string)
	}
	return slices.Clip(texts)
}
