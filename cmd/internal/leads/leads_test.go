package leads

import (
	"testing"

	"mekong/sources/form"
)

// Whatever the encoding, the door reads the same lead.
func TestEncodingsCarryTheSameLead(t *testing.T) {
	for n := range uint64(50) {
		lead := Make(n)
		for _, k := range Kinds {
			ct, body := lead.Encode(k)
			p, err := form.Parse(ct, body)
			if err != nil {
				t.Fatalf("%s: %v", k, err)
			}
			if len(p.Fields) != len(lead) {
				t.Fatalf("%s: %d fields, want %d", k, len(p.Fields), len(lead))
			}
			for i, f := range p.Fields {
				if f.Name != lead[i].Name || len(f.Values) != 1 || f.Values[0] != lead[i].Value {
					t.Errorf("%s: field %d is %q %q, want %q %q", k, i, f.Name, f.Values, lead[i].Name, lead[i].Value)
				}
			}
		}
	}
}

func TestLeadsDiffer(t *testing.T) {
	seen := map[string]uint64{}
	for n := range uint64(2000) {
		_, body := Make(n).Encode(JSON)
		if m, twice := seen[string(body)]; twice {
			t.Fatalf("leads %d and %d are the same", m, n)
		}
		seen[string(body)] = n
	}
}
