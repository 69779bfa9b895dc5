package main

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mekong/cmd/internal/app"
	"mekong/config"
)

// posted sends a form to the landing page's door.
func posted(t *testing.T, door string, form url.Values) {
	t.Helper()
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
}

// Receipts of a lead and of a person, checked beside the data and without, altered, and
// of somebody who is forgotten.
func TestReceiptCommand(t *testing.T) {
	dir := t.TempDir()
	path := written(t, dir, "")
	at := func(name string) string { return filepath.Join(dir, name) }
	t.Chdir(t.TempDir()) // there is no configuration here
	must := func(code int, says string, args ...string) string {
		t.Helper()
		got, out, errOut := mekong(t, append([]string{"receipt"}, args...)...)
		if got != code || !strings.Contains(out+errOut, says) {
			t.Fatalf("mekong receipt %s: code %d, want %d and %q\n%s%s", strings.Join(args, " "), got, code, says, out, errOut)
		}
		for _, bad := range []string{"Khách", "090000000"} {
			if strings.Contains(errOut, bad) {
				t.Errorf("a person is named on standard error: %s", errOut)
			}
		}
		return out
	}
	key := strings.TrimSpace(must(exitOK, "ed25519:", "key", "-c", path))
	for _, c := range [][]string{{"-c", path}, {"x", "--lang", "fr", "-c", path}, {"x", "--format", "pdf", "-c", path}, {"x", "--format", "html,csv", "-o", "-", "-c", path},
		{"x", "-c", at("none.yaml")}, {"verify"}, {"verify", at("none")}, {"verify", path, "--key", "x"}, {"key", "-c", at("none.yaml")}} {
		must(exitUsage, "", c...)
	}
	must(exitFailed, "Nothing was found", "nobody", "-c", path)
	must(exitFailed, "no phone, no address", "nobody", "--all", "-c", path)
	conf, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	inProcess(t, conf, app.Options{}, func(a *app.App, door string) {
		posted(t, door, url.Values{"name": {"Khách Một"}, "phone": {"0900000001"}, "i_agree_terms_and_conditions": {"Tôi đồng ý nhận tư vấn"}})
		posted(t, door, url.Values{"name": {"Khách Hai"}, "phone": {"0900000002"}})
		posted(t, door, url.Values{"name": {"Khách Hai"}, "phone": {"0900000002"}, "course": {"IELTS"}})
		settledAs(t, a, func(_, stored int64) bool { return stored == 3 })
		await(t, 30*time.Second, func() string {
			if code, out, errOut := mekong(t, "trace", "khach", "-c", path); code != exitOK || strings.Count(out, "✓ archive") < 3 {
				return out + errOut
			}
			return ""
		})
		out := must(exitOK, "receipt 1, of delivery landing-", "0900000001", "-o", at("one.html"), "--by", "Trung tâm A", "-c", path)
		if !strings.Contains(out, "--key "+key) || strings.Contains(out, "Khách") {
			t.Errorf("it says %s", out)
		}
		must(exitUsage, "is there already", "0900000001", "-o", at("one.html"), "-c", path)
		must(exitOK, "receipt 2", "0900000001", "-o", at("one.html"), "--force", "--lang", "en", "-c", path)
		list := must(exitFailed, "Which one?", "0900000002", "-c", path)
		id := regexp.MustCompile(`landing-\S+`).FindString(list)
		must(exitOK, "receipt 3", id, "-o", at("two.CSV"), "-c", path)
		must(exitOK, "of 2 deliveries", "0900000002", "--all", "--format", "html,csv", "-o", at("all"), "-c", path)
		if out := must(exitOK, "<!doctype html>", "0900000001", "-o", "-", "-c", path); !strings.Contains(out, "Tôi đồng ý nhận tư vấn") {
			t.Error("the wording is missing")
		}
		must(exitOK, "receipt-000006.html", "0900000001", "-c", path)
		if info, err := os.Stat("receipt-000006.html"); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(info, err)
		}
		must(exitOK, "receipt 4 of 6 in the ledger", "verify", at("all.csv"), "-c", path)

		if code, out, errOut := mekong(t, "forget", "0900000001", "--yes", "--proof", at("proof.json"), "-c", path); code != exitOK {
			t.Fatal(out, errOut)
		}
		must(exitOK, "of somebody who is forgotten", "0900000001", "-o", at("gone.html"), "-c", path)
	})
	for _, name := range []string{"one.html", "two.CSV", "all.html", "all.csv", "gone.html"} {
		must(exitOK, "It is as it was issued.", "verify", at(name), "-c", path)
		must(exitOK, "not compared with what is kept", "verify", at(name), "--key", key)
		must(exitFailed, "anybody can make a key", "verify", at(name))
		must(exitFailed, "another key", "verify", at(name), "--key", "ed25519:"+strings.Repeat("ab", 32))
		file, err := os.ReadFile(at(name))
		if err != nil {
			t.Fatal(err)
		}
		if gone := name == "gone.html"; gone == bytes.Contains(file, []byte("090000000")) {
			t.Errorf("%s holds a phone: %v", name, !gone)
		}
		bad := inFile(t, name, strings.Replace(string(file), "landing", "leading", 1)+strings.Repeat(" ", map[bool]int{true: 1}[name == "gone.html"]))
		must(exitFailed, "It is NOT proved", "verify", bad, "-c", path)
		if code, out, errOut := mekongReading(t, string(file), "receipt", "verify", "-", "--key", key); code != exitOK {
			t.Errorf("from standard input: %s%s", out, errOut)
		}
	}
	must(exitOK, "is not kept here any more", "verify", at("one.html"), "-c", path)
}
