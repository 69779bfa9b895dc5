package app

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// Who asked to be forgotten is kept as a keyed hash of the phone or the address: with
// the table alone nobody can be found, and without it nobody be kept out. The key is a
// file of the data folder; processes on several machines need copies of one.
const (
	forgottenTable = "mekong-forgotten"
	suppressFile   = "suppress.key"
	suppressSize   = 32
	// keyMark is the start of an entry that says which key the others were made with.
	keyMark = "key-"
	// markSize is how long a hash is, in hexadecimal digits.
	markSize = 40
)

// suppression knows who asked to be forgotten. Its methods may be called from several
// goroutines.
type suppression struct {
	kv  *bus.KV
	key []byte

	mu    sync.RWMutex
	marks map[string]bool
}

// suppressed is what is kept of one who was forgotten.
type suppressed struct {
	At time.Time `json:"at"`
}

// openSuppression reads who was forgotten so far.
func openSuppression(ctx context.Context, b *bus.Bus, dataDir string) (*suppression, error) {
	kv, err := b.KV(ctx, forgottenTable, 0)
	if err != nil {
		return nil, err
	}
	names, err := kv.Names(ctx)
	if err != nil {
		return nil, err
	}
	s := &suppression{kv: kv, marks: map[string]bool{}}
	path := filepath.Join(dataDir, suppressFile)
	if s.key, err = suppressKey(path, len(names) == 0); err != nil {
		return nil, err
	}
	right := len(names) == 0
	for _, name := range names {
		right = right || name == s.ownMark()
		s.marks[name] = true
	}
	if !right {
		return nil, fmt.Errorf("%s is not the key that the list of forgotten people was made with; copy it from the machine where it was made", path)
	}
	return s, nil
}

// suppressKey reads the key, or makes it where that may be.
func suppressKey(path string, mayMake bool) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && mayMake {
		if err := makeSuppressKey(path); err != nil {
			return nil, fmt.Errorf("the key of the list of forgotten people cannot be made: %w", err)
		}
		text, err = os.ReadFile(path)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing, without which the list of forgotten people means nothing; copy it from the machine where it was made", path)
	}
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != suppressSize {
		return nil, fmt.Errorf("%s is no key; restore it from a copy", path)
	}
	return key, nil
}

// makeSuppressKey makes the file whole or not at all, and leaves one alone that
// another process made first.
func makeSuppressKey(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	key := make([]byte, suppressSize)
	_, _ = rand.Read(key) // it never fails
	f, err := os.CreateTemp(filepath.Dir(path), ".suppress-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func (s *suppression) hash(kind, value string) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(kind + "\n" + value))
	return hex.EncodeToString(h.Sum(nil))[:markSize]
}

func (s *suppression) ownMark() string { return keyMark + s.hash("key", "") }

// marksOf are the hashes of a person's phones and addresses.
func (s *suppression) marksOf(p sought) []string {
	var out []string
	for _, phone := range p.sortedPhones() {
		out = append(out, s.hash("phone", phone))
	}
	for _, email := range p.sortedEmails() {
		out = append(out, s.hash("email", email))
	}
	return out
}

// add notes a person. Whoever is noted already stays as it is.
func (s *suppression) add(ctx context.Context, p sought, now time.Time) ([]string, error) {
	value, err := json.Marshal(suppressed{now.UTC()})
	if err != nil {
		return nil, err
	}
	marks := s.marksOf(p)
	for _, name := range append([]string{s.ownMark()}, marks...) {
		if _, err := s.kv.Set(ctx, name, value, 0); err != nil && !errors.Is(err, bus.ErrChanged) {
			return nil, err
		}
		s.set(name, true)
	}
	return marks, nil
}

func (s *suppression) set(name string, there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if there {
		s.marks[name] = true
	} else {
		delete(s.marks, name)
	}
}

// Has reports whether a record is of somebody who asked to be forgotten: whether one of
// its values is such a phone or address.
func (s *suppression) Has(r pipeline.Record) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.marks) == 0 {
		return false
	}
	for _, v := range r.Fields {
		switch v := v.(type) {
		case string:
			if s.marked(v) {
				return true
			}
		case []string:
			for _, text := range v {
				if s.marked(text) {
					return true
				}
			}
		}
	}
	return false
}

// marked needs s.mu. Only what the transform has brought into one form is looked at: a
// phone as E.164, and an address.
func (s *suppression) marked(text string) bool {
	switch {
	case isE164(text):
		return s.marks[s.hash("phone", text)]
	case len(text) <= 254 && strings.Contains(text, "@") && !strings.ContainsAny(text, " \n"):
		return s.marks[s.hash("email", strings.ToLower(text))]
	}
	return false
}

func isE164(text string) bool {
	if len(text) < 9 || len(text) > 16 || text[0] != '+' {
		return false
	}
	for i := 1; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// follow learns of people who are forgotten while the process runs, until ctx ends.
func (s *suppression) follow(ctx context.Context, log *slog.Logger) error {
	for {
		err := s.kv.Follow(ctx, s.set)
		if ctx.Err() != nil {
			return nil
		}
		log.Warn("the list of forgotten people is not heard; it is tried again", "error", err)
		if pause(ctx, time.Second) != nil {
			return nil
		}
	}
}
