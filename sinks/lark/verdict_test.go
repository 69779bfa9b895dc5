package lark

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/sinks/token"
)

func fixedToken() token.Provider {
	return token.Fixed{Value: token.NewSecret("t-hidden-token"), Expires: time.Now().Add(time.Hour)}
}

// Every code of `lark.md` §1.5, §2.6, §4, §6.6, §7 and §8.1, as the worker takes it.
// "maybe" is a write that may have been carried out.
var verdicts = []struct {
	codes   []int
	verdict string
	maybe   bool
}{
	// §1.5, and the failures of §1.2
	{[]int{99991661, 99992402}, "plain", false},
	{[]int{99991663, 99991664, 99991665, 99991671, 99991668, 99991677}, "hold", false},
	{[]int{99991669, 99991672, 99991679, 99991676, 99991662, 99991673, 99991543, 10003, 10014, 10015, 20013, 10012, 10013}, "hold", false},
	{[]int{99991400, 99991401, 99991403, 99991406, 99991201, 99991301}, "hold", false},
	{[]int{99992351, 99992361}, "permanent", false},
	{[]int{1500, 1663, 1668, 2200, 5000}, "hold", true},

	// §2.6: N about the request
	{[]int{1254000, 1254001, 1254007, 1254011, 1254030, 1254037, 1254107, 1254108, 1254109}, "plain", false},
	// N about where it goes, and the table's shape: no record's fault
	{[]int{1254003, 1254004, 1254005, 1254008, 1254009, 1254012, 1254013, 1254014, 1254016, 1254018, 1254021, 1254022, 1254024, 1254029}, "hold", false},
	{[]int{1254040, 1254041, 1254042, 1254044, 1254045, 91402, 91403, 91404}, "hold", false},
	{[]int{1254301, 1254302, 1254304, 1254306}, "hold", false},
	// N about a row that is not there
	{[]int{1254006, 1254043}, "plain", false},
	// N about a value: this record, and no other
	{[]int{1254010, 1254015, 1254027, 1254060, 1254061, 1254062, 1254063, 1254064, 1254065, 1254066, 1254067, 1254068, 1254069, 1254072, 1254074, 1254106, 1254303}, "permanent", false},
	// N about size: halves are tried
	{[]int{1254104, 1254130}, "permanent", false},
	// N about what fits
	{[]int{1254100, 1254101, 1254102, 1254103, 1254105}, "hold", false},
	// Y
	{[]int{1254036, 1254112, 1254290, 1254291, 1254607}, "hold", false},
	{[]int{1255001, 1255002}, "hold", true},
	{[]int{1254002, 1255003, 1255004, 1255005}, "plain", true},
	// A
	{[]int{1254608, 1255040}, "hold", true},
	{[]int{1255006}, "plain", true},

	// §4
	{[]int{131001, 131004, 131005, 131006}, "hold", false},
	{[]int{131002, 131007}, "plain", false},
	// §6.6
	{[]int{230002, 230006, 230020}, "hold", false},
	{[]int{230011, 230013, 230025, 230099}, "permanent", false},
	// §8.1
	{[]int{9499, 19002}, "plain", false},
	{[]int{19021, 19022, 19024, 11232}, "hold", false},
	{[]int{19036}, "permanent", false},
}

// statuses are what a code may come with: the same code does not always have the
// same (`lark.md` §0).
var statuses = []int{200, 400, 403, 404, 429, 500}

func TestEveryCodeHasItsVerdict(t *testing.T) {
	tested := map[int]bool{}
	for _, row := range verdicts {
		for _, n := range row.codes {
			tested[n] = true
			for _, status := range statuses {
				t.Run(fmt.Sprintf("%d with %d", n, status), func(t *testing.T) {
					c := scripted(t, answering(status, fmt.Sprintf(`{"code":%d,"msg":"0900000000 Nguyễn Văn An","error":{"log_id":"2026LOG","message":"value 0900000000"}}`, n)))
					err := c.Do(t.Context(), Request{Op: OpBatchCreate, Method: "POST", Path: "/open-apis/x", Body: map[string]string{"phone": "0900000000"}, Write: true}, nil)
					if got := verdictOf(err); got != row.verdict {
						t.Errorf("verdict %s, want %s: %v", got, row.verdict, err)
					}
					if IsAmbiguous(err) != row.maybe {
						t.Errorf("may have been carried out: %t, want %t", IsAmbiguous(err), row.maybe)
					}
					e := As(err)
					if e.Code != n || e.HTTP != status || e.LogID != "2026LOG" || CodeOf(err) != n || ClassOf(err) != e.Class {
						t.Errorf("%+v", e)
					}
					harmless(t, err)
					if !strings.Contains(err.Error(), fmt.Sprint(n)) || !strings.Contains(err.Error(), "2026LOG") {
						t.Errorf("the error keeps the code or the log id to itself: %v", err)
					}
				})
			}
		}
	}
	for n := range codes {
		if !tested[n] && n != 1254032 && n != 230001 && n != 19001 {
			t.Errorf("code %d is judged and not tested", n)
		}
	}
}

// harmless fails if err tells what must not be told.
func harmless(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, leak := range []string{"0900000000", "Nguyễn", "t-hidden", testSecret, "http://", "page_size=", "?"} {
		if strings.Contains(err.Error(), leak) {
			t.Errorf("%q is in the error: %v", leak, err)
		}
	}
}

func answering(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestReadsAreNeverAmbiguous(t *testing.T) {
	for _, n := range []int{1255040, 1255001, 1254608, 1254002} {
		c := scripted(t, answering(504, fmt.Sprintf(`{"code":%d,"msg":"x"}`, n)))
		if _, err := c.Search(t.Context(), testBase, "tblX", Query{}); err == nil || IsAmbiguous(err) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func TestUnknownCodesAndAnswersThatAreNone(t *testing.T) {
	for _, row := range []struct {
		name    string
		status  int
		body    string
		verdict string
		maybe   bool
		class   Class
	}{
		{"unknown code", 200, `{"code":424242,"msg":"SomethingNew"}`, "plain", false, Unknown},
		{"unknown code, 400", 400, `{"code":424242,"msg":"x"}`, "plain", false, Unknown},
		{"unknown code, 403", 403, `{"code":424242,"msg":"x"}`, "hold", false, Setup},
		{"unknown code, 429", 429, `{"code":424242,"msg":"x"}`, "hold", false, Throttled},
		{"unknown code, 500", 500, `{"code":424242,"msg":"x"}`, "hold", true, Down},
		{"unknown code, 504", 504, `{"code":424242,"msg":"x"}`, "hold", true, Down},
		{"busy with 504", 504, `{"code":1254607,"msg":"x"}`, "hold", true, Busy},
		{"code 0 with 500", 500, `{"code":0,"msg":"x"}`, "hold", true, Down},
		{"HTML 502", 502, `<html><h1>Bad Gateway 0900000000</h1></html>`, "hold", true, Down},
		{"HTML 504", 504, `<html>`, "hold", true, Down},
		{"HTML 200", 200, `<html>log in</html>`, "hold", true, Down},
		{"HTML 403", 403, `<html>`, "hold", false, Setup},
		{"HTML 404", 404, `<html>`, "hold", false, Setup},
		{"HTML 413", 413, `<html>`, "permanent", false, Large},
		{"plain 429", 429, `slow down`, "hold", false, Throttled},
		{"cut JSON", 200, `{"code":0,"msg":"success","data":{"records":[{"fie`, "hold", true, Down},
		{"empty", 200, ``, "hold", true, Down},
		{"no code", 200, `{"ok":true}`, "hold", true, Down},
		{"code of another type", 200, `{"code":"0"}`, "hold", true, Down},
		{"data of another type", 200, `{"code":0,"data":{"records":"0900000000"}}`, "plain", true, Unknown},
		{"array", 200, `[]`, "hold", true, Down},
		{"redirect", 302, ``, "hold", false, Setup},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := scripted(t, answering(row.status, row.body, "Location", "https://example.com/"))
			_, err := c.BatchCreate(t.Context(), testBase, "tblX", "Tên", []Row{{Fields: map[string]any{"Tên": "Nguyễn Văn An"}}}, WriteOptions{})
			if got := verdictOf(err); got != row.verdict || IsAmbiguous(err) != row.maybe || ClassOf(err) != row.class {
				t.Errorf("%s, maybe %t, %s; want %s, %t, %s: %v", got, IsAmbiguous(err), ClassOf(err), row.verdict, row.maybe, row.class, err)
			}
			harmless(t, err)
		})
	}
}

func TestWaits(t *testing.T) {
	for _, row := range []struct {
		status  int
		body    string
		headers []string
		want    time.Duration
	}{
		{429, `{"code":99991400,"msg":"x"}`, []string{"x-ogw-ratelimit-limit", "100", "x-ogw-ratelimit-reset", "52"}, 52 * time.Second},
		{400, `{"code":99991400,"msg":"x"}`, nil, time.Second},
		{200, `{"code":1254291,"msg":"x"}`, nil, time.Second},
		{200, `{"code":1254607,"msg":"x"}`, nil, 3 * time.Second},
		{200, `{"code":1254607,"msg":"x"}`, []string{"Retry-After", "9"}, 9 * time.Second},
		{503, `<html>`, []string{"Retry-After", "120"}, 2 * time.Minute},
		{503, `<html>`, []string{"Retry-After", "99999999999999999999"}, 0},
		{503, `<html>`, []string{"Retry-After", "9999999999"}, 24 * time.Hour},
		{503, `<html>`, []string{"Retry-After", "-5"}, 0},
		{429, `{"code":99991403,"msg":"x"}`, nil, time.Hour},
	} {
		c := scripted(t, answering(row.status, row.body, row.headers...))
		_, err := c.Tables(t.Context(), testBase)
		if wait, ok := pipeline.IsHold(err); !ok || wait != row.want {
			t.Errorf("%d %s %v: %s, want %s (%v)", row.status, row.body, row.headers, wait, row.want, err)
		}
	}
	at := time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
	c := scripted(t, answering(503, ``, "Retry-After", at))
	_, err := c.Tables(t.Context(), testBase)
	if wait, _ := pipeline.IsHold(err); wait < 80*time.Second || wait > 90*time.Second {
		t.Errorf("a date: %s", wait)
	}
}

func TestIdentifiersOfAnError(t *testing.T) {
	c := scripted(t, answering(400, `{"code":99991672,"msg":"Access denied.","error":{"log_id":"20260803LOG","troubleshooter":"x",
		"permission_violations":[{"type":"action_scope_required","subject":"bitable:app"},{"subject":"base:record:create"},{"subject":"Nguyễn Văn An"}],
		"field_violations":[{"field":"records[3].fields","description":"0900000000"}],
		"helps":[{"url":"https://open.larksuite.com/app/cli_x/auth?q=bitable:app,base:record:create&op_from=openapi&token_type=tenant"}]}}`))
	e := As(c.Do(t.Context(), Request{Op: OpSearch, Method: "GET", Path: "/x"}, nil))
	if fmt.Sprint(e.Scopes, e.Violations) != "[bitable:app base:record:create] [records[3].fields]" || !strings.HasPrefix(e.HelpURL, "https://open.larksuite.com/app/cli_x/auth?q=bitable:app") {
		t.Errorf("%+v", e)
	}
	harmless(t, e)

	for _, bad := range []string{"http://open.larksuite.com/x", "https://open.larksuite.com.example.com/x", "https://a@open.feishu.cn/x", "javascript:alert(1)", "https://open.larksuite.com:444/"} {
		if got := helpURL(bad); got != "" {
			t.Errorf("%s is shown as a link of the platform's", bad)
		}
	}
	c = scripted(t, answering(400, `{"code":99991679,"msg":"required one of these privileges under the user identity: [bitable:app, base:record:create]."}`))
	if e := As(c.Do(t.Context(), Request{Op: OpSearch, Method: "GET", Path: "/x"}, nil)); fmt.Sprint(e.Scopes) != "[bitable:app base:record:create]" {
		t.Errorf("from the message: %v", e.Scopes)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{"code":0,"data":{}}`, `{"code":99991672,"msg":"[a:b]","error":{"log_id":"x","helps":[{"url":"https://open.feishu.cn/"}]}}`, `{"code":1254045,"error":"word"}`, `<html>`, ``, `{"code":1e400}`} {
		f.Add(200, []byte(s), "5")
		f.Add(504, []byte(s), "Mon, 01 Jan 2029 00:00:00 GMT")
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, wait string) {
		a := &answer{op: OpBatchCreate, write: true, sent: true, status: status%600 + 1, body: body, header: http.Header{"Retry-After": {wait}}}
		if a.status <= 0 {
			a.status = 1
		}
		var out struct{ Records []Record }
		e := a.judge(&out)
		if e == nil {
			if a.status >= 400 {
				t.Errorf("HTTP %d is success", a.status)
			}
			return
		}
		if e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour || len(e.Error()) > 4096 || e.Verdict() == nil {
			t.Errorf("%+v", e)
		}
	})
}
