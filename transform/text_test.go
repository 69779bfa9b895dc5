package transform

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""}, {" ", ""}, {"a", "a"}, {" a  b ", "a b"}, {"a\tb", "a b"},
		{"Nguyễn Văn An", "Nguyễn Văn An"},
		{norm.NFD.String("Nguyễn Thị Hòa"), "Nguyễn Thị Hòa"},
		{"Nguyê\u0303n", "Nguyễn"}, // half decomposed, as Windows' own keyboard types it
		{"hòa hoà", "hòa hoà"},     // old and new tone placement stay apart
		{"e\u200b\u0301", "é"},     // composed only once the space between is gone
		{"\ufeffa\u200bb\u200e", "ab"},
		{"a\u00a0b\u202f\u2003c\u3000", "a b c"},
		{"a\u00adb\x00c\x7f", "abc"},
		{"một\r\nhai\rba\nbốn", "một\nhai\nba\nbốn"},
		{"  một  \n\n  hai \n ", "một\n\nhai"},
		{"a\u2028b", "a\nb"},
		{"👨\u200d👩\u200d👧 x\u200dy", "👨\u200d👩\u200d👧 xy"},
		{"☎️ 0900", "☎️ 0900"},
		{"a\xffb", "a\ufffdb"},
		{"NGUYỄN VĂN A 😀", "NGUYỄN VĂN A 😀"},
	} {
		if got := clean(tt.in); got != tt.want {
			t.Errorf("clean(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// The fast path may only take what the slow one would leave alone.
func TestIsCleanAgrees(t *testing.T) {
	for r := rune(0); r < 0x3000; r++ {
		for _, s := range []string{string(r), "a" + string(r) + "b", string(r) + "\u0301"} {
			if isClean(s) && (scrub(s) != s || !norm.NFC.IsNormalString(s)) {
				t.Errorf("%U in %q is taken for clean", r, s)
			}
		}
	}
	if !isClean("Đỗ Thị Ánh Ngọc, 12 tuổi") {
		t.Error("plain Vietnamese takes the slow way")
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", " a\u0301 b", "e\u200b\u0301", "\r\n\u200d👩\u200d👧", "\xff\xfe", strings.Repeat("\u0301", 40), "\u1100\u1161\u11a8", "\u0f71\u0f72"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := clean(s)
		if twice := clean(once); twice != once {
			t.Errorf("clean(%q) = %q, and again %q", s, once, twice)
		}
		if !norm.NFC.IsNormalString(once) {
			t.Errorf("clean(%q) = %q is not NFC", s, once)
		}
		foldSearch(s)
		foldKey(s)
	})
}

func TestFold(t *testing.T) {
	for _, tt := range []struct{ in, key, search string }{
		{"Họ và tên", "hovaten", "ho va ten"},
		{norm.NFD.String("Họ và tên"), "hovaten", "ho va ten"},
		{"HO_VA-TEN*", "hovaten", "ho va ten"},
		{"Đường Đỗ", "duongdo", "duong do"},
		{"Ðường ðỗ", "duongdo", "duong do"}, // the Icelandic look-alike
		{"ưƯơƠăĂâÂêÊôÔ", "uuooaaaaeeoo", "uuooaaaaeeoo"},
		{"  Nguyễn   Văn - An. ", "nguyenvanan", "nguyen van an"},
		{"Ｎｇｕｙễｎ", "nguyen", "nguyen"},
		{"O'Brien 2", "obrien2", "o brien 2"},
		{"😀", "", ""},
		{"李 Нгуен", "李нгуен", "李 нгуен"},
		{"", "", ""},
	} {
		if got := foldKey(tt.in); got != tt.key {
			t.Errorf("foldKey(%q) = %q, want %q", tt.in, got, tt.key)
		}
		if got := foldSearch(tt.in); got != tt.search {
			t.Errorf("foldSearch(%q) = %q, want %q", tt.in, got, tt.search)
		}
	}
}
