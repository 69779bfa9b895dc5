package appsscript_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"mekong/sinks/appsscript/scriptsim"
)

const codeGS = "../../deployments/appsscript/Code.gs"

// backend is what a test needs of a spreadsheet and its script, of the model in Go and
// of the script itself alike.
type backend interface {
	scriptsim.Script
	SetBusy(bool)
	SetSecret(string)
	dump(t testing.TB) dump

	// What a person does; rows and columns are counted from 1.
	cell(row, column int, value any, format string)
	moveRow(from, to int)
	moveColumn(from, to int)
	insertRow(after int)
	deleteRow(row int)
}

// dump is the first tab as it is.
type dump struct {
	Name          string    `json:"name"`
	Frozen        int       `json:"frozen"`
	HiddenColumns []int     `json:"hiddenColumns"`
	Cells         [][][]any `json:"cells"` // value, format, formula
}

func (d dump) value(row, column int) any {
	if row > len(d.Cells) || column > len(d.Cells[row-1]) {
		return ""
	}
	return d.Cells[row-1][column-1][0]
}

func (d dump) format(row, column int) string { return d.Cells[row-1][column-1][1].(string) }

// column is the place of a header, counted from 1; 0 when there is none.
func (d dump) column(header string) int {
	if len(d.Cells) == 0 {
		return 0
	}
	for j, c := range d.Cells[0] {
		if c[0] == header {
			return j + 1
		}
	}
	return 0
}

// options are those of a spreadsheet.
type options struct {
	Secret  string          `json:"secret"`
	ID      string          `json:"id"`
	Title   string          `json:"title"`
	Tab     string          `json:"tab"`
	Zone    string          `json:"zone"`
	Rows    int             `json:"rows,omitempty"`
	Columns int             `json:"columns,omitempty"`
	Quirks  map[string]bool `json:"quirks,omitempty"`
}

const secret = "s3cr3t-of-the-sheet-1"

func defaults() options {
	return options{Secret: secret, ID: "1AbC_d-E", Title: "Khách hàng", Tab: "Trang tính1", Zone: "Asia/Ho_Chi_Minh"}
}

// modelBackend is the model in Go.
type modelBackend struct{ *scriptsim.Model }

func newModel(t testing.TB, o options) *modelBackend {
	zone, err := time.LoadLocation(o.Zone)
	if err != nil {
		t.Fatal(err)
	}
	return &modelBackend{scriptsim.NewModel(scriptsim.ModelOptions{Secret: o.Secret, ID: o.ID, Title: o.Title, Tab: o.Tab, Zone: zone})}
}

func (m *modelBackend) dump(testing.TB) (d dump) {
	m.Edit(func(t *scriptsim.Tab) {
		d = dump{Name: t.Name, Frozen: t.Frozen, HiddenColumns: slices.Clone(t.HiddenColumns)}
		rows, columns := t.Used()
		for i := range rows {
			row := [][]any{}
			for j := range columns {
				c := t.Cell(i+1, j+1)
				row = append(row, []any{c.Value, c.Format, c.Formula})
			}
			d.Cells = append(d.Cells, row)
		}
	})
	return d
}

func (m *modelBackend) cell(row, column int, value any, format string) {
	m.Edit(func(t *scriptsim.Tab) { t.Set(row, column, value, format) })
}
func (m *modelBackend) moveRow(from, to int) { m.Edit(func(t *scriptsim.Tab) { t.MoveRow(from, to) }) }
func (m *modelBackend) moveColumn(from, to int) {
	m.Edit(func(t *scriptsim.Tab) { t.MoveColumn(from, to) })
}
func (m *modelBackend) insertRow(after int) { m.Edit(func(t *scriptsim.Tab) { t.InsertRow(after) }) }
func (m *modelBackend) deleteRow(row int)   { m.Edit(func(t *scriptsim.Tab) { t.DeleteRow(row) }) }

// node is the one process that runs Code.gs for all tests.
type node struct {
	mu     sync.Mutex
	in     io.WriteCloser
	out    *bufio.Reader
	worlds int
}

var theNode = sync.OnceValues(func() (*node, error) {
	path, err := exec.LookPath("node")
	if err != nil {
		return nil, nil
	}
	// Read here so that the go command knows what a result was made of: it would take
	// an old one for good after a change of the script.
	for _, file := range []string{codeGS, "testdata/serve.js", "testdata/google.js"} {
		if _, err := os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(path, "testdata/serve.js", codeGS)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	// It ends with its input, which ends with this process.
	return &node{in: in, out: bufio.NewReaderSize(out, 1<<20)}, cmd.Start()
})

// withNode gives the process, or nil after saying that it is not there: then the model
// stands for the script, which continuous integration with Node holds it against.
func withNode(t testing.TB) *node {
	n, err := theNode()
	if err != nil {
		t.Fatal(err)
	}
	if n == nil {
		t.Log("there is no node on this machine: the script itself is not run, only the model of it")
	}
	return n
}

func (n *node) do(q map[string]any) (json.RawMessage, error) {
	line, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := n.in.Write(append(line, '\n')); err != nil {
		return nil, err
	}
	back, err := n.out.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	var a struct {
		Result json.RawMessage
		Error  string
	}
	if err := json.Unmarshal(back, &a); err != nil {
		return nil, err
	}
	if a.Error != "" {
		return nil, fmt.Errorf("%s", a.Error)
	}
	return a.Result, nil
}

// nodeBackend is the script itself, in a spreadsheet of its own.
type nodeBackend struct {
	t     testing.TB
	n     *node
	world int
}

func newNode(t testing.TB, o options) *nodeBackend {
	n := withNode(t)
	if n == nil {
		return nil
	}
	n.mu.Lock()
	n.worlds++
	b := &nodeBackend{t, n, n.worlds}
	n.mu.Unlock()
	b.do("open", map[string]any{"options": o})
	t.Cleanup(func() { b.do("close", nil) })
	return b
}

func (b *nodeBackend) do(what string, q map[string]any) json.RawMessage {
	m := map[string]any{"do": what, "world": b.world}
	for k, v := range q {
		m[k] = v
	}
	out, err := b.n.do(m)
	if err != nil {
		b.t.Errorf("%s: %v", what, err)
	}
	return out
}

func (b *nodeBackend) set(q map[string]any) { b.do("set", q) }

func (b *nodeBackend) Post(body string) string {
	var text string
	if err := json.Unmarshal(b.do("post", map[string]any{"body": body}), &text); err != nil {
		b.t.Errorf("the script gave no text: %v", err)
	}
	return text
}

func (b *nodeBackend) SetBusy(busy bool)       { b.set(map[string]any{"busy": busy}) }
func (b *nodeBackend) SetSecret(secret string) { b.set(map[string]any{"secret": secret}) }

// whole is all that a test can see of the script's world.
type whole struct {
	Tabs []struct {
		dump
		Hidden     bool `json:"hidden"`
		MaxRows    int  `json:"maxRows"`
		MaxColumns int  `json:"maxColumns"`
	} `json:"tabs"`
	Evaluated int `json:"evaluated"`
	Calls     int `json:"calls"`
	Flushed   int `json:"flushed"`
	Reads     int `json:"reads"`
	Writes    int `json:"writes"`
}

func (b *nodeBackend) whole(t testing.TB) (w whole) {
	if err := json.Unmarshal(b.do("dump", nil), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

func (b *nodeBackend) dump(t testing.TB) dump { return b.whole(t).Tabs[0].dump }

func (b *nodeBackend) cell(row, column int, value any, format string) {
	b.do("cell", map[string]any{"row": row, "column": column, "value": value, "format": format})
}
func (b *nodeBackend) moveRow(from, to int) {
	b.do("moveRow", map[string]any{"from": from, "to": to})
}
func (b *nodeBackend) moveColumn(from, to int) {
	b.do("moveColumn", map[string]any{"from": from, "to": to})
}
func (b *nodeBackend) insertRow(after int) { b.do("insertRow", map[string]any{"after": after}) }
func (b *nodeBackend) deleteRow(row int)   { b.do("deleteRow", map[string]any{"row": row}) }

// onBoth runs f on the model and, where node is, on the script itself.
func onBoth(t *testing.T, o options, f func(t *testing.T, b backend)) {
	t.Run("model", func(t *testing.T) { f(t, newModel(t, o)) })
	t.Run("script", func(t *testing.T) {
		if b := newNode(t, o); b != nil {
			f(t, b)
		}
	})
}
