package mongodb

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"mekong/pipeline"
)

const (
	readBatch = 500 // documents in one answer
	// readLimit bounds a whole reading. The sink's own timeout is for one write, and the
	// driver would hold all answers of a reading together to it.
	readLimit = time.Hour
)

// Read calls each for every row whose newest record was received at since or later:
// oldest first, or, from the embedded server, in the order they were made. A row is
// given as the record it adds up to. Rows that change meanwhile may be seen before
// or after it. An error of each ends the reading and is returned as it is.
func (s *Sink) Read(ctx context.Context, since time.Time, each func(pipeline.Record) error) error {
	coll, err := s.collection()
	if err != nil {
		return explain(err).command(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	filter := bson.D{}
	if !since.IsZero() {
		filter = bson.D{{Key: "received", Value: bson.D{{Key: "$gte", Value: since.UTC()}}}}
	}
	how := options.Find().SetBatchSize(readBatch)
	if !s.opts.Alone { // the embedded server would sort in memory
		how.SetSort(bson.D{{Key: "occurred", Value: 1}}).SetAllowDiskUse(true)
	}
	cursor, err := coll.Find(ctx, filter, how)
	if err != nil {
		return explain(err).command(ctx)
	}
	defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }()
	for cursor.Next(ctx) {
		r, err := record(cursor.Current)
		if err != nil {
			return err
		}
		if err := each(r); err != nil {
			return err
		}
	}
	if err := cursor.Err(); err != nil {
		return explain(err).command(ctx)
	}
	return nil
}

// record is the record that a document adds up to. A document of a person's own
// making has what it has.
func record(doc bson.Raw) (pipeline.Record, error) {
	var row struct {
		Key      bson.RawValue `bson:"_id"`
		ID       string        `bson:"id"`
		Kind     string        `bson:"kind"`
		Source   string        `bson:"source"`
		Occurred time.Time     `bson:"occurred"`
		Received time.Time     `bson:"received"`
		Fields   bson.Raw      `bson:"fields"`
	}
	if err := bson.Unmarshal(doc, &row); err != nil {
		return pipeline.Record{}, fmt.Errorf("a document is not as Mekong writes them: %w", err)
	}
	r := pipeline.Record{
		ID: row.ID, Key: plain(row.Key), Kind: row.Kind, Source: row.Source,
		Occurred: row.Occurred.UTC(), Received: row.Received.UTC(), Fields: map[string]any{},
	}
	if len(row.Fields) == 0 {
		return r, nil
	}
	elements, err := row.Fields.Elements()
	if err != nil {
		return r, fmt.Errorf("a document is not as Mekong writes them: %w", err)
	}
	for _, e := range elements {
		r.Fields[RecordName(e.Key())] = decode(e.Value())
	}
	return r, nil
}

// decode is the opposite of encode; what a person put there is shown as text.
func decode(v bson.RawValue) any {
	switch v.Type {
	case bson.TypeNull:
		return nil
	case bson.TypeBoolean:
		return v.Boolean()
	case bson.TypeDouble:
		return v.Double()
	case bson.TypeArray:
		values, err := v.Array().Values()
		if err != nil {
			return nil
		}
		list := make([]string, 0, len(values))
		for _, item := range values {
			list = append(list, plain(item))
		}
		return list
	}
	return plain(v)
}

// plain is a value as text.
func plain(v bson.RawValue) string {
	if s, ok := v.StringValueOK(); ok {
		return s
	}
	if v.IsZero() {
		return ""
	}
	return v.String()
}
