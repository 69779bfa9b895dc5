package receipt

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

func TestWritings(t *testing.T) {
	for name, file := range files(t, an(t)) {
		golden(t, name, file)
		v := Verify(file, keyOf('k').Public())
		if !v.OK() {
			t.Errorf("%s: %s", name, says(v.Findings))
			continue
		}
		if r := v.Receipt; r.Number != 1 || !r.At().Equal(noon.Add(time.Hour)) || r.Issued().By != "Trung tâm A" || len(r.Facts) != 9 {
			t.Errorf("%s: read back as %+v", name, r)
		}
		// What must be so is said here as well, where -update cannot change it.
		for _, want := range []string{anName, anWording, "0900000000", "a@example.com", "landing-1", strings.Repeat("ab", 32), "mekong.records/landing-1",
			"https://base.example/x", "archive (mongodb)", "12:00:00.000 +07:00", "+07:00", keyOf('k').Public().String(), "192.0.2.1", "F1", "https://a.example/p?utm_source=fb"} {
			if !bytes.Contains(file, []byte(want)) && !bytes.Contains(file, []byte(strings.ReplaceAll(want, "+", "&#43;"))) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
		if err := v.Receipt.WriteHTML(&bytes.Buffer{}, VI); err == nil {
			t.Error("what was read from a file is signed again")
		}
		if err := v.Receipt.WriteCSV(&bytes.Buffer{}, VI); err == nil {
			t.Error("what was read from a file is signed again")
		}
	}
	if _, err := ParseLang("fr"); err == nil {
		t.Error("a language that is not there is taken")
	}
}

// One receipt has one head, however it is written.
func TestWritingsAgree(t *testing.T) {
	r := an(t)
	for name, file := range files(t, r) {
		if v := Verify(file, r.Key); v.Receipt.Head != r.Head {
			t.Errorf("%s has another head", name)
		}
	}
}

// What the form said of consent is said plainly, also that it said nothing.
func TestConsentIsSaidPlainly(t *testing.T) {
	for _, c := range []struct {
		consent Consent
		vi, en  string
	}{
		{Consent{Given: Empty}, "Không có câu chữ đồng ý nào được gửi", "No consent wording was sent"},
		{Consent{Given: Yes}, "không có câu chữ đồng ý nào được gửi kèm", "Agreed, but no consent wording was sent"},
		{Consent{Given: Yes, Wording: "Tôi đồng ý"}, "với câu chữ này", "Agreed, to this wording"},
		{Consent{Given: No}, "Không đồng ý", "Not agreed"},
		{Consent{Given: No, Wording: "Tôi không đồng ý"}, "Không đồng ý, với câu chữ này", "Not agreed, with this wording"},
	} {
		for name, file := range files(t, issue(t, NewLedger(newMemory()), keyOf('k'), Fact{At: noon, Lead: "a", Consent: &c.consent})) {
			want := c.vi
			if strings.HasPrefix(name, "en") {
				want = c.en
			}
			if !bytes.Contains(file, []byte(want)) || c.consent.Wording != "" && !bytes.Contains(file, []byte(c.consent.Wording)) {
				t.Errorf("%+v: %s lacks %q", c.consent, name, want)
			}
		}
	}
}

// A receipt of somebody who is forgotten says so, and of nobody who it is.
func TestForgotten(t *testing.T) {
	r := issue(t, NewLedger(newMemory()), keyOf('k'), Fact{At: noon, Forgotten: &Forgotten{Marks: []string{"0123456789abcdef"}}})
	for name, file := range files(t, r) {
		want := "đã yêu cầu được quên"
		if strings.HasPrefix(name, "en") {
			want = "asked to be forgotten"
		}
		if !bytes.Contains(file, []byte(want)) || bytes.Contains(file, []byte(words["proof.person"].vi)) || bytes.Contains(file, []byte(words["proof.person"].en)) {
			t.Errorf("%s: it should say %q, and holds no personal data:\n%s", name, want, file)
		}
		if v := Verify(file, r.Key); !v.OK() {
			t.Errorf("%s: %s", name, says(v.Findings))
		}
	}
}

// hostile are texts that a page, a table, or the lines in them could take for something.
var hostile = []string{
	`<script>alert(1)</script>`, `</pre><img src=x onerror=alert(1)>`, `"><svg onload=alert(1)>`, `</style><link rel=stylesheet href=//evil.example>`,
	`javascript:alert(1)`, `{{.Data}}`, "a\u202etxt.exe\u0000\x1b[31m\u2028", "\n</pre>\n9 0 {}\nseal x", `<!--`, `]]>`, `' onmouseover='x`, `&lt;b&gt;`,
	`=HYPERLINK("http://evil.example","x")`, `+cmd|' /C calc'!A0`, `-1+1`, "@SUM(1)", "\t=1", "=1\r\n=2", fileWord + noSignature, "1 " + noSignature + ` {"a":1}`,
	"\xff\xfe", strings.Repeat("ễ", 4000), `seal ed25519:00 00`, "\U000E0041",
}

// Whatever people send stays text.
func TestHostileText(t *testing.T) {
	for _, bad := range hostile {
		facts := lead(bad, bad, bad)
		facts[0].Received.Facts[bad], facts[0].Received.Source = bad, bad
		facts[1].Consent.Sent[0].Name, facts[1].Consent.At, facts[1].Consent.URL = bad, bad, bad
		facts[2].Record.Fields[bad], facts[2].Record.Key, facts[2].Record.Kind = bad, bad, bad
		facts[3].Outcome.Ref, facts[3].Outcome.Sink, facts[3].Outcome.Type, facts[3].Outcome.State = bad, bad, bad, State(bad)
		facts = append(facts, Fact{At: noon, Forgotten: &Forgotten{Marks: []string{bad}, Since: true}})
		r, err := Issue(t.Context(), NewLedger(newMemory()), keyOf('k'), noon, bad, facts)
		if err != nil {
			t.Fatal(err)
		}
		for name, file := range files(t, r) {
			if v := Verify(file, r.Key); !v.OK() {
				t.Errorf("%q: %s: %s", bad, name, says(v.Findings))
			}
			if strings.HasSuffix(name, "html") {
				onlyText(t, string(file))
			} else {
				noFormula(t, file)
			}
		}
	}
}

// onlyText fails where a page has a tag or an attribute that is not the template's own.
func onlyText(t *testing.T, page string) {
	t.Helper()
	own := map[string]bool{"pre ": true, "pre id": true}
	each(t, pageText, func(tag, attr, _ string) { own[tag+" "+attr] = true })
	each(t, page, func(tag, attr, value string) {
		if !own[tag+" "+attr] {
			t.Errorf("there is <%s %s=%.100q>, which is somebody else's", tag, attr, value)
		}
		if attr == "href" && !strings.HasPrefix(value, "http") || attr == "class" && strings.ContainsAny(value, "<>\"':=") {
			t.Errorf("there is %s=%.100q", attr, value)
		}
	})
	for _, r := range page {
		if unseen(r) && r != '\n' && r != '\t' {
			t.Fatalf("the page holds %U, which nobody sees", r)
		}
	}
}

// each calls f with the tags and attributes of a page, as a browser reads it.
func each(t *testing.T, page string, f func(tag, attr, value string)) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		f(n.Data, "", "")
		for _, a := range n.Attr {
			f(n.Data, a.Key, a.Val)
		}
	}
}

// noFormula fails where a spreadsheet program would work out a cell.
func noFormula(t *testing.T, file []byte) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte("\uFEFF")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			begin := strings.TrimLeft(cell, " \t\r\n\u00a0\ufeff")
			if begin != "" && strings.ContainsRune("=@", rune(begin[0])) || regexp.MustCompile(`^[+-][^0-9.]`).MatchString(begin) {
				t.Errorf("a cell would be worked out: %.100q", cell)
			}
		}
	}
}

// A page is one file: nothing is fetched, nothing runs.
func TestThePageStandsAlone(t *testing.T) {
	page := string(files(t, an(t))["vi.html"])
	each(t, page, func(tag, attr, value string) {
		switch tag {
		case "script", "link", "img", "iframe", "object", "embed", "form", "base", "video", "audio", "svg":
			t.Errorf("there is a <%s>", tag)
		}
		if strings.HasPrefix(attr, "on") || attr == "src" || attr == "style" || attr == "srcset" || attr == "background" {
			t.Errorf("there is %s=%q", attr, value)
		}
	})
	if strings.Contains(pageStyle, "url(") || strings.Contains(pageStyle, "@import") || !strings.Contains(pageStyle, "@page{size:A4") {
		t.Error("the style wants something from elsewhere, or is not for A4")
	}
	if !strings.Contains(strings.ReplaceAll(page, "&#43;", "+"), strings.ReplaceAll(Policy(), "'", "&#39;")) {
		t.Error("the page has no policy")
	}
	if size := len(page); size > 40<<10 {
		t.Errorf("a page of one lead has %d bytes", size)
	}
}

func TestBothLanguagesAreWhole(t *testing.T) {
	verbs := regexp.MustCompile(`%[a-z]`)
	for key, w := range words {
		if w.vi == "" || w.en == "" || fmt.Sprint(verbs.FindAllString(w.vi, -1)) != fmt.Sprint(verbs.FindAllString(w.en, -1)) {
			t.Errorf("%s: %+v", key, w)
		}
	}
	for _, m := range regexp.MustCompile(`{{t "([^"]+)"`).FindAllStringSubmatch(pageText, -1) {
		if _, ok := words[m[1]]; !ok {
			t.Errorf("the page asks for the word %q", m[1])
		}
	}
}

func TestTooMuch(t *testing.T) {
	many := make([]Fact, MostFacts+1)
	if _, err := Issue(t.Context(), NewLedger(newMemory()), keyOf('k'), noon, "", many); err != ErrLarge {
		t.Error(err)
	}
	big := []Fact{{At: noon, Lead: strings.Repeat("x", MostBytes/4)}}
	if _, err := Issue(t.Context(), NewLedger(newMemory()), keyOf('k'), noon, "", big); err != ErrLarge {
		t.Error(err)
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "receipt.key")
	if _, err := LoadKey(path); !os.IsNotExist(err) && !strings.Contains(fmt.Sprint(err), "no such") {
		t.Error(err)
	}
	k, err := LoadOrCreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadOrCreateKey(path)
	if err != nil || again.Public() != k.Public() {
		t.Error("the second time it is another key", err)
	}
	seed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if text := fmt.Sprintf(verb, k); text != k.Public().String() || strings.Contains(text, strings.TrimSpace(string(seed))) {
			t.Errorf("%s tells %q", verb, text)
		}
	}
	if p, err := ParsePublicKey(" " + strings.TrimPrefix(k.String(), keyWord) + "\n"); err != nil || p != k.Public() {
		t.Error(p, err)
	}
	for _, bad := range []string{"", "ed25519:", "ed25519:00", strings.Repeat("g", 64), k.String() + "00"} {
		if _, err := ParsePublicKey(bad); err == nil {
			t.Errorf("%q is taken for a key", bad)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Error("a key that others can read is taken", err)
	}
	if err := os.WriteFile(path, []byte("secret that is none\n"), 0o600); err != nil || os.Chmod(path, 0o600) != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	if _, err := LoadKey(filepath.Dir(path)); err == nil {
		t.Error("a folder is taken for a key")
	}
}
