package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.yaml.in/yaml/v4"
)

// mongosh answers one question, whatever it is asked: whether the server here, or the
// first of a replica set, can be reached.
func mongosh(ctx context.Context, args []string) error {
	if !slices.Contains(args, "--eval") && !slices.Contains(args, "--file") {
		return errors.New("usage: mongosh [--quiet] --eval TEXT | --file FILE")
	}
	host := "127.0.0.1"
	if slices.Contains(args, "--nodb") {
		host = "mongodb-1"
	}
	c, err := mongo.Connect(options.Client().ApplyURI("mongodb://" + host + ":27017/?directConnection=true"))
	if err != nil {
		return err
	}
	var hello struct{ IsWritablePrimary, Secondary bool }
	if err := c.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return err
	}
	if !hello.IsWritablePrimary && !hello.Secondary {
		return errors.New("it is neither a primary nor a secondary")
	}
	fmt.Println(hello.IsWritablePrimary)
	return nil
}

// tool connects as mongodump and mongorestore do, with the arguments of the manual.
func tool(ctx context.Context, name string, args []string) (*mongo.Client, error) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	conf := f.String("config", "", "file with the uri")
	archive := f.Bool("archive", false, "standard input or output")
	zip := f.Bool("gzip", false, "compressed")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(*conf)
	if err != nil || !*archive || !*zip {
		return nil, fmt.Errorf("usage: %s --config=FILE --archive --gzip (%w)", name, err)
	}
	var c struct{ URI string }
	if err := yaml.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	return mongo.Connect(options.Client().ApplyURI(c.URI))
}

// mongodump writes every document of every collection, behind the names of both.
func mongodump(ctx context.Context, args []string) error {
	c, err := tool(ctx, "mongodump", args)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(os.Stdout)
	names, err := c.ListDatabaseNames(ctx, bson.D{})
	if err != nil {
		return err
	}
	for _, db := range names {
		colls, err := c.Database(db).ListCollectionNames(ctx, bson.D{})
		if err != nil {
			return err
		}
		for _, coll := range colls {
			cur, err := c.Database(db).Collection(coll).Find(ctx, bson.D{})
			if err != nil {
				return err
			}
			n := 0
			for ; cur.Next(ctx); n++ {
				doc, err := bson.Marshal(bson.D{{Key: "db", Value: db}, {Key: "c", Value: coll}, {Key: "d", Value: cur.Current}})
				if err != nil {
					return err
				}
				if _, err := z.Write(doc); err != nil {
					return err
				}
			}
			fmt.Fprintf(os.Stderr, "%d documents of %s.%s\n", n, db, coll)
			if err := cur.Err(); err != nil {
				return err
			}
		}
	}
	return z.Close()
}

// mongorestore inserts what mongodump wrote.
func mongorestore(ctx context.Context, args []string) error {
	c, err := tool(ctx, "mongorestore", args)
	if err != nil {
		return err
	}
	z, err := gzip.NewReader(bufio.NewReader(os.Stdin))
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		head := make([]byte, 4)
		if _, err := io.ReadFull(z, head); errors.Is(err, io.EOF) {
			fmt.Fprintf(os.Stderr, "%d documents restored\n", n)
			return nil
		} else if err != nil {
			return err
		}
		whole := append(head, make([]byte, max(0, int(binary.LittleEndian.Uint32(head))-4))...)
		if _, err := io.ReadFull(z, whole[4:]); err != nil {
			return err
		}
		var line struct {
			DB string   `bson:"db"`
			C  string   `bson:"c"`
			D  bson.Raw `bson:"d"`
		}
		if err := bson.Unmarshal(whole, &line); err != nil {
			return err
		}
		if _, err := c.Database(line.DB).Collection(line.C).InsertOne(ctx, line.D); err != nil {
			return err
		}
	}
}

// page answers every request at an address, for what is only asked whether it is there.
// It refuses to start without the files that it is given.
func page(ctx context.Context, args []string) error {
	if len(args) < 1 {
		return errors.New("usage: page ADDRESS [FILE…]")
	}
	for _, f := range args[1:] {
		if _, err := os.Stat(f); err != nil {
			return err
		}
	}
	s := &http.Server{Addr: args[0], Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
