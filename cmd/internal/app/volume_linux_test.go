package app

import (
	"testing"

	"golang.org/x/sys/unix"
)

// mount gives an empty volume of its own of that many bytes; false where this
// process may not mount one.
func mount(t *testing.T, size string) (dir string, ok bool) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Logf("no volume can be mounted here: %v", err)
		return "", false
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("the volume cannot be unmounted: %v", err)
		}
	})
	return dir, true
}
