//go:build !mekong_no_embedded_mongodb

package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
)

// Scrub writes the files of dir anew, without what was deleted from them: SQLite only
// marks the room of a deleted document as free. A server may be running on dir, in
// whichever process; its writes wait meanwhile, some seconds for each gigabyte.
func Scrub(ctx context.Context, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.sqlite"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := scrubFile(ctx, file); err != nil {
			return fmt.Errorf("embedded MongoDB: what was deleted from %s cannot be overwritten: %w", filepath.Base(file), err)
		}
	}
	return secureFiles(dir)
}

func scrubFile(ctx context.Context, file string) (err error) {
	at := url.URL{Scheme: "file", Path: file, OmitHost: true, RawQuery: "_pragma=busy_timeout(10000)&mode=rw"}
	db, err := sql.Open("sqlite", at.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "VACUUM"); err != nil {
		return err
	}
	// The log holds pages as they were, until it is begun anew.
	var busy, pages, done int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &done); err != nil {
		return err
	}
	if busy != 0 {
		return errors.New("it is in use all the time; try again")
	}
	return nil
}
