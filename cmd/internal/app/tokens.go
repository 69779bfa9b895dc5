package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"mekong/config"
	"mekong/pipeline/bus"
	"mekong/pipeline/bus/local"
	"mekong/sinks/token"
)

// The tables of shared tokens, and the file with the key that they are encrypted
// with. The key is never where the tables are: whoever has a copy of the streams has
// no token.
const (
	tokenTable = "mekong-tokens"
	leaseTable = "mekong-token-leases"
	tokenKey   = "token.key"
)

// kvTable is the bus's KV as sinks/token wants it: the same, with its errors.
type kvTable struct{ kv *bus.KV }

var _ token.Table = kvTable{}

func (t kvTable) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	value, revision, err := t.kv.Get(ctx, key)
	return value, revision, translated(err)
}

func (t kvTable) Set(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	next, err := t.kv.Set(ctx, key, value, revision)
	return next, translated(err)
}

func (t kvTable) Delete(ctx context.Context, key string, revision uint64) error {
	return translated(t.kv.Delete(ctx, key, revision))
}

func translated(err error) error {
	switch {
	case errors.Is(err, bus.ErrAbsent):
		return token.ErrAbsent
	case errors.Is(err, bus.ErrChanged):
		return token.ErrChanged
	}
	return err
}

// TokenStore is where all processes on b share tokens, encrypted with the key in
// dataDir, which is made with mode 0600 when it is not there. Processes on several
// machines need copies of one key file.
func TokenStore(ctx context.Context, b *bus.Bus, dataDir string) (*token.Store, error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir cannot be made: %w", err)
	}
	key, err := token.LoadOrCreateKey(filepath.Join(dataDir, tokenKey))
	if err != nil {
		return nil, err
	}
	entries, err := b.KV(ctx, tokenTable, 0)
	if err != nil {
		return nil, err
	}
	leases, err := b.KV(ctx, leaseTable, token.LeaseTTL)
	if err != nil {
		return nil, err
	}
	return token.NewStore(kvTable{entries}, kvTable{leases}, key), nil
}

// OpenTokens opens the store for a command that is no worker, beside a mekong that may
// be running. done closes what was opened.
func OpenTokens(ctx context.Context, c *config.Config, log *slog.Logger) (store *token.Store, done func(), err error) {
	b, _, done, err := Beside(ctx, c, log)
	if err != nil {
		return nil, nil, err
	}
	if store, err = TokenStore(ctx, b, c.DataDir); err != nil {
		done()
		return nil, nil, err
	}
	return store, done, nil
}

// natsInUse reports whether the embedded NATS could not be started because another
// process has its folder.
func natsInUse(err error) bool { return errors.Is(err, local.ErrInUse) }

// visitBus connects to the embedded NATS of the mekong that is running on the data
// folder. To the bus that is an embedded server, so that the limits which it brings
// the streams to are those that the running process has set.
func (a *App) visitBus(ctx context.Context) (err error) {
	n := a.config.NATS
	dir, t := a.natsDir(), n.Token.Reveal()
	if t == "" {
		// Only one that listens has a token, and one that has none asks for none.
		text, err := os.ReadFile(filepath.Join(dir, "token"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return errors.New("a mekong is running on data_dir, and its access token cannot be read: run this as the user it runs as")
		}
		t = strings.TrimSpace(string(text))
	}
	a.Bus, err = bus.Open(ctx, bus.Options{
		Server: local.Running{Dir: dir}, Dir: dir, Token: t,
		Replicas: n.Replicas, MaxBytes: int64(n.MaxBytes), Keep: n.Keep, Reserve: n.Reserve, Logger: a.log,
	})
	if err != nil {
		return fmt.Errorf("a mekong is running on data_dir and cannot be reached; run this as the user it runs as: %w", err)
	}
	a.later(a.Bus.Close)
	return nil
}
