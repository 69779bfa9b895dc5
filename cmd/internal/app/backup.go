package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mekong/config"
	"mekong/pipeline/bus"
)

// A backup is a folder: streams/, files/ and mongodb/, and a manifest that names every
// file in it with its size and hash. The manifest is written last, so that a folder
// without one is no backup.
const (
	backupFormat  = 1
	backupStreams = "streams"
	backupFiles   = "files"
	backupMongoDB = "mongodb"
	manifestName  = "manifest.json"
)

// Manifest says what is in a backup.
type Manifest struct {
	Format int       `json:"format"`
	Made   time.Time `json:"made"`
	// Stood is how long the transform stood still for it.
	Stood   time.Duration    `json:"stood"`
	Streams []bus.StreamCopy `json:"streams"`
	Files   []BackedUp       `json:"files"` // all, with their paths in the backup
	// Missing are sinks whose destination is not in it, which is for their own tools.
	Missing []string `json:"missing,omitempty"`
}

// BackedUp is one file of a backup.
type BackedUp struct {
	Path   string `json:"path"` // with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Backup writes everything that Mekong keeps into dir, which must not exist or be empty:
// first the streams and tables, then the files of data_dir with its keys, and last the
// embedded MongoDB, so that what a stream says is stored is stored in the copy, too. A
// mekong may be running meanwhile, and goes on taking leads in.
//
// Whoever has a backup has the keys and everybody's data: it is made for nobody but its
// owner to read. What it does not hold is in [Manifest.Missing], and the configuration
// with the secrets that it refers to.
func Backup(ctx context.Context, c *config.Config, dir string, log *slog.Logger) (m Manifest, err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := emptyFolder(dir); err != nil {
		return m, err
	}
	a := &App{config: c, log: log}
	defer a.Close()
	if err := a.peekBus(ctx); errors.Is(err, errNoNATS) {
		return m, fmt.Errorf("there is nothing to back up: %w", err)
	} else if err != nil {
		return m, err
	}
	w := &shelf{dir: dir}
	m = Manifest{Format: backupFormat, Made: time.Now().UTC().Truncate(time.Second), Missing: notInBackup(c)}
	put := func(stream string) (io.WriteCloser, error) { return w.create(backupStreams, stream) }
	if m.Streams, m.Stood, err = a.Bus.Backup(ctx, put); err != nil {
		return m, err
	}
	if err := w.folder(ctx, c.DataDir); err != nil {
		return m, err
	}
	if err := w.databases(ctx, filepath.Join(c.DataDir, "mongodb")); err != nil {
		return m, err
	}
	m.Files = w.files
	return m, w.finish(m)
}

// emptyFolder makes dir, private to this user, or sees that there is nothing in it.
func emptyFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the folder cannot be made: %w", err)
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return fmt.Errorf("there is something in %s already; name a folder that is not there yet", dir)
	}
	return os.Chmod(dir, 0o700)
}

// notInBackup lists the sinks whose destination no backup of ours holds.
func notInBackup(c *config.Config) []string {
	var names []string
	for _, name := range c.SinkNames() {
		if m := c.Sinks[name].MongoDB; m == nil || !m.URI.IsZero() {
			names = append(names, name)
		}
	}
	return names
}

// leftBehind are the entries of data_dir that are no files to copy: what has a road of
// its own into the backup, and what is made anew from the streams.
var leftBehind = []string{"nats", "mongodb", TraceFile}

// folder copies the files of data_dir: keys, tokens, the audit log, how far files were
// followed, proofs of erasure. What begins with a dot is somebody's half-written file.
func (w *shelf) folder(ctx context.Context, dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // with an external NATS there may be none; and files come and go
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || rel == "." {
			return err
		}
		own := slices.Contains(leftBehind, rel) || strings.HasPrefix(rel, TraceFile+"-")
		switch {
		case own || strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return ctx.Err()
		}
		return w.copy(ctx, path, backupFiles, rel)
	})
}
