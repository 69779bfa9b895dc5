package larksim

import (
	"crypto/hmac"
	"encoding/hex"
)

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// id makes an identifier as the platform's look, from the seeded source. The
// caller holds the lock.
func (s *Sim) id(prefix string, n int) string {
	b := make([]byte, len(prefix)+n)
	copy(b, prefix)
	for i := len(prefix); i < len(b); i++ {
		b[i] = letters[s.rand.IntN(len(letters))]
	}
	return string(b)
}

// logID makes a log id: a time and random digits, as X-Tt-Logid has them.
func (s *Sim) logID() string {
	var b [9]byte
	for i := range b {
		b[i] = byte(s.rand.IntN(256))
	}
	return s.now().Format("20060102150405") + hex.EncodeToString(b[:])
}

// same compares secrets without telling by its timing where they differ.
func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// uuid4 says whether t is a standard UUID of version 4, which is all that a
// client_token may be (`lark.md` §2.3).
func uuid4(t string) bool {
	if len(t) != 36 {
		return false
	}
	for i := range len(t) {
		c := t[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
			continue
		case 14:
			if c != '4' {
				return false
			}
		case 19:
			if c != '8' && c != '9' && c != 'a' && c != 'b' && c != 'A' && c != 'B' {
				return false
			}
		}
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
