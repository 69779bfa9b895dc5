package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
)

// maxFile bounds a configuration file.
const maxFile = 1 << 20

// Load reads the configuration at path, with ${NAME} from the environment and
// ${file:PATH} relative to path's folder. The error is [Problems] when the file
// could be read, which then holds all of them; else it says what to do, and
// errors.Is knows [io/fs.ErrNotExist] in it.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer func() { _ = f.Close() }() // it is only read
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	return Parse(path, data, os.LookupEnv)
}

func unreadable(path string, err error) error {
	err = reason(err)
	fix := "is this the right file?"
	switch {
	case errors.Is(err, os.ErrNotExist):
		fix = "name the file with -c, or write one: mekong init asks what it needs"
	case errors.Is(err, os.ErrPermission):
		fix = "let the user Mekong runs as read it"
	}
	return fmt.Errorf("%s: %w; %s", path, err, fix)
}

// Parse reads a configuration from data, which came from the file called name:
// problems begin with it, and ${file:PATH} is relative to its folder. env looks
// up ${NAME}, as [os.LookupEnv] does. Everything wrong is reported at once, as
// [Problems].
//
// References are resolved in values, after parsing: whatever they hold cannot
// change the shape of the file. Its size, the values it may expand to by
// aliases, and what references may bring in are bounded.
func Parse(name string, data []byte, env func(string) (string, bool)) (*Config, error) {
	c := Default()
	c.doc = &document{name: name, places: map[string]place{"": {line: 1, column: 1}}, unquoted: map[string]string{}, unknown: map[string]bool{}}
	if len(data) > maxFile {
		c.doc.add("", "larger than 1 MiB", "is this the right file?")
		return nil, c.doc.err()
	}
	root, problem := parse(data)
	if problem != nil {
		problem.File = name
		return nil, Problems{*problem}
	}
	r := &report{doc: c.doc}
	if root != nil {
		d := &decoder{
			doc:    c.doc,
			left:   maxValues,
			expand: &expander{env: env, dir: filepath.Dir(name), files: map[string]fileText{}, left: maxExpanded},
		}
		d.value(r, root, reflect.ValueOf(c).Elem(), setting{}, "")
		if d.left < 0 {
			return nil, c.doc.err() // what was left unread would only look wrong
		}
	}
	check(c, r)
	if err := c.doc.err(); err != nil {
		return nil, err
	}
	return c, nil
}
