package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

func schemaOf(t *testing.T) map[string]any {
	t.Helper()
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// step descends in a schema to what it says about a setting.
func step(s map[string]any, name string) map[string]any {
	if of, ok := s["oneOf"].([]any); ok && s["properties"] == nil {
		s, _ = of[len(of)-1].(map[string]any) // a block or null
	}
	if name == "<name>" {
		s, _ = s["additionalProperties"].(map[string]any)
		return s
	}
	p, _ := s["properties"].(map[string]any)
	s, _ = p[name].(map[string]any)
	return s
}

func TestSchemaListsEverySetting(t *testing.T) {
	root := schemaOf(t)
	if root["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("the draft is %v", root["$schema"])
	}
	walkSettings(reflect.TypeFor[Config](), nil, func(path string, want setting) {
		s := root
		for _, name := range strings.Split(path, ".") {
			s = step(s, name)
		}
		if s == nil || s["description"] != want.doc {
			t.Errorf("%s is not in the schema, or not with its description", path)
		}
		if len(want.oneof) > 0 && !strings.Contains(fmt.Sprint(s), "enum:["+strings.Join(want.oneof, " ")+"]") {
			t.Errorf("%s: the schema does not have the words %v", path, want.oneof)
		}
	})
}

func TestSchemaDefaults(t *testing.T) {
	for path, want := range map[string]any{
		"data_dir": "./data", "nats.keep": "720h", "nats.reserve": 15.0, "shutdown_grace": "20s",
		"sources.<name>.ladipage.max_body": "900KiB", "sources.<name>.ladipage.rate": 50.0,
		"sources.<name>.ladipage.path": nil, // depends on the name
		"sinks.<name>.accept":          []any{"*"}, "sinks.<name>.mongodb.uri": nil, "sinks.<name>.mongodb.writers": 4.0,
	} {
		s := schemaOf(t)
		for _, name := range strings.Split(path, ".") {
			s = step(s, name)
		}
		if got := s["default"]; !reflect.DeepEqual(got, want) {
			t.Errorf("the default of %s is %v, want %v", path, got, want)
		}
	}
}

func TestSchemaAccepts(t *testing.T) {
	root := schemaOf(t)
	good := files(t, "testdata/good/*.yaml")
	for _, path := range good {
		if strings.HasSuffix(path, "odd-text.yaml") {
			continue // a number for a text is taken by us, and not worth a looser schema
		}
		c, err := parseFile(t, path)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := c.Show()
		if err != nil {
			t.Fatal(err)
		}
		if bad := violations(root, asJSON(t, shown), ""); len(bad) > 0 {
			t.Errorf("%s as shown: %v", path, bad)
		}
	}
	if bad := violations(root, asJSON(t, Example), ""); len(bad) > 0 {
		t.Errorf("the example: %v", bad)
	}
}

func TestSchemaRefuses(t *testing.T) {
	root := schemaOf(t)
	for text, want := range map[string]string{
		"htttp: {}":                                         "htttp",
		"http: 3":                                           "http",
		"shutdown_grace: 20":                                "shutdown_grace",
		"shutdown_grace: soon":                              "shutdown_grace",
		"nats: { reserve: 91 }":                             "nats.reserve",
		"nats: { replicas: 2 }":                             "nats.replicas",
		"nats: { max_bytes: 10M }":                          "nats.max_bytes",
		"sources: { a: {} }":                                "sources.a",
		"sources: { A B: { ladipage: } }":                   "sources.A B",
		"sinks: { a: { accept: lead, mongodb: } }":          "sinks.a.accept",
		"sinks: { a: { accept: [1], mongodb: } }":           "sinks.a.accept[0]",
		"transform: { a: { fields: { x: { as: fone } } } }": "transform.a.fields.x.as",
	} {
		bad := violations(root, asJSON(t, []byte(text)), "")
		if !slices.Contains(bad, want) {
			t.Errorf("%s: violations at %q, want %q", text, bad, want)
		}
	}
	for _, text := range []string{"nats: { reserve: '${RESERVE}' }", "shutdown_grace: '${GRACE}'", "shutdown_grace: 0", "nats: { max_bytes: 1.5 GiB, replicas: 3 }"} {
		if bad := violations(root, asJSON(t, []byte(text)), ""); len(bad) > 0 {
			t.Errorf("%s: violations at %q, want none", text, bad)
		}
	}
}

func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), &v); err != nil {
		t.Fatal(err)
	}
	if v == nil {
		return map[string]any{}
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// violations checks v by the keywords that the schema uses, and returns the
// places where it breaks them. A keyword it does not know is a violation, so
// that the schema cannot outgrow the test.
func violations(schema any, v any, path string) []string {
	if schema == false {
		return []string{path}
	}
	s, ok := schema.(map[string]any)
	if !ok {
		return []string{"?" + path}
	}
	var bad []string
	fail := func(broken bool) {
		if broken {
			bad = append(bad, path)
		}
	}
	object, isObject := v.(map[string]any)
	list, isList := v.([]any)
	text, isText := v.(string)
	n, isNumber := v.(float64)
	below := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	for keyword, arg := range s {
		switch keyword {
		case "$schema", "title", "description", "default":
		case "type":
			_, isBool := v.(bool)
			fail(!map[string]bool{
				"object": isObject, "array": isList, "string": isText, "number": isNumber,
				"integer": isNumber && n == float64(int64(n)), "boolean": isBool, "null": v == nil,
			}[arg.(string)])
		case "enum":
			fail(!slices.Contains(arg.([]any), v))
		case "minimum":
			fail(isNumber && n < arg.(float64))
		case "maximum":
			fail(isNumber && n > arg.(float64))
		case "pattern":
			fail(isText && !regexp.MustCompile(arg.(string)).MatchString(text))
		case "required":
			for _, name := range arg.([]any) {
				_, has := object[name.(string)]
				fail(isObject && !has)
			}
		case "items":
			for i, item := range list {
				bad = append(bad, violations(arg, item, pathItem(path, i))...)
			}
		case "properties", "propertyNames", "additionalProperties":
			for name, value := range object {
				known, isKnown := map[string]any(nil), false
				if p, ok := s["properties"].(map[string]any); ok {
					known, isKnown = p[name].(map[string]any)
				}
				switch {
				case keyword == "properties" && isKnown:
					bad = append(bad, violations(known, value, below(name))...)
				case keyword == "propertyNames":
					bad = append(bad, violations(arg, name, below(name))...)
				case keyword == "additionalProperties" && !isKnown:
					bad = append(bad, violations(arg, value, below(name))...)
				}
			}
		case "oneOf", "anyOf":
			passed := 0
			var inner []string
			for _, one := range arg.([]any) {
				found := violations(one, v, path)
				if len(found) == 0 {
					passed++
				}
				inner = append(inner, found...)
			}
			if passed == 0 {
				bad = append(bad, inner...)
			}
			fail(keyword == "oneOf" && passed > 1)
		default:
			bad = append(bad, keyword+" at "+path)
		}
	}
	return bad
}
