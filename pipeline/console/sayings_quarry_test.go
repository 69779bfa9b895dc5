package console

import (
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What stands in the place of what varies.
const (
	someText   = "Qz"
	someNumber = "7"
)

// quarry is a package whose sentences operators read, and how they are found in it.
type quarry struct {
	dir   string
	files []string // patterns of those that are looked at; nil: all
	// calls are functions and the places of their arguments that are sentences.
	calls map[string][]int
	// keys are fields of structures that hold sentences, set in a literal or by name.
	keys []string
	// gives are functions that return sentences.
	gives []string
	// lists are fields that sentences are appended to.
	lists []string
	// tables are variables and constants that hold sentences.
	tables []string
}

// sentence is one that was found, with samples in its holes.
type sentence struct {
	text, at string
}

// digger looks through one package.
type digger struct {
	quarry
	set    *gotoken.FileSet
	consts map[string]string
	found  []sentence
	seen   map[string]bool
	met    map[string]bool // what the quarry names and was come across
}

// dig gives the sentences of a package.
func dig(t *testing.T, q quarry) []sentence {
	t.Helper()
	d := &digger{quarry: q, set: gotoken.NewFileSet(), consts: map[string]string{}, seen: map[string]bool{}, met: map[string]bool{}}
	names, err := fs.Glob(os.DirFS(filepath.Join("../..", q.dir)), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(d.set, filepath.Join("../..", q.dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = f
		d.learn(f)
	}
	for range 3 { // constants that are made of others
		for _, f := range files {
			d.learn(f)
		}
	}
	for _, name := range names {
		if f := files[name]; f != nil && d.wanted(name) {
			d.file(f)
		}
	}
	for _, name := range slices.Concat(d.files, d.keys, d.gives, d.lists, d.tables, slices.Collect(maps.Keys(d.calls))) {
		if !d.met[name] {
			t.Errorf("%s has no %s any more: what came of it? Mend its line in quarries", q.dir, name)
		}
	}
	return d.found
}

func (d *digger) wanted(name string) bool {
	wanted := d.files == nil
	for _, p := range d.files {
		if ok, _ := filepath.Match(p, name); ok {
			d.met[p], wanted = true, true
		}
	}
	return wanted
}

// among says whether a name is one of those, and remembers that it was come across.
func (d *digger) among(list []string, name string) bool {
	if !slices.Contains(list, name) {
		return false
	}
	d.met[name] = true
	return true
}

// learn takes in a file's constants, those inside of functions, too.
func (d *digger) learn(f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		g, ok := n.(*ast.GenDecl)
		if !ok || g.Tok != gotoken.CONST {
			return true
		}
		for _, s := range g.Specs {
			v, ok := s.(*ast.ValueSpec)
			if !ok {
				continue
			}
			for i, name := range v.Names {
				if i < len(v.Values) {
					if text, whole := d.text(v.Values[i], nil); whole {
						d.consts[name.Name] = text
					}
				}
			}
		}
		return true
	})
}

// file collects what stands in one.
func (d *digger) file(f *ast.File) {
	for _, decl := range f.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			d.body(decl, decl.Name.Name)
		case *ast.GenDecl:
			d.body(decl, "")
			for _, s := range decl.Specs {
				v, ok := s.(*ast.ValueSpec)
				if !ok || !slices.ContainsFunc(v.Names, func(n *ast.Ident) bool { return d.among(d.tables, n.Name) }) {
					continue
				}
				for _, value := range v.Values {
					d.strings(value)
				}
			}
		}
	}
}

// strings takes every string in an expression that is a table's value.
func (d *digger) strings(e ast.Expr) {
	switch e := e.(type) {
	case *ast.CompositeLit:
		for _, el := range e.Elts {
			if kv, ok := el.(*ast.KeyValueExpr); ok {
				el = kv.Value
			}
			d.strings(el)
		}
	default:
		d.take(e, nil)
	}
}

// body collects what stands in a declaration.
func (d *digger) body(root ast.Node, name string) {
	vars := assigned(root)
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			for _, i := range d.calls[called(n)] {
				d.met[called(n)] = true
				if i < len(n.Args) {
					d.take(n.Args[i], vars)
				}
			}
			switch called(n) {
			case "errors.New", "fmt.Errorf":
				d.take(n, vars)
			case "append":
				if s, ok := n.Args[0].(*ast.SelectorExpr); ok && d.among(d.lists, s.Sel.Name) {
					for _, e := range n.Args[1:] {
						d.take(e, vars)
					}
				}
			}
		case *ast.KeyValueExpr:
			if k, ok := n.Key.(*ast.Ident); ok && d.among(d.keys, k.Name) {
				d.take(n.Value, vars)
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if s, ok := left.(*ast.SelectorExpr); ok && d.among(d.keys, s.Sel.Name) && len(n.Lhs) == len(n.Rhs) {
					d.take(n.Rhs[i], vars)
				}
			}
		case *ast.FuncLit:
			// A function without a name that returns one string, in a table of advice.
			if n.Type.Results != nil && len(n.Type.Results.List) == 1 && fmt.Sprint(n.Type.Results.List[0].Type) == "string" && d.among(d.gives, "func") {
				d.returns(n.Body, vars)
			}
		case *ast.FuncDecl:
			if d.among(d.gives, name) {
				d.returns(n.Body, vars)
			}
		}
		return true
	})
}

func (d *digger) returns(body *ast.BlockStmt, vars map[string][]ast.Expr) {
	ast.Inspect(body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok {
			for _, e := range r.Results {
				d.take(e, vars)
			}
		}
		return true
	})
}

// called is what a function is called by, with its package where that is the standard
// library's.
func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok && (x.Name == "errors" || x.Name == "fmt") {
			return x.Name + "." + f.Sel.Name
		}
		return f.Sel.Name
	}
	return ""
}

// assigned are the values that a declaration's variables are given.
func assigned(root ast.Node) map[string][]ast.Expr {
	out := map[string][]ast.Expr{}
	add := func(name string, e ast.Expr) { out[name] = append(out[name], e) }
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if len(n.Lhs) == len(n.Rhs) {
				for i, left := range n.Lhs {
					if id, ok := left.(*ast.Ident); ok {
						add(id.Name, n.Rhs[i])
					}
				}
			}
		case *ast.ValueSpec:
			for i, id := range n.Names {
				if i < len(n.Values) {
					add(id.Name, n.Values[i])
				}
			}
		}
		return true
	})
	return out
}

// take keeps the sentence that an expression makes, and those of the variables in it.
func (d *digger) take(e ast.Expr, vars map[string][]ast.Expr) {
	text, _ := d.text(e, func(name string) {
		values := vars[name]
		delete(vars, name) // each once
		for _, v := range values {
			d.take(v, vars)
		}
	})
	bare := strings.NewReplacer(someText, "", someNumber, "").Replace(text)
	if !letters.MatchString(bare) || d.seen[text] {
		return
	}
	d.seen[text] = true
	at := d.set.Position(e.Pos())
	d.found = append(d.found, sentence{text, fmt.Sprintf("%s/%s:%d", d.dir, filepath.Base(at.Filename), at.Line)})
}

var letters = regexp.MustCompile(`[A-Za-z]{2}`)

// text is what an expression makes; whole: all of it is known. Of a variable in it
// somebody is told.
func (d *digger) text(e ast.Expr, variable func(string)) (text string, whole bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == gotoken.STRING {
			return s, true
		}
	case *ast.ParenExpr:
		return d.text(e.X, variable)
	case *ast.Ident:
		if s, ok := d.consts[e.Name]; ok {
			return s, true
		}
		if variable != nil {
			variable(e.Name)
		}
	case *ast.BinaryExpr:
		if e.Op == gotoken.ADD {
			left, one := d.text(e.X, variable)
			right, two := d.text(e.Y, variable)
			return left + right, one && two
		}
	case *ast.CallExpr:
		switch called(e) {
		case "errors.New":
			return d.text(e.Args[0], variable)
		case "fmt.Sprintf", "fmt.Errorf":
			return d.format(e.Args, variable)
		}
	}
	return someText, false
}

var verbOf = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z%]`)

// format is a format with its arguments, as far as they are known.
func (d *digger) format(args []ast.Expr, variable func(string)) (string, bool) {
	f, whole := d.text(args[0], variable)
	n := 0
	return verbOf.ReplaceAllStringFunc(f, func(verb string) string {
		if verb == "%%" {
			return "%"
		}
		text := someText
		if n++; n < len(args) {
			text, _ = d.text(args[n], variable)
		}
		switch {
		case strings.HasSuffix(verb, "q"):
			text = strconv.Quote(text)
		case !strings.Contains(text, someText):
		case strings.HasSuffix(verb, "d"):
			text = someNumber
		case strings.HasSuffix(verb, "f"):
			text = someNumber + ".0"
		}
		return text
	}), whole && n == 0
}
