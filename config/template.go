package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"
)

// Template is a text made out of a record, as Go's text/template writes it, with one
// function more: json, which writes any value as JSON, quotes included. The zero
// value makes an empty text. It may be used from any number of goroutines.
type Template struct{ t *template.Template }

// ParseTemplate reads the text of a template. Its error names the line within the
// text and quotes no more than names that stand there.
func ParseTemplate(text string) (Template, error) {
	if len(text) > maxTemplate {
		return Template{}, fmt.Errorf("it is longer than %d bytes", maxTemplate)
	}
	t, err := template.New("").Option("missingkey=zero").Funcs(template.FuncMap{"json": writeJSON}).Parse(text)
	if err != nil {
		return Template{}, errors.New(templatePlace.ReplaceAllString(err.Error(), "line $1: "))
	}
	return Template{t}, nil
}

const maxTemplate = 16 << 10

var templatePlace = regexp.MustCompile(`^template: :(\d+)(?::\d+)?: `)

// errTemplateLong is the end of an execution that would write too much.
var errTemplateLong = errors.New("the text would be too long")

// Execute makes the text for data, at most most bytes of it. The error may quote
// data: it is for made-up data only, and for a real record the fact alone is told.
func (t Template) Execute(data any, most int) ([]byte, error) {
	if t.t == nil {
		return nil, nil
	}
	out := bounded{most: most}
	if err := t.t.Execute(&out, data); err != nil {
		if errors.Is(err, errTemplateLong) {
			return nil, errTemplateLong
		}
		return nil, errors.New(templatePlace.ReplaceAllString(err.Error(), "line $1: "))
	}
	return out.Bytes(), nil
}

// bounded is a buffer that refuses to grow beyond a bound.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, errTemplateLong
	}
	return b.Buffer.Write(p)
}

// writeJSON writes a value as JSON. < > & stay as they are: it is no page.
func writeJSON(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", errors.New("a value cannot be written as JSON")
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// checkTemplate reports what is wrong with the text of a template.
func checkTemplate(r *report, text string) {
	if _, err := ParseTemplate(text); err != nil {
		what := "this is no template"
		if r.doc.places[r.path].written == "" { // nothing of it came out of ${…}
			what += ": " + err.Error()
		}
		r.bad(what, "write text with {{ }} in it, such as {{json .Fields.phone}}")
	}
}
