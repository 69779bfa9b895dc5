package lark

import (
	"strings"
	"testing"
)

func TestParseLink(t *testing.T) {
	for in, want := range map[string]Link{
		"https://example.larksuite.com/base/HTJ6bxyz?table=tblpg123&view=vew456":          {Brand: BrandLark, Host: "example.larksuite.com", Kind: KindBase, AppToken: "HTJ6bxyz", TableID: "tblpg123", ViewID: "vew456"},
		" <https://example.sg.larksuite.com/base/HTJ6bxyz?table=tblpg123#/share> ":        {Brand: BrandLark, Host: "example.sg.larksuite.com", Kind: KindBase, AppToken: "HTJ6bxyz", TableID: "tblpg123"},
		"https://example.feishu.cn/wiki/wikcnAbc?table=tbl1&view=vew1":                    {Brand: BrandFeishu, Host: "example.feishu.cn", Kind: KindWiki, NodeToken: "wikcnAbc", TableID: "tbl1", ViewID: "vew1"},
		"example.larksuite.com/base/HTJ6bxyz/":                                            {Brand: BrandLark, Host: "example.larksuite.com", Kind: KindBase, AppToken: "HTJ6bxyz"},
		"https://EXAMPLE.Larksuite.com/base/HTJ6bxyz?table=tbl1%23":                       {Brand: BrandLark, Host: "example.larksuite.com", Kind: KindBase, AppToken: "HTJ6bxyz", TableID: "tbl1"},
		"http://127.0.0.1:9000/base/bascn1?table=tbl1":                                    {Host: "127.0.0.1:9000", Plain: true, Kind: KindBase, AppToken: "bascn1", TableID: "tbl1"},
		"https://larksuite.com.example.com/base/HTJ6bxyz":                                 {Host: "larksuite.com.example.com", Kind: KindBase, AppToken: "HTJ6bxyz"},
		"https://example.larksuite.com/base/HTJ6bxyz?from=copy&table=tblA&view=bad%20one": {Brand: BrandLark, Host: "example.larksuite.com", Kind: KindBase, AppToken: "HTJ6bxyz", TableID: "tblA"},
	} {
		if got, err := ParseLink(in); err != nil || got != want {
			t.Errorf("%s:\n%+v, %v, want\n%+v", in, got, err, want)
		}
	}
	for in, says := range map[string]string{
		"":                             "not a link",
		"HTJ6bxyz":                     "none to a Base",
		"ftp://x.larksuite.com/base/a": "not a link",
		"https://example.larksuite.com/docx/doxcn1":                       "a document",
		"https://example.larksuite.com/sheets/shtcn1?sheet=a":             "a spreadsheet",
		"https://example.larksuite.com/share/base/form/shrcn1":            "a shared page",
		"https://example.larksuite.com/record/abc":                        "a single record",
		"https://example.larksuite.com/base/HTJ6bxyz?table=blkdash":       "a dashboard",
		"https://example.larksuite.com/base/HTJ6bxyz?table=wkfflow":       "a workflow",
		"https://example.larksuite.com/base/HTJ6bxyz?table=ldxdoc":        "a document inside the Base",
		"https://example.larksuite.com/base/HTJ6bxyz?table=xyz":           "table= is none",
		"https://example.larksuite.com/base/":                             "names no Base",
		"https://example.larksuite.com/base/..%2f..?table=tbl1":           "names no Base",
		"https://example.larksuite.com/":                                  "none to a Base",
		"https://user:0900000000@example.larksuite.com/base/HTJ6bxyz":     "not a link",
		"https://example.larksuite.com/base/" + strings.Repeat("a", 3000): "too long",
	} {
		got, err := ParseLink(in)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.80q: %+v, %v, want it to say %q", in, got, err, says)
		} else if strings.Contains(err.Error(), "0900000000") || strings.Contains(err.Error(), "HTJ6bxyz") {
			t.Errorf("the error repeats the link: %v", err)
		}
	}
}

func TestLinkURL(t *testing.T) {
	for _, s := range []string{"http://127.0.0.1:9000/base/abc?table=tbl1", "https://example.larksuite.com/base/HTJ6bxyz?table=tblpg123&view=vew456", "https://example.feishu.cn/wiki/wikcnAbc?table=tbl1", "https://example.feishu.cn/base/abc"} {
		l, err := ParseLink(s)
		if err != nil || l.URL() != s {
			t.Errorf("%s became %s, %v", s, l.URL(), err)
		}
	}
	// A simulator's pages are where it is; a proxy has none.
	for endpoint, want := range map[string]string{
		"":                           "https://example.larksuite.com/base/abc?table=tbl1",
		"http://127.0.0.1:9000":      "http://127.0.0.1:9000/base/abc?table=tbl1",
		"http://localhost:9000/":     "http://localhost:9000/base/abc?table=tbl1",
		"https://[::1]:9000":         "https://[::1]:9000/base/abc?table=tbl1",
		"https://proxy.example.com":  "https://example.larksuite.com/base/abc?table=tbl1",
		"https://open.larksuite.com": "https://example.larksuite.com/base/abc?table=tbl1",
		"\x7f":                       "https://example.larksuite.com/base/abc?table=tbl1",
	} {
		if got := (Link{Brand: BrandLark, Host: "example.larksuite.com", Kind: KindBase, AppToken: "abc", TableID: "tbl1"}).On(endpoint).URL(); got != want {
			t.Errorf("on %q: %s, want %s", endpoint, got, want)
		}
	}
	node := Link{Host: "example.larksuite.com", Kind: KindWiki, NodeToken: "wik1"}
	if got := node.On("http://127.0.0.1:9000"); got != node {
		t.Errorf("a wiki's page became %+v", got)
	}
	if got := (Link{}).URL(); got != "" {
		t.Errorf("no link became %s", got)
	}
}

func FuzzParseLink(f *testing.F) {
	for _, s := range []string{"https://a.larksuite.com/base/b?table=tblc&view=vewd", "https://a.feishu.cn/wiki/b#x", "//", "base/%", "https://a/base/b?table=blk", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLink(s)
		if err != nil {
			return
		}
		if (l.AppToken == "") == (l.NodeToken == "") || (l.TableID != "" && !plainID(l.TableID)) {
			t.Errorf("%q: %+v", s, l)
		}
		if again, err := ParseLink(l.URL()); err != nil || again != l {
			t.Errorf("%q: %+v is not the same again: %+v, %v", s, l, again, err)
		}
	})
}
