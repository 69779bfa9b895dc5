package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mekong/cmd/internal/app"
	"mekong/config"
)

// manySources has one of each kind that can be posted to, and one that cannot.
func manySources(t *testing.T, dir string) (path string, posted []string) {
	t.Helper()
	const key = "0123456789abcdef-of-a-hook"
	hook := func(name, conf string) string { return fmt.Sprintf("  %s: { webhook: %s }\n", name, conf) }
	text := fmt.Sprintf(`
data_dir: %q
http: { intake: "127.0.0.1:0", console: "127.0.0.1:0" }
nats: { reserve: 1 }
sinks: { archive: { mongodb: { database: mekong, collection: records } } }
sources:
  landing: { ladipage: { tokens: [%s] } }
  support: { chatlog: { token: %s, chatbase_secret: %s } }
  bot: { larkbot: { verification_token: v, encrypt_key: k } }
  openbot: { larkbot: { verification_token: v } }
  socket: { larkbot: { mode: websocket, app_id: cli_x, app_secret: s, endpoint: "http://127.0.0.1:1" } }
`, filepath.Join(dir, "data"), pageToken, pageToken, pageToken) +
		hook("facebook", "{ preset: facebook, verify: { challenge: "+key+", hmac: { secret: "+key+" } } }") +
		hook("zalo", "{ preset: zalo, verify: { hmac: { secret: "+key+" } } }") +
		hook("haravan", "{ preset: haravan, verify: { hmac: { secret: "+key+" } } }") +
		hook("pancake", "{ preset: pancake, verify: { hmac: { secret: "+key+" } } }") +
		hook("getfly", "{ preset: getfly, verify: { token: { value: "+key+" } } }") +
		hook("form", "{ preset: google_form, verify: { token: { value: "+key+" } } }") +
		hook("standard", "{ verify: { standard_webhooks: whsec_"+base64.StdEncoding.EncodeToString([]byte(key))+" } }") +
		hook("stamped", "{ verify: { hmac: { secret: "+key+", encoding: base64, timestamp: X-Time, prefix: v0=, signed: \"v0:{timestamp}:{body}\" } } }") +
		hook("basic", "{ verify: { basic: { user: crm, password: "+key+" } } }") +
		hook("token", "{ verify: { token: { value: "+key+", header: X-Key } } }")
	path = filepath.Join(dir, "mekong.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, []string{"landing", "support", "bot", "openbot", "facebook", "zalo", "haravan", "pancake", "getfly", "form", "standard", "stamped", "basic", "token"}
}

// A sample, and a file of one's own, reach every source that can be posted to, proved as
// its sender would.
func TestSendToEverySource(t *testing.T) {
	dir := t.TempDir()
	path, names := manySources(t, dir)
	conf, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), conf, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	door := "http://" + a.Sources.Door.Addr().String()
	event := `{"schema":"2.0","header":{"event_type":"im.message.receive_v1","event_id":"e1","token":""},"event":{"message":{"message_id":"om_file"}}}`
	files := map[string]string{
		"": inFile(t, "any.json", `{"id":"of-a-file","name":"An","phone":"0900000000"}`), "getfly": inFile(t, "form.txt", "phone=0900000000&secret_key=another"),
		"support": inFile(t, "turns.jsonl", `{"session_id":"s","turn":1,"question":"q","answer":"a"}`+"\n"+`{"session_id":"s","turn":2,"question":"q","answer":"a"}`),
		"bot":     inFile(t, "event.json", event), "openbot": inFile(t, "event.json", event),
	}
	for _, name := range names {
		file := files[name]
		if file == "" {
			file = files[""]
		}
		for _, args := range [][]string{{name}, {name, file}} {
			args = append(append([]string{"send"}, args...), "-c", path, "--url", door)
			code, out, says := mekong(t, args...)
			if code != exitOK || !regexp.MustCompile(`(?m)^\S+  accepted in \S+  `+name+`-\S+$`).MatchString(out) {
				t.Errorf("%v: code %d: %s%s", args, code, out, says)
			}
		}
	}
	for args, want := range map[string]string{
		"socket":                             "not one that can be posted to",
		"bot " + files[""]:                   "no event of Lark",
		"landing " + filepath.Join(dir, "x"): "no such file",
	} {
		code, _, says := mekong(t, append(append([]string{"send"}, strings.Fields(args)...), "-c", path, "--url", door)...)
		if code != exitUsage || !strings.Contains(says, want) {
			t.Errorf("send %s: code %d: %s", args, code, says)
		}
	}
	// One of each was stored for each source; the chat log's file holds two.
	await(t, 30*time.Second, func() string {
		lines, err := a.Balance(ctx)
		if err != nil || lines[0].Waiting != 0 || lines[0].Missing != 0 || lines[0].Buried != 0 {
			return fmt.Sprintf("%+v, %v", lines, err)
		}
		return ""
	})
	far, err := a.FarEnd("archive")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = far.Close() }() // it has only read
	docs, err := far.Recent(t.Context(), 200)
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]int{}
	for _, d := range docs {
		source, _, _ := strings.Cut(d.ID, "-")
		stored[source]++
	}
	for _, name := range names {
		if want := map[bool]int{true: 5, false: 2}[name == "support"]; stored[name] != want {
			t.Errorf("%s: %d documents, want %d", name, stored[name], want)
		}
	}
	// What is sent without leave stays outside.
	resp, err := http.Post(door+"/in/stamped", "application/json", bytes.NewReader([]byte(`{"phone":"0900000000"}`)))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("unsigned: answered %d", resp.StatusCode)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
