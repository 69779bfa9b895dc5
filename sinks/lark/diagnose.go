package lark

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"mekong/pipeline"
	"mekong/sinks/token"
)

// Where is what a finding can point an operator to.
type Where struct {
	Setting string // path of the sink's block, e.g. "sinks.crm.larkbase"
	Brand   string
	AppID   string
	Link    Link   // the table
	Column  string // the column concerned, "" for none
	Login   string // the command that signs a user in; "": the app itself is the identity
}

// Console is a page of the app in the developer console.
func (w Where) console(page string) string {
	if w.AppID == "" || domain(w.Brand) == "" {
		return "the developer console"
	}
	return "https://open." + domain(w.Brand) + "/app/" + url.PathEscape(w.AppID) + "/" + page
}

// document is the address of the Base, for people to click.
func (w Where) document() string {
	if u := w.Link.URL(); u != "" {
		return u
	}
	return "the Base"
}

func (w Where) column() string {
	if w.Column == "" {
		return "a column"
	}
	return fmt.Sprintf("the column %q", w.Column)
}

// scopesLink is the console page on which the scopes can be ticked.
func (w Where) scopesLink(e *Error) string {
	if e.HelpURL != "" {
		return e.HelpURL
	}
	page := "auth"
	if len(e.Scopes) > 0 {
		page += "?q=" + strings.Join(e.Scopes, ",")
	}
	return w.console(page)
}

// Diagnose says what err means to an operator: what is so, and what to do about it,
// with the page to open. The finding's level is Fail, or Warn for what passes by
// itself. Of an err that is none of this package's it knows nothing, and says so.
//
// Every row of `lark.md` §5.4 that is an error is answered here; for those that are
// none see [Symptom.Finding].
func Diagnose(err error, w Where) pipeline.Finding {
	e := As(err)
	switch {
	case errors.Is(err, token.ErrReauthorise):
		return pipeline.Finding{Level: pipeline.Fail, Setting: w.Setting, What: err.Error(), Fix: "sign in again: " + w.login()}
	case e == nil:
		return pipeline.Finding{Level: pipeline.Fail, Setting: w.Setting, What: err.Error(), Fix: "see that the platform can be reached from this machine"}
	}
	f := pipeline.Finding{Level: pipeline.Fail, Setting: w.Setting, What: strings.TrimPrefix(e.Error(), "lark: ")}
	a, ok := advices[e.Code]
	if !ok {
		a = adviceFor(e)
	}
	if a.setting != "" {
		f.Setting += "." + a.setting
	}
	if a.passes {
		f.Level = pipeline.Warn
	}
	if a.cause != "" {
		f.What += ". " + a.cause
	}
	f.Fix = a.fix(w, e)
	return f
}

func (w Where) login() string {
	if w.Login == "" {
		return "mekong login lark SINK"
	}
	return w.Login
}

// advice is what to do about a code.
type advice struct {
	setting string // below Where.Setting
	cause   string // the usual one, as a sentence without its end
	fix     func(Where, *Error) string
	passes  bool
}

func say(s string) func(Where, *Error) string { return func(Where, *Error) string { return s } }

// adviceFor is for codes without words of their own, and for trouble without a code.
func adviceFor(e *Error) advice {
	if e.Code == 0 && e.HTTP != 0 && e.HTTP < 500 && e.Class == Setup {
		return advice{setting: "endpoint", cause: "A proxy or another service answers in the platform's place", fix: say("correct endpoint:, or leave it out; see what the proxy allows")}
	}
	switch e.Class {
	case Throttled, Busy:
		return advice{passes: true, fix: say("nothing: it is tried again by itself; when it lasts, see what else writes to this Base")}
	case Down:
		return advice{passes: true, fix: say("nothing: it is tried again by itself; when it lasts, see that this machine reaches the platform, and the platform's status page")}
	case Stale:
		return advice{setting: "app_secret", fix: say("see that app_id and app_secret belong together, and that the app is enabled; if nothing else was changed, it may pass by itself")}
	case Quota:
		return advice{setting: "monthly_calls", fix: say("wait for the first of the month, or upgrade the plan and raise monthly_calls")}
	case Data, Large, Gone, Repeat, Bug:
		return advice{fix: say("if it comes again, report it with the code and the log id")}
	case Full:
		return advice{setting: "url", fix: func(w Where, _ *Error) string {
			return "make room in " + w.document() + ", or set rotate: so that a new table is begun"
		}}
	case Shape:
		return advice{setting: "columns", fix: func(w Where, _ *Error) string { return "compare columns: with the table: " + w.document() }}
	}
	return advice{fix: say("look the code up in the platform's documentation; its support asks for the log id")}
}

const release = " Then create a version and release it (an administrator may have to approve): ticking alone changes nothing."

// advices is never written to. The rows are `lark.md` §5.4's, then the codes of §1.2,
// §1.5 and §2.6 that an operator can do something about.
var advices = map[int]advice{
	91402: wikiToken, 1254003: wikiToken, 1254040: wikiToken,
	91403:    {setting: "url", cause: "The app's scopes may be fine: it was never added to this document, which is a permission of its own", fix: addDocumentApp},
	99991672: {setting: "app_id", cause: "The scope is not ticked, or ticked in a version that was not released, or the app belongs to the other brand", fix: enableScope},
	99991679: {cause: "The person who signed in did not grant it", fix: func(w Where, e *Error) string {
		return "enable " + orScopes(e) + " on the app: " + w.scopesLink(e) + "." + release + " Then sign in again: " + w.login()
	}},
	1254045: {setting: "columns", cause: "A column was renamed or deleted, the name differs by a space or line break at its end, or advanced permissions hide the column", fix: func(w Where, _ *Error) string {
		return "compare " + w.column() + " with the table, letter by letter, or map by the column's id: " + w.document() + ". If it is there, let the app manage the Base"
	}},
	1254061: wrongType("number"), 1254064: wrongType("date, which is sent in milliseconds"), 1254068: wrongType("link"),
	1254060: wrongType("text"), 1254062: wrongType("single option"), 1254063: wrongType("multiple option"), 1254065: wrongType("checkbox"),
	1254066: wrongType("person"), 1254072: wrongType("phone number"), 1254015: wrongType("kind"),
	1254037: {cause: "The client_token is not a UUIDv4", fix: say("this program makes them itself: report it with the log id")},
	99991401: {setting: "app_id", cause: "The app has an IP allow-list", fix: func(w Where, _ *Error) string {
		return "add this machine's public address to the app's IP allow-list, or empty the list: " + w.console("safe")
	}},
	99991403: quotaSpent, 99991406: quotaSpent,

	10003: {setting: "app_id", cause: "The App ID or the App Secret is empty or has something in it that neither can have, such as a space or a line break", fix: func(w Where, _ *Error) string {
		return "copy both again from " + w.console("baseinfo") + "; the App ID begins with cli_"
	}},
	10014: {setting: "app_secret", cause: "The App Secret is wrong (it was reset, or belongs to another app), or the app is switched off or was never released", fix: func(w Where, _ *Error) string {
		return "copy the App Secret again from " + w.console("baseinfo") + ". If it is the same, see that the app is enabled and one of its versions released: " + w.console("version") +
			"; and that brand is the one the app was created on"
	}},
	10015: credentialsWrong, 99991543: credentialsWrong, 20013: credentialsWrong,
	99991662: appOff, 99991673: appOff,
	99991663: {setting: "app_secret", cause: "A fresh token was refused as well", fix: func(w Where, _ *Error) string {
		return "see that brand or endpoint is the one the app was created on, and that the app is enabled: " + w.console("baseinfo")
	}},
	1254302: advanced, 1254304: advanced, 1254301: advanced,
	1254041: {setting: "url", cause: "The table was deleted, or the link is to another Base", fix: func(w Where, _ *Error) string {
		return "open the table in the browser and put its address into url:; the Base is " + w.document()
	}},
	1254103: {setting: "url", cause: "The plan allows no more rows in one table", fix: func(w Where, _ *Error) string {
		return "set rotate: so that a new table is begun, or move old rows away: " + w.document()
	}},
	1254306: {setting: "url", cause: "The plan's limit is reached", fix: say("upgrade the plan, or begin a new Base")},
	131005:  {setting: "url", cause: "The wiki page was moved or deleted", fix: say("open the table in the browser and copy its address again")},
	131006: {setting: "url", cause: "The app may not read the wiki page", fix: func(w Where, _ *Error) string {
		return "share the wiki page with the app, and enable wiki:wiki:readonly on it: " + w.console("auth?q=wiki:wiki:readonly") + "." + release + " " + addDocumentApp(w, nil)
	}},
	91404:    {setting: "app_id", fix: say("see that app_id and app_secret are right")},
	99991201: wrongEndpoint, 99991301: wrongEndpoint,
}

var (
	wikiToken = advice{setting: "url", cause: "Usually the token of a wiki page was taken for the Base's; or the Base was deleted", fix: func(w Where, _ *Error) string {
		return "put the address that the browser shows for the table into url:, with /wiki/ in it if it lives in a wiki; it is resolved by itself"
	}}
	quotaSpent = advice{setting: "monthly_calls", cause: "The free plans allow 10,000 calls a month for all apps of the tenant together", fix: say("nothing is lost and nothing is tried in vain: the records wait for the first of the month. Upgrade the plan, or set monthly_calls: 10000 so that calls are shared out over the month")}

	credentialsWrong = advice{setting: "app_secret", cause: "The credentials do not belong together, or the app belongs to the other brand", fix: func(w Where, _ *Error) string {
		return "copy App ID and App Secret again from " + w.console("baseinfo") + ", and see that brand is the one the app was created on"
	}}
	appOff = advice{setting: "app_id", cause: "The app is switched off, or was never released in this tenant", fix: func(w Where, _ *Error) string {
		return "an administrator enables it in the admin console; its versions are at " + w.console("version")
	}}
	advanced = advice{setting: "url", cause: "Advanced permissions are on in this Base, and the app is not one of its managers", fix: func(w Where, _ *Error) string {
		return "open " + w.document() + ", … → … More → Add document app, and give the app \"can manage\"; or turn advanced permissions off"
	}}
	wrongEndpoint = advice{setting: "endpoint", cause: "What answers there knows no such call", fix: say("correct endpoint:, or leave it out")}
)

func addDocumentApp(w Where, _ *Error) string {
	return "open " + w.document() + ", … (top right) → … More → Add document app, choose the app, \"can edit\" (\"can manage\" if advanced permissions are on). " +
		"Not in the list? Release a version whose availability includes the document's owner and that has a Base scope: " + w.console("version") +
		". A group's custom bot is not the app and cannot be added"
}

func enableScope(w Where, e *Error) string {
	other := "Feishu"
	if w.Brand == BrandFeishu {
		other = "Lark"
	}
	return "tick " + orScopes(e) + " (bitable:app covers everything here): " + w.scopesLink(e) + "." + release +
		" If it is released already, see whether the app was made on " + other + ": then set brand accordingly"
}

func orScopes(e *Error) string {
	if len(e.Scopes) == 0 {
		return "bitable:app"
	}
	return strings.Join(e.Scopes, " or ")
}

func wrongType(what string) advice {
	return advice{setting: "columns", cause: "The column's type was changed, or the mapping sends it a value of another type", fix: func(w Where, _ *Error) string {
		return w.column() + " takes only a " + what + ": change its type in the table, or map another field to it: " + w.document()
	}}
}
