package lark

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"mekong/sinks/token"
)

// tenantEarly is how long before its end a tenant token is replaced. With less than
// 30 minutes left the platform hands out a new one while the old one stays good, so
// nothing in flight is disturbed (`lark.md` §1.2).
const tenantEarly = 5 * time.Minute

// credentials is the body of both internal token calls.
type credentials struct {
	ID     string `json:"app_id"`
	Secret string `json:"app_secret"`
}

// tenantToken fetches the app's token inside its tenant.
func (t *transport) tenantToken(ctx context.Context) (token.Token, error) {
	var out struct {
		Token  string `json:"tenant_access_token"`
		Expire int64  `json:"expire"`
	}
	if err := t.internal(ctx, OpTenantToken, "/open-apis/auth/v3/tenant_access_token/internal", &out); err != nil {
		return token.Token{}, err
	}
	return t.issued(out.Token, out.Expire), nil
}

// appToken fetches the app's own token, which only the v1 calls of a login take.
func (t *transport) appToken(ctx context.Context) (token.Token, error) {
	var out struct {
		Token  string `json:"app_access_token"`
		Expire int64  `json:"expire"`
	}
	if err := t.internal(ctx, OpAppToken, "/open-apis/auth/v3/app_access_token/internal", &out); err != nil {
		return token.Token{}, err
	}
	return t.issued(out.Token, out.Expire), nil
}

func (t *transport) internal(ctx context.Context, op Op, path string, out any) error {
	body, err := encode(credentials{t.appID, t.secret.Reveal()})
	if err != nil {
		return err
	}
	r := Request{Op: op, Method: http.MethodPost, Path: path, Free: true}
	a := t.send(ctx, r, body, "")
	e := a.judgeFlat(explain, out)
	t.told(r, a, e)
	if e != nil {
		return e // a typed nil would be an error
	}
	return nil
}

// issued is a token that lives for seconds from now.
func (t *transport) issued(value string, seconds int64) token.Token {
	now := t.now()
	return token.Token{Value: token.NewSecret(value), Issued: now, Expires: now.Add(lifetime(seconds))}
}

// lifetime is a life as the platform tells it, within reason.
func lifetime(n int64) time.Duration {
	const most = 400 * 24 * 3600
	return time.Duration(min(max(n, 0), most)) * time.Second
}

// short is a hash that tells names apart.
func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
