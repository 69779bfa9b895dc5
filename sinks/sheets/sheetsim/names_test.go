package sheetsim

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// discovery is the part of a discovery document that names fields.
type discovery struct {
	Schemas map[string]discoverySchema `json:"schemas"`
}

type discoverySchema struct {
	Ref        string                     `json:"$ref"`
	Type       string                     `json:"type"`
	Format     string                     `json:"format"`
	Items      *discoverySchema           `json:"items"`
	Properties map[string]discoverySchema `json:"properties"`
	Additional *discoverySchema           `json:"additionalProperties"`
}

// TestTheNamesAreThoseOfTheDiscoveryDocument holds what is known of requests
// against the document that comes with the official client: every field of every
// message that a method takes or gives, and its kind.
func TestTheNamesAreThoseOfTheDiscoveryDocument(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Fatalf("where is the official client: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "sheets", "v4", "sheets-api.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc discovery
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for key, r := range routes {
		if r.in != nil {
			compareSchema(t, doc, r.in, key.verb+" "+key.path, discoverySchema{Ref: r.in.name}, seen)
		}
		o := schemaOf(r.out, nil)
		compareSchema(t, doc, o, key.verb+" "+key.path, discoverySchema{Ref: o.name}, seen)
	}
	if len(seen) < 250 {
		t.Errorf("only %d messages were compared", len(seen))
	}
}

func compareSchema(t *testing.T, doc discovery, s *schema, at string, want discoverySchema, seen map[string]bool) {
	t.Helper()
	if want.Ref != "" {
		if s.kind != objectKind || s.name != want.Ref {
			t.Errorf("%s: %q of kind %d, want the message %s", at, s.name, s.kind, want.Ref)
			return
		}
		if seen[want.Ref] {
			return
		}
		seen[want.Ref] = true
		want = doc.Schemas[want.Ref]
	}
	kinds := map[string]kind{"string": stringKind, "boolean": boolKind, "integer": intKind, "number": numberKind, "array": listKind, "any": anyKind, "object": objectKind}
	is := kinds[want.Type]
	if want.Type == "object" && want.Additional != nil {
		is = mapKind
	}
	// 64-bit numbers are strings in the document and numbers in Go.
	if s.kind != is && (want.Type != "string" || want.Format != "int64" && want.Format != "uint64" || s.kind != intKind) {
		t.Errorf("%s: kind %d, the document says %s", at, s.kind, want.Type)
	}
	for name, child := range want.Properties {
		if s.fields[name] == nil {
			t.Errorf("%s.%s is in the document and not known here", at, name)
			continue
		}
		compareSchema(t, doc, s.fields[name], at+"."+name, child, seen)
	}
	for name := range s.fields {
		if _, ok := want.Properties[name]; !ok {
			t.Errorf("%s.%s is known here and not in the document", at, name)
		}
	}
	if want.Items != nil && s.kind == listKind {
		compareSchema(t, doc, s.elem, at+"[]", *want.Items, seen)
	}
}

// TestOurTypesTakeOnlyWhatGoogleKnows finds a field of our own that no request
// could ever fill.
func TestOurTypesTakeOnlyWhatGoogleKnows(t *testing.T) {
	for _, r := range routes {
		if r.in != nil {
			ownNames(t, r.own, r.in, map[reflect.Type]bool{})
		}
	}
}

func ownNames(t *testing.T, own reflect.Type, s *schema, seen map[reflect.Type]bool) {
	for own.Kind() == reflect.Pointer || own.Kind() == reflect.Slice {
		if own.Kind() == reflect.Slice {
			if s.kind != listKind {
				return
			}
			s = s.elem
		}
		own = own.Elem()
	}
	if own.Kind() != reflect.Struct || seen[own] {
		return
	}
	seen[own] = true
	for i := range own.NumField() {
		name := jsonName(own.Field(i))
		child := s.fields[name]
		if child == nil {
			t.Errorf("%s.%s is not a field of %s", own.Name(), name, s.name)
			continue
		}
		if child.idle {
			t.Errorf("%s.%s is marked as not simulated", s.name, name)
		}
		ownNames(t, own.Field(i).Type, child, seen)
	}
}

// TestEveryRequestOfOursIsPicked finds a request that pick forgot.
func TestEveryRequestOfOursIsPicked(t *testing.T) {
	for i := range reflect.TypeFor[request]().NumField() {
		var q request
		f := reflect.ValueOf(&q).Elem().Field(i)
		f.Set(reflect.New(f.Type().Elem()))
		name, st, one := q.pick()
		if want := jsonName(reflect.TypeFor[request]().Field(i)); name != want || st == nil || !one {
			t.Errorf("picked %q for %q", name, want)
		}
	}
}
