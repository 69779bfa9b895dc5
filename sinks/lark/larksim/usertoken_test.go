package larksim_test

import (
	"context"
	"strings"
	"testing"

	"mekong/sinks/lark/larksim"
)

func TestUserTokens(t *testing.T) {
	w := newWorld(t, larksim.Options{AutoApprove: true})
	access, _ := w.Login(appID, "ou_an", "im:message")
	w.Grant("ou_an", baseID, larksim.CanEdit)
	a := w.as(context.Background(), access, "GET", w.fieldsPath(""), nil)
	a.want(t, 99991679)
	if len(a.Error.Violations) == 0 || a.Error.Violations[0]["type"] != "action_privilege_required" {
		t.Errorf("%s", a.raw)
	}
	access, _ = w.Login(appID, "ou_an", "bitable:app")
	w.as(context.Background(), access, "POST", w.records(""), `{"fields":{}}`).want(t, 0)
	w.Grant("ou_an", baseID, larksim.NoRole)
	w.as(context.Background(), access, "POST", w.records(""), `{"fields":{}}`).want(t, 91403)
	a = w.as(context.Background(), access, "GET", "/open-apis/authen/v1/user_info", nil)
	a.want(t, 0)
	if !strings.Contains(string(a.Data), `"open_id":"ou_an"`) {
		t.Errorf("user_info %s", a.Data)
	}
	w.as(context.Background(), w.token, "GET", "/open-apis/authen/v1/user_info", nil).want(t, 99991668)

	// The older endpoints.
	v1 := func(token, path string, body map[string]string) answer {
		return w.as(context.Background(), token, "POST", "/open-apis/authen/v1/"+path, body)
	}
	code := w.code(nil)
	if a := v1("t-x", "oidc/access_token", map[string]string{"grant_type": "authorization_code", "code": code}); a.Code != 20014 || a.status != 200 {
		t.Errorf("bad app token: %d %d", a.Code, a.status)
	}
	a = v1(w.token, "oidc/access_token", map[string]string{"grant_type": "authorization_code", "code": code})
	a.want(t, 0)
	var p struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Expires int    `json:"expires_in"`
		Life    int    `json:"refresh_expires_in"`
	}
	a.into(t, &p)
	if !strings.HasPrefix(p.Access, "u-") || !strings.HasPrefix(p.Refresh, "ur-") || p.Expires != 7199 || p.Life != 2591999 {
		t.Errorf("v1: %+v", p)
	}
	if got := w.exchange(refreshBody(p.Refresh)); got.Code != 20026 {
		t.Errorf("a v1 refresh token on v2: %+v", got)
	}
	v1(w.token, "refresh_access_token", map[string]string{"grant_type": "refresh_token", "refresh_token": p.Refresh}).want(t, 0)
	v1(w.token, "oidc/refresh_access_token", map[string]string{"grant_type": "refresh_token", "refresh_token": p.Refresh}).want(t, 20073)
	v1(w.token, "oidc/refresh_access_token", map[string]string{"grant_type": "refresh_token", "refresh_token": "ur-x"}).want(t, 20038)
	v1(w.token, "oidc/access_token", map[string]string{"grant_type": "authorization_code"}).want(t, 20001)
}
