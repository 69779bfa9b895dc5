package app

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sort"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// posting is one message of RECORDS, as little of it as tells what should be where.
type posting struct {
	id, key uint64 // hashes
	seq     uint64
	row     uint32 // place of the key in accountBook.rows
	of      uint16 // place of kind and source in accountBook.kinds
	marks   uint8
}

const (
	// markOriginal: it was stored for all sinks that accept its kind, and not for one alone.
	// It is found out only where it is not known what became of it.
	markOriginal uint8 = 1 << iota
	// markForgotten: it is of somebody who asked to be forgotten.
	markForgotten
)

type kindOf struct{ kind, source string }

// accountBook is what RECORDS holds, up to a sequence. Keys and IDs are hashes of 64
// bits with a seed of this run: among a million keys and as many rows, two are taken
// for one with a chance of less than one in ten million.
type accountBook struct {
	seed   maphash.Seed
	list   []posting // by sequence
	byID   []uint32  // places in list, by ID and sequence
	rows   []uint64  // hashes of all keys, each once, sorted
	kinds  []kindOf
	until  uint64
	oldest time.Time
	cut    bool
}

// maxKinds bounds kinds and sources, of which there are a handful.
const maxKinds = 1 << 16

func (a *accountBook) hash(s string) uint64 { return maphash.String(a.seed, s) }

// readBook reads RECORDS, as it is now, of records received at since or later. gone
// says who asked to be forgotten.
func readBook(ctx context.Context, b *bus.Bus, since time.Time, gone func(pipeline.Record) bool) (*accountBook, error) {
	a := &accountBook{seed: maphash.MakeSeed()}
	x, err := b.Extent(ctx, bus.LogRecords)
	if err != nil {
		return nil, err
	}
	a.until, a.cut = x.Last, x.First > 1
	if x.Last == 0 {
		return a, nil
	}
	if a.oldest, _, err = b.NextStored(ctx, bus.LogRecords, x.First-1); err != nil {
		return nil, err
	}
	places := map[kindOf]uint16{}
	err = b.Walk(ctx, bus.Records, bus.Span{Since: since, Until: a.until}, func(k bus.Kept) error {
		r, err := k.Record()
		if err != nil || r.Received.Before(since) {
			return nil // what cannot be read is buried, and no row
		}
		of := kindOf{r.Kind, r.Source}
		at, ok := places[of]
		if !ok {
			if len(a.kinds) == maxKinds {
				return errors.New("there are too many kinds and sources")
			}
			at = uint16(len(a.kinds))
			places[of], a.kinds = at, append(a.kinds, of)
		}
		p := posting{id: a.hash(r.ID), key: a.hash(r.Key), seq: k.Seq, of: at}
		if gone(r) {
			p.marks = markForgotten
		}
		a.list = append(a.list, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.index()
	return a, nil
}

func (a *accountBook) index() {
	a.rows = make([]uint64, len(a.list))
	a.byID = make([]uint32, len(a.list))
	for i, p := range a.list {
		a.rows[i], a.byID[i] = p.key, uint32(i)
	}
	slices.Sort(a.rows)
	a.rows = slices.Clip(slices.Compact(a.rows))
	for i := range a.list {
		at, _ := a.rowOf(a.list[i].key)
		a.list[i].row = at
	}
	// The places of one ID stay in the order of their sequences.
	slices.SortStableFunc(a.byID, func(x, y uint32) int { return cmp.Compare(a.list[x].id, a.list[y].id) })
}

// rowOf is the place of a key's hash in rows.
func (a *accountBook) rowOf(key uint64) (uint32, bool) {
	i, ok := slices.BinarySearch(a.rows, key)
	return uint32(i), ok
}

// placeOf is where the message of a sequence is in list.
func (a *accountBook) placeOf(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(a.list, seq, func(p posting, seq uint64) int { return cmp.Compare(p.seq, seq) })
}

// records calls each with the places of one record after the other, oldest first:
// where it was first stored, and where it was replayed.
func (a *accountBook) records(each func(places []uint32)) {
	for from := 0; from < len(a.byID); {
		to := from + 1
		for to < len(a.byID) && a.list[a.byID[to]].id == a.list[a.byID[from]].id {
			to++
		}
		each(a.byID[from:to])
		from = to
	}
}

// recordOf are the places of the record of that ID.
func (a *accountBook) recordOf(id uint64) []uint32 {
	from := sort.Search(len(a.byID), func(i int) bool { return a.list[a.byID[i]].id >= id })
	to := from
	for to < len(a.byID) && a.list[a.byID[to]].id == id {
		to++
	}
	return a.byID[from:to]
}

// near256 is how far apart two messages are at most that are read in one go.
const near256 = 256

// fetch reads the messages of these sequences, sorted, and calls each with those that
// are still there.
func fetch(ctx context.Context, b *bus.Bus, seqs []uint64, each func(seq uint64, r pipeline.Record)) error {
	for len(seqs) > 0 {
		n := 1
		for n < len(seqs) && seqs[n]-seqs[0] < near256 {
			n++
		}
		got, err := b.RecordsAfter(ctx, seqs[0]-1, int(seqs[n-1]-seqs[0])+1)
		if err != nil {
			return err
		}
		if len(got) == 0 {
			return nil // there is nothing behind it
		}
		for _, e := range got {
			for len(seqs) > 0 && seqs[0] < e.Seq {
				seqs = seqs[1:] // it is gone
			}
			if len(seqs) > 0 && seqs[0] == e.Seq {
				if e.Err == nil {
					each(e.Seq, e.Value)
				}
				seqs = seqs[1:]
			}
		}
	}
	return nil
}
