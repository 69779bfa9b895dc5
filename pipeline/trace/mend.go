package trace

import "os"

// mend puts a damaged file aside, and makes a new one where it was deleted.
func (x *Index) mend() error {
	x.files.RLock()
	w := x.write
	sick := false
	if w != nil {
		info, err := os.Stat(x.opts.Path)
		sick = err != nil || !os.SameFile(info, w.file)
		if !sick && x.suspect.Swap(false) {
			sick = !sound(x.opts.Path)
		}
	}
	x.files.RUnlock()
	if w != nil && !sick {
		return nil
	}
	x.files.Lock()
	defer x.files.Unlock()
	if x.closed || x.opts.ReadOnly {
		return errClosed
	}
	if w != nil {
		x.log.Warn("the index is damaged or was deleted; it is built anew from the streams")
		if err := x.putAside(); err != nil {
			return err
		}
	}
	return x.openAnew()
}

// sound reports whether the file is whole. It looks with a connection of its own, which
// has no good pages in memory in place of bad ones on disk.
func sound(path string) bool {
	db, err := openReading(path)
	if err != nil {
		return false
	}
	defer func() { _ = db.Close() }()
	var says string
	err = db.QueryRow(`PRAGMA quick_check(1)`).Scan(&says)
	return err == nil && says == "ok"
}
