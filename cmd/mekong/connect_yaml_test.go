package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAddSink(t *testing.T) {
	block := []string{"accept: [lead]", "larkbase:", "  url: x"}
	const put = "  crm:\n    accept: [lead]\n    larkbase:\n      url: x\n"
	for name, c := range map[string]struct{ was, want string }{
		"empty":            {"", "sinks:\n" + put},
		"only comments":    {"# mine\n", "# mine\n\nsinks:\n" + put},
		"no sinks":         {"data_dir: d\n", "data_dir: d\n\nsinks:\n" + put},
		"no end of line":   {"data_dir: d", "data_dir: d\n\nsinks:\n" + put},
		"sinks of nothing": {"sinks:\ndata_dir: d\n", "sinks:\n" + put + "data_dir: d\n"},
		"last":             {"sinks:\n  a: {mongodb: {}}\n", "sinks:\n  a: {mongodb: {}}\n" + put},
		"middle, with comments": {
			"# top\nsinks: # all\n  # the first\n  a:\n    mongodb: {} # here\n  #b:\n    #off: 1\n\n# about data\ndata_dir: d # end\n",
			"# top\nsinks: # all\n  # the first\n  a:\n    mongodb: {} # here\n  #b:\n    #off: 1\n" + put + "\n# about data\ndata_dir: d # end\n",
		},
		"four spaces": {"sinks:\n    a:\n        mongodb: {}\n", "sinks:\n    a:\n        mongodb: {}\n    crm:\n        accept: [lead]\n        larkbase:\n            url: x\n"},
		"windows":     {"sinks:\r\n  a: {mongodb: {}}\r\nx: 1\r\n", "sinks:\r\n  a: {mongodb: {}}\r\n" + strings.ReplaceAll(put, "\n", "\r\n") + "x: 1\r\n"},
		"a block of text": {"sinks:\n  a:\n    where: |\n      x\n      # not a comment\n\ny: 1\n",
			"sinks:\n  a:\n    where: |\n      x\n      # not a comment\n" + put + "\ny: 1\n"},
		"with a document mark": {"---\nsinks:\n  a: {mongodb: {}}\n", "---\nsinks:\n  a: {mongodb: {}}\n" + put},
	} {
		got, err := addSink([]byte(c.was), "crm", block)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, c.want)
		}
	}
	for name, was := range map[string]string{
		"in braces": "sinks: {a: {mongodb: {}}}\n", "all in braces": "{sinks: {a: {}}}\n", "a list": "- a\n", "text": "hello\n",
		"sinks as a list": "sinks:\n  - a\n", "by an alias": "x: &x\n  a: {}\nsinks: *x\n", "two documents": "a: 1\n---\nb: 1\n", "broken": "a: [\n",
		"there already": "sinks:\n  crm: {mongodb: {}}\n", "text that ends in blank lines": "sinks:\n  a:\n    where: |+\n      x\n\n\n",
	} {
		if got, err := addSink([]byte(was), "crm", block); err == nil && name != "text that ends in blank lines" {
			t.Errorf("%s: nothing was said:\n%s", name, got)
		} else if err != nil && got != nil {
			t.Errorf("%s: %v, and a file all the same", name, err)
		}
	}
}

func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	if err := os.WriteFile(path, []byte("one"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(link, []byte("one"), []byte("two")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "two" {
		t.Errorf("%q, %v", b, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	if err := replaceFile(path, []byte("one"), []byte("three")); err == nil || !strings.Contains(err.Error(), "changed meanwhile") {
		t.Errorf("a changed file: %v", err)
	}
	if err := replaceFile(filepath.Join(dir, "gone.yaml"), []byte("one"), []byte("x")); err == nil {
		t.Error("a file that was taken away was made again")
	}
	if err := replaceFile(filepath.Join(dir, "no", "folder.yaml"), nil, []byte("x")); err == nil {
		t.Error("a file was written into no folder")
	}
}

// Whatever the file: either nothing is done, or nothing is lost and the sink is there.
func FuzzAddSink(f *testing.F) {
	for _, s := range []string{"", "sinks:\n", "sinks:\n  a: {}\n#x\n  #y\nb: 1", "a: |\n  x\n \nsinks:\n   a:\n     b: c", "\ufeffa: 1\n", "sinks:\n\n\n", "? sinks\n: a: b\n", "%YAML 1.2\n---\nsinks:\n  a: b\n...\n", "\"sinks\":\n  a: b\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, was []byte) {
		if len(was) > 4096 {
			return
		}
		got, err := addSink(was, "crm", []string{"larkbase:", "  url: x"})
		if err != nil {
			return
		}
		if !hasSink(got, "crm") || len(got) < len(was) {
			t.Errorf("the sink is not there:\n%s", got)
		}
		// What was there is a prefix and a suffix of what is.
		n := 0
		for n < len(was) && n < len(got) && was[n] == got[n] {
			n++
		}
		if !bytes.HasSuffix(got, was[n:]) {
			t.Errorf("more was changed:\n%q\n%q", was, got)
		}
		if errors.Is(sameBut(was, got, "crm"), errByHand) {
			t.Error("what is there is another tree")
		}
	})
}
