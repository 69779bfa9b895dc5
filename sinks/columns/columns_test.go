package columns

import "testing"

func TestRank(t *testing.T) {
	for _, c := range []struct {
		field, column string
		want          int
	}{
		{"phone", "phone", 0},
		{"phone", "Phone", 1},
		{"phone", "Số điện thoại", 2},
		{"phone", "So\u0302\u0301 đie\u0323\u0302n thoại", 2}, // decomposed
		{"phone", "SĐT", 3},
		{"name", "Họ và tên", 3},
		{"phone", "Họ và tên", No},
		{"phone", "", No},
		{"phone", " ", No},
		{"🌾", "🌾", 0},
		{"full name", "Full  Name", 1},
	} {
		if got := Rank(c.field, c.column); got != c.want {
			t.Errorf("Rank(%q, %q) = %d, want %d", c.field, c.column, got, c.want)
		}
	}
}

func TestHeading(t *testing.T) {
	if a, b := Heading(" Ho\u0323  tên\n"), Heading("Họ tên"); a != b {
		t.Errorf("%q and %q are one heading", a, b)
	}
}

func TestAliasesAreFolded(t *testing.T) {
	for _, f := range Fields() {
		for _, a := range aliases[f] {
			if Fold(a) != a {
				t.Errorf("the name %q of %q is never met: a folded one is %q", a, f, Fold(a))
			}
		}
	}
}
