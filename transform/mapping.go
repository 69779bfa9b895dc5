package transform

import (
	"sync"
	"time"
)

// mapper is a compiled mapping. It is never written to after compile, but
// for what it keeps at hand, so any number of goroutines may use it.
type mapper struct {
	source   string
	kind     string
	loc      *time.Location
	slots    []target          // built-in outputs with names of their own
	own      map[string]bool   // names of all built-in outputs
	computed []bool            // by slot: an expression has the last word on it
	names    map[string]*entry // incoming names: folded, and as most often written
	taken    map[string]bool   // names that an unknown field must not have
	fields   []field           // configured outputs, by name
	order    []int             // those with a program, so that each runs behind what it reads
	early    int               // how many of order make name and phone, which flags are about
	key      []string
	required []string
	drop     []string // as output names
	where    *program
	pool     sync.Pool // of *build
	zones    sync.Map  // of *time.Location, by name; only configured names come
}

// field is one configured output.
type field struct {
	name    string
	as      string
	from    []string
	program *program
}

// entry is what becomes of one incoming name.
type entry struct {
	slot    int   // the built-in output it may fill, -1 for none
	rank    int   // how good a name for that output it is; 0 is best
	readers []ref // configured outputs that read it
	drop    bool
}

type ref struct{ field, rank int }
