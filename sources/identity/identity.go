// Package identity gives a delivery its ID: the same delivery, the same ID, for
// ever, so that a sender's retry is stored once.
//
// An ID opens with the name of its source and is safe in a URL, a header and a
// subject. It holds hashes where it could hold somebody's data: whoever reads
// an ID in a log learns nothing about a person.
//
//	<source>-<id>              the vendor's own delivery ID, where it is plainly a machine's ([Vendor])
//	<source>-h<hash>           any other vendor's ID, or content that is its own ID ([Vendor], [Hashed])
//	<source>-w<bucket>-<hash>  content within a window of time ([Window])
//
// It does not know which fields identify a delivery (sources/*), nor whether two
// deliveries share a row (transform).
package identity

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// hashLen is how much of a hash an ID carries: 128 bits.
const hashLen = 16

// maxSource is the longest source name that an ID carries as it is.
const maxSource = 64

// Vendor returns the ID of a delivery that its sender has named. The sender
// answers for the name: two deliveries with one name are one delivery.
func Vendor(source, id string) string {
	if !strings.Contains(source, "-") && plainlyMachine(id) {
		// A name never holds 'h' or 'w' where the other forms have theirs, and
		// a source with a dash never gets here, so the forms cannot meet.
		return string(append(appendPrefix(nil, source), id...))
	}
	return Hashed(source, Sum([]byte(id)))
}

// Hashed returns the ID of a delivery that its content alone identifies.
func Hashed(source string, sum [32]byte) string {
	h := mix(source, sum)
	var few [128]byte
	b := append(appendPrefix(few[:0], source), 'h')
	return string(hex.AppendEncode(b, h[:]))
}

// Sum hashes parts, each with its length, so that moving a byte from one part
// to the next gives another sum.
func Sum(parts ...[]byte) [32]byte {
	size := 0
	for _, p := range parts {
		size += len(p) + binary.MaxVarintLen64
	}
	b := make([]byte, 0, size)
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}

// mix makes a sum the source's own.
func mix(source string, sum [32]byte) [hashLen]byte {
	var few [128]byte
	b := append(few[:0], sum[:]...)
	b = append(b, source...)
	full := sha256.Sum256(b)
	return [hashLen]byte(full[:hashLen])
}

// appendPrefix appends what every ID of source opens with.
func appendPrefix(b []byte, source string) []byte {
	if !safe(source) {
		h := sha256.Sum256([]byte(source))
		b = append(b, 'x')
		return append(hex.AppendEncode(b, h[:8]), '-')
	}
	return append(append(b, source...), '-')
}

func safe(source string) bool {
	if source == "" || len(source) > maxSource {
		return false
	}
	for i := range len(source) {
		if c := source[i]; !letter(c) && !digit(c) && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// plainlyMachine reports whether id is a UUID, a hexadecimal number or one with
// a short prefix, such as om_dc13264c20392913a93dd051dba21dcf. Anything else may
// be a phone number or a name that a page's author took for an ID, and so may a
// long run of digits.
func plainlyMachine(id string) bool {
	if before, after, ok := strings.Cut(id, "_"); ok {
		if before == "" || len(before) > 8 {
			return false
		}
		for i := range len(before) {
			if !letter(before[i]) {
				return false
			}
		}
		id = after
	}
	if len(id) < 16 || len(id) > 64 {
		return false
	}
	run := 0
	for i := range len(id) {
		switch c := id[i]; {
		case digit(c):
			if run++; run > 8 {
				return false
			}
		case c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
			run = 0
		case c == '-':
			// 090-000-0000 is a run too.
		default:
			return false
		}
	}
	return true
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }
