package bus

import (
	"fmt"
	"testing"
	"time"

	"mekong/pipeline"
)

// heavy is a record of about 300 KB that does not compress.
func heavy(i int) pipeline.Record {
	id := fmt.Sprint("heavy", i)
	return pipeline.Record{ID: id, Key: id, Kind: "lead", Source: "landing",
		Fields: map[string]any{"message": fmt.Sprintf("%x", noise(150<<10, i))}}
}

// A batch larger than the room left passes as far as there is room, so that it
// is done some day: refused as a whole it would stay in the way for ever.
func TestABatchLargerThanTheRoomPassesInParts(t *testing.T) {
	b, _ := serve(t, t.TempDir(), func(o *Options) { o.MaxBytes = 32 << 20 }) // RECORDS: 13 MiB
	records := make([]pipeline.Record, 60)
	for i := range records {
		records[i] = heavy(i)
	}
	q, err := b.Records(t.Context(), "crm", []string{"*"}, QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	passed := map[string]bool{}
	for round := 0; len(passed) < len(records); round++ {
		if round > 5 {
			t.Fatalf("only %d of %d records passed", len(passed), len(records))
		}
		n := 0
		for i, err := range b.Publish(records) {
			switch {
			case err == nil && !passed[records[i].ID]:
				n++
			case err != nil && !isFull(err):
				t.Fatalf("a full stream says %v", err)
			}
		}
		for _, d := range take(t, q, n) {
			passed[d.Value.ID] = true
			if err := d.Ack(); err != nil {
				t.Fatal(err)
			}
		}
		poll(t, func() bool {
			floor, err := b.floor(t.Context(), streamRecords)
			s, err2 := b.js.Stream(t.Context(), streamRecords)
			return err == nil && err2 == nil && floor == s.CachedInfo().State.LastSeq
		})
		if err := b.Tidy(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheSameRecordTwiceHasOneFate(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	large := heavy(1)
	large.Fields["more"] = fmt.Sprintf("%x", noise(400<<10, 2))
	for i, err := range b.Publish([]pipeline.Record{large, heavy(3), large, heavy(3)}) {
		if too := i%2 == 0; pipeline.IsPermanent(err) != too || !too && err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
}
