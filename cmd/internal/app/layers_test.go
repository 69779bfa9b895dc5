package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// The map of who may import whom (the architecture's §2): arrows point down.
// What is added to the tree is added here, with its level.
var levels = map[string]int{
	"mekong/pipeline":         0,
	"mekong/config":           0,
	"mekong/sinks/token":      0,
	"mekong/sources/form":     0, // reads a body; used by the dialects and by transform
	"mekong/sources/identity": 0, // names a delivery; used by the dialects
	"mekong/sources/request":  0, // what the door and its dialects say to each other

	"mekong/sources/chatlog/turn": 0, // what chatlog writes and the transform reads
	"mekong/pipeline/serve":       0, // how HTTP servers listen
	"mekong/pipeline/table":       0, // the files people keep tables in: export, import, console
	"mekong/sinks/columns":        0, // what columns are called, for every table
	"mekong/sinks/outbound":       0, // addresses that a customer may have written: no private one

	"mekong/deployments/appsscript": 0, // the script that is pasted into a spreadsheet

	"mekong/pipeline/bus/local":         0,
	"mekong/sinks/mongodb/local":        0,
	"mekong/sinks/lark/larksim":         0,
	"mekong/sinks/sheets/sheetsim":      0,
	"mekong/sinks/appsscript/scriptsim": 0,

	"mekong/pipeline/bus":     1,
	"mekong/pipeline/trace":   1,
	"mekong/pipeline/doctor":  1,
	"mekong/pipeline/receipt": 1, // the proof for one lead
	"mekong/pipeline/rhythm":  1, // forms that have gone quiet
	"mekong/transform":        1,
	"mekong/sources/intake":   1,
	"mekong/sources/ladipage": 1,
	"mekong/sources/chatlog":  1,
	"mekong/sources/larkbot":  1,
	"mekong/sources/webhook":  1,
	"mekong/sinks/mongodb":    1,
	"mekong/sinks/lark":       1, // sinks/larkbase and sinks/larkchat stand on it: the one stated exception
	"mekong/sinks/larkbase":   1,
	"mekong/sinks/larkchat":   1,
	"mekong/sinks/google":     1, // who we are to Google
	"mekong/sinks/sheets":     1,
	"mekong/sinks/appsscript": 1,
	"mekong/sinks/chatbot":    1,
	"mekong/sinks/webhook":    1,
	"mekong/sinks/sinktest":   1,

	"mekong/sources":          2,
	"mekong/sinks":            2,
	"mekong/pipeline/worker":  2,
	"mekong/pipeline/console": 2,

	"mekong/cmd/internal/app":    3,
	"mekong/cmd/internal/bench":  3,
	"mekong/cmd/internal/leads":  0, // made-up leads for demo, send and bench
	"mekong/cmd/internal/sample": 2, // made-up deliveries, proved as their senders would: for send and the console

	"mekong/cmd/mekong": 4,
}

// only says who alone may import a package outside tests, and why.
var only = []struct {
	pkg, by, why string
}{
	{"github.com/nats-io/nats.go", "mekong/pipeline/bus", "only pipeline/bus knows NATS"},
	{"github.com/synadia-io/orbit.go/jetstreamext", "mekong/pipeline/bus", "only pipeline/bus knows NATS"},
	{"github.com/nats-io/nats-server/v2/server", "mekong/pipeline/bus/local", "the embedded server is pipeline/bus/local's"},
	{"mekong/pipeline/bus/local", "mekong/cmd/internal/app", "embedded servers are chosen by the application alone"},
	{"mekong/sinks/mongodb/local", "mekong/cmd/internal/app", "embedded servers are chosen by the application alone"},
	{"mekong/sinks/sinktest", "", "the contract suite belongs to tests"},
	{"go.mongodb.org/mongo-driver/v2/mongo", "mekong/sinks/mongodb", "the vendor's package decides what its errors mean"},
	{"go.opentelemetry.io/otel/sdk", "mekong/cmd/internal/app", "the application alone says where spans go; others get a tracer"},
	{"go.opentelemetry.io/otel/exporters", "mekong/cmd/internal/app", "the application alone says where spans go; others get a tracer"},
	{"go.opentelemetry.io/proto/otlp", "", "a collector is a test's"},
	{"go.opentelemetry.io/otel", "mekong/pipeline/worker", "door, transform and sinks' loops are traced; adapters are not"},
}

// except is who else may, and why.
var except = map[[2]string]string{
	{"mekong/cmd/internal/app", "go.mongodb.org/mongo-driver/v2/mongo"}: "counting at the far end must not go through the sink it checks",

	{"mekong/sources/intake", "go.opentelemetry.io/otel"}:   "the door begins the trace",
	{"mekong/cmd/internal/app", "go.opentelemetry.io/otel"}: "it makes the tracer",

	{"mekong/cmd/internal/bench", "github.com/nats-io/nats.go"}:                  bareCeilings,
	{"mekong/cmd/internal/bench", "github.com/synadia-io/orbit.go/jetstreamext"}: bareCeilings,
	{"mekong/cmd/internal/bench", "go.mongodb.org/mongo-driver/v2/mongo"}:        bareCeilings,
	{"mekong/cmd/internal/bench", "mekong/pipeline/bus/local"}:                   bareCeilings,
	{"mekong/cmd/internal/bench", "mekong/sinks/mongodb/local"}:                  bareCeilings,
}

const bareCeilings = "the bare ceilings speak to the vendors directly, on servers of their own"

// stands is the one exception to the levels: packages that stand on one of their own.
var stands = map[string]string{"mekong/sinks/larkbase": "mekong/sinks/lark", "mekong/sinks/larkchat": "mekong/sinks/lark"}

type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func TestLayers(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "mekong/...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	seen := 0
	for {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		path := p.ImportPath
		for _, complaint := range judge(path, p.Imports) {
			t.Error(complaint)
		}
	}
	if seen < 10 {
		t.Errorf("go list named only %d packages: the map was not held over the whole tree", seen)
	}
}

// judge says what is wrong with the imports of one package.
func judge(path string, imports []string) (complaints []string) {
	own, ok := levels[path]
	if !ok {
		return []string{path + " is not on the map: give it a level in layers_test.go, or put its code into a room that exists"}
	}
	for _, imp := range imports {
		for _, rule := range only {
			// The embedded servers talk to themselves; a rule binds the others.
			if (imp == rule.pkg || strings.HasPrefix(imp, rule.pkg+"/")) && path != rule.by && !strings.HasPrefix(path, rule.by+"/local") && except[[2]string{path, rule.pkg}] == "" {
				complaints = append(complaints, path+" imports "+imp+": "+rule.why)
			}
		}
		level, ours := levels[imp]
		switch {
		case !ours:
		case imp == "mekong/pipeline" && path != "mekong/pipeline":
		case imp == stands[path]:
		case path == "mekong/pipeline":
			complaints = append(complaints, path+" imports "+imp+": the vocabulary imports the standard library only")
		case level >= own:
			complaints = append(complaints, path+" imports "+imp+": arrows point down, and those are on levels "+digit(own)+" and "+digit(level))
		}
	}
	if path == "mekong/pipeline" {
		for _, imp := range imports {
			if strings.Contains(strings.Split(imp, "/")[0], ".") {
				complaints = append(complaints, path+" imports "+imp+": the vocabulary imports the standard library only")
			}
		}
	}
	if strings.HasSuffix(path, "/local") {
		for _, imp := range imports {
			if strings.HasPrefix(imp, "mekong/") {
				complaints = append(complaints, path+" imports "+imp+": embedded servers import nothing of ours")
			}
		}
	}
	return complaints
}

func digit(n int) string { return string(rune('0' + n)) }

// A check that cannot fail checks nothing.
func TestLayersAreJudged(t *testing.T) {
	for _, c := range []struct{ path, imp, says string }{
		{"mekong/pipeline", "mekong/config", "standard library only"},
		{"mekong/pipeline", "golang.org/x/text/unicode/norm", "standard library only"},
		{"mekong/transform", "mekong/pipeline/bus", "arrows point down"},
		{"mekong/transform", "mekong/sources/intake", "arrows point down"},
		{"mekong/pipeline/worker", "mekong/sinks", "arrows point down"},
		{"mekong/pipeline/worker", "github.com/nats-io/nats.go/jetstream", "only pipeline/bus knows NATS"},
		{"mekong/sinks", "mekong/sinks/mongodb/local", "chosen by the application alone"},
		{"mekong/sinks/mongodb", "mekong/sinks/sinktest", "belongs to tests"},
		{"mekong/pipeline/bus/local", "mekong/pipeline", "import nothing of ours"},
		{"mekong/cmd/mekong", "go.mongodb.org/mongo-driver/v2/mongo", "the vendor's package decides"},
		{"mekong/cmd/internal/bench", "mekong/sinks/sinktest", "belongs to tests"},
		{"mekong/sinks/mongodb", "mekong/sinks/lark", "arrows point down"},
		{"mekong/sinks/lark", "mekong/sinks/larkbase", "arrows point down"},
		{"mekong/pipeline/worker", "go.opentelemetry.io/otel/sdk/trace", "where spans go"},
		{"mekong/sinks/lark", "go.opentelemetry.io/otel/trace", "adapters are not"},
		{"mekong/util", "fmt", "not on the map"},
	} {
		got := strings.Join(judge(c.path, []string{c.imp}), "; ")
		if !strings.Contains(got, c.says) {
			t.Errorf("%s importing %s: %q, want it to say %q", c.path, c.imp, got, c.says)
		}
	}
	for _, c := range []struct{ path, imp string }{
		{"mekong/transform", "mekong/sources/form"},
		{"mekong/pipeline/bus", "github.com/nats-io/nats.go/jetstream"},
		{"mekong/sinks/mongodb", "go.mongodb.org/mongo-driver/v2/mongo/options"},
		{"mekong/sinks/mongodb/local", "go.mongodb.org/mongo-driver/v2/mongo"},
		{"mekong/sinks/larkbase", "mekong/sinks/lark"},
		{"mekong/cmd/internal/app", "mekong/pipeline/bus/local"},
		{"mekong/cmd/internal/bench", "github.com/nats-io/nats.go/jetstream"},
		{"mekong/cmd/internal/app", "go.mongodb.org/mongo-driver/v2/mongo/options"},
	} {
		if got := judge(c.path, []string{c.imp}); len(got) > 0 {
			t.Errorf("%s may import %s, but: %v", c.path, c.imp, got)
		}
	}
}
