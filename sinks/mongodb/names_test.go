package mongodb_test

import (
	"strings"
	"testing"

	"mekong/sinks/mongodb"
)

func TestFieldName(t *testing.T) {
	tests := []struct{ name, stored string }{
		{"name", "name"},
		{"Họ và tên", "Họ và tên"},
		{"🌾", "🌾"},
		{"utm.source", "utm%2Esource"},
		{".", "%2E"},
		{"$price", "%24price"},
		{"price$", "price$"},
		{"a.$b", "a%2E$b"},
		{"50%", "50%"},
		{"100%25", "100%2525"},
		{"%2E", "%252E"},
		{"%2e", "%2e"},
		{"%", "%25"},
		{"", "%"},
		{"a\x00b", "a%00b"},
		{"\xff", "%FF"},
		{"0", "0"},
		{"_id", "_id"},
	}
	for _, test := range tests {
		if got := mongodb.FieldName(test.name); got != test.stored {
			t.Errorf("FieldName(%q) = %q, want %q", test.name, got, test.stored)
		}
		if got := mongodb.RecordName(test.stored); got != test.name {
			t.Errorf("RecordName(%q) = %q, want %q", test.stored, got, test.name)
		}
	}
}

func FuzzFieldName(f *testing.F) {
	for _, seed := range []string{"", "%", "%%", "%.", "%2.", "%252E", "$", "a.b.$c", "\xff%41", "Số điện thoại", "%E1%BB%AF"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		stored := mongodb.FieldName(name)
		if stored == "" || stored[0] == '$' || strings.ContainsAny(stored, ".\x00") || strings.ToValidUTF8(stored, "") != stored {
			t.Errorf("FieldName(%q) = %q, which MongoDB would read as something else", name, stored)
		}
		if back := mongodb.RecordName(stored); back != name {
			t.Errorf("%q is stored as %q and reads back as %q", name, stored, back)
		}
		mongodb.RecordName(name) // whatever a database holds
	})
}
