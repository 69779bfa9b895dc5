package console

// quarries are the packages whose sentences operators read on a page. What only commands
// print is left out: reading a pasted link, the steps of a sign-in, backups, imports.
var quarries = []quarry{
	{dir: "sinks/lark", calls: map[string][]int{"say": {0}, "wrongType": {0}}, keys: []string{"What", "Fix", "Msg", "words", "cause"},
		files: []string{"answer.go", "base.go", "budget.go", "codes.go", "diagnose.go", "do.go", "message.go", "oauth.go", "records.go", "symptom.go"},
		gives: []string{"func", "console", "document", "column", "brandName", "silent", "addDocumentApp", "enableScope", "spent"}},
	{dir: "sinks/larkbase", calls: map[string][]int{"say": {2, 3}, "ok": {1}, "held": {0, 1}}, keys: []string{"What", "Fix"}, gives: []string{"near", "Error"}, tables: []string{"fixes", "kindNames"}},
	{dir: "sinks/larkchat", keys: []string{"What", "Fix", "words", "fix"}, gives: []string{"silent"}},
	{dir: "sinks/chatbot", keys: []string{"What", "Fix"}, gives: []string{"silent"}},
	{dir: "sinks/google", calls: map[string][]int{"misfit": {0, 1}}, keys: []string{"What", "Fix", "Msg"}, gives: []string{"describe", "offBy", "reasonOf", "typeName", "endpointOf"}},
	{dir: "sinks/sheets", calls: map[string][]int{"say": {2, 3}, "ok": {1}, "held": {0, 1}}, keys: []string{"What", "Fix"}, gives: []string{"plainly"}, tables: []string{"words", "advice"}},
	{dir: "sinks/token", files: []string{"cache.go", "errors.go", "flight.go", "key.go", "renew.go", "session.go", "signin.go", "store.go", "table.go"}, keys: []string{"What", "Fix"}, gives: []string{"moment"},
		tables: []string{"NotSignedIn", "NoRenewal", "Expired", "Revoked", "Burnt", "LostAnswer", "Unreadable"}},
	{dir: "sinks/mongodb", calls: map[string][]int{"fail": {1}}, keys: []string{"What", "Fix", "what"}, gives: []string{"explainDisk", "explainNetwork", "unreachable", "name"}},
	{dir: "sinks/appsscript", calls: map[string][]int{"say": {1, 2}}, keys: []string{"What", "Fix", "what", "fix"}, gives: []string{"advice"}},
	{dir: "sinks/webhook", calls: map[string][]int{"fail": {0}}, keys: []string{"What", "Fix", "words"}, gives: []string{"silent", "remedy"}, tables: []string{"setUp"}},
	{dir: "sinks/outbound", gives: []string{"Error"}},
	{dir: "sinks", files: []string{"open.go", "sinks.go"}},
	{dir: "pipeline", gives: []string{"Error"}},
	{dir: "pipeline/worker", keys: []string{"why"}},
	{dir: "pipeline/doctor", calls: map[string][]int{"fault": {1, 2}}},
	{dir: "pipeline/bus", gives: []string{"String"},
		files: []string{"balance.go", "bus.go", "durability.go", "erase.go", "gather.go", "hears.go", "kv.go", "ledger.go", "listen.go", "publish.go", "queue.go", "redo.go", "space.go", "streams.go"}},
	{dir: "pipeline/bus/local"},
	{dir: "transform", calls: map[string][]int{"flag": {0}}, lists: []string{"flags"}},
	{dir: "sources/form", files: []string{"form.go"}, tables: []string{"FlagBadEscape", "FlagBareName", "FlagInvalidUTF8", "FlagBadJSON", "FlagTooDeep", "FlagTooManyFields", "FlagLongName", "FlagUnnamed",
		"FlagFile", "FlagTruncated", "FlagNoBoundary", "FlagWrapped"}},
	{dir: "cmd/internal/sample"},
	{dir: "cmd/internal/app", calls: map[string][]int{"nothing": {1, 2}, "forgotten": {2}, "tell": {0}}, keys: []string{"What", "Fix"}, gives: []string{"mending", "plainly", "pathless"},
		files: []string{"doctor*.go", "console_buried.go", "console_flow.go", "console_forget.go", "console_shapes.go", "console_sinks.go", "console_sources.go", "buried_fix.go", "forget*.go", "pause.go", "rhythm.go", "survey_*.go", "tokens*.go", "visit.go", "app.go"}},
}

// exempt are texts that were found and need no Vietnamese, with why.
var exempt = map[string]string{
	"mekong-doctor-Qz":               "a row's key",
	"mekong buried replay --sink Qz": "a command to type",
	"sinks.Qz.where":                 "a path in the configuration",
	"https://open.Qz/app/Qz/Qz":      "an address",
	"http://Qz":                      "an address",
	"https://landing.example":        "an address",
	"dropped":                        "the kind of a token's event, which metrics count",
	"shared":                         "the kind of a token's event, which metrics count",
	"fetched":                        "the kind of a token's event, which metrics count",
	"failed":                         "the kind of a token's event, which metrics count",
	"broken":                         "the kind of a token's event, which metrics count",
	" of Qz":                         "part of what stands under instead",
	"slow":                           "part of what stands under instead",
	"fast":                           "part of what stands under instead",
	"ahead of":                       "part of what stands under instead",
	"behind":                         "part of what stands under instead",
}

// instead are the sentences in which what varies is a word of ours, so that each has a
// saying of its own.
var instead = map[string][]string{
	"this machine's clock is Qz Qz; Google refuses keys that are signed with a wrong clock": {
		"this machine's clock is 2m0s slow; Google refuses keys that are signed with a wrong clock",
		"this machine's clock is 2m0s fast; Google refuses keys that are signed with a wrong clock",
	},
	"the credentialsQz are good":              {"the credentials are good", "the credentials of a@b.example are good"},
	"no server was found that takes writesQz": {"no server was found that takes writes", "no server was found that takes writes: connection refused"},
	"the clock is Qz Qz the one of sink Qz":   {"the clock is 40s ahead of the one of sink crm", "the clock is 40s behind the one of sink crm"},
	"this machine's clock is Qz Google's, and five minutes is the most": {
		"this machine's clock is 6m0s behind Google's, and five minutes is the most",
		"this machine's clock is 6m0s ahead of Google's, and five minutes is the most",
	},
	"this machine's clock is Qz Google's; from five minutes on nothing is taken": {
		"this machine's clock is 2m0s behind Google's; from five minutes on nothing is taken",
		"this machine's clock is 2m0s ahead of Google's; from five minutes on nothing is taken",
	},
}
