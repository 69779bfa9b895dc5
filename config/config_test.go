package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDefault(t *testing.T) {
	c := Default()
	if c.DataDir != "./data" || c.HTTP.Intake != "127.0.0.1:8080" || c.HTTP.Console != "127.0.0.1:8081" ||
		c.NATS.Keep != 720*time.Hour || c.NATS.Replicas != 1 || c.NATS.Reserve != 15 ||
		c.ShutdownGrace != 20*time.Second || c.Timezone != "Asia/Ho_Chi_Minh" {
		t.Errorf("the defaults are %+v", c)
	}
	parsed, err := Parse("mekong.yaml", nil, testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if parsed.doc = nil; !reflect.DeepEqual(c, parsed) {
		t.Error("an empty file is not the default")
	}
	c.Sources["a"] = Source{}
	if len(Default().Sources) != 0 {
		t.Error("two defaults share a map")
	}
}

func TestNames(t *testing.T) {
	c := &Config{Sources: map[string]Source{"b": {}, "a": {}}, Sinks: map[string]Sink{"z": {}, "y": {}}}
	if got := strings.Join(c.SourceNames(), " "); got != "a b" {
		t.Errorf("sources are %s", got)
	}
	if got := strings.Join(c.SinkNames(), " "); got != "y z" {
		t.Errorf("sinks are %s", got)
	}
}

func TestProblemOfOthers(t *testing.T) {
	c, err := Parse("mekong.yaml", []byte(`sources:
  landing:
    ladipage:
transform:
  landing:
    where: 'code == "${LEAK}"'
    fields:
      "Họ và tên": { expr: name + }
      a.b:
        from: [x, y]
`), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ path, what, want string }{
		{"transform.landing.where", "no such name", "mekong.yaml:6: transform.landing.where: no such name; mend it"},
		{"transform.landing.where", "bad \"" + leak + "\"\n | here", `mekong.yaml:6: transform.landing.where: bad "(secret)"  | here; mend it`},
		{Path("transform", "landing", "fields", "Họ và tên", "expr"), "no end", `mekong.yaml:8: transform.landing.fields."Họ và tên".expr: no end; mend it`},
		{"transform.landing.fields.Họ và tên.expr", "no end", `mekong.yaml:8: transform.landing.fields."Họ và tên".expr: no end; mend it`},
		{"transform.landing.fields.a.b.from[1]", "no", `mekong.yaml:10: transform.landing.fields."a.b".from[1]: no; mend it`},
		{`transform.landing.fields."a.b".as`, "no", `mekong.yaml:9: transform.landing.fields."a.b".as: no; mend it`},
		{"sources.landing.ladipage.path", "taken", "mekong.yaml:3: sources.landing.ladipage.path: taken; mend it"},
		{"sinks.archive", "none", "mekong.yaml:1: sinks.archive: none; mend it"},
	} {
		if got := c.Problem(test.path, test.what, "mend it").Error(); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
	if got := Default().Problem("sinks.archive", "none", "").Error(); got != "sinks.archive: none" {
		t.Errorf("without a file: %s", got)
	}
}

func TestParent(t *testing.T) {
	for path, want := range map[string]string{
		"a.b.c": "a.b", "a": "", "a.b[2]": "a.b", `a."b.c"`: "a", `a."b.c".d`: `a."b.c"`, `a."b.\"c"`: "a", `"a.b"`: "", `a."b."`: "a", `a."b]"`: "a",
	} {
		if got := parent(path); got != want {
			t.Errorf("parent of %s is %q, want %q", path, got, want)
		}
	}
}

// twoAdapters is a sink as it will be when there is more than one kind.
type twoAdapters struct {
	MongoDB *MongoDB  `yaml:"mongodb"`
	Other   *LadiPage `yaml:"other"`
	Third   *LadiPage `yaml:"third"`
}

func TestOneAdapter(t *testing.T) {
	for want, v := range map[string]twoAdapters{
		"": {Other: &LadiPage{}},
		"sinks.a: it has no adapter; write one of these blocks in it: mongodb, other, third": {},
		"sinks.a.other: one sink is one adapter, and this one is mongodb already; make it a sink of its own\n" +
			"sinks.a.third: one sink is one adapter, and this one is mongodb already; make it a sink of its own": {&MongoDB{}, &LadiPage{}, &LadiPage{}},
	} {
		d := &document{}
		oneAdapter((&report{doc: d}).at("sinks").at("a"), reflect.ValueOf(v), "sink")
		if got := d.problems.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// walkSettings calls f for every setting below t, with its path; names of the
// operator's are <name>.
func walkSettings(t reflect.Type, path []string, f func(path string, s setting)) {
	for _, s := range settings(t) {
		below := append(append([]string{}, path...), s.name)
		f(strings.Join(below, "."), s)
		inner := s.typ
		switch inner.Kind() {
		case reflect.Map:
			inner, below = inner.Elem(), append(below, "<name>")
		case reflect.Pointer:
			inner = inner.Elem()
		}
		if isBlock(inner) {
			walkSettings(inner, below, f)
		}
	}
}

// TestSettings holds every struct of the tree to what the decoder needs of it.
func TestSettings(t *testing.T) {
	n := 0
	walkSettings(reflect.TypeFor[Config](), nil, func(path string, s setting) {
		n++
		if !nameRule.MatchString(s.name) || s.doc == "" {
			t.Errorf("%s: a setting needs a name and a doc tag", path)
		}
		inner := s.typ
		switch inner.Kind() {
		case reflect.Map, reflect.Pointer:
			inner = inner.Elem()
			if !isBlock(inner) && s.typ != reflect.TypeFor[map[string]string]() && s.typ != reflect.TypeFor[map[string]Secret]() {
				t.Errorf("%s: a %s holds neither blocks nor texts", path, s.typ)
			}
		case reflect.Slice:
			if inner = inner.Elem(); inner.Kind() != reflect.String && inner.Kind() != reflect.Int && inner != secretType {
				t.Errorf("%s: a list of %s cannot be shown and described", path, inner)
			}
		}
		if isBlock(inner) {
			fill(asBlock(reflect.New(inner)), "name") // panics where a method is missing
		}
		if s.limit != nil && s.limit.hasLeast && s.limit.hasMost && s.limit.least >= s.limit.most {
			t.Errorf("%s: the range is empty", path)
		}
		if strings.HasSuffix(path, ".fields.<name>.as") && !reflect.DeepEqual(s.oneof, FieldTypes) {
			t.Errorf("%s allows %v, but FieldTypes is %v", path, s.oneof, FieldTypes)
		}
	})
	if n < 50 {
		t.Errorf("only %d settings were walked", n)
	}
}
