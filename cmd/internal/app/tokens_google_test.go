package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/google"
	"mekong/sinks/token"
)

// Who a sink writes as is what its settings say, and a person's sign-in is found in the
// bus by every process.
func TestGoogleIdentities(t *testing.T) {
	c := parsed(t, t.TempDir(), "{}")
	a := &App{config: c}
	t.Cleanup(a.Close)
	if err := a.openBus(t.Context()); err != nil {
		t.Fatal(err)
	}
	of, err := GoogleIdentities(t.Context(), a.Bus, c.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	user := config.Sheets{Identity: config.IdentityUser, ClientID: "123-invented"}
	who, err := of("sales", user, nil)
	if err != nil {
		t.Fatal(err)
	}
	person, ok := who.(*google.Person)
	if !ok {
		t.Fatalf("it is %T", who)
	}
	if _, err := who.Token(t.Context()); !errors.Is(err, token.ErrReauthorise) {
		t.Errorf("before the sign-in: %v", err)
	}
	if found := who.Findings(t.Context(), "sinks.sales.sheets"); len(found) != 1 || !strings.Contains(found[0].Fix, "mekong login google sales") {
		t.Errorf("%+v", found)
	}
	if err := person.SignIn(t.Context(), pair("invented-access")); err != nil {
		t.Fatal(err)
	}
	again, err := GoogleIdentities(t.Context(), a.Bus, c.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	other, err := again("sales", user, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := other.Token(t.Context()); err != nil || got.Value.Reveal() != "invented-access" {
		t.Errorf("another process: %v", err)
	}

	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	who, err = of("shop", config.Sheets{Identity: "account", Credentials: path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := who.(*google.Account); !ok {
		t.Errorf("it is %T", who)
	}
	if found := who.Findings(t.Context(), "sinks.shop.sheets"); len(found) != 1 || found[0].Level != pipeline.Fail || found[0].Setting != "sinks.shop.sheets.credentials" {
		t.Errorf("%+v", found)
	}
	if _, err := GoogleIdentity("sales", user, nil, nil); err == nil {
		t.Error("a person without a store")
	}
	if _, err := of("sales", config.Sheets{Identity: config.IdentityUser}, nil); google.As(err) == nil {
		t.Errorf("without a client: %v", err)
	}
}
