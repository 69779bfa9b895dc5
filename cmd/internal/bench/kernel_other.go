//go:build !linux

package bench

import "time"

// flushes is the kernel's count of flushes, which only Linux shows.
type flushes struct{}

func watchFlushes(string) *flushes { return nil }

func (*flushes) count() (uint64, bool) { return 0, false }

func processor() (time.Duration, bool) { return 0, false }
