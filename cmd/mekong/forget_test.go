package main

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mekong/cmd/internal/app"
	"mekong/config"
)

func TestForgetCommand(t *testing.T) {
	dir := t.TempDir()
	path := written(t, dir, "")
	mustSay := func(code int, says string, args ...string) string {
		t.Helper()
		got, out, errOut := mekong(t, append(append([]string{"forget"}, args...), "-c", path)...)
		if got != code || !strings.Contains(out+errOut, says) {
			t.Fatalf("mekong forget %s: code %d, want %d and %q\n%s%s", strings.Join(args, " "), got, code, says, out, errOut)
		}
		return out
	}
	mustSay(exitUsage, "say whom")
	mustSay(exitUsage, "say whom", "0900000000", "--list")
	mustSay(exitUsage, "no sink", "0900000000", "--by-hand", "x")
	mustSay(exitFailed, "no phone, no address", "nobody")
	mustSay(exitOK, "Nobody has asked", "--list")
	mustSay(exitOK, "Answer until", "--request", "090 000 0000")
	mustSay(exitFailed, "no phone", "--request", "nobody")
	if out := mustSay(exitOK, "erase until", "--list"); strings.Contains(out, "0000000") {
		t.Errorf("the list shows whom: %s", out)
	}
	conf, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	evidence, proof := filepath.Join(dir, "evidence.json"), filepath.Join(dir, "proof.json")
	inProcess(t, conf, app.Options{}, func(a *app.App, door string) {
		form := url.Values{"name": {"Khách Quên"}, "phone": {"0900000000"}, "i_agree_terms_and_conditions": {"Tôi đồng ý nhận tư vấn"}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, door, bytes.NewReader([]byte(form.Encode())))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Token", pageToken)
		resp, err := senders.Do(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		_ = resp.Body.Close()
		settledAs(t, a, func(_, stored int64) bool { return stored == 1 })
		if out := mustSay(exitFailed, "Nothing was erased", "+84900000000"); strings.Contains(out, "900000000") || strings.Contains(out, "Quên") {
			t.Errorf("it shows whom: %s", out)
		}
		mustSay(exitUsage, "more than one person", "0900000000", "--yes", "--most", "0")
		out := mustSay(exitOK, "nothing is left", "84900000000", "--yes", "--evidence", evidence, "--proof", proof)
		for _, part := range []string{"1  rows seen in archive", "1  messages of RAW overwritten", "1  messages of RECORDS overwritten"} {
			if !strings.Contains(out, part) {
				t.Errorf("it lacks %q:\n%s", part, out)
			}
		}
	})
	for file, says := range map[string]string{evidence: "consent", proof: `"complete": true`} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte(says)) || bytes.Contains(text, []byte("900000000")) || bytes.Contains(text, []byte("Quên")) {
			t.Errorf("%s: %s", file, text)
		}
	}
	mustSay(exitOK, "done ", "--list")
	mustSay(exitOK, "Nothing of this person is kept", "0900000000", "--yes")
	if found, err := filepath.Glob(filepath.Join(dir, "data", "forgotten", "*.json")); err != nil || len(found) != 1 {
		t.Error(found, err)
	}
}
