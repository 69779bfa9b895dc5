package lark

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
)

// UUIDv4 is a client_token that is the same for the same parts: a hash in the shape
// that the platform demands, version 4 and its variant (`lark.md` §2.3).
func UUIDv4(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		write(h, p)
	}
	b := h.Sum(nil)[:16]
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// write adds a part with its length, so that "a","bc" is not "ab","c". A hash takes
// every write.
func write(h hash.Hash, part string) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(part)))
	_, _ = h.Write(n[:])
	_, _ = h.Write([]byte(part))
}
