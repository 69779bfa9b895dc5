package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// fresh is the file that is written where there is none. It is in order as it is;
// what is missing stands in it as a comment.
const fresh = `# Mekong: every lead, stored once, quickly, and never lost.
# Everything there is to set, with comments:  mekong config example

# Folder of what is kept on this machine. Back it up; it holds your leads.
data_dir: ./data

# Ways in. Take the # away and give LADIPAGE_TOKEN a value of 16 characters or more:
#sources:
  #landing:
    #ladipage:
      #path: /in/landing
      #token: "${LADIPAGE_TOKEN}"
`

// errByHand means that the file is written in a way that nothing can be put into
// without rewriting what is there.
var errByHand = errors.New("the sinks in this file are written in a way that nothing can be added to without changing the rest")

// addSink puts a block into the sinks of a configuration and leaves every other byte
// as it is. block is the lines below the sink's name, indented from zero by two
// spaces a step. What comes out was read again: it is the same tree, and the sink.
func addSink(text []byte, name string, block []string) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, errors.New("the file is not valid YAML: mekong config check says where")
	}
	newline := "\n"
	if bytes.Contains(text, []byte("\r\n")) {
		newline = "\r\n"
	}
	at, indent, before, err := sinkPlace(text, &document)
	if err != nil {
		return nil, err
	}
	var lines []string
	if before != "" {
		lines = append(lines, "", before)
	}
	step := strings.Repeat(" ", max(2, indent))
	lines = append(lines, strings.Repeat(" ", indent)+name+":")
	for _, l := range block {
		deeper := (len(l) - len(strings.TrimLeft(l, " "))) / 2
		lines = append(lines, strings.Repeat(" ", indent)+strings.Repeat(step, deeper+1)+strings.TrimLeft(l, " "))
	}
	var out bytes.Buffer
	out.Write(text[:at])
	if at > 0 && text[at-1] != '\n' {
		out.WriteString(newline)
	}
	if before != "" && len(bytes.TrimSpace(text[:at])) == 0 {
		lines = lines[1:] // nothing that a blank line would set it off from
	}
	for _, l := range lines {
		out.WriteString(l + newline)
	}
	out.Write(text[at:])
	if err := sameBut(text, out.Bytes(), name); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// sinkPlace finds the offset at which a sink can be put, how far sinks are indented,
// and the line that has to stand before it.
func sinkPlace(text []byte, document *yaml.Node) (at, indent int, before string, err error) {
	if len(document.Content) == 0 {
		if document.Kind != 0 && bytes.Contains(text, []byte("---")) {
			return 0, 0, "", errByHand
		}
		return len(text), 2, "sinks:", nil
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" && root.Value == "" {
		return len(text), 2, "sinks:", nil
	}
	if root.Kind != yaml.MappingNode || root.Style&yaml.FlowStyle != 0 || root.Column != 1 {
		return 0, 0, "", errByHand
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if key.Value != "sinks" {
			continue
		}
		end := len(text)
		if i+2 < len(root.Content) {
			end = lineStart(text, root.Content[i+2].Line)
		}
		switch {
		case value.Kind == yaml.ScalarNode && value.Tag == "!!null" && value.Value == "":
			return lineStart(text, key.Line+1), 2, "", nil
		case value.Kind != yaml.MappingNode || value.Style&yaml.FlowStyle != 0 || len(value.Content) == 0 || value.Anchor != "":
			return 0, 0, "", errByHand
		}
		indent = value.Content[0].Column - 1
		return backOver(text, lineStart(text, value.Content[0].Line), end, indent), indent, "", nil
	}
	return len(text), 2, "sinks:", nil
}

// lineStart is the offset of line n, from 1; the end where there are fewer.
func lineStart(text []byte, n int) int {
	at := 0
	for ; n > 1; n-- {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
	}
	return at
}

// backOver goes back from end over blank lines and over comments that stand further
// left than the sinks, which belong to what comes next; but not before start.
func backOver(text []byte, start, end, indent int) int {
	for end > start {
		from := bytes.LastIndexByte(text[:end-1], '\n') + 1
		line := string(text[from:end])
		trimmed := strings.TrimSpace(line)
		left := len(line) - len(strings.TrimLeft(line, " "))
		if from < start || trimmed != "" && (trimmed[0] != '#' || left >= indent) && trimmed != "..." {
			return end
		}
		end = from
	}
	return end
}

// sameBut holds a changed file against the one before.
func sameBut(before, after []byte, name string) error {
	read := func(text []byte) (map[string]any, error) {
		tree := map[string]any{}
		err := yaml.Unmarshal(text, &tree)
		if tree == nil {
			tree = map[string]any{}
		}
		return tree, err
	}
	had, err := read(before)
	if err != nil {
		return errByHand
	}
	has, err := read(after)
	if err != nil {
		return errByHand
	}
	sinks, ok := has["sinks"].(map[string]any)
	if !ok || sinks[name] == nil {
		return errByHand
	}
	delete(sinks, name)
	old, _ := had["sinks"].(map[string]any)
	if len(sinks) != len(old) || len(old) > 0 && !reflect.DeepEqual(sinks, old) {
		return errByHand
	}
	delete(has, "sinks")
	delete(had, "sinks")
	if !reflect.DeepEqual(had, has) {
		return errByHand
	}
	return nil
}

// hasSink reports whether a file has a sink of that name, whatever else is wrong
// with it.
func hasSink(text []byte, name string) bool {
	var tree struct {
		Sinks map[string]any `yaml:"sinks"`
	}
	if yaml.Unmarshal(text, &tree) != nil {
		return false
	}
	_, ok := tree.Sinks[name]
	return ok
}

// quoted writes a value so that YAML reads the very same and no reference is seen in
// it: JSON's strings are YAML's.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(strings.ReplaceAll(s, "${", "$${")) // strings always encode
	return strings.TrimSpace(b.String())
}

// replaceFile puts text in the place of what was read, whole or not at all, and only
// if nobody changed it meanwhile. A link is followed, and the file keeps its mode.
func replaceFile(path string, was, text []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	mode := os.FileMode(0o600) // it may come to hold secrets
	switch info, err := os.Stat(path); {
	case err == nil:
		mode = info.Mode().Perm()
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, was) {
			return fmt.Errorf("%s was changed meanwhile; nothing was written, run it again", path)
		}
	case !errors.Is(err, os.ErrNotExist):
		return err
	case was != nil:
		return fmt.Errorf("%s was taken away meanwhile; nothing was written", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".mekong-*.yaml")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
