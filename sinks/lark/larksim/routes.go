package larksim

import (
	"net/http"
	"strings"
)

// Op names an endpoint: in [Fault.On], [Sim.Calls] and [Request].
type Op string

// The endpoints. Those of a table's records are named after their last step.
const (
	OpTenantToken Op = "tenant_access_token"
	OpAppToken    Op = "app_access_token"
	OpAuthorize   Op = "user.authorize" // the consent page
	OpConsent     Op = "user.consent"   // and what is answered on it
	OpUserToken   Op = "user.token"     // v2, code and refresh
	OpUserTokenV1 Op = "user.token.v1"  // v1, code
	OpRefreshV1   Op = "user.refresh.v1"
	OpUserInfo    Op = "user.info"

	OpCreate      Op = "record.create"
	OpBatchCreate Op = "record.batch_create"
	OpUpdate      Op = "record.update"
	OpBatchUpdate Op = "record.batch_update"
	OpDelete      Op = "record.delete"
	OpBatchDelete Op = "record.batch_delete"
	OpSearch      Op = "record.search"
	OpBatchGet    Op = "record.batch_get"
	OpList        Op = "record.list"
	OpGet         Op = "record.get"

	OpFieldList   Op = "field.list"
	OpFieldCreate Op = "field.create"
	OpFieldUpdate Op = "field.update"
	OpFieldDelete Op = "field.delete"

	OpTableList        Op = "table.list"
	OpTableCreate      Op = "table.create"
	OpTableBatchCreate Op = "table.batch_create"
	OpBase             Op = "base.get"
	OpWikiNode         Op = "wiki.get_node"
	OpUserIDs          Op = "user.batch_get_id"
	OpUpload           Op = "media.upload_all"

	OpSend       Op = "message.send"
	OpReply      Op = "message.reply"
	OpBotHook    Op = "hook.bot"
	OpAutomation Op = "hook.automation"
	OpSink       Op = "hook.sink" // takes anything
	OpPage       Op = "page"      // for people; neither counted nor logged
)

// door says which tokens a route takes.
type door int

const (
	openDoor door = iota // none
	appDoor              // the app's own
	botDoor              // the app's in this tenant
	anyDoor              // that, or a user's
)

// rate is so many calls in a window of so many seconds.
type rate struct{ calls, seconds int }

type route struct {
	op     Op
	method string
	path   string
	auth   door
	scopes []string
	rates  []rate
	free   bool // does not count against the monthly quota
	writes bool // changes a Base
	handle func(*call) (any, *failure)

	segments []string
}

const (
	tablePath  = "/open-apis/bitable/v1/apps/:app_token/tables"
	fieldPath  = tablePath + "/:table_id/fields"
	recordPath = tablePath + "/:table_id/records"
)

// either joins the scopes of `lark.md` §5.1.
func either(scopes ...string) []string { return append(scopes, "bitable:app") }

// table lists every route. Where two match, the first is meant.
func (s *Sim) table() []route {
	get, post, put, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	per := func(n int) []rate { return []rate{{n, 1}} }
	usual := []rate{{1000, 60}, {50, 1}}
	const readonly = "bitable:app:readonly"
	routes := []route{
		{op: OpTenantToken, method: post, path: "/open-apis/auth/v3/tenant_access_token/internal", free: true, handle: tenantTokenInternal},
		{op: OpAppToken, method: post, path: "/open-apis/auth/v3/app_access_token/internal", free: true, handle: appTokenInternal},
		{op: OpAuthorize, method: get, path: "/open-apis/authen/v1/authorize", free: true, handle: authorize},
		{op: OpConsent, method: post, path: "/open-apis/authen/v1/authorize", free: true, handle: consent},
		{op: OpUserToken, method: post, path: "/open-apis/authen/v2/oauth/token", rates: usual, free: true, handle: oauthToken},
		{op: OpUserTokenV1, method: post, path: "/open-apis/authen/v1/oidc/access_token", rates: usual, free: true, handle: oidcToken},
		{op: OpRefreshV1, method: post, path: "/open-apis/authen/v1/oidc/refresh_access_token", rates: usual, free: true, handle: oidcRefresh},
		{op: OpUserTokenV1, method: post, path: "/open-apis/authen/v1/access_token", rates: usual, free: true, handle: oidcToken},
		{op: OpRefreshV1, method: post, path: "/open-apis/authen/v1/refresh_access_token", rates: usual, free: true, handle: oidcRefresh},
		{op: OpUserInfo, method: get, path: "/open-apis/authen/v1/user_info", auth: anyDoor, free: true, handle: userInfo},

		{op: OpBatchCreate, method: post, path: recordPath + "/batch_create", auth: anyDoor, scopes: either("base:record:create"), rates: per(50), writes: true, handle: batchCreate},
		{op: OpBatchUpdate, method: post, path: recordPath + "/batch_update", auth: anyDoor, scopes: either("base:record:update"), rates: per(50), writes: true, handle: batchUpdate},
		{op: OpBatchDelete, method: post, path: recordPath + "/batch_delete", auth: anyDoor, scopes: either("base:record:delete"), rates: per(s.deletes()), writes: true, handle: batchDelete},
		{op: OpSearch, method: post, path: recordPath + "/search", auth: anyDoor, scopes: either("base:record:retrieve", readonly), rates: per(20), handle: search},
		{op: OpBatchGet, method: post, path: recordPath + "/batch_get", auth: anyDoor, scopes: either("base:record:retrieve", readonly), rates: per(20), handle: batchGet},
		{op: OpCreate, method: post, path: recordPath, auth: anyDoor, scopes: either("base:record:create"), rates: per(50), writes: true, handle: createRecord},
		{op: OpList, method: get, path: recordPath, auth: anyDoor, scopes: either(readonly), rates: per(20), handle: listRecords},
		{op: OpGet, method: get, path: recordPath + "/:record_id", auth: anyDoor, scopes: either(readonly), rates: per(20), handle: getRecord},
		{op: OpUpdate, method: put, path: recordPath + "/:record_id", auth: anyDoor, scopes: either("base:record:update"), rates: per(50), writes: true, handle: updateRecord},
		{op: OpDelete, method: del, path: recordPath + "/:record_id", auth: anyDoor, scopes: either("base:record:delete"), rates: per(50), writes: true, handle: deleteRecord},

		{op: OpFieldList, method: get, path: fieldPath, auth: anyDoor, scopes: either("base:field:read", readonly), rates: per(20), handle: listFields},
		{op: OpFieldCreate, method: post, path: fieldPath, auth: anyDoor, scopes: either("base:field:create"), rates: per(10), writes: true, handle: createField},
		{op: OpFieldUpdate, method: put, path: fieldPath + "/:field_id", auth: anyDoor, scopes: either("base:field:update"), rates: per(10), writes: true, handle: updateField},
		{op: OpFieldDelete, method: del, path: fieldPath + "/:field_id", auth: anyDoor, scopes: either("base:field:delete"), rates: per(10), writes: true, handle: deleteField},

		{op: OpTableBatchCreate, method: post, path: tablePath + "/batch_create", auth: anyDoor, scopes: either("base:table:create"), rates: per(10), writes: true, handle: batchCreateTables},
		{op: OpTableList, method: get, path: tablePath, auth: anyDoor, scopes: either("base:table:read", readonly), rates: per(20), handle: listTables},
		{op: OpTableCreate, method: post, path: tablePath, auth: anyDoor, scopes: either("base:table:create"), rates: per(10), writes: true, handle: createTable},
		{op: OpBase, method: get, path: "/open-apis/bitable/v1/apps/:app_token", auth: anyDoor, scopes: either("base:app:read", readonly), rates: per(20), handle: getBase},
		{op: OpWikiNode, method: get, path: "/open-apis/wiki/v2/spaces/get_node", auth: anyDoor, scopes: []string{"wiki:node:read", "wiki:wiki:readonly", "wiki:wiki"}, rates: []rate{{100, 60}}, handle: getNode},

		{op: OpUserIDs, method: post, path: "/open-apis/contact/v3/users/batch_get_id", auth: botDoor, scopes: []string{"contact:user.id:readonly"}, rates: usual, free: true, handle: userIDs},
		{op: OpUpload, method: post, path: "/open-apis/drive/v1/medias/upload_all", auth: anyDoor, scopes: either("drive:drive", "docs:document.media:upload"), rates: per(5), handle: upload},

		{op: OpSend, method: post, path: "/open-apis/im/v1/messages", auth: anyDoor, scopes: []string{"im:message", "im:message:send_as_bot"}, rates: usual, handle: sendMessage},
		{op: OpReply, method: post, path: "/open-apis/im/v1/messages/:message_id/reply", auth: anyDoor, scopes: []string{"im:message", "im:message:send_as_bot"}, rates: usual, handle: replyMessage},
		{op: OpBotHook, method: post, path: "/open-apis/bot/v2/hook/:token", free: true, handle: botHook},
		{op: OpAutomation, method: post, path: "/base/automation/webhook/event/:token", free: true, handle: automation},
		{op: OpSink, method: post, path: "/sink/:name", free: true, handle: openSink},
		{op: OpPage, method: get, path: "/sim", free: true, handle: showPage},
		{op: OpPage, method: get, path: "/sim/grid", free: true, handle: showGrid},
		{op: OpPage, method: post, path: "/sim/switch", free: true, handle: turnSwitch},
		{op: OpPage, method: get, path: "/base/:app_token", free: true, handle: showPage},
		{op: OpPage, method: get, path: "/sim/chat", free: true, handle: showChat},
		{op: OpPage, method: get, path: "/sim/chat/lines", free: true, handle: showLines},
		{op: OpPage, method: post, path: "/sim/chat", free: true, handle: writeChat},
	}
	for i := range routes {
		routes[i].segments = strings.Split(routes[i].path, "/")
	}
	return routes
}

// deletes is the rate of batch_delete, on which the two editions of its page
// differ (`lark.md` §2).
func (s *Sim) deletes() int {
	if s.opts.Brand == BrandFeishu {
		return 50
	}
	return 10
}

// find returns the route of a request and its variables, or the code of there
// being none: 99991201 for the path, 99991301 for the method.
func (s *Sim) find(method, path string) (*route, map[string]string, int) {
	parts := strings.Split(path, "/")
	code := 99991201
	for i := range s.routes {
		rt := &s.routes[i]
		if !rt.match(parts) {
			continue
		}
		if rt.method != method {
			code = 99991301
			continue
		}
		vars := map[string]string{}
		for j, seg := range rt.segments {
			if name, ok := strings.CutPrefix(seg, ":"); ok {
				vars[name] = parts[j]
			}
		}
		return rt, vars, 0
	}
	return nil, nil, code
}

func (rt *route) match(parts []string) bool {
	if len(parts) != len(rt.segments) {
		return false
	}
	for i, seg := range rt.segments {
		if strings.HasPrefix(seg, ":") {
			if parts[i] == "" {
				return false
			}
		} else if seg != parts[i] {
			return false
		}
	}
	return true
}
