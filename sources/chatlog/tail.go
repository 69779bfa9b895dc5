package chatlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/request"
)

// Positions keeps how far files were read, for the next start. One value holds
// all files of a source, at most some hundred kilobytes.
type Positions interface {
	// Load returns what was saved last, nil when nothing was.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces it. What it returned nil for must outlive the process.
	Save(ctx context.Context, state []byte) error
}

// TailOptions are what a [Tail] needs beside its receiver.
type TailOptions struct {
	Positions Positions
	// Refuse keeps a line that no shape fits, with its cause. Nil keeps nothing.
	Refuse func(ctx context.Context, cause string, raw pipeline.Raw) error
	Logger *slog.Logger  // nil: logs nothing
	Every  time.Duration // between two looks; 0: a second
}

// Tail follows files of JSON lines as they grow. It is a [pipeline.Source]; only
// one may follow the same files with the same positions.
//
// A file is known by its device and inode and by the bytes read of it, so it is
// followed through a rename, and one that was truncated, written anew or copied
// away before it was truncated (logrotate's copytruncate) is recognised: the
// rest of a copy is read, and nothing of it twice. A line is taken when its end
// is there. Its position is saved after it is stored; what is read again after a
// crash gets the same ID. Files that are there at the first start are read from
// their beginning.
//
// What was cut off before anybody looked is lost, here as for every such tool, and
// a crash right before a copytruncate may bring the last lines twice where they
// have no ID of their own: let the chatbot rotate by renaming. A pattern that
// names the rotated files too (chat.jsonl*) finds those of a long absence.
type Tail struct {
	r     *Receiver
	globs []string
	most  int
	opts  TailOptions

	loaded bool
	warmed bool    // the first look is over
	marks  []*mark // of files that are not open
	files  []*tailed
	failed map[string]bool // paths whose trouble was logged
	unsure map[string]int  // paths of what may be a copy: for how many looks
	dirty  bool
}

var _ pipeline.Source = (*Tail)(nil)

const (
	chunkSize  = 1 << 20
	chunksEach = 32                  // of one file, before the others have their turn
	lingers    = 30                  // looks without growth, after which a rotated file is closed
	maxFiles   = 2000                // marks kept
	keepMark   = 14 * 24 * time.Hour // of a file that is gone
)

// NewTail follows what c.Tail names, for r.
func NewTail(r *Receiver, c config.ChatLog, o TailOptions) (*Tail, error) {
	if o.Positions == nil {
		return nil, errors.New("a tail needs somewhere to keep its positions")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	most := int(c.MaxBody)
	if most <= 0 {
		most = 900 << 10
	}
	return &Tail{r: r, globs: c.Tail, most: most, opts: o, failed: map[string]bool{}, unsure: map[string]int{}}, nil
}

// Run looks once a second until ctx ends. What cannot be stored or read is tried
// again at the next look, from the same place.
func (t *Tail) Run(ctx context.Context, emit pipeline.Emit) error {
	tick := time.NewTicker(t.opts.Every)
	defer tick.Stop()
	defer t.close()
	for troubled := false; ; {
		err := t.Look(ctx, emit)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !troubled {
			t.opts.Logger.Warn("chat logs could not be read to their end; trying again", "error", err)
		}
		troubled = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (t *Tail) close() {
	for _, f := range t.files {
		f.close()
		t.marks = append(t.marks, &f.mark)
	}
	t.files = nil
}

// Look reads what has come since the last look, once. It is what Run does every
// second; it must not be called beside Run.
func (t *Tail) Look(ctx context.Context, emit pipeline.Emit) error {
	if !t.loaded {
		if err := t.load(ctx); err != nil {
			return err
		}
	}
	if err := t.discover(); err != nil {
		return err
	}
	var trouble error
	for i := 0; i < len(t.files); i++ { // a truncated file may add its copy
		f := t.files[i]
		err := t.follow(ctx, f, emit)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			trouble = errors.Join(trouble, err)
		}
	}
	t.warmed = true
	t.retire(ctx, emit)
	if t.dirty && trouble == nil {
		trouble = t.save(ctx)
	}
	return trouble
}

// discover opens the files that the patterns name and nobody follows yet.
func (t *Tail) discover() error {
	for _, f := range t.files {
		f.there = false
	}
	for _, glob := range t.globs {
		paths, err := filepath.Glob(glob)
		if err != nil {
			return fmt.Errorf("pattern of files: %w", err)
		}
		slices.Sort(paths)
		for _, path := range paths {
			info, err := os.Stat(path)
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			if f := t.following(info); f != nil {
				f.there = true
				continue
			}
			t.open(path, true)
		}
	}
	// A file that was renamed out of the patterns while nobody looked has a rest.
	for _, m := range slices.Clone(t.marks) {
		if m.searched || m.Inode == 0 {
			continue
		}
		m.searched = true
		t.sibling(m, func(_ *os.File, info os.FileInfo) bool {
			dev, inode := fileID(info)
			return dev == m.Device && inode == m.Inode
		})
	}
	return nil
}

func (t *Tail) following(info os.FileInfo) *tailed {
	for _, f := range t.files {
		if os.SameFile(f.info, info) {
			return f
		}
	}
	return nil
}

// open begins to follow the file at path: where it was left, where what it is a
// copy of was left, or from its beginning.
func (t *Tail) open(path string, there bool) {
	file, info, err := openFile(path)
	if err != nil {
		t.complain(path, err)
		return
	}
	f := &tailed{file: file, info: info, there: there}
	dev, inode := fileID(info)
	for i, m := range t.marks {
		if inode != 0 && (m.Device != dev || m.Inode != inode) || inode == 0 && m.Path != path {
			continue
		}
		t.marks = slices.Delete(t.marks, i, i+1)
		if f.mark = *m; f.resume() {
			f.mark.Device, f.mark.Inode = dev, inode
			t.start(f)
			return
		}
		f.begin(path, m.Generation+1) // the same inode, and another file by now
		t.start(f)
		t.sibling(m, m.copied)
		return
	}
	m, sure := t.original(file, info)
	if m != nil && !sure && t.unsure[path] < waits {
		t.unsure[path]++
		f.close()
		return
	}
	delete(t.unsure, path)
	if m != nil && sure {
		f.mark = *m
		f.mark.Path, f.mark.Device, f.mark.Inode = path, dev, inode
		if f.resume() {
			t.start(f)
			return
		}
	}
	f.begin(path, 0)
	t.start(f)
}

func (t *Tail) start(f *tailed) {
	delete(t.failed, f.mark.Path)
	t.files = append(t.files, f)
	t.dirty = true
	if !t.warmed {
		t.warm(f)
	}
}

// enough is how many bytes must be the same for a file to be taken at once for
// the copy of another that is still whole. Below it the copy waits for a few
// looks, to see whether the other is truncated.
const (
	enough = 256
	waits  = 5
)

// original finds the file that this one is a copy of.
func (t *Tail) original(file *os.File, info os.FileInfo) (m *mark, sure bool) {
	for _, f := range t.files {
		if m := &f.mark; m.Offset > 0 && m.fits(file, info.Size()) {
			return m, m.Offset >= enough || !m.fits(f.file, sizeOf(f.file))
		}
	}
	for _, m := range t.marks {
		if m.Offset > 0 && m.fits(file, info.Size()) {
			return m, true
		}
	}
	return nil, false
}

// sibling looks for a file beside m's path that is what m was, and follows it.
func (t *Tail) sibling(m *mark, is func(*os.File, os.FileInfo) bool) {
	dir := filepath.Dir(m.Path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries[:min(len(entries), maxFiles)] {
		path := filepath.Join(dir, e.Name())
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || t.following(info) != nil {
			continue
		}
		file, info, err := openFile(path)
		if err != nil {
			continue
		}
		f := &tailed{file: file, info: info, mark: *m}
		if m.Offset > 0 && info.Size() < m.Offset || !is(file, info) || !f.resume() {
			f.close()
			continue
		}
		f.mark.Device, f.mark.Inode = fileID(info)
		t.marks = slices.DeleteFunc(t.marks, func(o *mark) bool { return o == m })
		t.start(f)
		return
	}
}

// warm lets the receiver see the last lines that were stored before a restart,
// so that an answer that comes now finds its question.
func (t *Tail) warm(f *tailed) {
	const back = 64 << 10
	from := max(0, f.mark.Offset-back)
	buf := make([]byte, f.mark.Offset-from)
	if n, err := f.file.ReadAt(buf, from); err != nil && n < len(buf) {
		return
	}
	at := from
	for n, line := range lines(buf) {
		if n > 0 || from == 0 { // the first may be cut
			_, _, _ = t.r.read(line, f.meta(at), f.place(at), t.r.now().UTC(), true) // what was refused then is refused now
		}
		at += int64(len(line)) + 1
	}
}

// retire closes what was rotated away and is silent. Its last line may have no
// end: if it is whole, it is taken.
func (t *Tail) retire(ctx context.Context, emit pipeline.Emit) {
	t.files = slices.DeleteFunc(t.files, func(f *tailed) bool {
		if f.there || f.behind {
			f.silent = 0
			return false
		}
		if f.silent++; f.silent < lingers {
			return false
		}
		if err := t.last(ctx, f, emit); err != nil {
			return false
		}
		f.close()
		f.mark.searched, f.mark.Gone = true, t.r.now().Unix()
		t.marks = append(t.marks, &f.mark)
		t.dirty = true
		return true
	})
}

// complain logs the trouble with a path once, until it is over.
func (t *Tail) complain(path string, err error) {
	if t.failed[path] {
		return
	}
	t.failed[path] = true
	t.opts.Logger.Warn("a chat log cannot be opened", "file", filepath.Base(path), "error", errors.Unwrap(err))
}

// refuse keeps a line that was not understood.
func (t *Tail) refuse(ctx context.Context, f *tailed, at int64, line []byte, why error) error {
	cause := request.CauseMalformed
	if r := request.AsRefusal(why); r != nil {
		cause = r.Cause
	}
	t.opts.Logger.Warn("a line of a chat log was not understood; it is kept", "file", filepath.Base(f.mark.Path), "at", at, "why", why)
	if t.opts.Refuse == nil {
		return nil
	}
	return t.opts.Refuse(ctx, cause, t.r.whole(f.meta(at), line, t.r.now().UTC()))
}
