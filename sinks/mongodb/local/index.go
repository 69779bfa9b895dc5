//go:build !mekong_no_embedded_mongodb

package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	_ "modernc.org/sqlite" // the driver the server itself uses
)

// EnsureIndex creates database and collection where they are missing, and an
// index for look-ups by a single _id. Without it every such look-up reads the
// whole table: at 20,000 documents 15–25 ms instead of under one (`sinks.md`
// §D1). Call it before the first write; calling it again is harmless.
func (s *Server) EnsureIndex(ctx context.Context, database, collection string) error {
	if err := s.create(ctx, database, collection); err != nil {
		return fmt.Errorf("embedded MongoDB: create %s.%s: %w", database, collection, err)
	}
	if err := s.index(ctx, database, collection); err != nil {
		return fmt.Errorf("embedded MongoDB: index of %s.%s: %w", database, collection, err)
	}
	return secureFiles(s.dir)
}

func (s *Server) create(ctx context.Context, database, collection string) (err error) {
	client, err := mongo.Connect(options.Client().ApplyURI(s.uri))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Disconnect(ctx)) }()
	err = client.Database(database).RunCommand(ctx, bson.D{{Key: "create", Value: collection}}).Err()
	const namespaceExists = 48
	if se := mongo.ServerError(nil); errors.As(err, &se) && se.HasErrorCode(namespaceExists) {
		return nil
	}
	return err
}

// index goes past the server to the file it keeps. SQLite lets several
// connections have a file, and tells each when its shape has changed.
func (s *Server) index(ctx context.Context, database, collection string) (err error) {
	file := url.URL{
		Scheme: "file", Path: filepath.Join(s.dir, database+".sqlite"), OmitHost: true,
		RawQuery: "_pragma=busy_timeout(10000)&mode=rw",
	}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var table string
	row := db.QueryRowContext(ctx, `SELECT table_name FROM _ferretdb_collections WHERE name = ?`, collection)
	if err := row.Scan(&table); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf(
		`CREATE INDEX IF NOT EXISTS %s ON %s (_ferretdb_sjson->'$._id')`, quote(table+"_mekong_id"), quote(table)))
	return err
}

// quote makes an SQL identifier of a name.
func quote(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
