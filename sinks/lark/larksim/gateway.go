package larksim

import (
	"net/url"
	"slices"
	"strings"
)

// gate is what stands before every service: whose token, from where, how often,
// with which scope (`lark.md` §1.5, §7).
func (c *call) gate() *failure {
	if c.route.auth != openDoor {
		if f := c.authenticate(); f != nil {
			return f
		}
	}
	if f := c.s.limit(c); f != nil {
		return f
	}
	if c.route.auth == openDoor {
		return nil
	}
	return c.scoped(c.route.scopes)
}

// authenticate finds the app, and the user if there is one, behind the token.
func (c *call) authenticate() *failure {
	h := c.r.Header.Get("Authorization")
	token, ok := strings.CutPrefix(h, "Bearer ")
	if !ok || token == "" {
		return fail(99991661)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	now := c.s.now()
	switch {
	case strings.HasPrefix(token, "t-"):
		t := c.s.tokens[token]
		if t == nil || t.revoked || !now.Before(t.expires) {
			if c.route.auth == appDoor {
				return fail(99991664)
			}
			return fail(99991663)
		}
		c.app = t.app
	case strings.HasPrefix(token, "u-"), strings.HasPrefix(token, "eyJ"):
		if c.route.auth != anyDoor {
			return fail(99991668)
		}
		t := c.s.login.access[token]
		if t == nil {
			return fail(99991668)
		}
		if !now.Before(t.expires) {
			return fail(99991677)
		}
		c.app, c.user = t.app, t.user
	default:
		return fail(99991671)
	}
	switch {
	case c.s.refusal(c):
		if c.user != nil {
			return fail(99991668)
		}
		return fail(99991663)
	case c.app.Disabled:
		return fail(99991662)
	case c.app.Uninstalled:
		return fail(99991673)
	case !c.listed(c.app.AllowIPs):
		return fail(99991401)
	}
	return nil
}

// scoped holds the call to have one of the scopes: the app's released ones, and
// with a user's token also what the user consented to. An app of the other brand
// is refused the same way, as people meet it (`lark.md` §0, hearsay).
func (c *call) scoped(any []string) *failure {
	if len(any) == 0 {
		return nil
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.app.Brand != c.s.opts.Brand || !c.app.can(any) {
		kind := "tenant"
		if c.user != nil {
			kind = "user"
		}
		return c.lacks(99991672, "action_scope_required", any,
			"Access denied. One of the following scopes is required: ["+strings.Join(any, ", ")+"].",
			"https://open."+domain(c.app.Brand)+"/app/"+url.PathEscape(c.app.ID)+"/auth?q="+strings.Join(any, ",")+"&op_from=openapi&token_type="+kind)
	}
	if c.user != nil {
		t := c.s.login.access[strings.TrimPrefix(c.r.Header.Get("Authorization"), "Bearer ")]
		if t == nil || !slices.ContainsFunc(any, func(s string) bool { return slices.Contains(t.scopes, s) }) {
			return c.lacks(99991679, "action_privilege_required", any,
				"Unauthorized. You do not have permission to perform the requested operation on the resource. Please request user re-authorization and try again. required one of these privileges under the user identity: ["+strings.Join(any, ", ")+"].", "")
		}
	}
	return nil
}

// lacks is a refusal that names the scopes, of which any one suffices (`lark.md` §5.3).
func (c *call) lacks(code int, kind string, scopes []string, msg, help string) *failure {
	violations := make([]map[string]string, len(scopes))
	for i, s := range scopes {
		violations[i] = map[string]string{"type": kind, "subject": s}
	}
	detail := map[string]any{
		"permission_violations": violations,
		"troubleshooter":        "https://open." + domain(c.s.opts.Brand) + "/search?log_id=" + c.logID,
	}
	if help != "" {
		detail["helps"] = []map[string]string{{"url": help, "description": "Click the link to enable one of the scopes, then release a version of the app."}}
	}
	return &failure{code: code, msg: msg, detail: detail}
}

func domain(brand string) string {
	if brand == BrandFeishu {
		return "feishu.cn"
	}
	return "larksuite.com"
}
