package bus

import "fmt"

// volume watches the disk under the embedded server. A disk that fills to the
// last byte breaks the stream until a restart (jetstream.md §6), so the door
// closes while there is still room to finish what was accepted.
type volume struct {
	dir     string
	reserve int                                              // percent
	space   func(dir string) (free, total uint64, err error) // diskSpace, outside tests
}

// reserveMost bounds the reserve: a tenth of a large disk is no danger, and a
// laptop that is nearly full should still run a demo.
const reserveMost = 10 << 30

// check costs one system call, about a microsecond, so it is asked before each
// commit rather than on a timer that a fast writer could outrun.
func (v *volume) check() error {
	if v.reserve <= 0 {
		return nil
	}
	free, total, err := v.space(v.dir)
	if err != nil || total == 0 {
		return nil // unknown is not full; the stream's own limit still holds
	}
	if keep := min(total/100*uint64(v.reserve), reserveMost); free < keep {
		return fmt.Errorf("%w: the data volume has %d MiB free and %d MiB are kept in reserve; free some space or lower nats.reserve",
			ErrFull, free>>20, keep>>20)
	}
	return nil
}

// share is the default for all streams together.
func (v *volume) share() int64 {
	if _, total, err := v.space(v.dir); err == nil && total > 0 {
		return int64(total / 100 * 80)
	}
	return 10 << 30
}
