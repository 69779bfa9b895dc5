package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// heal restarts the embedded NATS server when its store is broken, as it stays
// after its disk was full even when there is room again (jetstream.md §6). It
// looks every two seconds and acts at the third bad look in a row.
func (a *App) heal(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	bad := 0
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		err := a.nats.Healthy()
		if err == nil {
			bad = 0
			continue
		}
		if bad++; bad < 3 {
			continue
		}
		if full := a.Bus.Room(); full != nil {
			if bad == 3 {
				a.log.Error("the embedded NATS server cannot store; it is started anew once there is room", "error", err, "room", full)
			}
			continue
		}
		a.log.Warn("the embedded NATS server is started anew; nothing accepted is lost", "error", err)
		if err := a.nats.Heal(ctx); err != nil {
			a.log.Error("the embedded NATS server does not start; it is tried again", "error", err)
			continue
		}
		bad = 0
	}
}

// indexMongoDB gives the embedded server the index that its look-ups need, which
// must be there before the first write.
func (a *App) indexMongoDB(ctx context.Context) error {
	for _, s := range a.Sinks {
		m := s.Config.MongoDB
		if m == nil || !m.URI.IsZero() {
			continue
		}
		if err := a.mongo.EnsureIndex(ctx, m.Database, m.Collection); err != nil {
			return err
		}
		if err := dropIndexes(ctx, a.mongo.URI(), m.Database, m.Collection); err != nil {
			return fmt.Errorf("sinks.%s: the embedded MongoDB: %w", s.Name, err)
		}
	}
	return nil
}

// dropIndexes takes the indexes of an earlier run away, for the sink's first
// write to make them again. The embedded server fails, connection and all, when
// one createIndexes names several that are there: it strikes them from a list
// that shrinks under its count. The index of EnsureIndex is not known to it, and
// stays.
func dropIndexes(ctx context.Context, uri, database, collection string) (err error) {
	client, err := mongo.Connect(options.Client().ApplyURI(uri).SetTimeout(20 * time.Second))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Disconnect(ctx)) }()
	return client.Database(database).RunCommand(ctx,
		bson.D{{Key: "dropIndexes", Value: collection}, {Key: "index", Value: "*"}}).Err()
}
