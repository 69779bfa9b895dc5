package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
)

func (c *cli) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FOLDER|-",
		Short: "Copy everything Mekong keeps, as of one moment, while it takes leads in",
		Long: `Backup writes all streams and tables, the keys and other files of data_dir, and the
embedded MongoDB into a new folder, with a hash of every file; with - it writes the
folder to standard output, as a tar file. A mekong may be running: it goes on taking
leads in, and the step to the destinations stands still until the streams are copied.

Not in it: destinations of their own, such as a MongoDB server, which is to be
copied AFTER this command with its own tools; and the configuration with the
secrets it refers to. The folder holds the keys and everybody's data: keep it as
you keep those.`,
		Example: `  mekong backup /backup/2026-11-24
  docker compose exec -T mekong /mekong backup -c /etc/mekong/mekong.yaml - > 2026-11-24.tar`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.backup(cmd.Context(), args[0]) },
	}
}

func (c *cli) backup(ctx context.Context, dir string) error {
	conf, err := config.Load(c.config)
	if err != nil {
		return unreadable(err)
	}
	log, err := c.logger()
	if err != nil {
		return err
	}
	// Whoever has a backup has everybody's data: before one is made it is written down.
	if err := app.NoteAct(conf, "backed up", filepath.Clean(dir), 0, ""); err != nil {
		return err
	}
	to, where := c.out, filepath.Clean(dir)
	if dir == "-" {
		to, where = c.err, "standard output"
		temp, err := besideData(conf)
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(temp) }()
		dir = temp
	}
	m, err := app.Backup(ctx, conf, dir, log)
	if err == nil && where == "standard output" {
		err = packed(c.out, dir)
	}
	if err != nil {
		return fmt.Errorf("%w; what is in %s is no backup", err, where)
	}
	tellBackup(to, m)
	fmt.Fprintf(to, "Backed up to %s; the transform stood still for %s.\n", where, m.Stood.Round(time.Millisecond))
	if len(m.Missing) > 0 {
		fmt.Fprintf(to, "Not in it: what %s wrote to, which has its own tools; copy a MongoDB server now, not before this.\n", strings.Join(m.Missing, ", "))
	}
	return nil
}

func tellBackup(w io.Writer, m app.Manifest) {
	for _, s := range m.Streams {
		fmt.Fprintf(w, "%10d  messages in %s\n", s.Messages, tame(s.Name))
	}
	var files, databases int
	var size int64
	for _, f := range m.Files {
		size += f.Size
		switch {
		case strings.HasPrefix(f.Path, "files/"):
			files++
		case strings.HasPrefix(f.Path, "mongodb/"):
			databases++
		}
	}
	fmt.Fprintf(w, "%10d  files of data_dir\n", files)
	if databases > 0 {
		fmt.Fprintf(w, "%10d  databases of the embedded MongoDB\n", databases)
	}
	fmt.Fprintf(w, "%10d  KiB\n", (size+1023)/1024)
}

func (c *cli) restoreCommand() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "restore FOLDER|-",
		Short: "Put a backup back into an empty place",
		Long: `Restore puts what backup wrote, a folder or with - a tar file on standard input, into
the NATS and the data_dir that the configuration names. Both must be empty, or nothing is changed: no mekong may be running, and a
key that is there already must be the same. Every hash is verified first.

A delivery that was not finished when the backup was made goes on; what may have
reached a destination since then is looked up there before it is written, so it is
not doubled. What was accepted after the backup is not in it. Whoever asked to be
forgotten after the backup must be forgotten again.`,
		Example: `  mekong restore --check /backup/2026-11-24     # only see that it is whole
  mekong restore /backup/2026-11-24
  docker compose run --rm -T mekong restore -c /etc/mekong/mekong.yaml - < 2026-11-24.tar`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !check {
				return c.restore(cmd.Context(), args[0])
			}
			m, err := app.ReadBackup(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			tellBackup(c.out, m)
			fmt.Fprintf(c.out, "Whole and unchanged; made at %s.\n", m.Made.Format(time.RFC3339))
			return nil
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "only verify that the folder is whole and unchanged")
	return cmd
}

func (c *cli) restore(ctx context.Context, dir string) error {
	conf, err := config.Load(c.config)
	if err != nil {
		return unreadable(err)
	}
	log, err := c.logger()
	if err != nil {
		return err
	}
	if dir == "-" {
		if dir, err = besideData(conf); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := unpacked(ctx, c.in, dir); err != nil {
			return fmt.Errorf("standard input holds no backup: %w", err)
		}
	}
	r, err := app.Restore(ctx, conf, dir, log)
	if err != nil {
		return err
	}
	if err := app.NoteAct(conf, "restored", r.Made.Format(time.RFC3339), 0, ""); err != nil {
		return err
	}
	tellBackup(c.out, r.Manifest)
	for _, name := range r.Kept {
		fmt.Fprintf(c.out, "       was  there and stays as it is: %s\n", tame(name))
	}
	fmt.Fprintf(c.out, "Restored what was made at %s.\n", r.Made.Format(time.RFC3339))
	if r.Restart {
		fmt.Fprintln(c.out, "Restart the NATS servers now: only at a start do they learn which deliveries they know. Then start mekong.")
	}
	return nil
}
