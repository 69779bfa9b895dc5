package app

import (
	"reflect"
	"strings"
	"testing"

	"mekong/config"
	"mekong/sinks"
	"mekong/sources"
)

// blocks calls each with the adapter blocks of a source's or sink's struct, the
// pointer fields, each in a copy that has no other; and with one that has none.
func blocks[T any](each func(name string, value T)) {
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		if f := t.Field(i); f.Type.Kind() == reflect.Pointer {
			v := reflect.New(t).Elem()
			v.Field(i).Set(reflect.New(f.Type.Elem()))
			each(f.Name, v.Interface().(T))
		}
	}
	var none T
	each("", none)
}

// Every adapter that can be configured is one that can be opened: what its block
// lacks may be refused, but not that there is such an adapter.
func TestEveryAdapterIsJoined(t *testing.T) {
	const noAdapter = "no adapter"
	known := 0
	judge := func(what, name string, err error) {
		switch says := err != nil && strings.Contains(err.Error(), noAdapter); {
		case name != "" && says:
			t.Errorf("%s.%s can be configured, and %ss.Open has no case for it: %v", what, name, what, err)
		case name == "" && !says:
			t.Errorf("a %s without an adapter is opened with %v", what, err)
		case name != "":
			known++
		}
	}
	blocks(func(name string, s config.Source) {
		c := config.Default()
		c.Sources = map[string]config.Source{"x": s}
		_, err := sources.Open(c, sources.Options{})
		judge("source", name, err)
	})
	blocks(func(name string, s config.Sink) {
		c := config.Default()
		c.Sinks = map[string]config.Sink{"x": s}
		opened, err := sinks.Open(c, nil, sinks.Options{})
		for _, o := range opened {
			_ = o.Sink.Close()
		}
		judge("sink", name, err)
	})
	if known < 2 {
		t.Errorf("only %d adapters were found in the configuration", known)
	}
}
