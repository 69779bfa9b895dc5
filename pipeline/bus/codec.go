package bus

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/tidwall/gjson"

	"mekong/pipeline"
)

// headerAgain marks a record whose earlier try may have reached a destination. On a
// delivery that says so too; past is one of the past that somebody sent again, late one
// that a gateway could not pass on in time for its repeats to be known as such.
const (
	headerAgain = "Mekong-Again"
	past        = "1"
	late        = "late"
)

func recordMsg(r pipeline.Record) *nats.Msg {
	h := nats.Header{nats.MsgIdHdr: {r.ID}}
	if r.Again {
		h[headerAgain] = []string{"1"}
	}
	return &nats.Msg{Subject: recordSubject(r), Header: h, Data: appendRecord(make([]byte, 0, 1024), r)}
}

func recordSubject(r pipeline.Record) string {
	return "rec." + token(r.Kind) + "." + token(r.Source)
}

// appendRecord writes a record as JSON, fields in the order of their names, so
// that the same record is the same bytes. Times keep nanoseconds.
func appendRecord(b []byte, r pipeline.Record) []byte {
	b = append(b, `{"id":`...)
	b = appendString(b, r.ID)
	b = append(b, `,"key":`...)
	b = appendString(b, r.Key)
	b = append(b, `,"kind":`...)
	b = appendString(b, r.Kind)
	b = append(b, `,"source":`...)
	b = appendString(b, r.Source)
	b = append(b, `,"occurred":"`...)
	b = r.Occurred.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","received":"`...)
	b = r.Received.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","fields":{`...)
	var few [64]string
	for i, name := range sorted(few[:0], r.Fields) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, name)
		b = append(b, ':')
		b = appendValue(b, r.Fields[name])
	}
	return append(b, "}}"...)
}

// sorted appends the names of m to names, in their order.
func sorted[V any](names []string, m map[string]V) []string {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case float64:
		// 'g' with the shortest exact digits reads back as the same number.
		// JSON has no word for infinity; nothing sensible is a number then.
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return append(b, "null"...)
		}
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	case []string:
		b = append(b, '[')
		for i, s := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, s)
		}
		return append(b, ']')
	default:
		// Outside the contract of Record.Fields; text is better than a loss.
		return appendString(b, fmt.Sprint(v))
	}
}

const hex = "0123456789abcdef"

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), `\ufffd`...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

func decodeRecord(h nats.Header, body []byte) (pipeline.Record, error) {
	bad := errors.New("the message is not a record")
	if !gjson.ValidBytes(body) {
		return pipeline.Record{}, bad
	}
	r := pipeline.Record{Again: h.Get(headerAgain) != ""}
	var err error
	when := func(v gjson.Result) time.Time {
		t, e := time.Parse(time.RFC3339Nano, v.String())
		if e != nil {
			err = bad
		}
		return t
	}
	gjson.ParseBytes(body).ForEach(func(k, v gjson.Result) bool {
		switch k.String() {
		case "id":
			r.ID = v.String()
		case "key":
			r.Key = v.String()
		case "kind":
			r.Kind = v.String()
		case "source":
			r.Source = v.String()
		case "occurred":
			r.Occurred = when(v)
		case "received":
			r.Received = when(v)
		case "fields":
			r.Fields = make(map[string]any, 32)
			v.ForEach(func(k, v gjson.Result) bool {
				r.Fields[k.String()] = decodeValue(v)
				return true
			})
		}
		return true
	})
	if r.ID == "" || r.Key == "" {
		return r, bad
	}
	return r, err
}

func decodeValue(v gjson.Result) any {
	switch v.Type {
	case gjson.Null:
		return nil
	case gjson.True:
		return true
	case gjson.False:
		return false
	case gjson.Number:
		return v.Float()
	case gjson.String:
		return v.String()
	default:
		list := []string{}
		v.ForEach(func(_, e gjson.Result) bool { list = append(list, e.String()); return true })
		return list
	}
}

// token makes one subject token of a name. Names of sources and kinds are
// checked where they are configured; this keeps a slip from becoming a wildcard.
func token(s string) string {
	if s == "" {
		return "_"
	}
	for i := 0; i < len(s); i++ {
		if !plain(s[i]) {
			b := []byte(s)
			for i := range b {
				if !plain(b[i]) {
					b[i] = '_'
				}
			}
			return string(b)
		}
	}
	return s
}

func plain(c byte) bool {
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
