package receipt

import "testing"

// FuzzParsePublicKey: what is taken for a key is one, and is written as it was read.
func FuzzParsePublicKey(f *testing.F) {
	var k PublicKey
	f.Add(k.String())
	f.Add(k.String() + "0")
	f.Add(" " + k.String() + "\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParsePublicKey(text)
		if err != nil {
			return
		}
		if again, err := ParsePublicKey(k.String()); err != nil || again != k {
			t.Errorf("%q is read as %s, and that as %s: %v", text, k, again, err)
		}
	})
}
