package bus

import "fmt"

// volume watches the disk under the embedded server. A disk that fills to the
// last byte breaks the stream until a restart (jetstream.md §6), so the door
// closes while there is still room to finish what was accepted.
type volume struct {
	dir     string
	reserve int // percent
}

// check costs one system call, about a microsecond, so it is asked before each
// commit rather than on a timer that a fast writer could outrun.
func (v *volume) check() error {
	if v.reserve <= 0 {
		return nil
	}
	free, total, err := diskSpace(v.dir)
	if err != nil || total == 0 {
		return nil // unknown is not full; the stream's own limit still holds
	}
	if free*100 < total*uint64(v.reserve) {
		return fmt.Errorf("%w: the data volume has %d %% free and %d %% are kept in reserve; free some space or lower nats.reserve",
			ErrFull, free*100/total, v.reserve)
	}
	return nil
}

// share is the default for all streams together.
func (v *volume) share() int64 {
	if _, total, err := diskSpace(v.dir); err == nil && total > 0 {
		return int64(total / 100 * 80)
	}
	return 10 << 30
}
