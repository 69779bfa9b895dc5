package app

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// An operator notes a request, sees what there is of the person in every place, keeps
// the evidence, and erases it: afterwards it is in no destination and not to be found.
func TestTheConsoleForgets(t *testing.T) {
	e := newEverywhere(t)
	r := start(t, configured(t, e.dir+"/data", e.text), Options{})
	v := r.visit()
	for _, body := range []string{"name=Khách Quên&phone=0912345678&i_agree_terms_and_conditions=Tôi đồng ý", "name=Người Khác&phone=0900000002"} {
		if got := r.post("application/x-www-form-urlencoded", []byte(body)); got.status != http.StatusOK {
			t.Fatalf("the lead is answered %d", got.status)
		}
	}
	r.settled("archive", "crm", "sales")
	status, text := v.send("/forget", "/forget/note", url.Values{"q": {"0912 345 678"}})
	if status != http.StatusOK || !strings.Contains(text, "Đã ghi yêu cầu") || strings.Contains(text, "345678") {
		t.Fatalf("noting a request answers %d\n%s", status, text)
	}
	mark := regexp.MustCompile(`name="mark" value="([0-9a-f]+)"`).FindStringSubmatch(text)
	if mark == nil {
		t.Fatalf("the request is not listed:\n%s", text)
	}
	if status, text := v.send("/forget", "/forget/answered", url.Values{"mark": {mark[1]}}); status != http.StatusOK || !strings.Contains(text, `<span class="badge ok">đã trả lời</span>`) {
		t.Errorf("noting an answer answers %d\n%s", status, text)
	}
	if status, _ := v.send("/forget", "/forget/answered", url.Values{"mark": {strings.Repeat("0", markSize)}}); status != http.StatusBadRequest {
		t.Errorf("an answer to nobody answers %d", status)
	}
	v.send("/forget", "/forget/find", url.Values{"q": {"+84 912 345 678"}})
	at := regexp.MustCompile(`/forget/[A-Za-z0-9_-]{20,}`)
	follow := func(want string) string {
		t.Helper()
		var text string
		poll(t, time.Minute, func() string {
			_, text = v.get(at.FindString(v.last))
			if strings.Contains(text, "data-reload") || !strings.Contains(text, want) {
				return text
			}
			return ""
		})
		return text
	}
	page := follow("Gõ số dòng, 1,")
	if strings.Contains(page, "345678") || strings.Contains(page, "Quên") {
		t.Errorf("it shows whom:\n%s", page)
	}
	for _, says := range []string{mark[1][:12], "archive: 1", "crm: 1", "sales: 1", "lead gốc, đúng như khi đến: 1"} {
		if !strings.Contains(page, says) {
			t.Errorf("what was found does not say %q:\n%s", says, page)
		}
	}
	path := at.FindString(v.last)
	if status, text := v.send(path, path+"/evidence", url.Values{}); status != http.StatusOK || !strings.Contains(text, "consent") || strings.Contains(text, "345678") || strings.Contains(text, "Quên") {
		t.Errorf("the evidence answers %d\n%s", status, text)
	}
	v.last = path
	v.send(path, path+"/erase", url.Values{"rows": {"1"}})
	v.last = path
	if page := follow("đã xóa hết"); !strings.Contains(page, mark[1]) || !strings.Contains(page, "forgotten") {
		t.Errorf("the proof is\n%s", page)
	}
	if status, text := v.get(path + "/proof"); status != http.StatusOK || !strings.Contains(text, `"complete": true`) {
		t.Errorf("the proof as a file answers %d\n%s", status, text)
	}
	if n := len(r.documents("mekong", "records")); n != 1 || e.base.RowCount(everyBase, e.table) != 1 {
		t.Errorf("MongoDB holds %d rows and the Base %d, want the other's", n, e.base.RowCount(everyBase, e.table))
	}
	if _, text := v.get("/forget"); !strings.Contains(text, `<tr class="done">`) {
		t.Errorf("the request is not done:\n%s", text)
	}
	if _, text := v.get("/leads?q=0912345678"); !strings.Contains(text, "Không tìm thấy gì") {
		t.Errorf("the person is found still:\n%s", text)
	}
	if _, text := v.get("/activity"); !strings.Contains(text, "xóa một người") || !strings.Contains(text, "đã xong") {
		t.Errorf("who did it is not written down:\n%s", text)
	}
}
