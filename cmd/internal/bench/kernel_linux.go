package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// flushes reads how often a disk was told to put everything on the platter. The
// kernel counts for the whole device and everybody on it, and not for
// partitions (Documentation/block/stat.rst).
type flushes struct{ stat string }

// flushField is where the count stands in a device's stat file.
const flushField = 15

// watchFlushes finds the device under dir. Folders that no block device is
// under, as in memory or in most containers' own layers, have no count.
func watchFlushes(dir string) *flushes {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return nil
	}
	dev := uint64(st.Dev)
	path, err := filepath.EvalSymlinks(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(dev), unix.Minor(dev)))
	if err != nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(path, "partition")); err == nil {
		path = filepath.Dir(path)
	}
	f := &flushes{filepath.Join(path, "stat")}
	if _, ok := f.count(); !ok {
		return nil
	}
	return f
}

// count is false where it cannot be read.
func (f *flushes) count() (uint64, bool) {
	if f == nil {
		return 0, false
	}
	text, err := os.ReadFile(f.stat)
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(text))
	if len(fields) <= flushField {
		return 0, false // a kernel of before 5.5
	}
	n, err := strconv.ParseUint(fields[flushField], 10, 64)
	return n, err == nil
}

// processor is the time that this process has kept cores busy, the kernel's on
// its behalf included.
func processor() (time.Duration, bool) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
