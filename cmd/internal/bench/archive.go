package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"mekong/pipeline"
	"mekong/sinks/mongodb/local"
)

const database = "bench"

// archive is an embedded MongoDB and the driver's own client for it. Each leg
// writes to a collection of its own, because a growing one is slower to count
// and to write.
type archive struct {
	server  *local.Server
	client  *mongo.Client
	db      *mongo.Database
	store   *store
	mint    *mint
	of      pipeline.Transform
	indexes []mongo.IndexModel // those that the sink makes
	n       int                // collections so far
}

func openArchive(ctx context.Context, dir string) (*archive, error) {
	server, err := local.Start(ctx, dir)
	if err != nil {
		return nil, err
	}
	journal := true
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()).SetTimeout(patience).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}))
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return &archive{server: server, client: client, db: client.Database(database)}, nil
}

func (a *archive) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = a.client.Disconnect(ctx) // what was measured is counted already
	_ = a.server.Close()
}

// next makes an empty collection.
func (a *archive) next(ctx context.Context) (string, error) {
	a.n++
	coll := fmt.Sprintf("records%d", a.n)
	return coll, a.server.EnsureIndex(ctx, database, coll)
}

// records makes n distinct ones, as the transform stage would.
func (a *archive) records(n int) ([]pipeline.Record, error) {
	out := make([]pipeline.Record, 0, n)
	first := a.mint.numbers(n)
	for i := range n {
		rs, err := a.of(delivery(a.mint, first+uint64(i)))
		if err != nil {
			return nil, err
		}
		out = append(out, rs...)
	}
	return out, nil
}

// bare inserts n documents with the driver alone. They are encoded before, so
// that nothing but the driver and the server is in the time.
func (a *archive) bare(ctx context.Context, n int) (archiveLeg, error) {
	coll, err := a.next(ctx)
	if err != nil {
		return archiveLeg{}, err
	}
	c := a.db.Collection(coll)
	if a.indexes == nil {
		if a.indexes, err = a.sinkIndexes(ctx); err != nil {
			return archiveLeg{}, err
		}
	}
	if _, err := c.Indexes().CreateMany(ctx, a.indexes); err != nil {
		return archiveLeg{}, err
	}
	records, err := a.records(n)
	if err != nil {
		return archiveLeg{}, err
	}
	docs := make([]bson.Raw, n)
	for i := range records {
		if docs[i], err = bson.Marshal(document(&records[i])); err != nil {
			return archiveLeg{}, err
		}
	}
	batches := make(chan []bson.Raw, n/sinkLimits.Batch+1)
	for batch := range slices.Chunk(docs, sinkLimits.Batch) {
		batches <- batch
	}
	close(batches)
	errs := make([]error, sinkLimits.Writers)
	var wg sync.WaitGroup
	began := time.Now()
	for w := range errs {
		wg.Go(func() {
			for batch := range batches {
				if _, err := c.InsertMany(ctx, batch, options.InsertMany().SetOrdered(false)); err != nil {
					errs[w] = err
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	if err := errors.Join(errs...); err != nil {
		return archiveLeg{}, err
	}
	rate, err := a.counted(ctx, coll, n, 0, took)
	return archiveLeg{rate: rate}, err
}

// document is a record as the sink stores it.
func document(r *pipeline.Record) bson.D {
	fields := bson.D{}
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		fields = append(fields, bson.E{Key: name, Value: r.Fields[name]})
	}
	return bson.D{
		{Key: "_id", Value: r.Key}, {Key: "id", Value: r.ID}, {Key: "kind", Value: r.Kind}, {Key: "source", Value: r.Source},
		{Key: "occurred", Value: r.Occurred}, {Key: "received", Value: r.Received},
		{Key: "version", Value: r.Occurred.Format(time.RFC3339Nano) + " " + r.Received.Format(time.RFC3339Nano) + " " + r.ID},
		{Key: "revision", Value: int64(1)}, {Key: "fields", Value: fields},
	}
}

// sinkIndexes are what the sink makes in a collection.
func (a *archive) sinkIndexes(ctx context.Context) ([]mongo.IndexModel, error) {
	coll, err := a.next(ctx)
	if err != nil {
		return nil, err
	}
	sink, err := a.open(coll)
	if err != nil {
		return nil, err
	}
	defer sink.Close()
	first, err := a.records(1)
	if err != nil {
		return nil, err
	}
	if out := sink.Write(ctx, first); out[0].Err != nil {
		return nil, out[0].Err
	}
	cursor, err := a.db.Collection(coll).Indexes().List(ctx)
	if err != nil {
		return nil, err
	}
	var have []struct {
		Name string `bson:"name"`
		Key  bson.D `bson:"key"`
	}
	if err := cursor.All(ctx, &have); err != nil {
		return nil, err
	}
	var out []mongo.IndexModel
	for _, i := range have {
		if i.Name != "_id_" {
			out = append(out, mongo.IndexModel{Keys: i.Key, Options: options.Index().SetName(i.Name)})
		}
	}
	return out, nil
}

// counted is n a second, once the collection is found to hold as many documents,
// and those that were there before.
func (a *archive) counted(ctx context.Context, coll string, n, before int, took time.Duration) (float64, error) {
	got, err := a.db.Collection(coll).CountDocuments(ctx, bson.D{})
	if err != nil {
		return 0, err
	}
	if int(got) != n+before {
		return 0, fmt.Errorf("%d records should be in the collection, and there are %d", n+before, got)
	}
	return float64(n) / took.Seconds(), nil
}

// commands is how many commands about documents the server has answered.
func (a *archive) commands(ctx context.Context) (int64, error) {
	var status struct {
		Metrics struct {
			Commands map[string]struct {
				Total int64 `bson:"total"`
			} `bson:"commands"`
		} `bson:"metrics"`
	}
	if err := a.db.RunCommand(ctx, bson.D{{Key: "serverStatus", Value: 1}}).Decode(&status); err != nil {
		return 0, err
	}
	var sum int64
	for _, name := range []string{"insert", "update", "delete", "find", "getMore", "aggregate", "bulkWrite"} {
		sum += status.Metrics.Commands[name].Total
	}
	return sum, nil
}
