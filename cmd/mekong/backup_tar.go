package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mekong/config"
)

// besideData makes a folder on the volume of data_dir, which has room where a container's
// root has none. Its name begins with a dot, so no backup takes it for one of the files.
func besideData(c *config.Config) (string, error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return "", fmt.Errorf("data_dir: %w", err)
	}
	return os.MkdirTemp(c.DataDir, ".backup-*")
}

// packed writes a folder's files to w as one tar file.
func packed(w io.Writer, dir string) error {
	t := tar.NewWriter(w)
	if err := t.AddFS(os.DirFS(dir)); err != nil {
		return err
	}
	return t.Close()
}

// unpacked reads a tar file into dir, which is this program's own. Only plain files and
// folders inside of it are taken.
func unpacked(ctx context.Context, r io.Reader, dir string) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name := filepath.FromSlash(h.Name)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s is outside of it", tame(h.Name))
		}
		path := filepath.Join(dir, name)
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o700)
		case tar.TypeReg:
			err = unpackedFile(t, path)
		default:
			err = fmt.Errorf("%s is neither a file nor a folder", tame(h.Name))
		}
		if err != nil {
			return err
		}
	}
}

func unpackedFile(r io.Reader, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
