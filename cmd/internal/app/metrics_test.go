package app

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// metric is one that the code registers, or that is documented: its type ("" where
// the code does not tell) and its labels, sorted.
type metric struct{ kind, labels string }

func labelled(kind string, labels ...string) metric {
	slices.Sort(labels)
	return metric{kind, strings.Join(labels, ", ")}
}

// documented reads the tables of METRICS.md.
func documented(t *testing.T) map[string]metric {
	t.Helper()
	out := map[string]metric{}
	row := regexp.MustCompile("(?m)^\\| `(mekong_[a-z_]+)` \\| ([a-z]+) \\| ([a-z, ]*) ?\\| (.+) \\|$")
	for _, m := range row.FindAllStringSubmatch(string(deployed(t, "monitoring/METRICS.md")), -1) {
		if _, twice := out[m[1]]; twice {
			t.Errorf("%s stands there twice", m[1])
		}
		var labels []string
		if l := strings.TrimSpace(m[3]); l != "" {
			labels = strings.Split(l, ", ")
		}
		out[m[1]] = labelled(m[2], labels...)
	}
	return out
}

// madeMetrics finds every metric that the code makes.
func madeMetrics(t *testing.T) map[string]metric {
	t.Helper()
	out := map[string]metric{}
	root := filepath.Join("..", "..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		metricsOf(t, path, file, out)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var maker = regexp.MustCompile(`^New(Counter|Gauge|Histogram|Summary|Untyped)(Vec|Func)?$`)

func metricsOf(t *testing.T, path string, file *ast.File, out map[string]metric) {
	texts := map[string]string{} // constants of the file
	ast.Inspect(file, func(n ast.Node) bool {
		if c, ok := n.(*ast.ValueSpec); ok {
			for i, name := range c.Names {
				if i < len(c.Values) {
					texts[name.Name], _ = literal(c.Values[i], nil)
				}
			}
		}
		return true
	})
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if pkg, isName := selected(f, ok); !isName || pkg != "prometheus" || len(call.Args) == 0 {
			return true
		}
		name, kind := "", ""
		var labels []string
		switch m := maker.FindStringSubmatch(f.Sel.Name); {
		case f.Sel.Name == "NewDesc":
			name, _ = literal(call.Args[0], texts)
			labels = append(listTexts(call.Args[2]), keyTexts(call.Args[3])...)
		case m != nil:
			kind = strings.ToLower(m[1])
			opts, ok := call.Args[0].(*ast.CompositeLit)
			if !ok {
				t.Errorf("%s: the options of a metric are not where they are used, and this test cannot read them", path)
				return true
			}
			var parts []string
			for _, field := range []string{"Namespace", "Subsystem", "Name"} {
				if part, ok := literal(valueOf(opts, field), texts); ok && part != "" {
					parts = append(parts, part)
				}
			}
			name = strings.Join(parts, "_")
			labels = keyTexts(valueOf(opts, "ConstLabels"))
			if m[2] == "Vec" {
				labels = append(labels, listTexts(call.Args[1])...)
			}
		default:
			return true
		}
		if name == "" {
			t.Errorf("%s: a metric has a name that this test cannot read", path)
		} else {
			out[name] = labelled(kind, labels...)
		}
		return true
	})
}

func selected(f *ast.SelectorExpr, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	x, ok := f.X.(*ast.Ident)
	if !ok {
		return "", false
	}
	return x.Name, true
}

// literal is the value of a text in the code, or of a constant.
func literal(e ast.Expr, constants map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.Ident:
		s, ok := constants[e.Name]
		return s, ok
	}
	return "", false
}

// listTexts and keyTexts are the texts of a []string and the keys of a map.
func listTexts(e ast.Expr) (out []string) {
	if l, ok := e.(*ast.CompositeLit); ok {
		for _, item := range l.Elts {
			s, _ := literal(item, nil)
			out = append(out, s)
		}
	}
	return out
}

func keyTexts(e ast.Expr) (out []string) {
	if l, ok := e.(*ast.CompositeLit); ok {
		for _, item := range l.Elts {
			if kv, ok := item.(*ast.KeyValueExpr); ok {
				s, _ := literal(kv.Key, nil)
				out = append(out, s)
			}
		}
	}
	return out
}

func valueOf(l *ast.CompositeLit, field string) ast.Expr {
	for _, item := range l.Elts {
		if kv, ok := item.(*ast.KeyValueExpr); ok {
			if name, ok := kv.Key.(*ast.Ident); ok && name.Name == field {
				return kv.Value
			}
		}
	}
	return nil
}

// What is made is documented and what is documented is made.
func TestEveryMetricIsDocumented(t *testing.T) {
	want, got := madeMetrics(t), documented(t)
	if len(want) < 25 {
		t.Errorf("only %d metrics were found in the code", len(want))
	}
	for name, m := range want {
		d, ok := got[name]
		switch {
		case !ok:
			t.Errorf("%s is not in METRICS.md", name)
		case d.labels != m.labels || m.kind != "" && d.kind != m.kind:
			t.Errorf("METRICS.md says that %s is a %s by %q; it is a %s by %q", name, d.kind, d.labels, m.kind, m.labels)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("METRICS.md tells of %s, which nothing makes", name)
		}
	}
}

// What a process at work shows is documented, with the type and the labels it has.
func TestWhatIsShownIsDocumented(t *testing.T) {
	c := newCollector(t)
	r := start(t, configured(t, t.TempDir(), oneSink+c.config("")), Options{})
	r.traced(1, false)
	r.settled("archive")
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	docs := documented(t)
	ours := 0
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "go_") || strings.HasPrefix(f.GetName(), "process_") {
			continue
		}
		ours++
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		shown := labelled(strings.ToLower(f.GetType().String()), labels...)
		if d := docs[f.GetName()]; d != shown {
			t.Errorf("%s is shown as a %s by %q and documented as a %s by %q", f.GetName(), shown.kind, shown.labels, d.kind, d.labels)
		}
	}
	if ours < 15 {
		t.Error(fmt.Sprint("only ", ours, " metrics are shown"))
	}
}
