package chatlog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strconv"
	"time"

	"mekong/pipeline"
	"mekong/sources/chatlog/turn"
	"mekong/sources/identity"
	"mekong/sources/request"
)

// reading is one body on its way to Raws. The receiver's mu is held.
type reading struct {
	r     *Receiver
	meta  map[string]string
	place string
	step  int // which document of the body this is
	now   time.Time
	raws  []pipeline.Raw
	size  int
	reply []byte
	err   error
}

// add makes a Raw of b. What is too large to travel loses its Facts first.
func (rd *reading) add(id string, b turn.Body) {
	body, err := b.Encode()
	if err == nil && len(body) > maxRaw && b.Facts != nil {
		b.Facts, b.Cut = nil, true
		body, err = b.Encode()
	}
	if err != nil || len(body) > maxRaw {
		rd.err = request.Malformed("One turn is larger than a message may be: send less in one piece.")
		return
	}
	rd.size += len(body)
	rd.raws = append(rd.raws, pipeline.Raw{
		ID: id, Source: rd.r.name, Format: turn.Format, Received: rd.now, Meta: maps.Clone(rd.meta), Body: body,
	})
}

// vendor is the ID of what its sender has named.
func (rd *reading) vendor(id string) string { return identity.Vendor(rd.r.name, id) }

// hashed is the ID of what its parts identify.
func (rd *reading) hashed(parts ...string) string {
	b := make([][]byte, len(parts))
	for i, p := range parts {
		b[i] = []byte(p)
	}
	return identity.Hashed(rd.r.name, identity.Sum(b...))
}

// here is where the document stands, "" where equal documents are one.
func (rd *reading) here() string {
	if rd.place == "" {
		return ""
	}
	return rd.place + "#" + strconv.Itoa(rd.step)
}

// short is a name made of text, safe and of one length.
func short(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(h.Sum(nil)[:10])
}

// maxSession is the longest session ID that is kept as it is.
const maxSession = 256

// session bounds what a sender calls a session.
func (rd *reading) session(s string) string {
	if len(s) > maxSession {
		return "long-" + short(s)
	}
	return s
}

// seen is when this turn was first seen, as far as is remembered.
func seen(t int64) string {
	if t == 0 {
		return ""
	}
	return time.Unix(0, t).UTC().Format(time.RFC3339Nano)
}

// words is the text of a message, short enough to go along with the next turn.
func words(raw json.RawMessage) string {
	if o, ok := turn.ParseObject(raw); ok {
		return cut(turn.MessageText(o))
	}
	return cut(turn.TextOf(raw, 0))
}
