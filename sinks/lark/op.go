package lark

// Op names a call in errors, counts and metrics.
type Op string

// The calls this package makes.
const (
	OpTenantToken Op = "tenant_token"
	OpAppToken    Op = "app_token"
	OpUserToken   Op = "user_token"

	OpBase        Op = "base.get"
	OpTables      Op = "table.list"
	OpCreateTable Op = "table.create"
	OpFields      Op = "field.list"
	OpCreateField Op = "field.create"

	OpBatchCreate Op = "record.batch_create"
	OpBatchUpdate Op = "record.batch_update"
	OpBatchDelete Op = "record.batch_delete"
	OpSearch      Op = "record.search"
	OpBatchGet    Op = "record.batch_get"

	OpWikiNode Op = "wiki.get_node"
	OpUserIDs  Op = "user.batch_get_id"
	OpSend     Op = "message.send"
	OpReply    Op = "message.reply"
)
