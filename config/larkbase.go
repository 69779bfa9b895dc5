package config

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// As whom a sink writes.
const (
	IdentityApp  = "app"
	IdentityUser = "user"
)

// LarkBase stores records as rows of one table of a Lark Base.
type LarkBase struct {
	URL           string            `yaml:"url" doc:"link of the table as the browser shows it, a Base or a wiki page: https://….larksuite.com/base/…?table=tbl…; Base, table and brand are found by it"`
	AppID         string            `yaml:"app_id" doc:"App ID of the custom app, from the developer console; begins with cli_"`
	AppSecret     Secret            `yaml:"app_secret" doc:"App Secret of the custom app"`
	Identity      string            `yaml:"identity" oneof:"app user" doc:"as whom rows are written: app, or user, the person who signed in with mekong login lark, for a Base that the app itself cannot be added to"`
	Endpoint      string            `yaml:"endpoint" doc:"address of the Open API; left out: the brand's own"`
	Brand         string            `yaml:"brand" oneof:"lark feishu" doc:"which deployment the Base is on; left out: told by the link"`
	Table         string            `yaml:"table" doc:"name or id of the table, where the link has none, or in its place"`
	Columns       map[string]string `yaml:"columns" doc:"field of the record by the name of the column it goes to; left out: each field goes to the column of its name, English or Vietnamese"`
	KeyColumn     string            `yaml:"key_column" doc:"name of the text column that tells which record a row is; made when it is not there"`
	CreateColumns bool              `yaml:"create_columns" doc:"make the columns that are not there, each with the type that fits"`
	MonthlyCalls  int               `yaml:"monthly_calls" range:"0..1000000000" doc:"calls of the Open API that this sink may spend in a month, such as 10000 on Lark Starter and on Feishu's free tier; 0: no limit"`
	Rotate        string            `yaml:"rotate" oneof:"monthly size" doc:"go on in a new table of the same columns: every month, or when the table is full; empty: never"`
	UserIDType    string            `yaml:"user_id_type" oneof:"open_id union_id user_id" doc:"which kind of id the fields for columns of people hold"`
}

func (l *LarkBase) defaults(string) {
	l.Identity = IdentityApp
	l.KeyColumn = "Mekong ID"
	l.UserIDType = "open_id"
	l.Columns = map[string]string{}
}

func (l *LarkBase) check(r *report) {
	needed := func(name string, missing bool, fix string) {
		if at := r.at(name); missing && !at.failed() {
			at.bad("not set", fix)
		}
	}
	needed("url", l.URL == "", "open the table in the browser and copy the link from the address bar")
	needed("app_id", l.AppID == "", "copy it from the developer console: your app, Credentials & Basic Info; it begins with cli_")
	needed("identity", l.Identity == "", "write app or user, or leave it out, which is app")
	needed("app_secret", l.AppSecret.IsZero(), `copy it from the developer console into an environment variable, and write "${LARK_APP_SECRET}"`)
	if l.AppID != "" && strings.ContainsFunc(l.AppID, func(c rune) bool { return c <= ' ' || c > '~' }) {
		r.at("app_id").bad(r.at("app_id").quote(l.AppID)+" is no App ID", "copy it again; it begins with cli_ and has no spaces")
	}
	if l.URL != "" {
		l.checkLink(r.at("url"))
	}
	if l.Endpoint != "" {
		checkEndpoint(r.at("endpoint"), l.Endpoint)
	}
	key := r.at("key_column")
	switch {
	case strings.TrimSpace(l.KeyColumn) == "" && !key.failed():
		key.bad("no name", "write one, such as Mekong ID")
	case !columnName(l.KeyColumn):
		key.bad(key.quote(l.KeyColumn)+" cannot be the name of a column", columnFix)
	}
	for _, column := range slices.Sorted(maps.Keys(l.Columns)) {
		at, field := r.at("columns").at(column), l.Columns[column]
		switch {
		case at.failed():
		case !columnName(column):
			at.bad("this cannot be the name of a column", columnFix)
		case column == l.KeyColumn:
			at.bad("this is the key column, and the sink fills it itself", "take it away, or choose another key_column")
		case field == "":
			at.bad("no field", "write the name of the record's field that goes there")
		}
	}
}

const columnFix = "write the name as the table shows it, without spaces before or behind it and in one line"

// columnName accepts what a person can have typed as the head of a column.
func columnName(s string) bool {
	return s != "" && len(s) <= maxName && strings.TrimSpace(s) == s && !strings.ContainsAny(s, "\n\r\t")
}

// larkHosts are the domains that documents of each brand are under (`lark.md` §0).
var larkHosts = map[string]string{".larksuite.com": "lark", ".feishu.cn": "feishu"}

const linkFix = "open the table in the browser and copy the link: https://….larksuite.com/base/…?table=tbl…"

// checkLink looks at what a wrong link looks like (`lark.md` §4); what it leads
// to is found at the first use.
func (l *LarkBase) checkLink(r *report) {
	u, err := url.Parse(strings.TrimSpace(l.URL))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		r.bad("not a link", linkFix)
		return
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	kind, token := parts[0], ""
	if len(parts) > 1 {
		token = parts[1]
	}
	switch {
	case kind == "docx" || kind == "docs" || kind == "doc":
		r.bad("this is the link of a document, even if it shows a Base", "open the Base itself (⋯ on its frame, then open in a new tab) and copy that link")
		return
	case kind == "sheets":
		r.bad("this is the link of a spreadsheet", "open a Base and copy its link; a spreadsheet is not one")
		return
	case kind != "base" && kind != "wiki":
		r.bad("this is not the link of a Base", linkFix)
		return
	case token == "":
		r.bad("the link ends before the Base's own part", linkFix)
		return
	}
	if l.Table == "" {
		checkLinkTable(r, u.Query().Get("table"))
	}
	brand := ""
	for host, b := range larkHosts {
		if strings.HasSuffix(u.Hostname(), host) {
			brand = b
		}
	}
	switch {
	case brand == "" && l.Brand == "" && l.Endpoint == "":
		r.bad("the host does not tell whether this is Lark or Feishu", "set brand to lark or feishu too")
	case brand != "" && l.Brand != "" && brand != l.Brand && l.Endpoint == "":
		r.bad("the link is of "+brand+", and brand says "+l.Brand, "take brand away: the link tells it")
	}
}

// checkLinkTable looks at the table= of a link.
func checkLinkTable(r *report, table string) {
	switch {
	case table == "":
		r.bad("the link does not say which table", "click the table's tab and copy the link again, or set table to its name")
	case strings.HasPrefix(table, "tbl"):
	case strings.HasPrefix(table, "blk"):
		r.bad("this is the link of a dashboard of the Base", "click the tab of the table and copy the link again, or set table to its name")
	case strings.HasPrefix(table, "wkf"):
		r.bad("this is the link of a workflow of the Base", "click the tab of the table and copy the link again, or set table to its name")
	case strings.HasPrefix(table, "ldx"):
		r.bad("this is the link of a document inside the Base", "click the tab of the table and copy the link again, or set table to its name")
	default:
		r.bad("what the link has for table is none", "click the table's tab and copy the link again, or set table to its name")
	}
}

// checkEndpoint accepts the address of an API.
func checkEndpoint(r *report, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		r.bad("not the address of an API", "write https:// and the host, such as https://api.example.vn")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		r.bad("it has more than an address should: a login, ? or #", "write https:// and the host, nothing behind it")
	}
}
