package mongodb

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Forget deletes the documents of keys; see [pipeline.Sink]. When it fails,
// some may be gone already; calling it again is safe.
func (s *Sink) Forget(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return ctx.Err()
	}
	coll, err := s.collection()
	if err != nil {
		return explain(err).command(ctx)
	}
	for part := range slices.Chunk(keys, batchSize) {
		if _, err := coll.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: part}}}}); err != nil {
			return explain(err).command(ctx)
		}
	}
	return nil
}
