package mongodb

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"mekong/pipeline"
)

// maxCommand is the most one insert command carries. One call is then one
// command: of two, a failed one would take the other's results with it
// (`sinks.md` §C3). The server's own limit is 48 MB.
const maxCommand = 8 << 20

// row is the part of a batch that has one key, in order of version.
type row struct {
	entries []*entry
	doc     bson.Raw
	exists  bool // the server has a document of this _id, or says so
	err     error
}

// Write stores batch; see [pipeline.Sink] and the package comment.
func (s *Sink) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	out := make([]pipeline.Outcome, len(batch))
	rows := s.rows(batch, out)
	if len(rows) > 0 {
		s.store(ctx, rows)
	}
	// Records of one key were sent as one document. When that is refused for
	// good, each is tried by itself, in turn, so that a bad one stands alone.
	var singles [][]*row
	for _, r := range rows {
		if len(r.entries) == 1 || !pipeline.IsPermanent(r.err) {
			r.settle(s, out)
			continue
		}
		for i, e := range r.entries {
			if i == len(singles) {
				singles = append(singles, nil)
			}
			singles[i] = append(singles[i], &row{entries: []*entry{e}})
		}
	}
	for _, round := range singles {
		s.store(ctx, round)
		for _, r := range round {
			r.settle(s, out)
		}
	}
	return out
}

// rows sorts batch into rows, and puts the refusal of a record that can have
// none in its place of out.
func (s *Sink) rows(batch []pipeline.Record, out []pipeline.Outcome) []*row {
	var rows []*row
	byKey := make(map[string]*row, len(batch))
	for i := range batch {
		e, err := newEntry(i, &batch[i])
		if err != nil {
			out[i].Err = pipeline.Permanent(err)
			continue
		}
		r := byKey[batch[i].Key]
		if r == nil {
			r = &row{}
			byKey[batch[i].Key] = r
			rows = append(rows, r)
		}
		r.entries = append(r.entries, e)
	}
	return rows
}

// settle writes the row's fate to the places of its records.
func (r *row) settle(s *Sink, out []pipeline.Outcome) {
	for _, e := range r.entries {
		out[e.at] = pipeline.Outcome{Err: r.err}
		if r.err == nil {
			out[e.at].Ref = "mongodb:" + s.conf.Database + "." + s.conf.Collection + "/" + e.record.Key
		}
	}
}

// fail gives every row the same fate.
func fail(rows []*row, err error) {
	for _, r := range rows {
		r.err = err
	}
}

// store inserts the rows, and merges into those that exist.
func (s *Sink) store(ctx context.Context, rows []*row) {
	coll, err := s.ready(ctx)
	if err != nil {
		fail(rows, err)
		return
	}
	var fresh []*row
	for _, r := range rows {
		slices.SortStableFunc(r.entries, func(a, b *entry) int { return cmp.Compare(a.version, b.version) })
		if r.doc, r.err = document(r.entries); r.err != nil {
			r.err = pipeline.Permanent(r.err)
			continue
		}
		fresh = append(fresh, r)
	}
	for part := range parts(fresh) {
		s.insert(ctx, coll, part)
	}
	var there []*row
	for _, r := range fresh {
		if r.exists {
			there = append(there, r)
		}
	}
	if len(there) > 0 {
		s.merge(ctx, coll, there)
	}
}

// parts cuts rows so that none weighs more than a command may.
func parts(rows []*row) func(yield func([]*row) bool) {
	return func(yield func([]*row) bool) {
		start, weight := 0, 0
		for i, r := range rows {
			if i > start && weight+len(r.doc) > maxCommand {
				if !yield(rows[start:i]) {
					return
				}
				start, weight = i, 0
			}
			weight += len(r.doc)
		}
		if start < len(rows) {
			yield(rows[start:])
		}
	}
}

// insert sends the rows' documents in one unordered command.
func (s *Sink) insert(ctx context.Context, coll *mongo.Collection, rows []*row) {
	if err := ctx.Err(); err != nil {
		fail(rows, err)
		return
	}
	docs := make([]bson.Raw, len(rows))
	for i, r := range rows {
		docs[i] = r.doc
	}
	_, err := coll.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	if err == nil {
		return
	}
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) {
		// The whole command failed: what it did is unknown, and safe to repeat.
		f := explain(err)
		if f.class == dataFault && len(rows) > 1 {
			// One document spoilt the command; halves find which.
			half := len(rows) / 2
			s.insert(ctx, coll, rows[:half])
			s.insert(ctx, coll, rows[half:])
			return
		}
		fail(rows, f.verdict(ctx))
		return
	}
	if bulk.WriteConcernError != nil {
		// Applied, and not yet as safe as was asked. A repeat will tell.
		fail(rows, explainConcern(bulk.WriteConcernError).verdict(ctx))
	}
	for _, we := range bulk.WriteErrors {
		if we.Index < 0 || we.Index >= len(rows) {
			// An answer that cannot be read says nothing about anyone.
			fail(rows, errAnswer)
			return
		}
		r := rows[we.Index]
		if f := explainWrite(we.WriteError); f.class == duplicate {
			r.exists, r.err = true, f.verdict(ctx)
		} else {
			r.err = f.verdict(ctx)
		}
	}
}
