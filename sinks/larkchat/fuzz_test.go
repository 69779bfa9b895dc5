package larkchat

import (
	"strings"
	"testing"
)

// FuzzJudge: whatever a custom bot answers, it means stored only where it says so,
// and nothing of it is quoted.
func FuzzJudge(f *testing.F) {
	for _, s := range []string{`{"code":0}`, `{"StatusCode":0}`, `{"code":11232,"msg":"hunter2"}`, `{"code":"0"}`, `{"code":1e99}`, "<html>", "", "null", `{"code":0,"StatusCode":19024}`} {
		f.Add(200, s)
		f.Add(503, s)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		err := judge(status, []byte(body))
		if err == nil && (status >= 300 || !strings.Contains(body, "0")) {
			t.Errorf("HTTP %d %q is taken for stored", status, body)
		}
		if err != nil && (len(err.Error()) > 500 || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("it says %q", err)
		}
	})
}
