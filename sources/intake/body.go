package intake

import (
	"errors"
	"io"
	"net/http"
	"os"

	"mekong/sources/request"
)

// firstRead is the most that a body is given before any of it has come; after
// that it gets as much again as it has sent, so a slow sender holds little.
const firstRead = 4 << 10

// read reads the body of r, at most the route's MaxBody of it. With a refusal
// comes what was read until then. The caller releases it.
func (d *door) read(rt *route, r *http.Request) ([]byte, *request.Refusal) {
	most := rt.MaxBody
	size := int64(firstRead)
	if r.ContentLength >= 0 && r.ContentLength < size {
		size = r.ContentLength + 1 // one more, to see the end
	}
	if !d.take(size) {
		return nil, busy
	}
	buf := make([]byte, 0, size)
	for {
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > most:
			return buf[:most], tooLarge(most)
		case err == io.EOF:
			if r.ContentLength > int64(len(buf)) {
				return buf, incomplete
			}
			return buf, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return buf, tooSlow
		case err != nil:
			return buf, incomplete
		}
		if len(buf) == cap(buf) {
			more := min(int64(cap(buf)), most+1-int64(cap(buf)))
			if r.ContentLength > 0 {
				more = min(more, r.ContentLength+1-int64(cap(buf)))
			}
			if more = max(more, 1); !d.take(more) {
				return buf, busy
			}
			grown := make([]byte, len(buf), int64(cap(buf))+more)
			copy(grown, buf)
			buf = grown
		}
	}
}

// take reserves n bytes of the memory that all bodies share.
func (d *door) take(n int64) bool {
	if d.in.memory.Add(n) > d.in.opts.Memory {
		d.in.memory.Add(-n)
		return false
	}
	return true
}

// release gives back what read took for body.
func (d *door) release(body []byte) { d.in.memory.Add(-int64(cap(body))) }
