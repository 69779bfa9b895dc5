package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"mekong/sinks/mongodb"
)

// FarEnd looks at what a MongoDB sink has written, over a connection of its own:
// counting at the far end must not go through the sink it checks. It only
// reads. Its methods may be called at once, and take as long as their context
// lets them; it is closed before the app.
type FarEnd struct {
	client *mongo.Client
	coll   *mongo.Collection
}

// FarEnd connects to the server behind the sink of that name.
func (a *App) FarEnd(sink string) (*FarEnd, error) {
	m := a.config.Sinks[sink].MongoDB
	if m == nil {
		return nil, fmt.Errorf("sink %q is not a MongoDB of this configuration", sink)
	}
	uri := m.URI.Reveal()
	if m.URI.IsZero() {
		if a.mongo == nil {
			return nil, fmt.Errorf("sink %q writes to an embedded MongoDB that this process does not run", sink)
		}
		uri = a.mongo.URI()
	}
	client, err := mongo.Connect(options.Client().ApplyURI(uri).SetAppName("mekong-far-end"))
	if err != nil {
		// The driver's words may quote the address, and with it the password.
		return nil, errors.New("the address of sink " + sink + " is not one of a MongoDB server")
	}
	return &FarEnd{client: client, coll: client.Database(m.Database).Collection(m.Collection)}, nil
}

// Close disconnects.
func (f *FarEnd) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return f.client.Disconnect(ctx)
}

// Count is the number of documents, counted by the server one by one and not
// taken from its statistics. There is one document per row, so it is the number
// of distinct rows. The embedded server takes a second for ten thousand.
func (f *FarEnd) Count(ctx context.Context) (int64, error) {
	n, err := f.coll.CountDocuments(ctx, bson.D{})
	if err != nil {
		return 0, fmt.Errorf("the documents cannot be counted: %w", err)
	}
	return n, nil
}

// Document is one row as it is stored.
type Document struct {
	Key      string         `bson:"_id"`
	ID       string         `bson:"id"`
	Kind     string         `bson:"kind"`
	Source   string         `bson:"source"`
	Occurred time.Time      `bson:"occurred"`
	Received time.Time      `bson:"received"`
	Fields   map[string]any `bson:"fields"` // under the record's names; lists are []any
}

// Recent is up to n rows, those that occurred last first. The
// embedded server reads the whole collection for it.
func (f *FarEnd) Recent(ctx context.Context, n int) ([]Document, error) {
	cur, err := f.coll.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "occurred", Value: -1}}).SetLimit(int64(n)))
	if err != nil {
		return nil, fmt.Errorf("the latest documents cannot be read: %w", err)
	}
	var out []Document
	if err := cur.All(ctx, &out); err != nil {
		return nil, fmt.Errorf("the latest documents cannot be read: %w", err)
	}
	for i := range out {
		out[i].rename()
	}
	return out, nil
}

// Find is the row of key; false when there is none.
func (f *FarEnd) Find(ctx context.Context, key string) (Document, bool, error) {
	var d Document
	err := f.coll.FindOne(ctx, bson.D{{Key: "_id", Value: key}}).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return d, false, nil
	}
	if err != nil {
		return d, false, fmt.Errorf("a document cannot be read: %w", err)
	}
	d.rename()
	return d, true, nil
}

// rename gives the fields the names that the record had.
func (d *Document) rename() {
	fields := make(map[string]any, len(d.Fields))
	for stored, v := range d.Fields {
		if list, ok := v.(bson.A); ok {
			v = []any(list)
		}
		fields[mongodb.RecordName(stored)] = v
	}
	d.Fields = fields
}
