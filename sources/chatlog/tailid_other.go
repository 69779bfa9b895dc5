//go:build !unix

package chatlog

import "os"

// fileID is what a file keeps through a rename; 0, 0 where that is not to be had
// from its description: files are then known by path and content.
func fileID(os.FileInfo) (device, inode uint64) { return 0, 0 }
