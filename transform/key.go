package transform

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// key is the row that the record belongs to: its own ID, or what the mapping's
// key fields say.
//
// Keys travel in logs, so a key made of fields is a hash, never the values
// themselves. Source and field names are part of it: two sources never share a
// row by accident, nor do two settings.
//
// A record that lacks a key field gets a row of its own. Otherwise all leads
// without a phone would end up as one row, each over the one before. Only form
// and page may be missing, since they narrow a key rather than name a person.
func (b *build) key() string {
	if len(b.m.key) == 0 {
		return b.raw.ID
	}
	h := sha256.New()
	var size [8]byte
	write := func(s string) {
		binary.BigEndian.PutUint64(size[:], uint64(len(s)))
		h.Write(size[:])
		h.Write([]byte(s))
	}
	write(b.m.source)
	some := false
	for _, name := range b.m.key {
		text := asText(b.fields[name])
		if text == "" && name != "form" && name != "page" {
			return b.raw.ID
		}
		some = some || text != ""
		write(name)
		write(text)
	}
	if !some {
		return b.raw.ID
	}
	return "key-" + hex.EncodeToString(h.Sum(nil)[:20])
}
