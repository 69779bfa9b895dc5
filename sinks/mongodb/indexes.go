package mongodb

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// index is one that the sink keeps. The names are those MongoDB itself would
// give, so that one made by hand is the same one.
type index struct {
	name string
	keys bson.D
}

// indexes answer what people ask of the collection: what came last, what came
// last of one kind from one source, and whose telephone number this is.
func indexes() []index {
	return []index{
		{"occurred_-1", bson.D{{Key: "occurred", Value: int32(-1)}}},
		{"kind_1_source_1_received_-1", bson.D{
			{Key: "kind", Value: int32(1)}, {Key: "source", Value: int32(1)}, {Key: "received", Value: int32(-1)},
		}},
		{"fields.phone_1", bson.D{{Key: "fields.phone", Value: int32(1)}}},
	}
}

// ready gives the collection, connected and with its indexes. They are created
// once, by the first Write; until that has worked no record is to blame, so
// every failure holds.
func (s *Sink) ready(ctx context.Context) (*mongo.Collection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	coll, err := s.collection()
	if err != nil {
		return nil, explain(err).hold(ctx)
	}
	if err := acquire(ctx, s.indexing); err != nil {
		return nil, err
	}
	defer func() { s.indexing <- struct{}{} }()
	if s.indexed {
		return coll, nil
	}
	// One command each: the embedded server breaks the connection when one
	// command names several that are there already, as at every second start.
	for _, i := range indexes() {
		model := mongo.IndexModel{Keys: i.keys, Options: options.Index().SetName(i.name)}
		if _, err := coll.Indexes().CreateOne(ctx, model); err != nil {
			return nil, explain(err).hold(ctx)
		}
	}
	s.indexed = true
	return coll, nil
}
