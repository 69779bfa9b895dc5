package sheets

import (
	"strings"
	"testing"
)

func TestParseLink(t *testing.T) {
	for _, c := range []struct {
		text string
		want Link
		bad  error
	}{
		{"https://docs.google.com/spreadsheets/d/1AbC_-9/edit#gid=0", Link{"1AbC_-9", 0, true}, nil},
		{"https://docs.google.com/spreadsheets/d/1AbC/edit?gid=12#gid=34", Link{"1AbC", 34, true}, nil},
		{"https://docs.google.com/spreadsheets/d/1AbC/edit?usp=sharing&gid=12", Link{"1AbC", 12, true}, nil},
		{"https://docs.google.com/spreadsheets/u/1/d/1AbC/", Link{"1AbC", 0, false}, nil},
		{"https://docs.google.com/a/example.com/spreadsheets/d/1AbC", Link{"1AbC", 0, false}, nil},
		{"https://docs.google.com/spreadsheets/d/1AbC/edit#gid=5&range=A42", Link{"1AbC", 5, true}, nil},
		{"http://127.0.0.1:99/spreadsheets/d/1AbC/edit#gid=99999999999", Link{"1AbC", 0, false}, nil},
		{"https://docs.google.com/spreadsheets/d/e/2PACX-1v/pubhtml", Link{}, errPublished},
		{"https://docs.google.com/document/d/1AbC/edit", Link{}, errNoLink},
		{"1AbC", Link{}, errNoLink},
		{"", Link{}, errNoLink},
	} {
		got, err := ParseLink(c.text)
		if got != c.want || err != c.bad {
			t.Errorf("ParseLink(%q) = %+v, %v, want %+v, %v", c.text, got, err, c.want, c.bad)
		}
	}
}

func FuzzParseLink(f *testing.F) {
	for _, s := range []string{"https://docs.google.com/spreadsheets/d/1AbC/edit#gid=0", "https://x/spreadsheets/d/%2e%2e/edit", "http://[::1/spreadsheets/d/a", "https://x/spreadsheets/d/e/2PACX/pub?gid=1", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLink(text)
		if err != nil {
			if l != (Link{}) {
				t.Errorf("an error, and a link beside it: %+v", l)
			}
			return
		}
		if l.ID == "" || strings.Trim(l.ID, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" || l.GID < 0 {
			t.Errorf("no id of a spreadsheet: %+v", l)
		}
		again, err := ParseLink(address("", l.ID))
		if err != nil || again.ID != l.ID {
			t.Errorf("the address of %+v is not read back: %+v, %v", l, again, err)
		}
	})
}

func TestColumnName(t *testing.T) {
	for c, want := range map[int64]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA", 18277: "ZZZ"} {
		if got := columnName(c); got != want {
			t.Errorf("columnName(%d) = %s, want %s", c, got, want)
		}
	}
	if got := rowsOfColumn("Bán 'hàng'", 27, 1, 5); got != "'Bán ''hàng'''!AB2:AB5" {
		t.Errorf("rowsOfColumn = %s", got)
	}
}
