package sheetsim

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// errDropped is what a caller of [Sim.Transport] sees of a dropped connection.
var errDropped = errors.New("sheetsim: connection closed without an answer")

// Transport carries requests to the simulator without a listener, whatever their
// host. It behaves as a connection would: a request whose context ends is given up
// by the caller while the simulator still works on it. It may be used by any
// number of clients at once.
func (s *Sim) Transport() http.RoundTripper { return transport{s} }

// Client is an HTTP client over [Sim.Transport].
func (s *Sim) Client() *http.Client { return &http.Client{Transport: s.Transport()} }

type transport struct{ s *Sim }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	// The body is read before the handler runs, so that nothing touches it after
	// a caller who gave up has closed it.
	var body []byte
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		body = b
	}
	in := r.Clone(r.Context())
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.RemoteAddr = "127.0.0.1:1"
	in.Host = r.URL.Host
	out := make(chan *recorder, 1)
	go func() {
		defer close(out)
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		rec := &recorder{header: http.Header{}}
		defer func() {
			// A body that was announced longer than it came is an answer all the same.
			if rec.status != 0 {
				out <- rec
			}
		}()
		t.s.ServeHTTP(rec, in)
	}()
	select {
	case rec, ok := <-out:
		if !ok {
			if err := r.Context().Err(); err != nil {
				return nil, err
			}
			return nil, errDropped
		}
		return rec.response(r), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// recorder keeps a response. It cannot be hijacked, so a dropped connection ends
// in the panic that net/http has for it.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (rec *recorder) Header() http.Header { return rec.header }

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
}

func (rec *recorder) Write(b []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	return rec.body.Write(b)
}

func (rec *recorder) response(r *http.Request) *http.Response {
	length := int64(rec.body.Len())
	var body io.Reader = &rec.body
	if n, err := strconv.ParseInt(rec.header.Get("Content-Length"), 10, 64); err == nil && n > length {
		length, body = n, io.MultiReader(body, severed{})
	}
	return &http.Response{
		Status: strconv.Itoa(rec.status) + " " + http.StatusText(rec.status), StatusCode: rec.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: rec.header, Body: io.NopCloser(body), ContentLength: length, Request: r,
	}
}

// severed is the end of a body that stops before its announced length.
type severed struct{}

func (severed) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
