package larkbot

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// The headers of a signed event (`lark.md` §6.2).
const (
	headerTimestamp = "X-Lark-Request-Timestamp"
	headerNonce     = "X-Lark-Request-Nonce"
	headerSignature = "X-Lark-Signature"
)

// signature is SHA-256 over timestamp, nonce, key and the body as it arrived; a
// plain hash and no HMAC (`lark.md` §6.2).
func signature(timestamp, nonce, key string, body []byte) [sha256.Size]byte {
	b := make([]byte, 0, len(timestamp)+len(nonce)+len(key)+len(body))
	b = append(append(append(append(b, timestamp...), nonce...), key...), body...)
	return sha256.Sum256(b)
}

func rightSignature(h http.Header, key string, body []byte) bool {
	got, err := hex.DecodeString(h.Get(headerSignature))
	want := signature(h.Get(headerTimestamp), h.Get(headerNonce), key, body)
	return err == nil && subtle.ConstantTimeCompare(got, want[:]) == 1
}

// late reports whether the signed time is further than window from now. Which unit
// it has is not documented, nor whether a redelivery gets a new one (`lark.md`
// §6.2, §12), so the window is longer than the platform's schedule and any unit is
// read. A time that cannot be read at all is signed all the same, and let through:
// the delivery's ID is the other guard.
func late(timestamp string, now time.Time, window time.Duration) bool {
	n, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || window <= 0 {
		return false
	}
	at := epoch(n)
	return at.Before(now.Add(-window)) || at.After(now.Add(window))
}

// epoch reads seconds, milliseconds, microseconds or nanoseconds since 1970, by
// their size.
func epoch(n int64) time.Time {
	switch {
	case n < 1e11:
		return time.Unix(n, 0)
	case n < 1e14:
		return time.UnixMilli(n)
	case n < 1e17:
		return time.UnixMicro(n)
	}
	return time.Unix(0, n)
}

// errSealed is all that is said: which check failed would help whoever guesses.
var errSealed = errors.New("not what the key opens")

// decrypt opens base64 of a vector and AES-256-CBC under the hash of key, and takes
// off PKCS #7 padding, every byte of which must be right (`lark.md` §6.2). Who has
// no key cannot get here with a text of their own unless it is a challenge, and is
// told the same whatever is wrong.
func decrypt(text, key string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) < 2*aes.BlockSize || len(b)%aes.BlockSize != 0 {
		return nil, errSealed
	}
	sum := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, errSealed
	}
	vector, b := b[:aes.BlockSize], b[aes.BlockSize:]
	cipher.NewCBCDecrypter(block, vector).CryptBlocks(b, b)
	n, ok := padding(b)
	if !ok {
		return nil, errSealed
	}
	return b[:len(b)-n], nil
}

// padding is how many bytes of the last block are padding. It looks at all of that
// block whatever it finds.
func padding(b []byte) (n int, ok bool) {
	last := b[len(b)-aes.BlockSize:]
	n = int(last[aes.BlockSize-1])
	good := subtle.ConstantTimeLessOrEq(1, n) & subtle.ConstantTimeLessOrEq(n, aes.BlockSize)
	for i, c := range last {
		inside := subtle.ConstantTimeLessOrEq(aes.BlockSize-n, i)
		good &= subtle.ConstantTimeSelect(inside, subtle.ConstantTimeByteEq(c, byte(n)), 1)
	}
	return n, good == 1
}
