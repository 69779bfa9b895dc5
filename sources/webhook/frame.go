package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"mekong/pipeline"
	"mekong/sources/form"
	"mekong/sources/identity"
	"mekong/sources/request"
)

// maxItems bounds the deliveries of one request: they are stored together.
const maxItems = 500

// frame makes the Raws of a request that is believed. raw is that of the whole.
func (r *Receiver) frame(in *incoming, raw pipeline.Raw) ([]pipeline.Raw, error) {
	var body gjson.Result
	if gjson.ValidBytes(in.body) {
		body = gjson.ParseBytes(in.body)
	}
	switch {
	case r.conf.Items != "":
		list := body.Get(r.conf.Items)
		if !list.IsArray() {
			return nil, request.Malformed("There is no list at " + r.conf.Items + ", where the source looks for items.")
		}
		return r.items(in, raw, list.Array())
	case r.conf.Preset == "facebook" && body.Get("entry").IsArray():
		return r.entries(raw, body)
	}
	raw.ID = r.id(in, body, raw)
	return []pipeline.Raw{raw}, nil
}

// id names a whole body; see [Receiver.Receive].
func (r *Receiver) id(in *incoming, body gjson.Result, raw pipeline.Raw) string {
	if own := strings.TrimSpace(in.req.Header.Get(r.conf.ID.Header)); r.conf.ID.Header != "" && own != "" {
		return identity.Vendor(r.name, own)
	}
	if path := r.conf.ID.Body; path != "" {
		own := in.field(path)
		if body.IsObject() || body.IsArray() {
			own = named(body.Get(path))
		}
		if own != "" {
			return identity.Vendor(r.name, own)
		}
	}
	if own := in.req.Header.Get("Webhook-Id"); own != "" && !r.conf.Verify.Standard.IsZero() {
		return identity.Vendor(r.name, own)
	}
	get := func(path string) string { return named(body.Get(path)) }
	content := func(parts ...string) string {
		b := form.AppendCanonical(nil, in.parsed, incidental)
		for _, p := range parts {
			b = append(append(b, 0), p...)
		}
		return identity.Hashed(r.name, sha256.Sum256(b))
	}
	switch r.conf.Preset {
	case "zalo":
		if own := get("message.msg_id"); own != "" {
			return identity.Vendor(r.name, get("event_name")+"/"+own)
		}
	case "pancake":
		if own := get("data.message.id"); own != "" {
			return identity.Vendor(r.name, get("event_type")+"/"+own)
		}
	case "haravan":
		return content("haravan", raw.Meta[MetaTopic], get("updated_at"))
	case "google_form":
		for _, name := range []string{"response_id", "responseId"} {
			if own := get(name); own != "" {
				return content("response", own)
			}
		}
	}
	if own := strings.TrimSpace(in.req.Header.Get("Idempotency-Key")); len(own) >= 8 {
		return content("key", own)
	}
	return r.window.ID(r.name, sha256.Sum256(form.AppendCanonical(nil, in.parsed, incidental)), raw.Received)
}

// named is the text of an ID, which is a text or a number.
func named(v gjson.Result) string {
	switch v.Type {
	case gjson.String:
		return strings.TrimSpace(v.Str)
	case gjson.Number:
		return v.Raw // an ID of 19 digits is no float
	}
	return ""
}

// incidental names the fields that say when a delivery was sent rather than what it
// is, and Getfly's key.
func incidental(name string) bool {
	switch strings.ToLower(name) {
	case "sent_at", "sentat", "delivered_at", "delivery_time", "timestamp", "request_time", "retry", "retry_count", "attempt", secretKey:
		return true
	}
	return false
}

// items makes each item of a list a delivery.
func (r *Receiver) items(in *incoming, whole pipeline.Raw, list []gjson.Result) ([]pipeline.Raw, error) {
	if err := few(len(list)); err != nil {
		return nil, err
	}
	batch := ""
	if r.conf.ID.Header != "" {
		batch = strings.TrimSpace(in.req.Header.Get(r.conf.ID.Header))
	} else if !r.conf.Verify.Standard.IsZero() {
		batch = in.req.Header.Get("Webhook-Id")
	}
	times := map[[32]byte]int{}
	var raws []pipeline.Raw
	for i, v := range list {
		raw := whole
		raw.Body = []byte(v.Raw)
		own := ""
		if r.conf.ID.Body != "" {
			own = named(v.Get(r.conf.ID.Body))
		}
		switch {
		case own != "":
			raw.ID = identity.Vendor(r.name, own)
		case batch != "":
			raw.ID = identity.Vendor(r.name, batch+"/"+strconv.Itoa(i))
		default:
			sum := sha256.Sum256(compact(raw.Body))
			n := times[sum]
			times[sum]++
			raw.ID = r.window.ID(r.name, identity.Sum([]byte("item"), sum[:], []byte(strconv.Itoa(n))), raw.Received)
		}
		raws = append(raws, raw)
	}
	return once(asJSON(raws)), nil
}

// entries cuts what Facebook sends into its changes and messages, each with the page
// it is about (`sources.md` §2). A lead is named by its leadgen_id and a message by
// its mid: both are sent more than once.
func (r *Receiver) entries(whole pipeline.Raw, body gjson.Result) ([]pipeline.Raw, error) {
	var raws []pipeline.Raw
	add := func(entry gjson.Result, kind string, v gjson.Result, own string) {
		raw := whole
		raw.Body = fmt.Appendf(nil, `{"object":%s,"entry_id":%s,"entry_time":%s,%q:%s}`, orNull(body.Get("object")), orNull(entry.Get("id")), orNull(entry.Get("time")), kind, v.Raw)
		if own != "" {
			raw.ID = identity.Vendor(r.name, own)
		} else {
			raw.ID = identity.Hashed(r.name, identity.Sum([]byte(kind), []byte(entry.Get("id").Raw), []byte(entry.Get("time").Raw), compact([]byte(v.Raw))))
		}
		raws = append(raws, raw)
	}
	for _, entry := range body.Get("entry").Array() {
		for _, change := range entry.Get("changes").Array() {
			own := ""
			if id := named(change.Get("value.leadgen_id")); id != "" && change.Get("field").String() == "leadgen" {
				own = "leadgen/" + id
			}
			add(entry, "change", change, own)
		}
		for _, list := range []string{"messaging", "standby"} {
			for _, m := range entry.Get(list).Array() {
				own := ""
				for _, kind := range []string{"message", "postback"} {
					if mid := named(m.Get(kind + ".mid")); mid != "" && own == "" {
						own = kind + "/" + mid
					}
				}
				add(entry, "messaging", m, own)
			}
		}
		if err := few(len(raws)); err != nil {
			return nil, err
		}
	}
	if len(raws) == 0 {
		// An entry of a kind that is not known: kept as it is.
		return []pipeline.Raw{whole}, nil
	}
	return once(asJSON(raws)), nil
}

func orNull(v gjson.Result) string {
	if v.Raw == "" {
		return "null"
	}
	return v.Raw
}

func few(n int) error {
	if n <= maxItems {
		return nil
	}
	return request.Malformed(fmt.Sprintf("These are %d deliveries in one request, more than %d: send them in several.", n, maxItems))
}

// asJSON says of what was cut out of JSON that it is.
func asJSON(raws []pipeline.Raw) []pipeline.Raw {
	for i := range raws {
		meta := make(map[string]string, len(raws[i].Meta))
		for k, v := range raws[i].Meta {
			meta[k] = v
		}
		meta[request.ContentType] = "application/json"
		raws[i].Meta = meta
	}
	return raws
}

// once keeps the first of those with one ID.
func once(raws []pipeline.Raw) []pipeline.Raw {
	seen := make(map[string]bool, len(raws))
	out := raws[:0]
	for _, raw := range raws {
		if !seen[raw.ID] {
			seen[raw.ID] = true
			out = append(out, raw)
		}
	}
	return out
}

// compact is JSON without spaces between its parts.
func compact(b []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, b) != nil {
		return b
	}
	return out.Bytes()
}
