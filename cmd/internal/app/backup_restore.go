package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"mekong/config"
	"mekong/pipeline/bus"
)

// Restored says what became of a restore.
type Restored struct {
	Manifest
	Kept []string // files of data_dir that were there already and stay as they are
	// Restart: the NATS server has to be started anew before any mekong is.
	Restart bool
}

// Restore puts a backup back: streams and tables into a NATS that has none of Mekong's,
// the embedded one's folder or an external server; files into data_dir; and the embedded
// MongoDB. No mekong may run. A file that is there already stays, unless it is a key
// that differs: what is in the backup could not be read with it, and nothing is done.
//
// What the restored streams say is not finished goes to its sinks once more, marked
// Again, so that they look before they write.
func Restore(ctx context.Context, c *config.Config, dir string, log *slog.Logger) (r Restored, err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if r.Manifest, err = ReadBackup(ctx, dir); err != nil {
		return r, err
	}
	x := &restoring{from: dir, to: c.DataDir, files: r.Files}
	if err := x.plan(); err != nil {
		return r, err
	}
	a := &App{config: c, log: log}
	defer a.Close()
	if err := a.startNATS(ctx, ""); natsInUse(err) {
		return r, errors.New("a mekong is running on data_dir: stop it first")
	} else if err != nil {
		return r, err
	}
	get := func(stream string) (io.ReadCloser, error) {
		return os.Open(filepath.Join(dir, backupStreams, stream))
	}
	err = bus.Restore(ctx, a.busOptions(), r.Streams, get)
	if errors.Is(err, bus.ErrNotEmpty) {
		return r, fmt.Errorf("%w; nothing was changed. A backup goes into an empty place: stop every mekong, and name another data_dir or give it an empty NATS", err)
	}
	if err != nil {
		return r, fmt.Errorf("the streams cannot be restored: %w", err)
	}
	r.Kept, r.Restart = x.kept, c.NATS.URL != ""
	return r, x.carry()
}

// restoring puts files back.
type restoring struct {
	from, to string
	files    []BackedUp
	carries  []string // paths in the backup
	kept     []string
}

// plan decides what is to be done with each file, before anything is.
func (x *restoring) plan() error {
	for _, f := range x.files {
		under, rel, _ := strings.Cut(f.Path, "/")
		switch under {
		case backupStreams:
			continue
		case backupFiles:
			if err := x.planFile(f, rel); err != nil {
				return err
			}
		case backupMongoDB:
			if _, err := os.Lstat(x.place(f.Path)); !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("data_dir holds an embedded MongoDB already, with %s; nothing was changed. Name another data_dir", rel)
			}
			x.carries = append(x.carries, f.Path)
		default:
			return fmt.Errorf("%s is nothing that this mekong can put back; nothing was changed", f.Path)
		}
	}
	return nil
}

func (x *restoring) planFile(f BackedUp, rel string) error {
	have, err := os.ReadFile(x.place(f.Path))
	if errors.Is(err, os.ErrNotExist) {
		x.carries = append(x.carries, f.Path)
		return nil
	}
	if err != nil {
		return err
	}
	want, err := os.ReadFile(filepath.Join(x.from, filepath.FromSlash(f.Path)))
	if err != nil {
		return err
	}
	if bytes.Equal(have, want) {
		return nil
	}
	if strings.HasSuffix(rel, ".key") {
		return fmt.Errorf("data_dir has a %s that is not the one of the backup, without which what is in it cannot be read; nothing was changed. Put it out of the way", rel)
	}
	x.kept = append(x.kept, rel)
	return nil
}

// place is where a file of the backup belongs.
func (x *restoring) place(path string) string {
	path = strings.TrimPrefix(path, backupFiles+"/")
	return filepath.Join(x.to, filepath.FromSlash(path))
}

// carry puts the files in their places, and takes away the index, which is of other
// streams and is made anew.
func (x *restoring) carry() error {
	for _, path := range x.carries {
		if err := carryFile(filepath.Join(x.from, filepath.FromSlash(path)), x.place(path)); err != nil {
			return fmt.Errorf("the streams are restored, but %s is not: %w; copy it by hand", path, err)
		}
	}
	index, err := filepath.Glob(filepath.Join(x.to, TraceFile+"*"))
	if err != nil {
		return err
	}
	for _, f := range index {
		if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("the index of leads is of other streams: delete %s: %w", f, err)
		}
	}
	return nil
}

func carryFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

// busOptions is how the bus of this configuration is reached.
func (a *App) busOptions() bus.Options {
	n := a.config.NATS
	o := bus.Options{URL: n.URL, Token: n.Token.Reveal(), Credentials: n.Credentials, CA: n.CA, Cert: n.Cert, Key: n.Key,
		Replicas: n.Replicas, Logger: a.log}
	if a.nats != nil {
		o.Server, o.Dir, o.Token = a.nats, a.natsDir(), a.nats.Token()
	}
	return o
}
