//go:build !linux

package app

import "testing"

// mount needs Linux.
func mount(t *testing.T, size string) (dir string, ok bool) {
	t.Helper()
	t.Logf("no volume of %s can be mounted on this system", size)
	return "", false
}
