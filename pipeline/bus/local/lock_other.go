//go:build !unix

package local

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockFolder holds the file open. Where the system has no advisory locks this
// only keeps the file from being removed; running two processes on one folder
// is then the operator's to avoid.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the data folder cannot be locked: %w", err)
	}
	return f, nil
}
