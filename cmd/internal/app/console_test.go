package app

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mekong/pipeline"
)

// visitor is a browser that is signed in to the console of a running app by its link.
type visitor struct {
	*running
	browser *http.Client
	base    string
	last    string // address that the last form led to
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
		for _, says := range []string{"đích archive", "nguồn landing", "fsync", "trình duyệt được gửi tới đó"} {
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

// send sends a form of the page at path.
func (v *visitor) send(path, action string, form url.Values) (int, string) {
	v.t.Helper()
	_, page := v.get(path)
	m := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(page)
	if m == nil {
		v.t.Fatalf("%s has no form:\n%s", path, page)
	}
	form.Set("csrf", m[1])
	resp, err := v.browser.PostForm(v.base+action, form)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	v.last = resp.Request.URL.Path
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// A lead that its sink would not take is found by its phone, seen among the buried,
// replayed from the page once the cause is mended, and then seen as stored.
func TestTheConsoleFindsAndMends(t *testing.T) {
	var content atomic.Bool
	r := start(t, configured(t, t.TempDir(), oneSink), Options{Wrap: func(_ string, s pipeline.Sink) pipeline.Sink {
		return choosy{s, &content, func(rec pipeline.Record) error {
			if rec.Fields["name"] == "Trần Bình" {
				return errors.New("the field Ngân sách is a number")
			}
			return nil
		}}
	}})
	v := r.visit()
	for _, body := range []string{"name=Nguyễn Thị Ánh&phone=0900000001", "name=Trần Bình&phone=0900000002"} {
		if got := r.post("application/x-www-form-urlencoded", []byte(body)); got.status != http.StatusOK {
			t.Fatalf("the lead is answered %d", got.status)
		}
	}
	sees := func(path string, list ...string) {
		t.Helper()
		poll(t, 30*time.Second, func() string {
			status, text := v.get(path)
			for _, says := range list {
				if status != http.StatusOK || !strings.Contains(text, says) {
					return fmt.Sprintf("%s answers %d without %q:\n%s", path, status, says, text)
				}
			}
			return ""
		})
	}
	for _, term := range []string{"0900 000 001", "+84900000001", "nguyen thi anh"} {
		sees("/leads?q="+url.QueryEscape(term), "Nguyễn Thị Ánh", "archive: đã lưu")
	}
	sees("/leads?state=buried", "Trần Bình", "archive: đã chôn")
	sees("/buried", "the field Ngân sách is a number", "Gửi lại 1")
	_, list := v.get("/leads?q=0900000002")
	id := regexp.MustCompile(`/lead\?id=([^"]+)"`).FindStringSubmatch(list)
	if id == nil {
		t.Fatalf("there is no way to the lead:\n%s", list)
	}
	sees("/lead?id="+id[1], "Trần Bình&amp;phone=0900000002", "the field Ngân sách is a number", "/buried/")
	content.Store(true)
	if status, text := v.send("/buried", "/buried/replay", url.Values{"sink": {"archive"}, "reason": {"the field Ngân sách is a number"}}); status != http.StatusOK || !strings.Contains(text, "Đã gửi lại 1.") || !strings.Contains(text, "Không có gì bị chôn") {
		t.Fatalf("replaying answers %d\n%s", status, text)
	}
	sees("/leads?q=0900000002", "archive: đã lưu")
	if line := r.settled("archive")["archive"]; line.Stored != 2 || line.Buried != 0 {
		t.Errorf("the balance is %+v", line)
	}
	sees("/activity", "<td>gửi lại</td><td>archive</td>")
	if status, text := v.send("/leads", "/leads/export", url.Values{"format": {"csv"}}); status != http.StatusOK || !strings.Contains(text, "Trần Bình") || !strings.Contains(text, "Nguyễn Thị Ánh") {
		t.Errorf("the export answers %d %s", status, text)
	}
}

// A person holds a sink from its page: what comes waits, and is stored once the person
// lets it go on.
func TestTheConsoleHoldsASink(t *testing.T) {
	r := start(t, configured(t, t.TempDir(), oneSink), Options{})
	v := r.visit()
	status, text := v.send("/sinks", "/sinks/hold", url.Values{"sink": {"archive"}, "why": {"đang dọn bảng"}})
	if status != http.StatusOK || !strings.Contains(text, "link tạm dừng") || !strings.Contains(text, "đang dọn bảng") {
		t.Fatalf("holding answers %d\n%s", status, text)
	}
	if got := r.post("application/x-www-form-urlencoded", []byte("name=An&phone=0900000000")); got.status != http.StatusOK {
		t.Fatalf("the lead is answered %d", got.status)
	}
	poll(t, 30*time.Second, func() string {
		if _, text := v.get("/flow"); !strings.Contains(text, "tạm dừng thủ công") || !strings.Contains(text, "link tạm dừng đã") || !strings.Contains(text, `data-live="sink.archive.waits">1<`) {
			return text
		}
		return ""
	})
	if status, text := v.send("/sinks", "/sinks/hold", url.Values{"sink": {"archive"}, "why": {"again"}}); status != http.StatusOK || !strings.Contains(text, "đã có người") {
		t.Errorf("holding it twice answers %d\n%s", status, text)
	}
	if status, _ := v.send("/sinks", "/sinks/hold", url.Values{"sink": {"nowhere"}, "why": {"x"}}); status != http.StatusBadRequest {
		t.Errorf("holding a sink that there is not answers %d", status)
	}
	if status, text := v.send("/sinks", "/sinks/release", url.Values{"sink": {"archive"}}); status != http.StatusOK || strings.Contains(text, "tạm dừng thủ công") {
		t.Errorf("letting it go on answers %d\n%s", status, text)
	}
	if line := r.settled("archive")["archive"]; line.Stored != 1 {
		t.Errorf("the balance is %+v", line)
	}
	_, text = v.get("/activity")
	for _, says := range []string{"<td>link</td><td>tạm dừng</td><td>archive</td>", "<td>cho chạy tiếp</td><td>archive</td>", "đang dọn bảng"} {
		if !strings.Contains(text, says) {
			t.Errorf("the log does not say %q", says)
		}
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

func TestWithoutAPlaceForTheTokenThereAreNoPages(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, consoleToken), []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, configured(t, dir, oneSink), Options{})
	for path, want := range map[string]int{"/metrics": 200, "/healthz": 200, "/login": 404, "/flow": 404} {
		if status, _ := r.operators(path); status != want {
			t.Errorf("%s answers %d, want %d", path, status, want)
		}
	}
	if got := r.post("application/x-www-form-urlencoded", []byte("name=An&phone=0900000000")); got.status != http.StatusOK {
		t.Errorf("a lead is answered %d", got.status)
	}
}
