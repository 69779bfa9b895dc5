package receipt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// One byte that is other than it was issued, anywhere in a file, and it is no receipt
// any more.
func TestEveryByteCounts(t *testing.T) {
	// A small receipt, so that each byte can be tried.
	r := issue(t, NewLedger(newMemory()), keyOf('k'), Fact{At: noon, Lead: "a", Consent: &Consent{Given: Yes, Wording: "Tôi đồng ý"}})
	all := files(t, r)
	for _, name := range []string{"vi.html", "en.csv"} {
		file := all[name]
		if v := Verify(file, r.Key); !v.OK() {
			t.Fatalf("%s: %s", name, says(v.Findings))
		}
		for i := range file {
			bad := bytes.Clone(file)
			// A letter in the other case, where it is one: hexadecimal digits have two.
			if bad[i] ^= 1; file[i]|0x20 >= 'a' && file[i]|0x20 <= 'z' {
				bad[i] = file[i] ^ 0x20
			}
			if v := Verify(bad, r.Key); v.OK() {
				t.Fatalf("%s: byte %d may be %q instead of %q", name, i, bad[i], file[i])
			}
		}
		for _, n := range []int{0, 1, len(file) / 2, len(file) - 1} {
			if v := Verify(file[:n], r.Key); v.OK() {
				t.Errorf("%s: its first %d bytes are taken", name, n)
			}
		}
		for _, bad := range [][]byte{append(bytes.Clone(file), '\n'), append([]byte(" "), file...), append(bytes.Clone(file), file...), bytes.ReplaceAll(file, []byte("\r\n"), []byte("\n")),
			append(bytes.Clone(file), fileWord+noSignature...)} {
			if v := Verify(bad, r.Key); v.OK() && !bytes.Equal(bad, file) {
				t.Errorf("%s: what was added is not seen", name)
			}
		}
	}
}

// carriedIn is a file with its carried lines changed by f.
func carriedIn(t *testing.T, file []byte, f func(lines []string) []string) []byte {
	t.Helper()
	head, rest, _ := strings.Cut(string(file), pageBegin)
	lines, tail, ok := strings.Cut(rest, pageEnd)
	if !ok {
		t.Fatal("the file carries no lines")
	}
	return []byte(head + pageBegin + strings.Join(f(strings.Split(lines, "\n")), "\n") + pageEnd + tail)
}

// The first entry that does not fit is named, whatever was done to the entries.
func TestTheFirstThatDoesNotFitIsNamed(t *testing.T) {
	r := an(t)
	file := files(t, r)["vi.html"]
	for name, c := range map[string]struct {
		change func([]string) []string
		says   string
	}{
		"altered":     {func(l []string) []string { l[2] = strings.Replace(l[2], "0900000000", "0900000001", 1); return l }, "entry 3 (record) is the first"},
		"other hash":  {func(l []string) []string { l[3] = "4 " + strings.Repeat("0", 64) + l[3][66:]; return l }, "entry 4 (outcome) is the first"},
		"taken out":   {func(l []string) []string { return renumbered(slices.Delete(l, 4, 5)) }, "entry 5 (outcome) is the first"},
		"put in":      {func(l []string) []string { return renumbered(slices.Insert(l, 1, l[1])) }, "entry 3 (consent) is the first"},
		"exchanged":   {func(l []string) []string { l[4], l[5] = l[5], l[4]; return renumbered(l) }, "entry 5 (outcome) is the first"},
		"not counted": {func(l []string) []string { return slices.Delete(l, 4, 5) }, "entry 5 is not where"},
		"end cut off": {func(l []string) []string { return slices.Delete(l, 8, 9) }, "do not end where"},
		"no seal":     {func(l []string) []string { return l[:9] }, "no seal"},
		"bad seal":    {func(l []string) []string { l[9] = "seal x"; return l }, "seal cannot be read"},
		"seal's key":  {func(l []string) []string { l[9] = strings.Replace(l[9], "ed25519:", "", 1); return l }, "key cannot be read"},
		"more":        {func(l []string) []string { return append(l, "") }, "follows the seal"},
		"no JSON":     {func(l []string) []string { l[0] = l[0][:80]; return l }, "entry 1 cannot be read"},
		"no hash":     {func(l []string) []string { l[0] = "1 x {}"; return l }, "entry 1 has no hash"},
		"made anew":   {func(l []string) []string { return rechained(t, l, nil) }, "seal does not fit"},
		"sealed anew": {func(l []string) []string { return rechained(t, l, keyOf('x')) }, "sealed with another key"},
		"other's seal": {func(l []string) []string {
			l[9] = strings.Replace(l[9], keyOf('k').String(), keyOf('x').String(), 1)
			return l
		}, "seal does not fit"},
		"other head": {func(l []string) []string { l[9] = "seal " + strings.Repeat("0", 64) + l[9][69:]; return l }, "seal does not fit"},
	} {
		v := Verify(carriedIn(t, file, c.change), r.Key)
		if got := says(v.Findings); v.OK() || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q, want it to say %q", name, got, c.says)
		}
	}
	// What is around the entries is judged by itself.
	if got := says(Verify(bytes.Replace(file, []byte("<dd>"+anName), []byte("<dd>Trần B"), 1), r.Key).Findings); !strings.Contains(got, "around them was altered") {
		t.Error(got)
	}
}

// renumbered counts the lines again.
func renumbered(lines []string) []string {
	for i, l := range lines[:len(lines)-1] {
		_, rest, _ := strings.Cut(l, " ")
		lines[i] = fmt.Sprint(i+1, " ", rest)
	}
	return lines
}

// rechained changes a fact and all hashes with it, and seals that with the key, if there
// is one: what a forger can do.
func rechained(t *testing.T, lines []string, k *Key) []string {
	t.Helper()
	r, err := read(lines)
	if err != nil {
		t.Fatal(err)
	}
	r.Facts[2].Record.Name = "Somebody Else"
	if r.lines, err = chain(r.Facts); err != nil {
		t.Fatal(err)
	}
	r.Head = r.lines[len(r.lines)-1].hash
	if k != nil {
		r.Key, r.seal = k.Public(), k.sign(signedHead, r.Head[:])
	}
	var out []string
	for i, l := range r.lines {
		out = append(out, l.carried(i+1))
	}
	return append(out, r.carriedSeal())
}

// Anybody can make a key, so a seal by a key that nobody knows proves nothing.
func TestWhoseKey(t *testing.T) {
	r := an(t)
	file := files(t, r)["en.csv"]
	for _, c := range []struct {
		keys []PublicKey
		ok   bool
		says string
	}{
		{nil, false, "whose seal it is is not known"}, {[]PublicKey{keyOf('x').Public()}, false, "another key"},
		{[]PublicKey{keyOf('x').Public(), r.Key}, true, "sealed with ed25519:"},
	} {
		v := Verify(file, c.keys...)
		if got := says(v.Findings); v.OK() != c.ok || !strings.Contains(got, c.says) {
			t.Errorf("%v: %v %q", c.keys, v.OK(), got)
		}
	}
	if (&Verdict{}).OK() {
		t.Error("where nothing was looked at, all is well")
	}
}

func TestFactsAreReadAsWritten(t *testing.T) {
	for _, bad := range hostile {
		text, err := canonical(map[string]string{"a": bad})
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(text, "<>&\n\r") || bytes.ContainsFunc(text, unseen) {
			t.Errorf("%q is written as %q", bad, text)
		}
		var back map[string]string
		if err := json.Unmarshal(text, &back); err != nil || back["a"] != strings.ToValidUTF8(bad, "\uFFFD") && bad != "\xff\xfe" {
			t.Errorf("%q is read back as %q: %v", bad, back["a"], err)
		}
	}
}

// Whatever is given to it, it ends, and takes nothing but what was issued.
func FuzzVerify(f *testing.F) {
	r := an(f)
	issued := map[string]bool{}
	for _, file := range files(f, r) {
		issued[string(file)] = true
		f.Add(file)
		f.Add(file[:len(file)/2])
		f.Add(bytes.ToUpper(file))
		f.Add(bytes.Replace(file, []byte("seal "), []byte("seal  "), 1))
	}
	f.Add([]byte(pageBegin + "1 " + strings.Repeat("0", 64) + " {}\nseal " + pageEnd))
	f.Add([]byte("\uFEFFa,b,c,d,e\n1,2,3,4,\"1 00 {}\"\n"))
	f.Add([]byte("\uFEFF\""))
	f.Add([]byte(pageBegin + pageEnd + fileWord))
	f.Fuzz(func(t *testing.T, file []byte) {
		v := Verify(file, r.Key)
		if v.OK() && !issued[string(file)] {
			t.Errorf("taken: %q", file)
		}
		if len(v.Findings) == 0 {
			t.Error("it says nothing")
		}
		for _, f := range v.Findings {
			if strings.Contains(f.What, anName) {
				t.Error("it quotes the person")
			}
		}
	})
}
