package chatlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// mark is how far a file was read, and how it is known again.
type mark struct {
	Path       string `json:"path"`
	ID         string `json:"id"` // what its lines are named after
	Device     uint64 `json:"device,omitempty"`
	Inode      uint64 `json:"inode,omitempty"`      // 0 where files have none
	Generation int    `json:"generation,omitempty"` // how often it was truncated
	Offset     int64  `json:"offset"`
	Head       string `json:"head,omitempty"` // of the first bytes read
	HeadLen    int    `json:"head_len,omitempty"`
	Tail       string `json:"tail,omitempty"` // of the last ones
	TailLen    int    `json:"tail_len,omitempty"`
	Skip       bool   `json:"skip,omitempty"` // in the middle of a line that is too long
	Gone       int64  `json:"gone,omitempty"` // when it was closed, Unix seconds

	searched bool // a renamed file was looked for
}

// fits reports whether file, of the given size, begins with what was read.
func (m *mark) fits(file *os.File, size int64) bool {
	if size < m.Offset || m.HeadLen < 0 || m.HeadLen > compared || m.TailLen < 0 || m.TailLen > compared || int64(m.TailLen) > m.Offset {
		return false
	}
	if m.Offset == 0 {
		return true
	}
	same := func(from int64, n int, want string) bool {
		b := make([]byte, n)
		got, err := file.ReadAt(b, from)
		return got == n && (err == nil || n == got) && digest(b) == want
	}
	return same(m.Offset-int64(m.TailLen), m.TailLen, m.Tail) && same(0, m.HeadLen, m.Head)
}

// copied reports whether file is a copy of what m marks. Of what nothing was read
// nothing can be recognised.
func (m *mark) copied(file *os.File, info os.FileInfo) bool {
	return m.Offset > 0 && m.fits(file, info.Size())
}

// load reads the marks of the last start.
func (t *Tail) load(ctx context.Context) error {
	b, err := t.opts.Positions.Load(ctx)
	if err != nil {
		return fmt.Errorf("positions of chat logs: %w", err)
	}
	var marks []*mark
	if len(b) > 0 {
		if err := json.Unmarshal(b, &marks); err != nil {
			// Reading all again is harmless: every line has the ID it had.
			t.opts.Logger.Warn("the positions of the chat logs cannot be read; the files are read from their beginning")
			marks = nil
		}
	}
	t.marks, t.loaded = slices.DeleteFunc(marks, func(m *mark) bool { return m == nil }), true
	return nil
}

// save writes the marks of all files, the open ones first.
func (t *Tail) save(ctx context.Context) error {
	all := make([]*mark, 0, len(t.files)+len(t.marks))
	for _, f := range t.files {
		all = append(all, &f.mark)
	}
	old := t.r.now().Add(-keepMark).Unix()
	t.marks = slices.DeleteFunc(t.marks, func(m *mark) bool { return m.Gone != 0 && m.Gone < old })
	if over := len(all) + len(t.marks) - maxFiles; over > 0 && over <= len(t.marks) {
		t.marks = t.marks[over:]
	}
	all = append(all, t.marks...)
	b, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("positions of chat logs: %w", err)
	}
	if err := t.opts.Positions.Save(ctx, b); err != nil {
		return fmt.Errorf("positions of chat logs: %w", err)
	}
	t.dirty = false
	return nil
}

// PositionFile keeps positions in a file on this machine, which is where the
// files are.
type PositionFile struct {
	path string
	mu   sync.Mutex
}

var _ Positions = (*PositionFile)(nil)

// NewPositionFile keeps positions at path, in a folder that exists.
func NewPositionFile(path string) *PositionFile { return &PositionFile{path: path} }

// Load implements [Positions].
func (p *PositionFile) Load(context.Context) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Save implements [Positions]. The old file stays until the new one is on disk.
func (p *PositionFile) Save(_ context.Context, state []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	file, err := os.CreateTemp(filepath.Dir(p.path), filepath.Base(p.path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(state)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), p.path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // it is of no use to anybody
	}
	return err
}
