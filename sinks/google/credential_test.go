package google

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"mekong/config"
)

func set(name string, v any) func(map[string]any) { return func(f map[string]any) { f[name] = v } }

// What is not a program's account is told from what is, and told what to do.
func TestWrongCredentials(t *testing.T) {
	w := newWorld(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	doubled := strings.ReplaceAll(pemOf(t, testKey()), "\n", `\n`)
	for name, c := range map[string]struct {
		text      []byte
		says, fix string
	}{
		"empty":               {nil, "empty", accountsPage},
		"nothing":             {[]byte("{}"), "no type", accountsPage},
		"not JSON":            {[]byte("<html>hidden"), "not JSON", accountsPage},
		"a list":              {[]byte("[]"), "not JSON", accountsPage},
		"P12":                 {[]byte{0x30, 0x82, 0x01, 0x02, 0x03}, "P12", accountsPage},
		"PEM":                 {[]byte(pemOf(t, testKey())), "bare private key", "JSON"},
		"too long":            {make([]byte, credentialLimit+1), "far too long", accountsPage},
		"gcloud's login":      {[]byte(`{"type":"authorized_user","refresh_token":"hidden"}`), "person's own login", "identity: user"},
		"a desktop client":    {[]byte(`{"installed":{"client_id":"x","client_secret":"hidden"}}`), "OAuth client", "client_id and client_secret"},
		"a web client":        {[]byte(`{"web":{"client_id":"x","client_secret":"hidden"}}`), "web sites", "desktop app"},
		"impersonation":       {[]byte(`{"type":"impersonated_service_account"}`), "impersonated_service_account", "external_account"},
		"a made-up type":      {[]byte(`{"type":"a b hidden"}`), "that no one knows", accountsPage},
		"no account":          {w.keyFile(set("client_email", "")), "client_email", "unchanged"},
		"a strange account":   {w.keyFile(set("client_email", "a@b\nc")), "client_email", "unchanged"},
		"no key":              {w.keyFile(set("private_key", "")), "no key", accountsPage},
		"a damaged key":       {w.keyFile(set("private_key", "hidden")), "no PEM", "unchanged"},
		"a key escaped twice": {w.keyFile(set("private_key", doubled)), "written out twice", "escape"},
		"half a key":          {w.keyFile(set("private_key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")), "no RSA key", "unchanged"},
		"another kind of key": {w.keyFile(set("private_key", pemOf(t, ec))), "no RSA key", "unchanged"},
		"another cloud":       {w.keyFile(set("universe_domain", "example.com")), "another cloud", accountsPage},
		"a strange endpoint":  {w.keyFile(set("token_uri", "file:///hidden")), "token_uri", "https://oauth2.googleapis.com/token"},
		"a pool's name gone":  {w.workloadFile(set("audience", "")), "audience", poolsPage},
		"a strange STS":       {w.workloadFile(set("token_url", "hidden")), "token_url", poolsPage},
		"nothing to show":     {w.workloadFile(func(f map[string]any) { delete(f, "credential_source") }), "credential_source", poolsPage},
		"a strange account 2": {w.workloadFile(set("service_account_impersonation_url", "https://hidden/")), "service_account_impersonation_url", poolsPage},
	} {
		_, err := parse(c.text)
		e := As(err)
		if e == nil || e.Class != Setup || !strings.Contains(e.Msg, c.says) || !strings.Contains(e.Fix, c.fix) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if all := err.Error() + e.Fix; strings.Contains(all, "hidden") {
			t.Errorf("%s: it quotes: %s", name, all)
		}
		if len(c.text) > 0 && len(c.text) <= credentialLimit {
			a := w.account(func(o *AccountOptions) { o.JSON, o.File = config.Secret{}, w.file("key", c.text) })
			found := a.Findings(t.Context(), "sinks.sales.sheets")
			if len(found) != 1 || found[0].Setting != "sinks.sales.sheets.credentials" || found[0].What != e.Msg || found[0].Fix != e.Fix {
				t.Errorf("%s: %+v", name, found)
			}
			if w.times("/token") != 0 {
				t.Fatalf("%s: something was sent", name)
			}
		}
	}
	for name, text := range map[string][]byte{
		"with a mark before it": append([]byte("\xef\xbb\xbf\n"), w.keyFile()...),
		"without an endpoint":   w.keyFile(func(f map[string]any) { delete(f, "token_uri"); delete(f, "universe_domain") }),
	} {
		if c, err := parse(text); err != nil || c.email != testEmail || c.endpoint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACredentialsFileThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	folder := t.TempDir()
	_, err := place{file: folder}.look()
	if e := As(err); e == nil || !strings.Contains(e.Msg, "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	if os.Getuid() != 0 {
		path := w.file("key", w.keyFile())
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		_, err = place{file: path}.look()
		if e := As(err); e == nil || !strings.Contains(e.Msg, "this user may not") {
			t.Errorf("somebody else's: %v", err)
		}
	}
	_, err = place{json: config.NewSecret("{")}.look()
	if e := As(err); e == nil || e.Setting != "credentials_json" {
		t.Errorf("of the configuration: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "{}", "[]", "null", `{"type":"service_account","client_email":"a@example.com","private_key":"x"}`, `{"type":1}`, `{"web":{}}`, "0\x82", "-----BEGIN"} {
		f.Add([]byte(s))
	}
	b, err := json.Marshal(map[string]any{"type": "service_account", "client_email": testEmail, "private_key": pemOf(f, testKey())})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parse(text)
		if err != nil {
			if e := As(err); e == nil || e.Msg == "" || e.Fix == "" || len(e.Error()) > 400 {
				t.Fatalf("an error without a way out: %v", err)
			}
			return
		}
		if c.names() == "" || !web(c.endpoint) {
			t.Fatalf("taken, and nobody's: %+v", c.names())
		}
	})
}
