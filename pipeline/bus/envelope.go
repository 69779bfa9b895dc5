package bus

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/tidwall/gjson"

	"mekong/pipeline"
)

// headerEnvelope carries what a Raw is besides its body. One JSON value keeps
// names and values exact, which a text header would not:
//
//	{"id":…,"source":…,"format":…,"received":…,"meta":{…}}
const headerEnvelope = "Mekong-Envelope"

func rawMsg(r pipeline.Raw) *nats.Msg {
	// Both values share their array; neither grows.
	values := [2]string{r.ID, envelopeOf(r)}
	h := nats.Header{nats.MsgIdHdr: values[0:1:1], headerEnvelope: values[1:2:2]}
	if t := traceOf(r.Meta[metaTrace]); t != "" {
		h[headerTrace] = []string{t}
	}
	return &nats.Msg{Subject: "raw." + token(r.Source), Header: h, Data: r.Body}
}

// envelopeOf writes the envelope by hand: every delivery pays for it, and
// reflection made it four times as dear.
func envelopeOf(r pipeline.Raw) string {
	var room [1024]byte
	b := append(room[:0], `{"id":`...)
	b = appendString(b, r.ID)
	b = append(b, `,"source":`...)
	b = appendString(b, r.Source)
	b = append(b, `,"format":`...)
	b = appendString(b, r.Format)
	b = append(b, `,"received":"`...)
	b = r.Received.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	var few [16]string
	facts := 0
	for _, name := range sorted(few[:0], r.Meta) {
		if name == metaTrace {
			continue
		}
		if facts++; facts == 1 {
			b = append(b, `,"meta":{`...)
		} else {
			b = append(b, ',')
		}
		b = appendString(b, name)
		b = append(b, ':')
		b = appendString(b, r.Meta[name])
	}
	if facts > 0 {
		b = append(b, '}')
	}
	return string(append(b, '}'))
}

var errEnvelope = errors.New("the message has no readable envelope")

func decodeRaw(h nats.Header, body []byte) (pipeline.Raw, error) {
	text := h.Get(headerEnvelope)
	if !gjson.Valid(text) {
		return pipeline.Raw{}, errEnvelope
	}
	envelope := gjson.Parse(text)
	if !envelope.IsObject() {
		return pipeline.Raw{}, errEnvelope
	}
	r := pipeline.Raw{Body: body}
	ok := true
	put := func(to *string, v gjson.Result) {
		ok = ok && v.Type == gjson.String
		*to = v.String()
	}
	envelope.ForEach(func(k, v gjson.Result) bool {
		switch k.String() {
		case "id":
			put(&r.ID, v)
		case "source":
			put(&r.Source, v)
		case "format":
			put(&r.Format, v)
		case "received":
			var err error
			r.Received, err = time.Parse(time.RFC3339Nano, v.String())
			ok = ok && err == nil
		case "meta":
			ok = ok && v.IsObject()
			r.Meta = make(map[string]string, 8)
			v.ForEach(func(k, v gjson.Result) bool {
				var value string
				put(&value, v)
				r.Meta[k.String()] = value
				return ok
			})
		}
		return ok
	})
	if !ok {
		return pipeline.Raw{}, errEnvelope
	}
	return r, nil
}
