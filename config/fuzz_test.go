package config

import (
	"testing"
	"time"
)

// FuzzScalars: a size or a duration that is taken is written so that it is taken as
// the same again.
func FuzzScalars(f *testing.F) {
	for _, s := range []string{"1", "1KiB", "1.5GB", "-1", "9223372036854775807", "99999999999TiB", "1h30m", "2d", "1.5d", "1d1d", "", "0x10", "1e9", "NaN"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, trouble := parseSize(text); trouble == nil {
			if again, trouble := parseSize(n.String()); n < 0 || trouble != nil || again != n {
				t.Errorf("%q is %d, written %q, read as %d", text, n, n, again)
			}
		}
		if d, trouble := parseDuration(text); trouble == nil {
			if again, trouble := parseDuration(formatDuration(d)); trouble != nil || again != d {
				t.Errorf("%q is %v, written %q, read as %v", text, time.Duration(d), formatDuration(d), again)
			}
		}
		if key, err := DecodeStandardSecret(NewSecret(text)); err == nil && len(key) == 0 {
			t.Errorf("%q is an empty key", text)
		}
	})
}
