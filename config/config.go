// Package config is the configuration tree: plain data, its defaults and its
// rules, one file per adapter. Which adapter a source or sink is, is told by
// which block is present.
//
// It knows how a setting is spelled and what values make sense, not what is
// done with it: it opens no file but the one it is asked to load (and those a
// ${file:…} reference names), no connection, and compiles no expression.
//
// A new adapter is one file with one struct, its defaults and check methods
// (see [LadiPage]), and one pointer field in [Source] or [Sink]. Decoding,
// suggestions, [Config.Show] and [Schema] follow from the struct's tags:
//
//	yaml   the setting's name
//	doc    what it is, in an operator's words; ends up in editors
//	range  least..most, either may be missing; zero must be inside it to be allowed
//	oneof  the allowed values, separated by spaces
//	why    the reason of a range, told to whoever breaks it
package config

import (
	"maps"
	"slices"
	"time"
)

// Config is the whole tree. [Load] fills every default and checks every rule
// before it hands one out, so the rest of the program does neither. It is not
// written to after that, so any goroutine may read it at any time.
type Config struct {
	DataDir       string             `yaml:"data_dir" doc:"folder of what is kept on this machine: the embedded NATS, the embedded MongoDB, the index"`
	HTTP          HTTP               `yaml:"http" doc:"where Mekong listens"`
	NATS          NATS               `yaml:"nats" doc:"which JetStream holds the deliveries, and how much it may keep"`
	ShutdownGrace time.Duration      `yaml:"shutdown_grace" range:"0..10m" doc:"how long a stop may take to finish what is in hand"`
	Timezone      string             `yaml:"timezone" doc:"IANA name of the time zone that dates without an offset are in"`
	Sources       map[string]Source  `yaml:"sources" doc:"ways in, by a name of your choice; each has exactly one adapter block"`
	Transform     map[string]Mapping `yaml:"transform" doc:"by source name: what is added to, or put instead of parts of, the built-in mapping of its format"`
	Sinks         map[string]Sink    `yaml:"sinks" doc:"destinations, by a name of your choice; each has exactly one adapter block"`
	Notices       Notices            `yaml:"notices" doc:"where operators are told what needs them"`
	Console       Console            `yaml:"console" doc:"who may sign in to the console"`
	Tracing       Tracing            `yaml:"tracing" doc:"OpenTelemetry traces from the door to each sink"`

	doc *document // where each setting stands in the file; nil when there was none
}

// HTTP says where the listeners are.
type HTTP struct {
	Intake         string   `yaml:"intake" doc:"address of the door, host:port: the paths of the sources, and /healthz"`
	Console        string   `yaml:"console" doc:"address for operators, host:port: the console, and without a login /metrics, /healthz, /readyz; keep it off the public network"`
	TrustedProxies []string `yaml:"trusted_proxies" doc:"addresses or networks (CIDR) of the proxies in front, whose X-Forwarded-For is believed"`
}

// NATS says which JetStream to use and how much it may keep.
type NATS struct {
	URL         string        `yaml:"url" doc:"NATS servers, separated by commas; empty: one runs inside this process and keeps its files in data_dir"`
	Credentials string        `yaml:"credentials" doc:"with url: path of a .creds file to log in with"`
	Token       Secret        `yaml:"token" doc:"with url: token to log in with; with listen: the token that others must show, 16 characters or more; empty: one is made and kept in data_dir"`
	CA          string        `yaml:"ca" doc:"with url: PEM file of the authority that signed the server's certificate; empty: the system's"`
	Cert        string        `yaml:"cert" doc:"with url: PEM file of the client certificate"`
	Key         string        `yaml:"key" doc:"with url: PEM file of the client certificate's key"`
	Monitor     string        `yaml:"monitor" doc:"with url: http address of one server's monitoring port, such as http://nats-1:8222, to verify that it flushes every write; empty: not verified, and said so"`
	Gateway     bool          `yaml:"gateway" doc:"with url, for a process that only takes in (mekong run --only intake): deliveries are stored and answered on this machine, in data_dir, and passed on to the servers, which may be away for as long as there is room"`
	Listen      string        `yaml:"listen" doc:"without url: loopback address where the embedded server lets the nats command look in; empty: none"`
	Keep        time.Duration `yaml:"keep" range:"24h..87600h" why:"a delivery sent twice is recognised for 24 hours, by the messages kept" doc:"how long settled messages stay for replay"`
	Replicas    int           `yaml:"replicas" oneof:"1 3 5" doc:"copies of every message in a NATS cluster; 1 when embedded"`
	MaxBytes    Size          `yaml:"max_bytes" doc:"most that all streams together may hold; 0: 80 % of the volume when embedded, else 10GiB"`
	Reserve     int           `yaml:"reserve" range:"1..90" doc:"percent of the volume that must stay free, 10 GiB at most; below it, deliveries are refused with 503 and their senders try again"`
}

// Source is one way in. Exactly one block is present.
type Source struct {
	LadiPage *LadiPage      `yaml:"ladipage" doc:"form submissions from LadiPage landing pages"`
	ChatLog  *ChatLog       `yaml:"chatlog" doc:"what chatbots log: posted, in files, or on NATS"`
	LarkBot  *LarkBot       `yaml:"larkbot" doc:"messages to a bot in Lark or Feishu, and a chatbot that answers them"`
	Webhook  *WebhookSource `yaml:"webhook" doc:"what any other system posts"`
}

// Sink is one destination: which records it takes, how they are batched, and
// exactly one adapter block.
type Sink struct {
	Accept      []string    `yaml:"accept" doc:"kinds of record it takes, e.g. lead; * takes all"`
	Where       string      `yaml:"where" doc:"expression over the fields of a record; only records for which it is true are taken; empty: all"`
	Batch       Batch       `yaml:"batch" doc:"how many records go in one write; left out: what suits the adapter"`
	MaxAttempts int         `yaml:"max_attempts" range:"1..1000" doc:"tries that end in an unknown error before a record is buried; an outage of the destination is not counted"`
	MongoDB     *MongoDB    `yaml:"mongodb" doc:"documents in MongoDB"`
	Sheets      *Sheets     `yaml:"sheets" doc:"rows in a Google spreadsheet"`
	AppsScript  *AppsScript `yaml:"appsscript" doc:"rows in a Google spreadsheet, through a script of its own; for teams without a Google Cloud project"`
	LarkBase    *LarkBase   `yaml:"larkbase" doc:"rows in a table of a Lark Base (Feishu Bitable)"`
	LarkChat    *LarkChat   `yaml:"larkchat" doc:"notices in a group of Lark or Feishu"`
	Webhook     *Webhook    `yaml:"webhook" doc:"JSON posted to any HTTP endpoint"`
}

// Batch overrides what the sink itself proposes; zero leaves it.
type Batch struct {
	Size int           `yaml:"size" range:"0..10000" doc:"most records in one write; 0: what suits the adapter"`
	Wait time.Duration `yaml:"wait" range:"0..60s" doc:"how long to wait for a batch to fill; 0: what suits the adapter"`
}

// Mapping makes a record out of a delivery.
type Mapping struct {
	Kind     string           `yaml:"kind" doc:"kind of the records it makes, by which sinks accept them; empty: lead"`
	Key      []string         `yaml:"key" doc:"fields that together name the row; empty: one row per delivery"`
	Fields   map[string]Field `yaml:"fields" doc:"fields of the record, by name"`
	Drop     []string         `yaml:"drop" doc:"incoming names that are never kept"`
	Required []string         `yaml:"required" doc:"fields that should be there; where one is missing the record is flagged, not refused"`
	Where    string           `yaml:"where" doc:"expression over the fields; records for which it is false go no further"`
}

// Field is one output field: From names (the first that is filled wins) or Expr.
type Field struct {
	From []string `yaml:"from" doc:"incoming names; the first that is filled wins"`
	Expr string   `yaml:"expr" doc:"expression over the fields, instead of from"`
	As   string   `yaml:"as" oneof:"text phone_vn email date number bool list raw" doc:"what the value is, and so how it is cleaned"`
}

// FieldTypes are the values of [Field.As]; empty is none of them and leaves the
// choice to the transform.
var FieldTypes = []string{"text", "phone_vn", "email", "date", "number", "bool", "list", "raw"}

// Default is the configuration of an empty file: no source, no sink, everything
// else filled.
func Default() *Config {
	c := &Config{}
	fill(c, "")
	return c
}

// SourceNames returns the names of the sources, sorted.
func (c *Config) SourceNames() []string { return slices.Sorted(maps.Keys(c.Sources)) }

// SinkNames returns the names of the sinks, sorted.
func (c *Config) SinkNames() []string { return slices.Sorted(maps.Keys(c.Sinks)) }
