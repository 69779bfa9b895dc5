package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// secretsFolder is where secrets are kept, beside the configuration.
const secretsFolder = "secrets"

// madeSecret is a secret of 128 bits, as openssl rand -hex 16 makes one.
func madeSecret() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	return hex.EncodeToString(b[:])
}

// readSecret is what a file holds; "" when there is no such file.
func readSecret(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", usageError{err}
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", usagef("%s is empty; put the secret into it, or take it away", path)
	}
	return secret, nil
}

// writeSecret makes a file that only its owner reads, and its folder. It takes the
// place of none.
func writeSecret(path, secret string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(secret + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}
