package larkbot

import (
	"bytes"
	"testing"
	"time"
)

// FuzzDecrypt: nothing opens that was not sealed with the key, except by the chance
// that padding fits; what was sealed opens as it was.
func FuzzDecrypt(f *testing.F) {
	f.Add("P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=", "test key")
	f.Add(seal(pad("{}"), key), key)
	f.Add(seal([]byte("0123456789abcdef"), key), key)
	f.Add("", "")
	f.Add("AAAA", key)
	f.Add("\r\n", key)
	f.Fuzz(func(t *testing.T, text, k string) {
		if plain, err := decrypt(text, k); err == nil && len(plain) > len(text) {
			t.Errorf("%d bytes out of %d", len(plain), len(text))
		} else if err != nil && err != errSealed {
			t.Errorf("it says %v", err)
		}
		back, err := decrypt(seal(pad(text), k), k)
		if err != nil || !bytes.Equal(back, []byte(text)) {
			t.Errorf("sealed and opened: %q, %v", back, err)
		}
	})
}

// FuzzLate: a time is near only if it is one, whatever its unit.
func FuzzLate(f *testing.F) {
	now := time.Unix(1772334245, 0)
	for _, s := range []string{"1772334245", "1772334245000", "1772334245000000", "1772334245000000000", "-1", "", "9223372036854775807", "-9223372036854775808", "0x1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stamp string) {
		for _, window := range []time.Duration{time.Minute, 12 * time.Hour} {
			if !late(stamp, now, window) && late(stamp, now, 2*window) {
				t.Errorf("%q is within %v and not within twice as much", stamp, window)
			}
		}
	})
}
