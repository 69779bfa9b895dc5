package app

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// visitor is a browser that is signed in to the console of a running app by its link.
type visitor struct {
	*running
	browser *http.Client
	base    string
}

func (r *running) visit() *visitor {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	v := &visitor{running: r, browser: &http.Client{Jar: jar, Timeout: time.Minute}, base: "http://" + r.Console.Addr().String()}
	link, file := r.ConsoleLink()
	if file != "" {
		r.t.Fatalf("the token is only in %s", file)
	}
	if status, text := v.get(strings.TrimPrefix(link, v.base)); status != http.StatusOK || !strings.Contains(text, "Dòng chảy") {
		r.t.Fatalf("the link answers %d %s", status, text)
	}
	return v
}

func (v *visitor) get(path string) (int, string) {
	v.t.Helper()
	resp, err := v.browser.Get(v.base + path)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestTheConsoleShowsWhatIsStored(t *testing.T) {
	dir := t.TempDir()
	r := start(t, configured(t, dir, oneSink), Options{})
	v := r.visit()
	if got := r.post("application/x-www-form-urlencoded", []byte("name=An&phone=0900000000")); got.status != http.StatusOK {
		t.Fatalf("the lead is answered %d", got.status)
	}
	wrong, err := send(t.Context(), r.door, []byte("name=An&phone=0900000000"), map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Token": "a wrong one that is long"})
	if err != nil || wrong.status != http.StatusUnauthorized {
		t.Fatal(wrong.status, err)
	}
	poll(t, 30*time.Second, func() string {
		_, text := v.get("/flow")
		for _, says := range []string{"landing", "ladipage", "nhận 1 · từ chối 1", "archive", "mongodb", `data-live="sink.archive.stored">1<`} {
			if !strings.Contains(text, says) {
				return "the page does not say " + says
			}
		}
		return ""
	})
	for path, list := range map[string][]string{
		"/sources":               {r.door, "sources.landing.ladipage.token", "1 bị từ chối: mã sai hoặc thiếu"},
		"/sources/landing/watch": {"name=An&amp;phone=0900000000", "đã nhận", "mã sai hoặc thiếu"},
		"/sinks":                 {"archive", "mongodb", "lần ghi cùng lúc"},
	} {
		_, text := v.get(path)
		for _, says := range list {
			if !strings.Contains(text, says) {
				t.Errorf("%s does not say %q:\n%s", path, says, text)
			}
		}
		if strings.Contains(text, secretToken) {
			t.Errorf("%s shows the token", path)
		}
	}
	poll(t, time.Minute, func() string {
		_, text := v.get("/health")
		if strings.Contains(text, "Đang khám") || strings.Contains(text, `class="badge fail"`) {
			return text
		}
		for _, says := range []string{"sink archive", "source landing", "fsync", "browsers may post to it"} {
			if !strings.Contains(text, says) {
				return "the page does not say " + says + text
			}
		}
		return ""
	})
	for _, name := range []string{consoleToken, "audit.jsonl"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, text := v.get("/activity"); !strings.Contains(text, "đăng nhập") {
		t.Error("who signed in is not written down")
	}
}

func TestTheLinkIsPrintedOnceAndItsTokenStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), consoleToken)
	first, fresh, err := linkToken(path)
	if err != nil || !fresh || len(first) < 40 {
		t.Fatalf("the first start: %q, fresh %t, %v", first, fresh, err)
	}
	again, fresh, err := linkToken(path)
	if err != nil || fresh || again != first {
		t.Errorf("the second start: the same is %t, fresh %t, %v", again == first, fresh, err)
	}
	if err := os.WriteFile(path, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := linkToken(path); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("a file that holds no token: %v", err)
	}
}

func TestUsersTakeThePlaceOfTheLink(t *testing.T) {
	c := configured(t, t.TempDir(), oneSink+`
console:
  users: { an: { password: "a password of a test", role: operator } }
`)
	r := start(t, c, Options{})
	if address, file := r.ConsoleLink(); strings.Contains(address, "token") || file != "" {
		t.Errorf("with users there is a link all the same: %s, %s", address, file)
	}
	if _, err := os.Stat(filepath.Join(c.DataDir, consoleToken)); !os.IsNotExist(err) {
		t.Errorf("with users a token was made: %v", err)
	}
	if status, text := r.operators("/login"); status != http.StatusOK || !strings.Contains(text, `name="password"`) || strings.Contains(text, `name="token"`) {
		t.Errorf("the sign-in answers %d %s", status, text)
	}
}
