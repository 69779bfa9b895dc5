package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Bounds on what ${…} references may bring in.
const (
	maxSecretFile = 64 << 10 // one ${file:…}
	maxExpanded   = 4 << 20  // all references of a configuration together
)

// expander resolves ${NAME} and ${file:PATH} in values that are already parsed,
// so that nothing it brings in can change the shape of the file.
type expander struct {
	env   func(string) (string, bool)
	dir   string // ${file:…} is relative to it
	files map[string]fileText
	left  int // bytes that may still be brought in
}

type fileText struct {
	text    string
	trouble string
}

// trouble is what is wrong with a value, before it has a place.
type trouble struct{ what, fix string }

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// text resolves the references in s. $${ stands for a plain ${. It returns what
// the references stood for, and everything wrong with them; no trouble holds a value.
func (e *expander) text(s string) (out string, resolved []Secret, bad []trouble) {
	if !strings.Contains(s, "${") {
		return s, nil, nil
	}
	var b strings.Builder
	for s != "" {
		i := strings.Index(s, "${")
		if i < 0 {
			break
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		ref, rest, closed := strings.Cut(s[i+2:], "}")
		if !closed {
			return "", nil, append(bad, trouble{"a ${ is never closed", "write ${NAME}, ${file:PATH}, or $${ for a plain ${"})
		}
		s = rest
		v, t := e.reference(ref)
		if t != nil {
			bad = append(bad, *t)
			continue
		}
		if e.left -= len(v); e.left < 0 {
			return "", nil, append(bad, trouble{"the ${…} references bring in more than 4 MiB altogether", "refer to secrets, not to data"})
		}
		if v != "" {
			resolved = append(resolved, NewSecret(v))
		}
		b.WriteString(v)
	}
	b.WriteString(s)
	return b.String(), resolved, bad
}

// reference looks up what stands between ${ and }.
func (e *expander) reference(ref string) (string, *trouble) {
	if path, ok := strings.CutPrefix(ref, "file:"); ok {
		f := e.file(path)
		if f.trouble != "" {
			return "", &trouble{fmt.Sprintf("${file:%s}: %s", short(path), f.trouble), "the path is relative to the folder of the configuration file"}
		}
		return f.text, nil
	}
	if !variable.MatchString(ref) {
		return "", &trouble{fmt.Sprintf("${%s} is no reference", short(ref)), "write ${NAME} for an environment variable, ${file:PATH} for a file, or $${ for a plain ${"}
	}
	v, ok := e.env(ref)
	switch {
	case !ok:
		return "", &trouble{fmt.Sprintf("the environment variable %s is not set", short(ref)), "set it where Mekong is started"}
	case !utf8.ValidString(v):
		return "", &trouble{fmt.Sprintf("the environment variable %s is not text", short(ref)), "it must be UTF-8"}
	}
	return v, nil
}

// file reads a file that a reference names, once however often it is named.
func (e *expander) file(path string) fileText {
	if f, ok := e.files[path]; ok {
		return f
	}
	text, err := readSecretFile(e.dir, path)
	f := fileText{text: text}
	if err != nil {
		f.trouble = err.Error()
	}
	e.files[path] = f
	return f
}

// readSecretFile returns the text of a file without its last newline. Only
// regular files are opened: a pipe or a device might never answer.
func readSecretFile(dir, path string) (string, error) {
	if path == "" {
		return "", errors.New("no path")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", reason(err)
	case !info.Mode().IsRegular():
		return "", errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", reason(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	switch {
	case err != nil:
		return "", reason(err)
	case len(data) > maxSecretFile:
		return "", errors.New("larger than 64 KiB")
	case !utf8.Valid(data):
		return "", errors.New("not text in UTF-8")
	}
	text, cut := strings.CutSuffix(string(data), "\n")
	if cut {
		text = strings.TrimSuffix(text, "\r")
	}
	return text, nil
}

// reason is what a file error says besides the path, which the message around
// it names as the operator wrote it.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
