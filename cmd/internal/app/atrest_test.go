package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/sinks/appsscript/scriptsim"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/sheets/sheetsim"
	"mekong/sinks/token"
)

// secrets are all that a configuration can hold, invented, each in one place only.
var secrets = map[string]string{
	"the source's token":       "landing-f3a81c6d",
	"a bot's token":            "verify-9b20e7aa",
	"a bot's key":              "encrypt-51d6c09e",
	"a bot's app secret":       "botapp-c1e2ff07",
	"the Base's app secret":    "baseapp-7d09b3c4",
	"a chatbot's bearer":       "chatbot-0e4d8b21",
	"a chatbot's address":      "ask-66a1d94b",
	"a header's value":         "header-b8c35f12",
	"a webhook's address":      "hook-2f9e6d07",
	"a webhook's bearer":       "bearer-a90c17e5",
	"a webhook's signing key":  "signing-4e8b02d6",
	"the group bot's address":  "group-d5720a9f",
	"the group bot's secret":   "groupkey-1c7f3e88",
	"the script's secret":      "script-e83d5a60b7c2f914",
	"the script's deployment":  "AKfycb-90fe1d",
	"an operator's password":   "operator-77d1c0b9",
	"a viewer's password":      "viewer-3a5e9f04",
	"a password that is wrong": "wrong-8d2e6b31",
}

// who is the person whom the leads are about, in every shape it takes.
var who = map[string]string{
	"a phone": "0900001234", "a phone's digits": "900001234", "a name": "Bí Mật", "a folded name": "bi mat", "an encoded name": "%E1%BA%ADt",
	"an address": "secret.person", "a message": "khối u", "a page's query": "fbclid",
}

// full is a world with every kind of source and sink, and a person's sign-in.
type full struct {
	*tenant
	book    *sheetsim.Sim
	config  *config.Config
	private string // of the account's key
	moods   chan int
}

func newFull(t *testing.T) *full {
	t.Helper()
	s := func(name string) string {
		if secrets[name] == "" {
			t.Fatalf("there is no secret called %q", name)
		}
		return secrets[name]
	}
	w := &full{tenant: newTenant(t), book: sheetsim.New(sheetsim.Options{NoQuotas: true}), moods: make(chan int, 100)}
	w.AddApp(larksim.App{ID: "cli_p", Secret: s("the Base's app secret"), Scopes: []string{"bitable:app", "offline_access"}})
	w.AddApp(larksim.App{ID: botApp, Secret: s("a bot's app secret"), Name: "Mekong", Scopes: []string{"im:message"}})
	w.AddGroup(botChat, botApp)
	w.AddBotHook(larksim.BotHook{Token: s("the group bot's address"), Secret: s("the group bot's secret")})
	google := httptest.NewServer(w.book)
	t.Cleanup(google.Close)
	key := w.book.AddAccount(everyEmail)(google.URL)
	w.book.AddSpreadsheet(everyBook, "Bán hàng", sheetsim.SheetOptions{}, sheetsim.Tab{Title: "A", Values: [][]any{{"Họ tên", "SĐT"}}})
	w.book.Share(everyBook, everyEmail, sheetsim.Writer)
	var account struct {
		Key string `json:"private_key"`
	}
	if err := json.Unmarshal(key, &account); err != nil || len(account.Key) < 200 {
		t.Fatalf("the account's key cannot be read: %v", err)
	}
	w.private = strings.Split(account.Key, "\n")[2]
	keyFile := filepath.Join(t.TempDir(), "google.json")
	if err := os.WriteFile(keyFile, key, 0o600); err != nil {
		t.Fatal(err)
	}
	script := httptest.NewServer(scriptsim.New(scriptsim.NewModel(scriptsim.ModelOptions{Secret: s("the script's secret")})))
	t.Cleanup(script.Close)
	// A receiver and a chatbot that fail as told, and quote what they were sent.
	far := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		status := http.StatusOK
		select {
		case status = <-w.moods:
		default:
		}
		if strings.HasPrefix(r.URL.Path, "/ask") {
			rw.Header().Set("Content-Type", "application/json")
			_, _ = rw.Write([]byte(`{"answer":"Dạ"}`))
			return
		}
		rw.WriteHeader(status)
		fmt.Fprintf(rw, "%s %v %s", r.URL, r.Header, body)
	}))
	t.Cleanup(far.Close)
	w.config = configured(t, filepath.Join(t.TempDir(), "data"), `
shutdown_grace: 5s
nats: { reserve: 1 }
console:
  users:
    an: { password: `+s("an operator's password")+`, role: operator }
    binh: { password: `+s("a viewer's password")+`, role: viewer }
sources:
  landing: { ladipage: { path: /in/landing, token: `+s("the source's token")+`, rate: 100000, max_body: 2KiB } }
  bot:
    larkbot: { verification_token: `+s("a bot's token")+`, encrypt_key: `+s("a bot's key")+`, app_id: `+botApp+`, app_secret: `+s("a bot's app secret")+`, endpoint: '`+w.url+`',
      reply: { url: '`+far.URL+"/ask/"+s("a chatbot's address")+`', bearer: `+s("a chatbot's bearer")+`, headers: { X-Key: `+s("a header's value")+` }, allow_private: true, timeout: 5s } }
sinks:
  archive: { mongodb: { database: mekong, collection: records } }
  picky: { where: 'int(phone + "x") > 0', max_attempts: 2, mongodb: { database: mekong, collection: picky } }
  crm: { accept: [lead], larkbase: { url: 'https://example.larksuite.com/base/bascnA?table=`+w.table+`', app_id: cli_p, app_secret: `+s("the Base's app secret")+`, endpoint: '`+w.url+`', identity: user, columns: { Họ tên: name } } }
  sales: { accept: [lead], sheets: { spreadsheet: '`+google.URL+`/spreadsheets/d/`+everyBook+`/edit#gid=0', endpoint: '`+google.URL+`', credentials: '`+keyFile+`', columns: { Họ tên: name, SĐT: phone_local } } }
  script: { accept: [lead], appsscript: { url: '`+script.URL+`/macros/s/`+s("the script's deployment")+`/exec', endpoint: '`+script.URL+`', secret: `+s("the script's secret")+` } }
  partner: { accept: [lead], max_attempts: 3, webhook: { url: '`+far.URL+"/in/"+s("a webhook's address")+`', bearer: `+s("a webhook's bearer")+`, hmac: { secret: `+s("a webhook's signing key")+` }, allow_private: true } }
  group: { accept: [lead], larkchat: { hook: '`+w.url+`/open-apis/bot/v2/hook/`+s("the group bot's address")+`', secret: `+s("the group bot's secret")+` } }
`)
	return w
}

// browser signs somebody in to the console, and is what they look through.
func (r *running) browser(name, password string) (get func(path string) (int, string)) {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	b := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	base := "http://" + r.Console.Addr().String()
	read := func(res *http.Response, err error) (int, string) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			r.t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	get = func(path string) (int, string) { r.t.Helper(); return read(b.Get(base + path)) }
	_, page := get("/login")
	m := regexp.MustCompile(`name="form" value="([^"]+)"`).FindStringSubmatch(page)
	if m == nil {
		r.t.Fatalf("the page has no form:\n%s", page)
	}
	read(b.PostForm(base+"/login", url.Values{"form": {m[1]}, "name": {name}, "password": {password}}))
	return get
}

// After a run with every kind of sink, with refusals and faults on the way: no secret
// stands in clear in any file of data_dir, nobody but its owner can read any of them,
// and neither log, metrics nor the pages a viewer sees tell a secret or a person.
func TestNothingLeaksFromAFullRun(t *testing.T) {
	w := newFull(t)
	store, done, err := OpenTokens(t.Context(), w.config, nil)
	if err != nil {
		t.Fatal(err)
	}
	access, refresh := w.Login("cli_p", "ou_a", "bitable:app", "offline_access")
	now := time.Now()
	in := token.NewSession(token.SessionOptions{Store: store, Name: LarkSession("crm")})
	if err := in.SignIn(t.Context(), token.Pair{ // renewed at the start
		Access:  token.Token{Value: token.NewSecret(access), Issued: now.Add(-time.Hour), Expires: now.Add(-time.Minute)},
		Refresh: token.Token{Value: token.NewSecret(refresh), Issued: now, Expires: now.Add(7 * 24 * time.Hour)},
	}); err != nil {
		t.Fatal(err)
	}
	done()

	e := &everything{said: map[string]*bytes.Buffer{}}
	r := start(t, w.config, Options{Logger: slog.New(slog.NewTextHandler(e, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))})
	sender := w.Subscribe(larksim.Subscription{URL: r.base + "/in/bot", App: botApp, Token: secrets["a bot's token"], Key: secrets["a bot's key"], Fresh: true})

	w.moods <- http.StatusInternalServerError
	w.moods <- http.StatusBadRequest
	w.Inject(larksim.Fault{Kind: larksim.Answer, Code: 1254291, On: []larksim.Op{larksim.OpBatchCreate}, Next: 1})
	w.Inject(larksim.Fault{Kind: larksim.Timeout, Applied: true, On: []larksim.Op{larksim.OpBatchCreate}, Next: 1})
	w.book.Fault(sheetsim.Fault{Kind: sheetsim.Unavailable, Applied: true, Writes: true, Next: 1})
	headers := map[string]string{"Token": secrets["the source's token"], "Referer": "https://a.example.vn/?phone=0900001234"}
	post := func(path, body string, with map[string]string, status int) {
		t.Helper()
		got, err := send(t.Context(), r.door+path, []byte(body), with)
		if err != nil || got.status != status {
			t.Errorf("answered %d %s, want %d: %v", got.status, got.text, status, err)
		}
		e.say("an answer", got.text)
	}
	const leads = 4
	for n := range leads {
		post("", person(n, ""), headers, http.StatusOK)
	}
	post("", person(5, ""), map[string]string{"Token": secrets["a password that is wrong"]}, http.StatusUnauthorized)
	post("?token="+secrets["a password that is wrong"], person(6, ""), nil, http.StatusUnauthorized)
	post("", person(7, strings.Repeat("x", 3000)), headers, http.StatusRequestEntityTooLarge)
	if a := sender.Send(t.Context(), w.MessageEvent(w.Say(botChat, botPerson, "khối u? 0900001234"))); !a.OK {
		t.Fatalf("the event was answered %d, %v", a.Status, a.Err)
	}

	poll(t, 60*time.Second, func() string {
		lacking := ""
		for _, b := range r.balance() {
			e.say("the balance", fmt.Sprintf("%+v", b))
			if b.Missing != 0 || b.Waiting != 0 || b.Stored+b.Buried < leads && !strings.HasPrefix(b.Sink, "answers") && b.Sink != "bot" {
				lacking += fmt.Sprintf("%s: %d waiting, %d missing; ", b.Sink, b.Waiting, b.Missing)
			}
		}
		return lacking
	})
	graves, err := r.Bus.Graves(t.Context(), "", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range graves {
		e.say("why a record is buried", g.ID+" "+g.Reason)
	}
	for _, s := range r.Sinks {
		for _, f := range s.Sink.Check(t.Context()) {
			e.say("a finding", fmt.Sprint(f))
		}
	}
	for _, path := range []string{"/metrics", "/readyz", "/healthz", "/flow"} {
		_, page := r.operators(path)
		e.say("the operators' "+path, page)
	}
	r.browser("an", secrets["a password that is wrong"])
	pages := []string{"/flow", "/api/flow", "/leads", "/buried", "/sources", "/sinks", "/health", "/activity"}
	operator, viewer := r.browser("an", secrets["an operator's password"]), r.browser("binh", secrets["a viewer's password"])
	seen := false
	for _, path := range pages {
		status, page := viewer(path)
		e.say("a viewer's page", page)
		if status != http.StatusOK || strings.Contains(page, `name="password"`) {
			t.Errorf("the viewer's %s: %d", path, status)
		}
		if _, page = operator(path); strings.Contains(page, "secret.person") || strings.Contains(page, "0900001234") {
			seen = true
		}
		e.say("an operator's page", page)
	}
	if !seen {
		t.Error("no page shows an operator the person, so that a viewer's does not proves nothing")
	}
	rs, closed, err := OpenReceipts(t.Context(), w.config, slog.New(slog.NewTextHandler(e, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	found, _, err := rs.Find(t.Context(), "0900001234", 10)
	if err != nil || len(found) == 0 {
		t.Fatalf("%d leads are found: %v", len(found), err)
	}
	receipt, err := rs.Issue(t.Context(), ReceiptOptions{IDs: []string{found[0].ID}, By: "A", Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	e.say("a receipt", fmt.Sprintf("%+v", receipt))
	closed()
	r.stop()

	forbidden := map[string]string{"the account's private key": w.private, "an access token": access, "a refresh token": refresh}
	for what, value := range secrets {
		forbidden[what] = value
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for where, said := range e.said {
		values := []map[string]string{forbidden}
		if where != "an operator's page" && where != "a receipt" {
			values = append(values, who)
		}
		for _, list := range values {
			for what, value := range list {
				if i := strings.Index(said.String(), value); i >= 0 {
					t.Errorf("%s shows %s: …%s…", where, what, said.String()[max(0, i-200):min(said.Len(), i+200)])
				}
			}
		}
	}
	for _, where := range []string{"the log", "an answer", "a finding", "why a record is buried", "the operators' /metrics", "a viewer's page", "an operator's page", "a receipt"} {
		if e.said[where] == nil || e.said[where].Len() < 20 {
			t.Errorf("%s says nothing, so nothing was looked at", where)
		}
	}

	files, control := 0, false
	err = filepath.WalkDir(w.config.DataDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(w.config.DataDir, path)
		if d.IsDir() {
			if path == w.config.DataDir && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("data_dir has mode %v", info.Mode())
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		files++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, text := range []string{string(data), string(unpackedBlock(t, path, data))} {
			control = control || strings.Contains(text, who["a phone"])
			for what, value := range forbidden {
				if strings.Contains(text, value) {
					t.Errorf("%s holds %s", name, what)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 || !control {
		t.Errorf("%d files were looked at, and it is %v that a lead was found in them, which is kept in clear", files, control)
	}
	for _, name := range []string{tokenKey, auditFile, receiptKeyFile} {
		if _, err := os.Stat(filepath.Join(w.config.DataDir, name)); errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is not there, so it was not looked at", name)
		}
	}
}
