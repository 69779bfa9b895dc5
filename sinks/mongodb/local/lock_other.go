//go:build !unix && !mekong_no_embedded_mongodb

package local

import "os"

// lockFile only makes the file: these systems have no lock in the standard
// library, so nothing tells two processes on one directory apart.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
