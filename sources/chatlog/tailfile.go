package chatlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"

	"mekong/pipeline"
	"mekong/sources/request"
)

// tailed is one open file.
type tailed struct {
	mark   mark
	file   *os.File
	info   os.FileInfo // as it was opened: the file's identity
	there  bool        // a pattern still names it
	behind bool        // there was more than one look could read
	silent int         // looks without growth since it was rotated away
	size   int64       // at the last look
	mod    int64
	head   []byte // the first bytes read
	tail   []byte // the last bytes read
}

// batch is about how many Raws are stored at once. If that fails they are made
// again, for which the receiver must still remember them.
const batch = 200

// compared is how many bytes at the start and at the end of what was read a file
// is recognised by.
const compared = 4 << 10

func openFile(path string) (*os.File, os.FileInfo, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a file")
	}
	if err != nil {
		_ = file.Close() // nothing was written
		return nil, nil, err
	}
	return file, info, nil
}

func sizeOf(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return -1
	}
	return info.Size()
}

func (f *tailed) close() { _ = f.file.Close() } // it was only read

// begin starts at the first byte, as a file that was not seen before.
func (f *tailed) begin(path string, generation int) {
	dev, inode := fileID(f.info)
	name := ""
	if inode == 0 {
		name = path
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %d %s", dev, inode, generation, name))
	f.mark = mark{Path: path, ID: hex.EncodeToString(sum[:10]), Device: dev, Inode: inode, Generation: generation}
	f.head, f.tail, f.size, f.mod = nil, nil, -1, 0
}

// resume goes on where the mark says, if the file still is what was read.
func (f *tailed) resume() bool {
	if !f.mark.fits(f.file, sizeOf(f.file)) {
		return false
	}
	f.head = make([]byte, f.mark.HeadLen)
	f.tail = make([]byte, f.mark.TailLen)
	_, err1 := f.file.ReadAt(f.head, 0)
	_, err2 := f.file.ReadAt(f.tail, f.mark.Offset-int64(f.mark.TailLen))
	f.size = -1
	return (err1 == nil || err1 == io.EOF) && (err2 == nil || err2 == io.EOF)
}

// place names a line, for ever.
func (f *tailed) place(at int64) string { return f.mark.ID + ":" + strconv.FormatInt(at, 10) }

func (f *tailed) meta(at int64) map[string]string {
	return map[string]string{MetaFile: filepath.Base(f.mark.Path), MetaAt: strconv.FormatInt(at, 10)}
}

// take notes that b was read and dealt with.
func (f *tailed) take(b []byte) {
	f.mark.Offset += int64(len(b))
	if room := compared - len(f.head); room > 0 {
		f.head = append(f.head, b[:min(room, len(b))]...)
	}
	f.tail = append(f.tail, b...)
	if over := len(f.tail) - compared; over > 0 {
		f.tail = append([]byte(nil), f.tail[over:]...)
	}
	f.mark.HeadLen, f.mark.Head = len(f.head), digest(f.head)
	f.mark.TailLen, f.mark.Tail = len(f.tail), digest(f.tail)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

// lines are the complete lines of b, without their ends.
func lines(b []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for n := 0; ; n++ {
			end := bytes.IndexByte(b, '\n')
			if end < 0 || !yield(n, b[:end]) {
				return
			}
			b = b[end+1:]
		}
	}
}

// follow reads what a file has grown by.
func (t *Tail) follow(ctx context.Context, f *tailed, emit pipeline.Emit) error {
	info, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("a chat log: %w", errors.Unwrap(err))
	}
	if info.Size() == f.size && info.ModTime().UnixNano() == f.mod && !f.behind {
		return nil
	}
	if !f.mark.fits(f.file, info.Size()) {
		// Truncated or written anew. What was not read of it may be in a copy.
		old := f.mark
		f.begin(f.mark.Path, f.mark.Generation+1)
		t.sibling(&old, old.copied)
		if err := t.save(ctx); err != nil { // before a line is named after it
			return err
		}
	}
	f.silent = 0
	buf := make([]byte, min(chunkSize, max(0, info.Size()-f.mark.Offset)+512))
	for range chunksEach {
		n, err := f.file.ReadAt(buf, f.mark.Offset)
		if err != nil && err != io.EOF {
			return fmt.Errorf("a chat log: %w", errors.Unwrap(err))
		}
		used, err := t.chunk(ctx, f, buf[:n], emit)
		if err != nil {
			f.behind = true
			return err
		}
		if used == 0 {
			f.behind = false
			f.size, f.mod = info.Size(), info.ModTime().UnixNano()
			return nil
		}
	}
	f.behind = true
	return nil
}

// chunk takes the complete lines of b, which stands at the file's position, and
// saves that they were taken. It returns how much that was.
func (t *Tail) chunk(ctx context.Context, f *tailed, b []byte, emit pipeline.Emit) (int, error) {
	end := bytes.LastIndexByte(b, '\n') + 1
	if end == 0 {
		if len(b) <= t.most && !f.mark.Skip || len(b) == 0 {
			return 0, nil
		}
		// Longer than a line may be: its start is kept as refused, the rest is
		// passed over.
		if !f.mark.Skip {
			if err := t.refuse(ctx, f, f.mark.Offset, b[:min(len(b), t.most)], errLong); err != nil {
				return 0, err
			}
		}
		f.mark.Skip = true
		f.take(b)
		return len(b), t.save(ctx)
	}
	var raws []pipeline.Raw
	at, used := f.mark.Offset, 0
	for n, line := range lines(b[:end]) {
		start := at
		at += int64(len(line)) + 1
		used += len(line) + 1
		switch {
		case n == 0 && f.mark.Skip:
		case len(bytes.TrimSpace(line)) == 0:
		case len(line) > t.most:
			if err := t.refuse(ctx, f, start, line[:t.most], errLong); err != nil {
				return 0, err
			}
		default:
			made, err := t.line(ctx, f, start, line)
			if err != nil {
				return 0, err
			}
			raws = append(raws, made...)
		}
		if len(raws) >= batch {
			break
		}
	}
	if len(raws) > 0 {
		if err := emit(ctx, raws...); err != nil {
			return 0, fmt.Errorf("storing chat turns: %w", err)
		}
	}
	f.mark.Skip = false
	f.take(b[:used])
	return used, t.save(ctx)
}

// line makes Raws of one line. One that is not understood is kept as refused.
func (t *Tail) line(ctx context.Context, f *tailed, at int64, line []byte) ([]pipeline.Raw, error) {
	line = bytes.Clone(line) // Raws outlive the buffer
	raws, _, err := t.r.read(line, f.meta(at), f.place(at), t.r.now().UTC(), true)
	if err != nil {
		return nil, t.refuse(ctx, f, at, line, err)
	}
	return raws, nil
}

// last takes the end of a file that nobody writes to any more, if it is a whole
// JSON value.
func (t *Tail) last(ctx context.Context, f *tailed, emit pipeline.Emit) error {
	rest := make([]byte, t.most+1)
	n, err := f.file.ReadAt(rest, f.mark.Offset)
	if err != nil && err != io.EOF || n == 0 || n > t.most || f.mark.Skip {
		return nil
	}
	if rest = rest[:n]; bytes.IndexByte(rest, '\n') >= 0 || !json.Valid(rest) {
		return nil
	}
	raws, err := t.line(ctx, f, f.mark.Offset, rest)
	if err != nil {
		return err
	}
	if len(raws) > 0 {
		if err := emit(ctx, raws...); err != nil {
			return fmt.Errorf("storing chat turns: %w", err)
		}
	}
	f.take(rest)
	return t.save(ctx)
}

var errLong = request.Malformed("The line is longer than the source's max_body.")
