//go:build unix

package chatlog

import (
	"os"
	"syscall"
)

// fileID is what a file keeps through a rename; 0, 0 when it is not known.
func fileID(info os.FileInfo) (device, inode uint64) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev), uint64(s.Ino) // their types differ between systems
	}
	return 0, 0
}
