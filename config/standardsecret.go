package config

import (
	"encoding/base64"
	"errors"
	"strings"
)

// DecodeStandardSecret returns the key that a secret of Standard Webhooks stands
// for: whsec_, which may be missing, and base64 of at least 16 bytes. Its error
// quotes nothing.
func DecodeStandardSecret(s Secret) ([]byte, error) {
	text := strings.TrimRight(strings.TrimPrefix(s.Reveal(), "whsec_"), "=")
	key, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(key) < 16 {
		return nil, errors.New("not whsec_ and base64 of a key of 16 bytes or more")
	}
	return key, nil
}
