package app

// What is known of the row of a key at one sink, beforehand.
const (
	rowExpected  uint8 = 1 << iota // the latest of a record that was stored belongs to it
	rowOnTheWay                    // more of it waits
	rowForgotten                   // it is of somebody who asked to be forgotten
	rowMissing                     // it was not there
	rowRekeyed                     // it was there, under another key
)

// sinkCount is what one sink should hold.
type sinkCount struct {
	sink      int
	name      string
	records   RecordAccount
	rows      []uint8 // by the place of the key: what is known of it
	expected  int
	forgotten int
}

// count adds up one sink.
func (x *reconciling) count(i int) *sinkCount {
	c := &sinkCount{sink: i, rows: make([]uint8, len(x.book.rows))}
	for stage, at := range x.stages {
		if at == i {
			c.name = x.o.sinkOf(stage)
		}
	}
	for at, p := range x.book.list {
		switch {
		case p.marks&markForgotten != 0:
			c.rows[p.row] |= rowForgotten
		case x.onTheWay(i, at):
			c.rows[p.row] |= rowOnTheWay
		}
	}
	x.book.records(func(places []uint32) {
		if p := x.book.list[places[0]]; !x.accepts(c.name, p) || p.marks&markForgotten != 0 {
			return
		}
		at, is, ours := x.latest(i, places)
		if !ours {
			return
		}
		c.records.Accepted++
		switch {
		case is == wasStored:
			c.records.Stored++
		case is == wasFiltered:
			c.records.Filtered++
		case is == wasBuried && x.buried[i][x.book.list[at].id]:
			c.records.Buried++
		case is == wasBuried:
			c.records.Dropped++
		case x.onTheWay(i, int(at)):
			c.records.Waiting++
		default:
			c.records.Untold++
		}
		if is == wasStored || is == 0 && !x.onTheWay(i, int(at)) {
			c.rows[x.book.list[at].row] |= rowExpected
		}
	})
	for _, is := range c.rows {
		switch {
		case is&rowForgotten != 0:
			c.forgotten++
		case is&rowExpected != 0:
			c.expected++
		}
	}
	return c
}

// latest is the place of a record's latest outcome at a sink, or, where there is none,
// of the message that was stored for it. ours: there is one of the two. A record that
// was replayed belongs where the replay put it: the row of an earlier key is not
// expected any more.
func (x *reconciling) latest(i int, places []uint32) (at uint32, is uint8, ours bool) {
	for n := len(places) - 1; n >= 0; n-- {
		if is := x.fates[i][places[n]]; is != 0 {
			return places[n], is, true
		}
	}
	for n := len(places) - 1; n >= 0; n-- {
		if x.book.list[places[n]].marks&markOriginal != 0 {
			return places[n], 0, true
		}
	}
	return 0, 0, false
}

// onTheWay reports whether a message waits for a sink, or may do so: of one that was
// replayed, and that nobody has settled, it is not known to which sink.
func (x *reconciling) onTheWay(i, at int) bool {
	p := x.book.list[at]
	if x.fates[i][at] != 0 {
		return false
	}
	if p.marks&markOriginal != 0 {
		return p.seq > x.floors[i]
	}
	if !x.busy[i] {
		return false
	}
	for _, fates := range x.fates {
		if fates[at] != 0 {
			return false
		}
	}
	return true
}
