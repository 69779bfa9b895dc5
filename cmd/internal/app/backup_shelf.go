package app

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the embedded MongoDB's files are SQLite's
)

// shelf writes the files of one backup and remembers what it wrote. One goroutine uses
// it.
type shelf struct {
	dir   string
	files []BackedUp
}

// create opens a new file, which is on disk and on the list once it is closed.
func (w *shelf) create(under, rel string) (io.WriteCloser, error) {
	path := filepath.Join(w.dir, under, rel)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &shelved{w: w, path: filepath.ToSlash(filepath.Join(under, rel)), f: f, sum: sha256.New()}, nil
}

type shelved struct {
	w    *shelf
	path string
	f    *os.File
	sum  hash.Hash
	size int64
}

// Write implements io.Writer.
func (s *shelved) Write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	s.sum.Write(p[:n])
	s.size += int64(n)
	return n, err
}

// Close flushes the file to disk.
func (s *shelved) Close() error {
	if err := errors.Join(s.f.Sync(), s.f.Close()); err != nil {
		return err
	}
	s.w.files = append(s.w.files, BackedUp{Path: s.path, Size: s.size, SHA256: hex.EncodeToString(s.sum.Sum(nil))})
	return nil
}

// copy takes a file as it is now; one that has gone meanwhile is left out.
func (w *shelf) copy(ctx context.Context, from, under, rel string) error {
	in, err := os.Open(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := w.create(under, rel)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, patient{ctx, in})
	return errors.Join(err, out.Close())
}

// patient is a reader that ends with a context.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
}

// databases copies the embedded MongoDB, each file as of one moment of its own; a server
// may be writing to it.
func (w *shelf) databases(ctx context.Context, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.sqlite"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := w.database(ctx, f); err != nil {
			return fmt.Errorf("the embedded MongoDB's %s: %w", filepath.Base(f), err)
		}
	}
	return nil
}

func (w *shelf) database(ctx context.Context, file string) error {
	temp := filepath.Join(w.dir, ".copy.sqlite")
	defer func() { _ = os.Remove(temp) }()
	if err := vacuumInto(ctx, file, temp); err != nil {
		return err
	}
	return w.copy(ctx, temp, backupMongoDB, filepath.Base(file))
}

func vacuumInto(ctx context.Context, file, into string) (err error) {
	at := url.URL{Scheme: "file", Path: file, OmitHost: true, RawQuery: "_pragma=busy_timeout(10000)&mode=rw"}
	db, err := sql.Open("sqlite", at.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", into)
	return err
}

// finish writes the manifest, which makes a backup of the folder.
func (w *shelf) finish(m Manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	temp := filepath.Join(w.dir, "."+manifestName)
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, filepath.Join(w.dir, manifestName)); err != nil {
		return err
	}
	return syncFolder(w.dir)
}

// syncFolder flushes the names in dir, where the system can.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // Windows cannot, and needs it not
	return d.Close()
}

// ReadBackup reads the manifest of a backup and sees that every file is there, whole
// and unchanged.
func ReadBackup(ctx context.Context, dir string) (m Manifest, err error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, os.ErrNotExist) {
		return m, fmt.Errorf("%s is no backup, or one that was never finished: it has no %s", dir, manifestName)
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s cannot be read: %w", manifestName, err)
	}
	if m.Format != backupFormat {
		return m, fmt.Errorf("the backup has format %d, and this mekong knows %d: use the release that made it", m.Format, backupFormat)
	}
	listed := map[string]bool{}
	for _, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
			return m, fmt.Errorf("%s names a file outside of the backup", manifestName)
		}
		if err := f.check(ctx, dir); err != nil {
			return m, fmt.Errorf("%s: %w", f.Path, err)
		}
		listed[f.Path] = true
	}
	for _, s := range m.Streams {
		if strings.ContainsAny(s.Name, `/\.*> `) || !listed[backupStreams+"/"+s.Name] {
			return m, fmt.Errorf("stream %q is not in the backup", s.Name)
		}
	}
	return m, nil
}

func (f BackedUp) check(ctx context.Context, dir string) error {
	r, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Path)))
	if err != nil {
		return cause(err)
	}
	defer func() { _ = r.Close() }() // it was only read
	sum := sha256.New()
	n, err := io.Copy(sum, patient{ctx, r})
	if err != nil {
		return cause(err)
	}
	if n != f.Size || hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return errors.New("it is not what was backed up: its hash differs")
	}
	return nil
}
