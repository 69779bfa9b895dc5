package transform

import (
	"strings"
	"sync"
	"testing"

	"mekong/pipeline"
)

func TestWhere(t *testing.T) {
	r := pipeline.Record{Kind: "lead", Source: "landing", Fields: map[string]any{
		"phone": "+84900000000", "utm_source": "fb", "score": 2.0, "flags": []string{"junk"}, "consent": true, "Khóa học": []string{"IELTS"},
		"one": "IELTS", "nothing": nil, "utm_id": 5.0, "mon": []string{"Toán"},
	}}
	for expression, want := range map[string]bool{
		`phone != ""`: true, `email == ""`: true, `kind == "lead" and source == "landing"`: true,
		`"junk" in flags`: true, `"x" in flags`: false, `consent`: true, `not consent`: false,
		`score > 1`: true, `score >= 2 and score < 3`: true, `score == 2`: true,
		// A field that is not there, or not what was expected, is no error.
		`missing > 1`: false, `missing < 1`: false, `missing == ""`: true, `missing contains "x"`: false, `"x" in missing`: false, `not missing`: true,
		`missing and consent`: false, `nothing == ""`: true, `nothing > 1`: false, `"IELTS" in one`: true, `mon contains "Toán"`: true, `utm_id == "5"`: true,
		`field("khoa hoc") == ["IELTS"]`: true, `"IELTS" in field("Khóa học")`: true, `field("nowhere") == ""`: true,
		`fold(one) == "ielts"`: true, `number("1tr2") == 1200000`: true, `number("x") == nil`: true, `phone matches "^\\+84"`: true,
		`(missing ? 1 : 2) == 2`: true, `any(flags, # startsWith "ju")`: true, `let a = one; a == "IELTS"`: true, `len(flags) == 1`: true,
	} {
		p, err := Where(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got, err := p(r); err != nil || got != want {
			t.Errorf("%s is %v, %v", expression, got, err)
		}
		// Nor is a record without fields.
		if _, err := p(pipeline.Record{}); err != nil {
			t.Errorf("%s over nothing: %v", expression, err)
		}
	}
}

func TestWhereErrors(t *testing.T) {
	for expression, words := range map[string]string{
		``: "empty", `phone`: "bool", `1 + 1`: "bool", `missing`: "bool", `phnoe == ""`: "did you mean phone", `utm_sorce == ""`: "did you mean utm_source",
		`phone ==`: "column", `consent == "yes"`: "mismatched", `now() > now()`: "not allowed", `$env["a"] == 1`: "field(", `len(keys({"a": 1})) > 0`: "no order",
		`uper(name) == ""`: "did you mean upper", `phone matches name`: "written out", `any(flags, any(flags, true))`: "loop inside a loop",
		`field("otp_code") == ""`: "never kept", `any(flags, # == field("a"))`: "inside a loop", `received == ""`: "kind and source", `name.x() == 1`: "only functions", strings.Repeat("true and ", 600) + "true": "longer",
		strings.Repeat("1+", 600) + "1 > 0": "nodes", `phone > 1`: "mismatched",
	} {
		_, err := Where(expression)
		if err == nil {
			t.Errorf("%.40s compiles", expression)
		} else if !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40s: %v; nothing says %q", expression, err, words)
		}
	}
}

// A run that would take for ever or fill the memory ends with an error.
func TestWhereIsBounded(t *testing.T) {
	for _, expression := range []string{`len(1..100000000) > 0`, `len(repeat("x", 1000000)) > 0`, `len(map(1..60000, # + 1)) + len(map(1..60000, # + 1)) > 0`} {
		p, err := Where(expression)
		if err != nil {
			continue // refused when loaded is as good
		}
		if _, err := p(pipeline.Record{}); err == nil {
			t.Errorf("%s ran through", expression)
		}
	}
}

func TestWhereRunErrorsNameNoValue(t *testing.T) {
	p, err := Where(`int(secret) > 1`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p(pipeline.Record{Fields: map[string]any{"secret": "0900x"}})
	if err == nil || strings.Contains(err.Error(), "0900x") {
		t.Errorf("got %v", err)
	}
}

func TestWhereAtOnce(t *testing.T) {
	p, err := Where(`any(flags, # == one) and field("One") == "x"`)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if ok, err := p(pipeline.Record{Fields: map[string]any{"flags": []string{"x"}, "one": "x"}}); !ok || err != nil {
					t.Error(ok, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestNearest(t *testing.T) {
	known := knownTypes()
	for name, want := range map[string]string{"phnoe": "phone", "phon": "phone", "emails": "email", "utm_sorce": "utm_source", "mon": "", "ref2": "ref", "lop": "", "form_item12": "", "ho_ten": ""} {
		if got := nearest(name, known); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
