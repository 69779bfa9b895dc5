package mongodb

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

var (
	errAnswer = errors.New("mongodb: the server's answer names an operation that was not sent")
	errRaced  = errors.New("mongodb: another process changed the row at the same moment")
)

// merge brings rows into documents that exist. A row whose document turns out
// not to be there keeps the error that the insert left in it: the duplicate was
// of another unique index, or the document has just been forgotten.
func (s *Sink) merge(ctx context.Context, coll *mongo.Collection, rows []*row) {
	if err := acquire(ctx, s.merging); err != nil {
		fail(rows, err)
		return
	}
	defer func() { s.merging <- struct{}{} }()

	size := s.opts.MaxUpdates
	if size == 0 {
		size = batchSize
	}
	for part := range slices.Chunk(rows, size) {
		if changes := s.plan(ctx, coll, part); len(changes) > 0 {
			s.update(ctx, coll, changes)
		}
	}
}

// change is what one row's document lacks.
type change struct {
	row   *row
	model *mongo.UpdateOneModel
}

// plan reads the rows' documents and works out what to change in each. A row
// that needs no change is settled: it is stored.
func (s *Sink) plan(ctx context.Context, coll *mongo.Collection, rows []*row) []change {
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = r.entries[0].record.Key
	}
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: keys}}}}
	if len(keys) == 1 {
		filter = bson.D{{Key: "_id", Value: keys[0]}}
	}
	// All in one answer where it fits: an open cursor is dear to some servers.
	cursor, err := coll.Find(ctx, filter, options.Find().SetBatchSize(int32(len(keys))+1))
	var docs []bson.Raw
	if err == nil {
		err = cursor.All(ctx, &docs)
	}
	if err != nil {
		fail(rows, explain(err).command(ctx))
		return nil
	}
	stored := make(map[string]bson.Raw, len(docs))
	for _, d := range docs {
		if id, ok := d.Lookup("_id").StringValueOK(); ok {
			stored[id] = d
		}
	}
	var changes []change
	for i, r := range rows {
		doc, there := stored[keys[i]]
		if !there {
			continue
		}
		r.err = nil
		if m := s.model(doc, r.entries); m != nil {
			changes = append(changes, change{r, m})
		}
	}
	return changes
}

// merged is the row in doc with entries applied.
func merged(doc bson.Raw, entries []*entry) *state {
	s := newState()
	s.version, _ = doc.Lookup("version").StringValueOK()
	before := s.version
	if fields, ok := doc.Lookup("fields").DocumentOK(); ok {
		elements, err := fields.Elements()
		if err == nil {
			for _, e := range elements {
				s.fields[e.Key()] = e.Value()
			}
		}
	}
	for _, e := range entries {
		s.apply(e)
	}
	if s.version == before {
		s.head = nil // the same record again: nothing to tell that is not told
	}
	return s
}

// model is the update that brings doc up to entries if it still is as read, nil
// when it holds all they carry.
func (s *Sink) model(doc bson.Raw, entries []*entry) *mongo.UpdateOneModel {
	to := merged(doc, entries)
	if to.head == nil && len(to.changed) == 0 {
		return nil
	}
	// A document that another program put there has no revision: null matches
	// its absence.
	var revision any
	next := int64(1)
	if n, ok := doc.Lookup("revision").AsInt64OK(); ok {
		revision, next = n, n+1
	}
	set := bson.D{}
	if to.head != nil {
		set = columns(to.head, to.version)
	}
	for _, f := range to.sorted() {
		if to.changed[f.name] {
			set = append(set, bson.E{Key: "fields." + f.name, Value: f.value})
		}
	}
	set = append(set, bson.E{Key: "revision", Value: next})
	filter := bson.D{{Key: "_id", Value: entries[0].record.Key}}
	if !s.opts.Alone {
		filter = append(filter, bson.E{Key: "revision", Value: revision})
	}
	return mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(bson.D{{Key: "$set", Value: set}})
}

// update sends changes in one unordered command.
func (s *Sink) update(ctx context.Context, coll *mongo.Collection, changes []change) {
	rows := make([]*row, len(changes))
	models := make([]mongo.WriteModel, len(changes))
	for i, c := range changes {
		rows[i], models[i] = c.row, c.model
	}
	if err := ctx.Err(); err != nil {
		fail(rows, err)
		return
	}
	result, err := coll.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
	var bulk mongo.BulkWriteException
	if err != nil && !errors.As(err, &bulk) {
		f := explain(err)
		if f.class == dataFault && len(changes) > 1 {
			half := len(changes) / 2
			s.update(ctx, coll, changes[:half])
			s.update(ctx, coll, changes[half:])
			return
		}
		fail(rows, f.verdict(ctx))
		return
	}
	if bulk.WriteConcernError != nil {
		fail(rows, explainConcern(bulk.WriteConcernError).verdict(ctx))
	}
	for _, we := range bulk.WriteErrors {
		if we.Index < 0 || we.Index >= len(rows) {
			fail(rows, errAnswer)
			return
		}
		rows[we.Index].err = explainWrite(we.WriteError).verdict(ctx)
	}
	if bulk.WriteConcernError == nil && (result == nil || int(result.MatchedCount)+len(bulk.WriteErrors) < len(changes)) {
		// Some matched nothing: another process was quicker, or the server
		// stopped at an error. Which ones, only the documents can tell.
		s.verify(ctx, coll, rows)
	}
}

// verify reads again the rows that no error names, and gives those that are not
// as they should be back to be tried once more.
func (s *Sink) verify(ctx context.Context, coll *mongo.Collection, rows []*row) {
	var open []*row
	for _, r := range rows {
		if r.err == nil {
			r.err = errRaced
			open = append(open, r)
		}
	}
	for _, c := range s.plan(ctx, coll, open) {
		c.row.err = errRaced
	}
}
