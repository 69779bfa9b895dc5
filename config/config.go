// Package config is the configuration tree: plain data, its defaults and its
// rules, one file per adapter. Which adapter a source or sink is, is told by
// which block is present.
//
// It knows how a setting is spelled and what values make sense, not what is
// done with it: it opens no file but the one it is asked to load (and those a
// ${file:…} reference names), and no connection.
package config

import "time"

// Config is the whole tree. [Load] fills every default and checks every rule
// before it hands one out, so the rest of the program does neither.
type Config struct {
	DataDir       string             `yaml:"data_dir"`       // the embedded servers keep their files here
	HTTP          HTTP               `yaml:"http"`           //
	NATS          NATS               `yaml:"nats"`           //
	ShutdownGrace time.Duration      `yaml:"shutdown_grace"` // how long a stop may finish what is in hand
	Timezone      string             `yaml:"timezone"`       // IANA name; what a date without an offset means
	Sources       map[string]Source  `yaml:"sources"`        //
	Transform     map[string]Mapping `yaml:"transform"`      // by source; anything not named uses the built-in mapping of its format
	Sinks         map[string]Sink    `yaml:"sinks"`          //
}

// HTTP says where the listeners are.
type HTTP struct {
	Intake         string   `yaml:"intake"`          // the door: sources' paths and /healthz
	Console        string   `yaml:"console"`         // operations: /metrics, /healthz, /readyz
	TrustedProxies []string `yaml:"trusted_proxies"` // addresses or CIDRs whose X-Forwarded-For is believed
}

// NATS says which JetStream to use and how much it may keep.
type NATS struct {
	URL         string        `yaml:"url"`         // empty: run one in this process
	Credentials string        `yaml:"credentials"` // path of a .creds file
	Token       Secret        `yaml:"token"`       // token login, where the server wants one
	CA          string        `yaml:"ca"`          // PEM file; empty: the system's roots
	Cert        string        `yaml:"cert"`        // PEM client certificate
	Key         string        `yaml:"key"`         // PEM client key
	Listen      string        `yaml:"listen"`      // embedded only: loopback listener for the nats command; empty: none
	Keep        time.Duration `yaml:"keep"`        // how long settled messages stay for replay
	Replicas    int           `yaml:"replicas"`    // external only: 1, 3 or 5
	MaxBytes    Size          `yaml:"max_bytes"`   // all streams together; 0: 80 % of the volume, embedded
	Reserve     int           `yaml:"reserve"`     // percent of the volume that must stay free, else the door says 503
}

// Source is one way in. Exactly one block is present.
type Source struct {
	LadiPage *LadiPage `yaml:"ladipage"`
}

// Sink is one destination: which records it takes, how they are batched, and
// exactly one adapter block.
type Sink struct {
	Accept      []string `yaml:"accept"`       // kinds; "*" takes all
	Where       string   `yaml:"where"`        // expression over the record's fields; empty: all
	Batch       Batch    `yaml:"batch"`        //
	MaxAttempts int      `yaml:"max_attempts"` // tries of unknown outcome before a record is buried
	MongoDB     *MongoDB `yaml:"mongodb"`      //
}

// Batch overrides what the sink itself proposes; zero leaves it.
type Batch struct {
	Size int           `yaml:"size"`
	Wait time.Duration `yaml:"wait"`
}

// Mapping makes a record out of a delivery.
type Mapping struct {
	Kind     string           `yaml:"kind"`     // "lead" unless said otherwise
	Key      []string         `yaml:"key"`      // fields that name the row; empty: one row per delivery
	Fields   map[string]Field `yaml:"fields"`   //
	Drop     []string         `yaml:"drop"`     // incoming names never kept
	Required []string         `yaml:"required"` // missing: the record is flagged, not refused
	Where    string           `yaml:"where"`    // records for which it is false are filtered
}

// Field is one output field: From names (the first that is filled wins) or Expr.
type Field struct {
	From []string `yaml:"from"`
	Expr string   `yaml:"expr"`
	As   string   `yaml:"as"` // one of FieldTypes
}

// FieldTypes are the values of [Field.As].
var FieldTypes = []string{"text", "phone_vn", "email", "date", "number", "bool", "list", "raw"}
