package larkbot

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// frame is what goes over a long connection, in either direction: protobuf with the
// fields of `lark.md` §6.7. Only those that an answer repeats, or somebody here looks
// at, have a place; a test holds the reading and writing against the SDK's own.
type frame struct {
	seq      uint64
	log      uint64
	service  int64
	method   int64 // methodControl or methodData
	headers  []header
	encoding string
	kind     string
	payload  []byte
	logNew   string
}

type header struct{ key, value string }

// The methods of a frame, and the types in its header "type".
const (
	methodControl = 0
	methodData    = 1

	typeEvent = "event"
	typePing  = "ping"
	typePong  = "pong"
)

// maxHeaders bounds the headers of one frame.
const maxHeaders = 64

func (f *frame) header(key string) string {
	for _, h := range f.headers {
		if h.key == key {
			return h.value
		}
	}
	return ""
}

func (f *frame) number(key string) int {
	n, err := strconv.Atoi(f.header(key))
	if err != nil {
		return 0
	}
	return n
}

var errFrame = errors.New("a frame that cannot be read")

// readFrame reads b. What it returns shares b's memory.
func readFrame(b []byte) (*frame, error) {
	f := &frame{}
	err := eachField(b, func(field int, n uint64, text []byte) error {
		switch field {
		case 1:
			f.seq = n
		case 2:
			f.log = n
		case 3:
			f.service = int64(int32(n))
		case 4:
			f.method = int64(int32(n))
		case 5:
			if len(f.headers) == maxHeaders {
				return errFrame
			}
			var h header
			err := eachField(text, func(field int, _ uint64, text []byte) error {
				switch field {
				case 1:
					h.key = string(text)
				case 2:
					h.value = string(text)
				}
				return nil
			})
			f.headers = append(f.headers, h)
			return err
		case 6:
			f.encoding = string(text)
		case 7:
			f.kind = string(text)
		case 8:
			f.payload = text
		case 9:
			f.logNew = string(text)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// eachField calls do for the fields of a message: n for a number, text for what has
// a length. Unknown fields are called too.
func eachField(b []byte, do func(field int, n uint64, text []byte) error) error {
	for len(b) > 0 {
		tag, size := binary.Uvarint(b)
		if size <= 0 || tag>>3 == 0 || tag>>3 > 1<<29 {
			return errFrame
		}
		b = b[size:]
		var n uint64
		var text []byte
		switch tag & 7 {
		case 0:
			if n, size = binary.Uvarint(b); size <= 0 {
				return errFrame
			}
			b = b[size:]
		case 1, 5:
			width := 8
			if tag&7 == 5 {
				width = 4
			}
			if len(b) < width {
				return errFrame
			}
			b = b[width:]
		case 2:
			long, size := binary.Uvarint(b)
			if size <= 0 || long > uint64(len(b)-size) {
				return errFrame
			}
			text = b[size : size+int(long)]
			b = b[size+int(long):]
		default:
			return errFrame
		}
		if err := do(int(tag>>3), n, text); err != nil {
			return err
		}
	}
	return nil
}

// bytes writes the frame as the SDK does: the four numbers always.
func (f *frame) bytes() []byte {
	b := make([]byte, 0, 128+len(f.payload))
	for i, n := range []uint64{f.seq, f.log, uint64(f.service), uint64(f.method)} {
		b = binary.AppendUvarint(append(b, byte(i+1)<<3), n)
	}
	for _, h := range f.headers {
		inner := appendText(appendText(nil, 1, h.key), 2, h.value)
		b = appendText(b, 5, string(inner))
	}
	if f.encoding != "" {
		b = appendText(b, 6, f.encoding)
	}
	if f.kind != "" {
		b = appendText(b, 7, f.kind)
	}
	if f.payload != nil {
		b = appendText(b, 8, string(f.payload))
	}
	if f.logNew != "" {
		b = appendText(b, 9, f.logNew)
	}
	return b
}

func appendText(b []byte, field byte, s string) []byte {
	return append(binary.AppendUvarint(append(b, field<<3|2), uint64(len(s))), s...)
}
