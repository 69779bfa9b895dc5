package config

import (
	"strconv"
	"strings"
	"time"
)

// MongoDB stores records as documents.
type MongoDB struct {
	URI          Secret        `yaml:"uri" doc:"mongodb:// or mongodb+srv:// address with its login; left out: an embedded server keeps the records in data_dir"`
	Database     string        `yaml:"database" doc:"database the records go to"`
	Collection   string        `yaml:"collection" doc:"collection the records go to"`
	WriteConcern string        `yaml:"write_concern" doc:"members that must have a record before it counts as stored: majority, or a number from 1"`
	Timeout      time.Duration `yaml:"timeout" range:"1s..5m" doc:"for one write, with every retry of the driver"`
	Writers      int           `yaml:"writers" range:"1..64" doc:"writes in flight at once, per process"`
}

func (m *MongoDB) defaults(string) {
	m.Database = "mekong"
	m.Collection = "records"
	m.WriteConcern = "majority"
	m.Timeout = 20 * time.Second
	m.Writers = 4
}

func (m *MongoDB) check(r *report) {
	if u := m.URI.Reveal(); u != "" {
		checkURI(r.at("uri"), u)
	}
	// What MongoDB itself forbids in names, told before the first write is.
	database, collection := r.at("database"), r.at("collection")
	switch {
	case m.Database == "":
		database.bad("no name", "write one, such as mekong")
	case len(m.Database) > 63 || strings.ContainsAny(m.Database, "/\\. \"$*<>:|?\x00"):
		database.bad("MongoDB takes no such name for a database", `use up to 63 bytes, and none of / \ . " $ * < > : | ? or spaces`)
	}
	switch {
	case m.Collection == "":
		collection.bad("no name", "write one, such as records")
	case len(m.Collection) > 128 || strings.ContainsAny(m.Collection, "$\x00") || strings.HasPrefix(m.Collection, "system.") || strings.Trim(m.Collection, ".") != m.Collection:
		collection.bad("MongoDB takes no such name for a collection", "use up to 128 bytes, no $, and do not begin with system. or a dot")
	}
	m.checkConcern(r.at("write_concern"))
}

// checkURI looks at what a typing slip breaks; the driver judges the rest. No
// problem quotes the address: it holds a login.
func checkURI(r *report, uri string) {
	hosts, ok := strings.CutPrefix(uri, "mongodb://")
	if !ok {
		hosts, ok = strings.CutPrefix(uri, "mongodb+srv://")
	}
	if !ok || hosts == "" || hosts[0] == '/' {
		r.bad("not the address of a MongoDB server", "write mongodb:// or mongodb+srv:// and the host")
		return
	}
	_, options, _ := strings.Cut(hosts, "?")
	for option := range strings.SplitSeq(options, "&") {
		if strings.EqualFold(option, "w=0") {
			r.bad("w=0 in it: "+unconfirmed, "take it away, write_concern says this")
		}
	}
}

// unconfirmed is why a write concern of 0 is refused (`sinks.md` C2).
const unconfirmed = "the server would confirm nothing, and a lost record be taken for stored"

func (m *MongoDB) checkConcern(r *report) {
	if m.WriteConcern == "majority" {
		return
	}
	const fix = "write majority, or a number from 1"
	n, err := strconv.ParseUint(m.WriteConcern, 10, 16)
	switch {
	case err != nil:
		r.bad(r.quote(m.WriteConcern)+" is no write concern", fix)
	case n == 0:
		r.bad("with 0 "+unconfirmed, fix)
	case n > 50:
		r.bad("a replica set has at most 50 members", fix)
	}
}
