package larksim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"mekong/sinks/lark/larksim"
)

var start = time.Date(2026, 3, 3, 9, 30, 0, 0, time.FixedZone("", 7*3600))

const (
	appID  = "cli_test"
	secret = "invented"
	baseID = "bascnTest"
	host   = "http://lark.test"
)

// world is a simulator with one app that may edit one Base with one table.
type world struct {
	*larksim.Sim
	t     *testing.T
	table string
	token string
}

func newWorld(t *testing.T, o larksim.Options) *world {
	t.Helper()
	if o.Clock == nil {
		o.Clock = larksim.Frozen(start)
	}
	w := &world{Sim: larksim.New(o), t: t}
	w.AddApp(larksim.App{ID: appID, Secret: secret, Name: "Mekong", Scopes: []string{"bitable:app", "wiki:wiki:readonly", "im:message", "contact:user.id:readonly", "offline_access"},
		Redirects: []string{"http://127.0.0.1:9999/callback"}})
	w.AddUser(larksim.User{OpenID: "ou_an", UnionID: "on_an", UserID: "an1", Name: "Nguyễn Văn An", Email: "an@example.com", Mobile: "+84900000000"})
	w.AddUser(larksim.User{OpenID: "ou_other", Name: "Elsewhere", Foreign: true})
	w.AddBase(baseID, "Bán hàng")
	w.table = w.AddTable(baseID, "Leads", columns...)
	w.Grant(appID, baseID, larksim.CanEdit)
	w.token = w.fetch(appID, secret)
	return w
}

// columns has one column of every type that is written, and some that are not.
var columns = []larksim.Field{
	{Name: "Tên", Type: larksim.Text},
	{Name: "Email", Type: larksim.Text, UI: "Email"},
	{Name: "Số", Type: larksim.Number},
	{Name: "Chọn", Type: larksim.SingleSelect, Options: []string{"Mới", "Cũ"}},
	{Name: "Nhãn", Type: larksim.MultiSelect, Options: []string{"A", "B"}},
	{Name: "Ngày", Type: larksim.DateTime},
	{Name: "Xong", Type: larksim.Checkbox},
	{Name: "Người", Type: larksim.Person},
	{Name: "Điện thoại", Type: larksim.Phone},
	{Name: "Trang", Type: larksim.URL},
	{Name: "Tệp", Type: larksim.Attachment},
	{Name: "Liên kết", Type: larksim.SingleLink},
	{Name: "Hai chiều", Type: larksim.DuplexLink},
	{Name: "Nơi", Type: larksim.Location},
	{Name: "Nhóm", Type: larksim.GroupChat},
	{Name: "Công thức", Type: larksim.Formula},
	{Name: "Tạo lúc", Type: larksim.CreatedTime},
	{Name: "Tạo bởi", Type: larksim.CreatedUser},
	{Name: "STT", Type: larksim.AutoNumber},
	{Name: "Cố định", Type: larksim.SingleSelect, Options: []string{"X"}, Fixed: true},
}

// answer is one response, taken apart.
type answer struct {
	err    error
	status int
	header http.Header
	raw    []byte
	Code   int             `json:"code"`
	Msg    string          `json:"msg"`
	Data   json.RawMessage `json:"data"`
	Error  struct {
		LogID      string              `json:"log_id"`
		Violations []map[string]string `json:"permission_violations"`
		Helps      []map[string]string `json:"helps"`
		Fields     []map[string]string `json:"field_violations"`
	} `json:"error"`
}

// into decodes the data of an answer.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Data, v); err != nil {
		t.Fatalf("data %s: %v", a.Data, err)
	}
}

func (w *world) do(method, path string, body any) answer {
	return w.as(context.Background(), w.token, method, path, body)
}

func (w *world) as(ctx context.Context, token, method, path string, body any) answer {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return answer{err: err}
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, host+path, in)
	if err != nil {
		return answer{err: err}
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := w.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.raw, a.err = io.ReadAll(resp.Body); a.err == nil {
		a.err = json.Unmarshal(a.raw, &a)
	}
	return a
}

// fetch gets a tenant token, "" when it is refused.
func (w *world) fetch(id, secret string) string {
	token, _ := w.fetchLeft(id, secret)
	return token
}

func (w *world) fetchLeft(id, secret string) (string, int) {
	a := w.as(context.Background(), "", "POST", "/open-apis/auth/v3/tenant_access_token/internal", map[string]string{"app_id": id, "app_secret": secret})
	var out struct {
		Token  string `json:"tenant_access_token"`
		Expire int    `json:"expire"`
	}
	if err := json.Unmarshal(a.raw, &out); err != nil {
		w.t.Fatalf("token answer %s: %v", a.raw, err)
	}
	return out.Token, out.Expire
}

func (w *world) records(rest string) string {
	return "/open-apis/bitable/v1/apps/" + baseID + "/tables/" + w.table + "/records" + rest
}

func (w *world) fieldsPath(rest string) string {
	return "/open-apis/bitable/v1/apps/" + baseID + "/tables/" + w.table + "/fields" + rest
}

// create writes one record and returns its id.
func (w *world) create(fields map[string]any) string {
	w.t.Helper()
	a := w.do("POST", w.records(""), map[string]any{"fields": fields})
	var d struct {
		Record struct {
			ID string `json:"record_id"`
		} `json:"record"`
	}
	if a.err != nil || a.Code != 0 {
		w.t.Fatalf("create: %v %d %s", a.err, a.Code, a.Msg)
	}
	a.into(w.t, &d)
	return d.Record.ID
}

// batch makes a body of n records with a name each.
func batch(n int) map[string]any {
	recs := make([]map[string]any, n)
	for i := range recs {
		recs[i] = map[string]any{"fields": map[string]any{"Tên": fmt.Sprintf("row %d", i)}}
	}
	return map[string]any{"records": recs}
}

// want fails unless the answer has this code.
func (a answer) want(t *testing.T, code int) {
	t.Helper()
	if a.err != nil {
		t.Fatalf("want code %d, got error %v", code, a.err)
	}
	if a.Code != code {
		t.Fatalf("want code %d, got %d %s", code, a.Code, a.Msg)
	}
}
