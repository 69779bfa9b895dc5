package token

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// LeaseTTL is how long an entry of a [Store]'s table of leases lasts. It bounds how
// long a process that died keeps the others from renewing a session, and it is
// longer than the longest renewal.
const LeaseTTL = time.Minute

// Store is where processes share tokens: encrypted entries in one table, leases in
// another. It may be used from any number of goroutines.
type Store struct {
	entries, leases Table
	key             *Key
}

// NewStore makes a store. entries keeps its entries for good, with some history so
// that an operator can see what was; leases is a table whose entries vanish
// [LeaseTTL] after they were written.
func NewStore(entries, leases Table, key *Key) *Store {
	return &Store{entries: entries, leases: leases, key: key}
}

// load reads and decrypts an entry into v.
func (s *Store) load(ctx context.Context, name string, v any) (revision uint64, err error) {
	sealed, revision, err := s.entries.Get(ctx, entry(name))
	if err != nil {
		return 0, err
	}
	plain, err := s.key.Open(name, sealed)
	if err != nil {
		return revision, err
	}
	if err := json.Unmarshal(plain, v); err != nil {
		// What encoding/json says may quote the value.
		return revision, fmt.Errorf("%q: %w", name, ErrKey)
	}
	return revision, nil
}

// save encrypts and writes v over the entry at revision.
func (s *Store) save(ctx context.Context, name string, v any, revision uint64) (uint64, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return 0, err
	}
	sealed, err := s.key.Seal(name, plain)
	if err != nil {
		return 0, err
	}
	return s.entries.Set(ctx, entry(name), sealed, revision)
}

// savedToken is a token as it is stored.
type savedToken struct {
	Value   string    `json:"value"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
}

func (t Token) saved() savedToken { return savedToken{t.Value.Reveal(), t.Issued, t.Expires} }

func (s savedToken) token() Token { return Token{NewSecret(s.Value), s.Issued, s.Expires} }

func (s *Store) loadToken(ctx context.Context, name string) (Token, uint64, error) {
	var t savedToken
	revision, err := s.load(ctx, name, &t)
	return t.token(), revision, err
}

func (s *Store) saveToken(ctx context.Context, name string, t Token, revision uint64) error {
	_, err := s.save(ctx, name, t.saved(), revision)
	return err
}

// lease is the right to renew a session, for at most [LeaseTTL].
type lease struct {
	s        *Store
	name     string
	revision uint64
}

// lease takes the lease of name, or returns [ErrLeased] at once.
func (s *Store) lease(ctx context.Context, name string) (*lease, error) {
	revision, err := s.leases.Set(ctx, entry(name), []byte(rand.Text()), 0)
	if errors.Is(err, ErrChanged) {
		return nil, ErrLeased
	}
	if err != nil {
		return nil, err
	}
	return &lease{s, name, revision}, nil
}

// release gives the lease back. When that fails it ends by itself.
func (l *lease) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = l.s.leases.Delete(ctx, entry(l.name), l.revision)
}

// entry is the key under which a name is stored: the name itself where a table
// takes it, else its base64.
func entry(name string) string {
	plain := name != "" && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".") && !strings.HasPrefix(name, "b64_") && !strings.Contains(name, "..")
	for _, r := range name {
		plain = plain && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}
	if plain {
		return name
	}
	return "b64_" + base64.RawURLEncoding.EncodeToString([]byte(name))
}
