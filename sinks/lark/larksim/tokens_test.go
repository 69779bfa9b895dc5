package larksim_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"mekong/sinks/lark/larksim"
)

// The endpoint hands out the same token while 30 minutes are left, and a second
// one beside it after that (`lark.md` §1.2).
func TestTenantTokenLife(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	first, left := w.fetchLeft(appID, secret)
	if first != w.token || left != 7200 {
		t.Fatalf("a fresh token was not handed out again, or with %d s", left)
	}
	w.Advance(90 * time.Minute)
	same, left := w.fetchLeft(appID, secret)
	if same != first || left != 1800 {
		t.Fatalf("at exactly 30 minutes: same %v, left %d", same == first, left)
	}
	w.Advance(time.Second)
	second, left := w.fetchLeft(appID, secret)
	if second == first || left != 7200 {
		t.Fatalf("below 30 minutes: same %v, left %d", second == first, left)
	}
	for _, tok := range []string{first, second} {
		w.as(context.Background(), tok, "GET", w.fieldsPath(""), nil).want(t, 0)
	}
	w.Advance(30*time.Minute - time.Second)
	w.as(context.Background(), first, "GET", w.fieldsPath(""), nil).want(t, 99991663)
	w.as(context.Background(), second, "GET", w.fieldsPath(""), nil).want(t, 0)
	if n := w.TokenFetches(appID); n != 4 {
		t.Errorf("%d fetches counted, want 4", n)
	}
}

func TestTenantTokenRevoked(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.RevokeTenantToken(appID)
	a := w.do("GET", w.fieldsPath(""), nil)
	a.want(t, 99991663)
	if a.status != 400 || a.Error.LogID == "" || a.header.Get("X-Tt-Logid") != a.Error.LogID {
		t.Errorf("status %d, log id %q / %q", a.status, a.Error.LogID, a.header.Get("X-Tt-Logid"))
	}
	next := w.fetch(appID, secret)
	if next == w.token || next == "" {
		t.Fatal("no new token after the old one was revoked")
	}
	w.as(context.Background(), next, "GET", w.fieldsPath(""), nil).want(t, 0)

	w.PoisonTenantToken(appID)
	if again := w.fetch(appID, secret); again != next {
		t.Fatal("a poisoned token is handed out until it expires")
	}
	w.as(context.Background(), next, "GET", w.fieldsPath(""), nil).want(t, 99991663)
	w.Advance(2 * time.Hour)
	w.as(context.Background(), w.fetch(appID, secret), "GET", w.fieldsPath(""), nil).want(t, 0)

	w.SetOldStatus(true)
	if a := w.as(context.Background(), "t-unknown", "GET", w.fieldsPath(""), nil); a.status != 200 || a.Code != 99991663 {
		t.Errorf("old style: status %d code %d", a.status, a.Code)
	}
}

func TestTokenRefusals(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.AddApp(larksim.App{ID: "cli_off", Secret: secret, Disabled: true})
	for _, c := range []struct {
		name string
		body any
		code int
	}{
		{"no JSON", "{", 10003},
		{"no secret", map[string]string{"app_id": appID}, 10003},
		{"unknown app", map[string]string{"app_id": "cli_none", "app_secret": "x"}, 99991543},
		{"wrong secret", map[string]string{"app_id": appID, "app_secret": "x"}, 10015},
		{"disabled", map[string]string{"app_id": "cli_off", "app_secret": secret}, 10014},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.as(context.Background(), "", "POST", "/open-apis/auth/v3/tenant_access_token/internal", c.body).want(t, c.code)
		})
	}
	a := w.as(context.Background(), "", "POST", "/open-apis/auth/v3/app_access_token/internal", map[string]string{"app_id": appID, "app_secret": secret})
	var out struct{ App, Tenant string }
	var flat map[string]any
	if err := json.Unmarshal(a.raw, &flat); err != nil {
		t.Fatal(err)
	}
	out.App, _ = flat["app_access_token"].(string)
	out.Tenant, _ = flat["tenant_access_token"].(string)
	if out.App == "" || out.App != out.Tenant || out.App != w.token {
		t.Error("the app token of an app made for one tenant equals its tenant token")
	}
}

func TestGateway(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.AddApp(larksim.App{ID: "cli_narrow", Secret: secret, Scopes: []string{"base:record:create"}})
	w.AddApp(larksim.App{ID: "cli_unreleased", Secret: secret, Scopes: []string{"bitable:app"}, Unreleased: true})
	w.AddApp(larksim.App{ID: "cli_feishu", Secret: secret, Scopes: []string{"bitable:app"}, Brand: larksim.BrandFeishu})
	w.AddApp(larksim.App{ID: "cli_ip", Secret: secret, Scopes: []string{"bitable:app"}, AllowIPs: []string{"192.0.2.0/24"}})
	w.AddApp(larksim.App{ID: "cli_stranger", Secret: secret, Scopes: []string{"bitable:app"}})
	w.AddApp(larksim.App{ID: "cli_viewer", Secret: secret, Scopes: []string{"bitable:app"}})
	w.Grant("cli_viewer", baseID, larksim.CanView)
	of := func(id string) string { return w.fetch(id, secret) }
	disabled := of("cli_viewer")
	for _, c := range []struct {
		name, token, method, path string
		code, status              int
	}{
		{"no token", "", "GET", w.fieldsPath(""), 99991661, 400},
		{"other prefix", "x-123", "GET", w.fieldsPath(""), 99991671, 400},
		{"unknown token", "t-123", "GET", w.fieldsPath(""), 99991663, 400},
		{"unknown user token", "u-123", "GET", w.fieldsPath(""), 99991668, 400},
		{"unknown path", w.token, "GET", "/open-apis/none", 99991201, 404},
		{"wrong method", w.token, "PATCH", w.fieldsPath(""), 99991301, 405},
		{"scope", of("cli_narrow"), "GET", w.fieldsPath(""), 99991672, 400},
		{"not released", of("cli_unreleased"), "GET", w.fieldsPath(""), 99991672, 400},
		{"other brand", of("cli_feishu"), "GET", w.fieldsPath(""), 99991672, 400},
		{"address", of("cli_ip"), "GET", w.fieldsPath(""), 99991401, 400},
		{"not in the document", of("cli_stranger"), "GET", w.fieldsPath(""), 91403, 403},
		{"may only view", of("cli_viewer"), "POST", w.records(""), 91403, 403},
		{"malformed base", w.token, "GET", "/open-apis/bitable/v1/apps/a+b/tables", 1254003, 400},
		{"unknown base", w.token, "GET", "/open-apis/bitable/v1/apps/bascnNone/tables", 1254040, 404},
		{"malformed table", w.token, "GET", "/open-apis/bitable/v1/apps/" + baseID + "/tables/blk1/fields", 1254004, 400},
		{"unknown table", w.token, "GET", "/open-apis/bitable/v1/apps/" + baseID + "/tables/tblnone/fields", 1254041, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body any
			if c.method == "POST" {
				body = map[string]any{"fields": map[string]any{"Tên": "x"}}
			}
			a := w.as(context.Background(), c.token, c.method, c.path, body)
			a.want(t, c.code)
			if a.status != c.status || a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("X-Tt-Logid") == "" {
				t.Errorf("status %d, headers %v", a.status, a.header)
			}
		})
	}
	a := w.as(context.Background(), of("cli_unreleased"), "POST", w.records(""), batch(1))
	if len(a.Error.Violations) != 2 || a.Error.Violations[0]["type"] != "action_scope_required" || len(a.Error.Helps) != 1 {
		t.Errorf("the refusal does not list the scopes and the page: %s", a.raw)
	}
	w.Release("cli_unreleased")
	w.Grant("cli_unreleased", baseID, larksim.CanEdit)
	w.as(context.Background(), of("cli_unreleased"), "GET", w.fieldsPath(""), nil).want(t, 0)
	w.DisableApp("cli_viewer", true)
	w.as(context.Background(), disabled, "GET", w.fieldsPath(""), nil).want(t, 99991662)
	w.RemoveBase(baseID)
	w.do("GET", w.fieldsPath(""), nil).want(t, 91402)
}
