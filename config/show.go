package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Show writes the configuration as YAML, every setting with the value in force
// and secrets as "(secret)". The order is fixed. Loading what it wrote, with the
// secrets put back, gives the same configuration; with "(secret)" left in, the
// loader says so.
func (c *Config) Show() ([]byte, error) {
	out, err := yaml.Dump(shownNode(reflect.ValueOf(c).Elem()), yaml.WithIndent(2), yaml.WithLineWidth(-1))
	if err != nil {
		return nil, fmt.Errorf("show the configuration: %w", err)
	}
	return out, nil
}

// shownNode is v as a YAML node. Blocks that are absent have been left out by
// whoever holds them.
func shownNode(v reflect.Value) *yaml.Node {
	switch {
	case isBlock(v.Type()):
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, s := range settings(v.Type()) {
			f := v.Field(s.index)
			if f.Kind() == reflect.Pointer {
				if f.IsNil() {
					continue
				}
				f = f.Elem()
			}
			n.Content = append(n.Content, shownText(s.name), shownNode(f))
		}
		return n
	case v.Kind() == reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, k := range sortedKeys(v) {
			// Names are not resolved when read, so they are not escaped.
			n.Content = append(n.Content, shownText(k), shownNode(v.MapIndex(reflect.ValueOf(k))))
		}
		return n
	case v.Kind() == reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for i := range v.Len() {
			n.Content = append(n.Content, shownNode(v.Index(i)))
		}
		return n
	}
	switch x := v.Interface().(type) {
	case Secret:
		return shownText(x.String())
	case time.Duration:
		return shownText(formatDuration(x))
	case Size:
		return shownPlain(x.String())
	case string:
		return shownText(strings.ReplaceAll(x, "${", "$${"))
	case float64:
		return shownPlain(strconv.FormatFloat(x, 'f', -1, 64))
	default:
		return shownPlain(fmt.Sprint(x))
	}
}

func shownText(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

// shownPlain is a number or a word that needs no quotes.
func shownPlain(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }
