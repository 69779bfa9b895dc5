//go:build unix && !mekong_no_embedded_mongodb

package local

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockFile takes path for this process until the file is closed. The kernel
// lets go of it when the process dies, however it dies.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("%s: %w", path, ErrInUse)
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
