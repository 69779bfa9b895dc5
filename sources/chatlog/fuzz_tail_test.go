package chatlog

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// FuzzMark: whatever stands in the saved positions, the file is read within it.
func FuzzMark(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a.log")
	text := []byte("{\"a\":1}\n{\"a\":2}\n")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		f.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = file.Close() })
	for _, s := range []string{
		`[{"path":"a.log","id":"x","offset":8,"head_len":8,"tail_len":8}]`, `[null]`, `[{"offset":-1}]`, `[{"offset":9223372036854775807,"tail_len":1}]`,
		`[{"offset":4,"head_len":-5,"tail_len":99999999999}]`, `[{"offset":1,"head_len":1048576,"tail_len":1}]`, `{}`, "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, saved []byte) {
		var marks []*mark
		if json.Unmarshal(saved, &marks) != nil {
			return
		}
		for _, m := range marks {
			if m != nil && m.fits(file, int64(len(text))) && (m.Offset < 0 || m.Offset > int64(len(text))) {
				t.Errorf("%+v fits a file of %d bytes", *m, len(text))
			}
		}
	})
}
