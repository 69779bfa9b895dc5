//go:build !mekong_no_embedded_mongodb

package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

const (
	registry = "_ferretdb_collections" // the server's own table of collections
	idIndex  = "_id_"                  // what keeps an _id from being stored twice
	ownIndex = "_mekong_id"            // the end of the name of EnsureIndex's
)

// mend takes away what a kill left half made. The server makes a collection or
// an index in SQLite first and writes it into its registry after that, in
// another transaction. Between the two it can be killed, and then refuses for
// ever to make what is there already; or it goes on with a collection that has
// lost the index which keeps its documents apart.
//
// It is called before the server runs, with the directory locked. Nothing that
// holds a document is touched, except that an index nobody knows is dropped, to
// be made again.
func (s *Server) mend(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(s.dir, "*.sqlite"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := mendFile(ctx, file); err != nil {
			return fmt.Errorf("embedded MongoDB: %s is damaged: %w", filepath.Base(file), err)
		}
	}
	return nil
}

func mendFile(ctx context.Context, file string) (err error) {
	at := url.URL{Scheme: "file", Path: file, OmitHost: true, RawQuery: "_pragma=busy_timeout(10000)&mode=rw"}
	db, err := sql.Open("sqlite", at.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing

	known, err := collections(ctx, tx)
	if err != nil || known == nil {
		return err
	}
	tables, err := names(ctx, tx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\_ferretdb\_%' ESCAPE '\' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`)
	if err != nil {
		return err
	}
	for _, table := range tables {
		indexes, listed := known[table]
		if !listed || !slices.Contains(indexes, idIndex) {
			var one int
			switch err := tx.QueryRowContext(ctx, "SELECT 1 FROM "+quote(table)+" LIMIT 1").Scan(&one); {
			case err == nil && !listed:
				continue // not the server's, or not from a kill: leave it alone
			case err == nil:
				return fmt.Errorf("a collection holds documents and has no index of their _id")
			case !errors.Is(err, sql.ErrNoRows):
				return err
			}
			if _, err := tx.ExecContext(ctx, "DROP TABLE "+quote(table)); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+quote(registry)+" WHERE table_name = ?", table); err != nil {
				return err
			}
			continue
		}
		there, err := names(ctx, tx, `SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?`, table)
		if err != nil {
			return err
		}
		for _, index := range there {
			name := strings.TrimPrefix(index, table+"_")
			if index == table+ownIndex || slices.Contains(indexes, name) {
				continue
			}
			if _, err := tx.ExecContext(ctx, "DROP INDEX "+quote(index)); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// collections gives the indexes the server knows of, by table; nil when it has
// not written its registry yet.
func collections(ctx context.Context, tx *sql.Tx) (map[string][]string, error) {
	there, err := names(ctx, tx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?`, registry)
	if err != nil || len(there) == 0 {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT table_name, settings FROM "+quote(registry))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := map[string][]string{}
	for rows.Next() {
		var table, text string
		if err := rows.Scan(&table, &text); err != nil {
			return nil, err
		}
		var settings struct {
			Indexes []struct{ Name string }
		}
		if err := json.Unmarshal([]byte(text), &settings); err != nil {
			return nil, err
		}
		out[table] = nil
		for _, i := range settings.Indexes {
			out[table] = append(out[table], i.Name)
		}
	}
	return out, rows.Err()
}

// names runs a query that gives one text a row.
func names(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]string, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, rows.Err()
}
