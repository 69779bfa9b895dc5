package sheets_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	api "google.golang.org/api/sheets/v4"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/sheets"
	"mekong/sinks/sheets/sheetsim"
	"mekong/sinks/token"
)

const (
	email  = "mekong@project.example.com"
	bookID = "1AbCdEfGhIjKlMnOp"
	host   = "http://sheets.example.com"
	gid    = 0
)

var start = time.Date(2026, 3, 3, 9, 30, 0, 0, time.FixedZone("", 7*3600))

// world is a simulated Google with one spreadsheet that an account may edit. Its clock
// stands still, but for what calls wait for their turn.
type world struct {
	*sheetsim.Sim
	t     testing.TB
	conf  config.Sheets
	key   *rsa.PrivateKey
	keyID string
	scope string
}

// Transport is the simulated Google's, and sees to it that what is sent is as Google's
// client would send it.
func (w *world) Transport() http.RoundTripper { return strict{w.Sim.Transport(), w.t} }

func (w *world) Client() *http.Client { return &http.Client{Transport: w.Transport()} }

func (w *world) addAccount() {
	var file struct {
		Key string `json:"private_key"`
		ID  string `json:"private_key_id"`
	}
	if err := json.Unmarshal(w.AddAccount(email)(host), &file); err != nil {
		w.t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(file.Key))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		w.t.Fatal(err)
	}
	w.key, w.keyID, w.scope = key.(*rsa.PrivateKey), file.ID, "https://www.googleapis.com/auth/spreadsheets"
}

func newWorld(t testing.TB, o sheetsim.Options, tabs ...sheetsim.Tab) *world {
	t.Helper()
	if o.Now == nil {
		o.Now = sheetsim.Frozen(start)
	}
	w := &world{Sim: sheetsim.New(o), t: t}
	w.addAccount()
	w.AddSpreadsheet(bookID, "Bán hàng", sheetsim.SheetOptions{}, tabs...)
	w.Share(bookID, email, sheetsim.Writer)
	w.conf = config.Sheets{
		Spreadsheet: "https://docs.google.com/spreadsheets/d/" + bookID + "/edit#gid=0",
		KeyColumn:   "Mekong ID", CreateColumns: true, Rotate: "size", UserWrites: 60, UserReads: 60, Endpoint: host,
	}
	return w
}

// tokens are the account's, asked for with the world's time.
func (w *world) tokens() token.Provider {
	return token.Cache(time.Minute, func(ctx context.Context) (token.Token, error) {
		form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {w.assertion()}}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, host+"/token", strings.NewReader(form.Encode()))
		if err != nil {
			return token.Token{}, err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := w.Transport().RoundTrip(r)
		if err != nil {
			return token.Token{}, errors.New("no answer from the token endpoint")
		}
		defer func() { _ = resp.Body.Close() }()
		var got struct {
			Token string `json:"access_token"`
			Code  string `json:"error"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.Token == "" {
			return token.Token{}, errors.New("the token endpoint says " + got.Code)
		}
		return token.Token{Value: token.NewSecret(got.Token), Issued: w.Now(), Expires: w.Now().Add(time.Hour)}, nil
	}, token.Clock(w.Now))
}

// assertion is what a service account signs.
func (w *world) assertion() string {
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			w.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(map[string]any{"alg": "RS256", "typ": "JWT", "kid": w.keyID}) + "." + part(map[string]any{
		"iss": email, "scope": w.scope, "aud": host + "/token", "iat": w.Now().Unix(), "exp": w.Now().Unix() + 3600,
	})
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, w.key, crypto.SHA256, sum[:])
	if err != nil {
		w.t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// hooked is a transport that a person's hands come before: before is told of each call.
type hooked struct {
	base   http.RoundTripper
	before func(r *http.Request)
}

func (h hooked) RoundTrip(r *http.Request) (*http.Response, error) {
	h.before(r)
	return h.base.RoundTrip(r)
}

// hook puts before in front of every call of a sink.
func (w *world) hook(before func(r *http.Request)) func(*config.Sheets, *sheets.Options) {
	return func(_ *config.Sheets, o *sheets.Options) {
		o.HTTP = &http.Client{Transport: hooked{w.Transport(), before}}
	}
}

// wait moves the clock in the place of waiting.
func (w *world) wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	w.Advance(d)
	return nil
}

func (w *world) options() sheets.Options {
	return sheets.Options{Tokens: w.tokens(), Account: email, Email: func() string { return email }, HTTP: w.Client(), Now: w.Now, Wait: w.wait}
}

// sink opens a sink on the world, with its configuration changed by change.
func (w *world) sink(change func(*config.Sheets, *sheets.Options)) *sheets.Sink {
	w.t.Helper()
	conf, o := w.conf, w.options()
	if change != nil {
		change(&conf, &o)
	}
	s, err := sheets.New("sales", conf, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// client is Google's own, as the account.
func (w *world) client() *api.Service {
	w.t.Helper()
	tok, err := w.tokens().Token(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	hc := &http.Client{Transport: &oauth2.Transport{Base: w.Transport(), Source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: tok.Value.Reveal()})}}
	c, err := api.NewService(context.Background(), option.WithHTTPClient(hc), option.WithEndpoint(host))
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// record is a lead that is a row of its own.
func record(id string, fields map[string]any) pipeline.Record {
	return pipeline.Record{ID: id, Key: id, Kind: "lead", Source: "landing", Occurred: start, Received: start.Add(time.Second), Fields: fields}
}

// of is a record of a key, some minutes after start.
func of(id, key string, minute int, fields map[string]any) pipeline.Record {
	r := record(id, fields)
	r.Key, r.Occurred = key, start.Add(time.Duration(minute)*time.Minute)
	r.Received = r.Occurred
	return r
}

func again(rs ...pipeline.Record) []pipeline.Record {
	out := make([]pipeline.Record, len(rs))
	for i, r := range rs {
		r.Again = true
		out[i] = r
	}
	return out
}

// store writes and demands that all is stored.
func store(t testing.TB, s *sheets.Sink, batch ...pipeline.Record) []pipeline.Outcome {
	t.Helper()
	out := s.Write(context.Background(), batch)
	for i, o := range out {
		if o.Err != nil {
			t.Errorf("record %s: %v", batch[i].ID, o.Err)
		}
	}
	return out
}

// row is one row of a tab by the headers of its columns.
type row map[string]any

// rows are a tab's rows by key; a key that is there twice fails the test.
func (w *world) rows() map[string]row { return w.rowsIn(bookID, gid) }

func (w *world) rowsIn(id string, tab int64) map[string]row {
	w.t.Helper()
	out := map[string]row{}
	for _, r := range w.list(id, tab) {
		key, _ := r["Mekong ID"].(string)
		if key == "" {
			continue
		}
		if _, twice := out[key]; twice {
			w.t.Errorf("key %q has two rows", key)
		}
		out[key] = r
	}
	return out
}

func (w *world) list(id string, tab int64) []row {
	var out []row
	values := w.Values(id, tab)
	for i, cells := range values {
		if i == 0 {
			continue
		}
		r := row{}
		for c, v := range cells {
			if v != nil && c < len(values[0]) {
				if h, _ := values[0][c].(string); h != "" {
					r[h] = v
				}
			}
		}
		out = append(out, r)
	}
	return out
}

// memory is a [sheets.Memory].
type memory struct {
	mu   sync.Mutex
	data []byte
}

func (m *memory) Load(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data, nil
}

func (m *memory) Save(_ context.Context, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data = data
	return nil
}

var _ sheets.Memory = (*memory)(nil)
