package transform

import (
	"fmt"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

func TestPhone(t *testing.T) {
	for _, tt := range []struct {
		in    string
		kind  string
		local string
	}{
		// `sources.md` §4.1, its table.
		{"+84 (0)912 345 678", mobile, "0912345678"},
		{"84912345678", mobile, "0912345678"},
		{"912345678", mobile, "0912345678"},
		{" 84912345678", mobile, "0912345678"},
		{"842345678", mobile, "0842345678"},
		{"84842345678", mobile, "0842345678"},
		{"01691234567", mobile, "0391234567"},
		{"+841691234567", mobile, "0391234567"},
		{"1691234567", mobile, "0391234567"},
		{"02838123456", landline, "02838123456"},
		{"03582402952", invalid, ""},
		{"0123456789", invalid, ""},
		{"0000000000", invalid, ""},
		// Its rules.
		{"0912345678", mobile, "0912345678"},
		{"00840912345678", mobile, "0912345678"},
		{"0084912345678", mobile, "0912345678"},
		{"8401691234567", mobile, "0391234567"},
		{"84 28 3812 3456", landline, "02838123456"},
		{"2838123456", landline, "02838123456"},
		{"０９１２３４５６７８", mobile, "0912345678"},
		{"＋84912345678", mobile, "0912345678"},
		{"09l2345678", invalid, ""},
		{"09o2345678", mobile, "0902345678"},
		{"09Oo345678", mobile, "0900345678"},
		{"o912345678", mobile, "0912345678"}, // a letter in front is no digit; the 0 is lost
		{"0912.345.678", mobile, "0912345678"},
		{"0912-345-678 (Zalo)", mobile, "0912345678"},
		{"0120 1234567", mobile, "0701234567"},
		{"01861234567", mobile, "0561234567"},
		{"01991234567", mobile, "0591234567"},
		{"01101234567", invalid, ""},
		{"18001234", hotline, "18001234"},
		{"1900 1234 56", hotline, "1900123456"},
		{"+84 1900 1234", hotline, "19001234"},
		{"+841800123456", hotline, "1800123456"},
		{"1700123456", invalid, ""},
		{"0912345678 / 0987654321", mobile, "0912345678"},
		{"123, 0987654321", mobile, "0987654321"},
		{"0912345678, gọi sau 18 giờ", mobile, "0912345678"},
		// Abroad.
		{"+1 202-555-0123", foreign, "+12025550123"},
		{"0012025550123", foreign, "+12025550123"},
		{"+376312345", foreign, "+376312345"},
		{"+65 9123 4567", foreign, "+6591234567"},
		{"+912345678", mobile, "0912345678"}, // no Indian number: somebody's own idea of +84
		{"+99999999999", invalid, ""},
		{"12025550123", invalid, ""}, // no sign of being foreign
		// No number at all.
		{"", invalid, ""}, {"+", invalid, ""}, {"gọi tôi", invalid, ""}, {"1234567", invalid, ""},
		{"123456789012345678901234567890", invalid, ""},
		{"ooooooooooooooooooooooooo1", invalid, ""},
		{"0ooooooooooooooooooooooooo1", invalid, ""},
	} {
		got := parsePhone(tt.in, false)
		if got.kind != tt.kind || got.local != tt.local {
			t.Errorf("%q: %s %s, want %s %s", tt.in, got.kind, got.local, tt.kind, tt.local)
		}
		if (got.e164 == "") != (got.kind == invalid) {
			t.Errorf("%q: E.164 %q of a number that is %s", tt.in, got.e164, got.kind)
		}
	}
	if p := parsePhone(" 12025550123", true); p.e164 != "+12025550123" {
		t.Errorf("a foreign number whose + was lost: %+v", p)
	}
}

func TestPhoneMigration(t *testing.T) {
	for _, carrier := range []struct{ old, now []string }{
		{[]string{"0162", "0163", "0164", "0165", "0166", "0167", "0168", "0169"}, []string{"032", "033", "034", "035", "036", "037", "038", "039"}},
		{[]string{"0120", "0121", "0122", "0126", "0128"}, []string{"070", "079", "077", "076", "078"}},
		{[]string{"0123", "0124", "0125", "0127", "0129"}, []string{"083", "084", "085", "081", "082"}},
		{[]string{"0186", "0188", "0199"}, []string{"056", "058", "059"}},
	} {
		for i, old := range carrier.old {
			p := parsePhone(old+"1234567", false)
			if p.local != carrier.now[i]+"1234567" || !p.moved {
				t.Errorf("%s is %+v, want %s", old, p, carrier.now[i])
			}
		}
	}
}

// A second opinion on every prefix, from the library whose patterns these are.
func TestPhonePrefixesAgree(t *testing.T) {
	kinds := map[phonenumbers.PhoneNumberType]string{
		phonenumbers.MOBILE: mobile, phonenumbers.FIXED_LINE: landline, phonenumbers.TOLL_FREE: hotline, phonenumbers.PREMIUM_RATE: hotline,
	}
	check := func(national string) {
		n, err := phonenumbers.Parse("+84"+national, "")
		want := invalid
		if err == nil && phonenumbers.IsValidNumber(n) {
			if kind, ok := kinds[phonenumbers.GetNumberType(n)]; ok {
				want = kind
			}
		}
		sent := "0" + national
		if national[0] == '1' {
			sent = national
			if newPrefix([]byte(national)) != "" && len(national) == 10 {
				return // a legacy number: the library knows them no more
			}
		}
		if got := parsePhone(sent, false).kind; got != want {
			t.Errorf("%s: %s, the library says %s", sent, got, want)
		}
	}
	for i := 300; i < 1000; i++ {
		check(fmt.Sprintf("%d123456", i))
	}
	for i := 200; i < 300; i++ {
		check(fmt.Sprintf("%d1234567", i))
	}
	for _, national := range []string{"18001234", "180012345", "1800123456", "19001234", "1900123456", "17001234"} {
		check(national)
	}
}
