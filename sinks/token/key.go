package token

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	keySize  = 32
	idSize   = 8
	sealedV1 = 1
)

// Key encrypts what goes into a [Store]: AES-256-GCM with a random nonce. Its
// methods may be called from any number of goroutines. It prints as its ID.
type Key struct {
	aead cipher.AEAD
	id   [idSize]byte
}

// ErrKey means that a value was sealed with another key, for another name, or was
// altered since.
var ErrKey = errors.New("sealed with another key, or altered since")

// NewKey makes a key of 32 random bytes.
func NewKey(secret []byte) (*Key, error) {
	if len(secret) != keySize {
		return nil, fmt.Errorf("a key is %d random bytes, and this has %d", keySize, len(secret))
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	k := &Key{aead: aead}
	// The ID is told freely; it is a hash of its own kind, of which nothing about
	// the key can be learned.
	sum := sha256.Sum256(append([]byte("mekong key id\x00"), secret...))
	copy(k.id[:], sum[:])
	return k, nil
}

// ParseKey reads a key as it stands in a configuration or a key file: 32 bytes as
// 64 hexadecimal digits or in base64, with white space around it ignored.
func ParseKey(text string) (*Key, error) {
	text = strings.TrimSpace(text)
	raw, err := hex.DecodeString(text)
	if err != nil {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if raw, err = enc.DecodeString(text); err == nil {
				break
			}
		}
	}
	if err != nil || len(raw) != keySize {
		// The text itself is never quoted: it is, or nearly is, a key.
		return nil, fmt.Errorf("not a key: write %d random bytes as %d hexadecimal digits or in base64 (openssl rand -hex %d makes one)", keySize, 2*keySize, keySize)
	}
	return NewKey(raw)
}

// LoadOrCreateKey reads the key file at path, or makes it, with a new key and mode
// 0600, if there is none. A file that others can read is refused on Unix. When two
// processes make it at once, both get the one key.
func LoadOrCreateKey(path string) (*Key, error) {
	k, err := loadKey(path)
	if !errors.Is(err, os.ErrNotExist) {
		return k, err
	}
	if err := createKey(path); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return loadKey(path)
}

func loadKey(path string) (*Key, error) {
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
	k, err := ParseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return k, nil
}

// createKey writes a whole file beside path and links it there, so that nobody
// ever reads half a key and an existing one is never overwritten.
func createKey(path string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	secret := make([]byte, keySize)
	if _, err := rand.Read(secret); err != nil {
		_ = f.Close()
		return err
	}
	_, err = f.WriteString(hex.EncodeToString(secret) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		if errors.Is(err, os.ErrExist) {
			return err
		}
		return renameKey(f.Name(), path)
	}
	return nil
}

// renameKey is for file systems without hard links. Two processes that start at
// the same instant could each make a key there; the second look at path settles
// all but that instant.
func renameKey(from, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return os.ErrExist
	}
	return os.Rename(from, path)
}

// ID names the key without telling it.
func (k *Key) ID() string { return hex.EncodeToString(k.id[:]) }

// String returns the key's ID.
func (k *Key) String() string { return "key " + k.ID() }

// Format answers every verb of fmt with [Key.String]: the cipher inside holds the
// key itself. An error of the writer is fmt's to notice.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// Seal encrypts value for name: what comes out opens under that name only.
func (k *Key) Seal(name string, value []byte) ([]byte, error) {
	nonce := make([]byte, k.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	out := append([]byte{sealedV1}, k.id[:]...)
	out = append(out, nonce...)
	return k.aead.Seal(out, nonce, value, sealedFor(name)), nil
}

// Open gives back what [Key.Seal] was given, or an error in which errors.Is finds
// [ErrKey].
func (k *Key) Open(name string, sealed []byte) ([]byte, error) {
	head := 1 + idSize
	if len(sealed) < head+k.aead.NonceSize() || sealed[0] != sealedV1 {
		return nil, fmt.Errorf("%q is no sealed value: %w", name, ErrKey)
	}
	if id := sealed[1:head]; !bytes.Equal(id, k.id[:]) {
		return nil, fmt.Errorf("%q was sealed with key %x and this process has %s: %w", name, id, k.ID(), ErrKey)
	}
	nonce, text := sealed[head:head+k.aead.NonceSize()], sealed[head+k.aead.NonceSize():]
	value, err := k.aead.Open(nil, nonce, text, sealedFor(name))
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, ErrKey)
	}
	return value, nil
}

func sealedFor(name string) []byte { return []byte("mekong token v1\x00" + name) }
