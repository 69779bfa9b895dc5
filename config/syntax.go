package config

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// maxDepth is how deep blocks may stand in each other in the text. The tree
// itself is about eight deep.
const maxDepth = 32

// parse turns text into YAML's own tree, or says where it is not YAML. It
// returns nil for a file without content. No problem quotes the text.
func parse(data []byte) (*yaml.Node, *Problem) {
	if p := unprintable(data); p != nil {
		return nil, p
	}
	l, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		return nil, syntax(data, err)
	}
	var document, second yaml.Node
	switch err := l.Load(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, syntax(data, err)
	}
	switch err := l.Load(&second); {
	case err == nil:
		return nil, &Problem{Line: second.Line, Column: second.Column, What: "a second document begins here", Fix: "a configuration is one document: take the --- away"}
	case !errors.Is(err, io.EOF):
		return nil, syntax(data, err)
	}
	return document.Content[0], nil
}

// unprintable finds what is no text at all, which YAML would not give a line for.
func unprintable(data []byte) *Problem {
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			return &Problem{Line: line, Column: column, What: "not text in UTF-8", Fix: "save the file as UTF-8"}
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			return &Problem{Line: line, Column: column, What: "a control character", Fix: "take it away"}
		case r == '\n':
			line, column = line+1, 0
		}
		i += n
		column++
	}
	return nil
}

// syntax puts an error of the YAML parser in an operator's words. Its own words
// are used only where they are known to be constant: some quote the text.
func syntax(data []byte, err error) *Problem {
	p := &Problem{What: "not valid YAML", Fix: "look at the indentation, the quotes and the brackets on this line and the one before"}
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return p
	}
	p.Line, p.Column = e.Mark.Line, e.Mark.Column
	if p.Line == 0 {
		p.Line, p.Column = e.ContextMark.Line, e.ContextMark.Column
	}
	text := textLine(data, p.Line)
	for _, known := range []struct{ theirs, what, fix string }{
		{"unknown anchor", "an alias (*…) of something that is nowhere above", "put quotes around a value that begins with *"},
		{"max depth", "blocks too deep in each other", "look at the brackets and the indentation"},
		{"found character that cannot start any token", "a value cannot begin like this", "put quotes around it"},
		{"mapping values are not allowed", "a colon where none can be", "look at the indentation, or put quotes around the value"},
		{"did not find expected key", "a setting was expected here", "look at the indentation"},
		{"could not find expected ':'", "a colon is missing", "write the setting's name, a colon, a space and the value"},
		{"found unexpected end of stream", "a quote or bracket is never closed", ""},
		{"found unknown escape character", "a backslash with a meaning it does not have", "use 'single quotes' around values with a backslash"},
	} {
		if strings.Contains(e.Message, known.theirs) {
			p.What, p.Fix = known.what, known.fix
			break
		}
	}
	switch {
	case strings.HasPrefix(strings.TrimLeft(text, " "), "\t"):
		p.What, p.Fix = "a tab in the indentation", "use spaces"
	case strings.Contains(text, "${") && strings.ContainsAny(text[:strings.Index(text, "${")], "{["):
		p.Fix = `inside { } and [ ] put quotes around a reference: "${NAME}"`
	}
	if p.What == "a quote or bracket is never closed" && e.ContextMark.Line > 0 {
		p.Line, p.Column = e.ContextMark.Line, e.ContextMark.Column // where it was opened
	}
	return p
}

// textLine returns line n of data, from 1, or "".
func textLine(data []byte, n int) string {
	for line := range bytes.Lines(data) {
		if n--; n == 0 {
			return string(line)
		}
	}
	return ""
}
