package receipt

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// PublicKey tells what a [Key] has sealed. It prints as "ed25519:" and 64 hexadecimal
// digits.
type PublicKey [ed25519.PublicKeySize]byte

const keyWord = "ed25519:"

func (k PublicKey) String() string { return keyWord + hex.EncodeToString(k[:]) }

// ParsePublicKey reads a key as it prints; the word before the digits may be left out,
// and white space around it is ignored.
func ParsePublicKey(text string) (k PublicKey, err error) {
	digits, _ := strings.CutPrefix(strings.TrimSpace(text), keyWord)
	if b, err := hex.DecodeString(digits); err == nil && len(b) == len(k) {
		copy(k[:], b)
		return k, nil
	}
	return k, fmt.Errorf("not a public key: it is %s and %d hexadecimal digits, as mekong receipt key prints it", keyWord, 2*len(k))
}

// signature is one of Ed25519.
type signature [ed25519.SignatureSize]byte

func (s signature) String() string { return hex.EncodeToString(s[:]) }

func (k PublicKey) signed(what string, data []byte, s signature) bool {
	return ed25519.Verify(ed25519.PublicKey(k[:]), message(what, data), s[:])
}

// message keeps what is signed for one purpose from being taken for another.
func message(what string, data []byte) []byte { return append([]byte(what+"\n"), data...) }

// What is signed.
const (
	signedHead   = "mekong receipt 1 head"
	signedFile   = "mekong receipt 1 file"
	signedLedger = "mekong receipt 1 ledger"
)

// Key seals receipts. It may be used from any number of goroutines, and prints as its
// public key.
type Key struct{ private ed25519.PrivateKey }

// Public is the key that is told to everybody.
func (k *Key) Public() (out PublicKey) {
	copy(out[:], k.private[ed25519.SeedSize:])
	return out
}

// String returns the public key.
func (k *Key) String() string { return k.Public().String() }

// Format answers every verb of fmt with [Key.String]. An error of the writer is fmt's
// to notice.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

func (k *Key) sign(what string, data []byte) (out signature) {
	copy(out[:], ed25519.Sign(k.private, message(what, data)))
	return out
}

// LoadOrCreateKey reads the key file at path, or makes it, with a new key and mode
// 0600, if there is none. A file that others can read is refused on Unix. When two
// processes make it at once, both get the one key.
func LoadOrCreateKey(path string) (*Key, error) {
	k, err := LoadKey(path)
	if !errors.Is(err, os.ErrNotExist) {
		return k, err
	}
	if err := createKey(path); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return LoadKey(path)
}

// LoadKey reads the key file at path. Where there is none, errors.Is finds
// os.ErrNotExist.
func LoadKey(path string) (*Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("key file %s: not a regular file", path)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key file %s: others may read it (mode %04o); chmod 600 it", path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	// What it says is never quoted: it is, or nearly is, a key.
	seed, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("key file %s: it holds no key; restore it from a copy", path)
	}
	return &Key{ed25519.NewKeyFromSeed(seed)}, nil
}

// createKey writes a whole file beside path and links it there, so that nobody ever
// reads half a key and one that is there is never overwritten.
func createKey(path string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".receipt-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // it never fails
	_, err = f.WriteString(hex.EncodeToString(seed) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err == nil || errors.Is(err, os.ErrExist) {
		return err
	}
	// A file system without hard links.
	if _, err := os.Lstat(path); err == nil {
		return os.ErrExist
	}
	return os.Rename(f.Name(), path)
}
