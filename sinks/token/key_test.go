package token

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func testKey(t testing.TB, n byte) *Key {
	t.Helper()
	k, err := NewKey(bytes.Repeat([]byte{n}, keySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newStore(t testing.TB, entries, leases Table) *Store {
	t.Helper()
	return NewStore(entries, leases, testKey(t, 1))
}

func TestSealAndOpen(t *testing.T) {
	k := testKey(t, 1)
	value := []byte("u-secret-value")
	sealed, err := k.Seal("crm", value)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, value) || bytes.Contains(sealed, bytes.Repeat([]byte{1}, 8)) {
		t.Error("the sealed value holds the value or the key")
	}
	if got, err := k.Open("crm", sealed); err != nil || !bytes.Equal(got, value) {
		t.Errorf("opened to %q, %v", got, err)
	}
	again, _ := k.Seal("crm", value)
	if bytes.Equal(again, sealed) {
		t.Error("sealing twice gives the same bytes")
	}
	for what, try := range map[string]func() ([]byte, error){
		"another name": func() ([]byte, error) { return k.Open("sales", sealed) },
		"another key":  func() ([]byte, error) { return testKey(t, 2).Open("crm", sealed) },
		"cut short":    func() ([]byte, error) { return k.Open("crm", sealed[:len(sealed)-1]) },
		"empty":        func() ([]byte, error) { return k.Open("crm", nil) },
		"altered": func() ([]byte, error) {
			b := bytes.Clone(sealed)
			b[len(b)-1] ^= 1
			return k.Open("crm", b)
		},
	} {
		if got, err := try(); !errors.Is(err, ErrKey) || got != nil {
			t.Errorf("%s: opened to %q, %v", what, got, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	k := testKey(f, 1)
	sealed, _ := k.Seal("crm", []byte("value"))
	f.Add(sealed)
	f.Add([]byte{})
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := k.Open("crm", b); err == nil && string(got) != "value" {
			t.Errorf("a forgery opened to %q", got)
		}
	})
}

func TestParseKey(t *testing.T) {
	raw := bytes.Repeat([]byte{7}, keySize)
	want, _ := NewKey(raw)
	for _, text := range []string{
		hex.EncodeToString(raw), " " + strings.ToUpper(hex.EncodeToString(raw)) + "\n",
		base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
	} {
		if k, err := ParseKey(text); err != nil || k.ID() != want.ID() {
			t.Errorf("%d characters: %v", len(text), err)
		}
	}
	for _, text := range []string{"", "password", hex.EncodeToString(raw[:31]), hex.EncodeToString(append(raw, 1))} {
		if _, err := ParseKey(text); err == nil || (text != "" && strings.Contains(err.Error(), text)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets", "token.key")
	var wg sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		wg.Go(func() {
			k, err := LoadOrCreateKey(path)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = k.ID()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("processes that start together have keys %v", ids)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if runtime.GOOS != "windows" {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOrCreateKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("a key that others can read: %v", err)
		}
	}
	bad := filepath.Join(t.TempDir(), "bad.key")
	if err := os.WriteFile(bad, []byte("half a ke"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreateKey(bad); err == nil || strings.Contains(err.Error(), "half a ke") {
		t.Errorf("a broken key file: %v", err)
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	tok := Token{Value: NewSecret("u-hidden")}
	k := testKey(t, 0xAB)
	held := struct {
		T Token
		p Pair
		k *Key
	}{tok, Pair{Access: tok, Refresh: tok}, k}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+" "+verb, tok, held, k, Pair{Refresh: tok})
	}
	if b, err := json.Marshal(Pair{Access: tok}); err != nil {
		t.Error(err)
	} else {
		out.Write(b)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "token", tok, "value", tok.Value, "key", k)
	for _, leak := range []string{"u-hidden", hex.EncodeToString([]byte("u-hidden")), "171, 171", "0xab, 0xab", "ababab"} {
		if strings.Contains(strings.ToLower(out.String()), leak) {
			t.Errorf("%q is in: %s", leak, out.String())
		}
	}
}

func TestEntryNames(t *testing.T) {
	for name, want := range map[string]string{
		"crm": "crm", "lark.user.crm": "lark.user.crm", "": "b64_", "bán hàng": "b64_YsOhbiBow6BuZw", "a b": "b64_YSBi", ".a": "b64_LmE", "a..b": "b64_YS4uYg", "b64_x": "b64_YjY0X3g",
	} {
		if got := entry(name); got != want {
			t.Errorf("%q is stored as %q, want %q", name, got, want)
		}
	}
}
