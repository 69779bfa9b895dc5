//go:build !mekong_no_embedded_mongodb

package bench

import (
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"mekong/transform"
)

// The ceiling stores what the sink stores, or the two could not be compared.
func TestTheBareDocumentIsTheSinks(t *testing.T) {
	ctx := t.Context()
	a, err := openArchive(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	a.mint = newMint()
	if a.of, err = transform.New("landing", nil, nil); err != nil {
		t.Fatal(err)
	}
	coll, err := a.next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sink, err := a.open(coll)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	records, err := a.records(1)
	if err != nil {
		t.Fatal(err)
	}
	if out := sink.Write(ctx, records); out[0].Err != nil {
		t.Fatal(out[0].Err)
	}
	other, err := a.next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.db.Collection(other).InsertOne(ctx, document(&records[0])); err != nil {
		t.Fatal(err)
	}
	var theirs, ours bson.M
	if err := a.db.Collection(coll).FindOne(ctx, bson.D{}).Decode(&ours); err != nil {
		t.Fatal(err)
	}
	if err := a.db.Collection(other).FindOne(ctx, bson.D{}).Decode(&theirs); err != nil {
		t.Fatal(err)
	}
	delete(ours, "version") // of equal weight, and spelt otherwise
	delete(theirs, "version")
	if !reflect.DeepEqual(ours, theirs) {
		t.Errorf("the sink stores\n%v\nand the ceiling\n%v", ours, theirs)
	}
	indexes, err := a.sinkIndexes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(indexes) < 3 {
		t.Errorf("the sink makes %d indexes", len(indexes))
	}
}
