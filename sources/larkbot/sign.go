package larkbot

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"mekong/config"
)

// Sign dresses an event as the platform would for the bot that c describes, for trying a
// source out: it puts the Verification Token where the envelope has a place for it, and
// with an Encrypt Key encrypts and signs. It sets headers in h and returns the body.
func Sign(c config.LarkBot, h http.Header, event []byte, now time.Time) ([]byte, error) {
	e, ok := parse(event)
	if !ok {
		return nil, errors.New("this is no event of Lark")
	}
	token, err := json.Marshal(c.VerificationToken.Reveal())
	if err != nil {
		return nil, errors.New("the Verification Token cannot be written as JSON")
	}
	event = e.with(event, string(token))
	if c.EncryptKey.IsZero() {
		return event, nil
	}
	key := c.EncryptKey.Reveal()
	sealed, err := encrypt(event, key)
	if err != nil {
		return nil, err
	}
	body := []byte(`{"encrypt":"` + sealed + `"}`)
	stamp, nonce := strconv.FormatInt(now.Unix(), 10), rand.Text()
	sum := signature(stamp, nonce, key, body)
	h.Set(headerTimestamp, stamp)
	h.Set(headerNonce, nonce)
	h.Set(headerSignature, hex.EncodeToString(sum[:]))
	return body, nil
}

// encrypt is the other way round of decrypt.
func encrypt(plain []byte, key string) (string, error) {
	sum := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return "", err
	}
	n := aes.BlockSize - len(plain)%aes.BlockSize
	padded := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
	out := make([]byte, aes.BlockSize+len(padded))
	if _, err := rand.Read(out[:aes.BlockSize]); err != nil {
		return "", err
	}
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], padded)
	return base64.StdEncoding.EncodeToString(out), nil
}
