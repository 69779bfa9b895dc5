package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mekong/pipeline/bus"
	"mekong/sinks"
)

// ReconcileOptions say what is compared with what.
type ReconcileOptions struct {
	Sinks   []string         // none: all
	Since   time.Time        // only what was received at this time or later; zero: all that is kept
	Details int              // how many rows of each sort are told one by one; the numbers are of all
	Now     func() time.Time // nil: time.Now
	// Tell is told what is done next. Nil: nobody.
	Tell func(step string)
}

// Reconciliation says of each sink whether the rows are there that should be. Of
// people it holds what [MaskedText] leaves.
type Reconciliation struct {
	At        time.Time `json:"at"`
	Since     time.Time `json:"since,omitzero"`
	KeepHours float64   `json:"keep_hours"` // nats.keep
	// Oldest is when the oldest record was stored that is still kept; zero: there is none.
	Oldest time.Time `json:"oldest_kept,omitzero"`
	// Cut says that there were older ones: of those nothing is known any more.
	Cut bool `json:"older_no_longer_kept"`
	// Untransformed are deliveries that are not records yet, and Unreadable those that
	// are buried since no record can be made of them.
	Untransformed uint64               `json:"before_transform_waiting"`
	Unreadable    int                  `json:"before_transform_buried"`
	Sinks         []SinkReconciliation `json:"sinks"`
}

// AddsUp reports whether at least one sink was compared, none of them failed, and
// nothing is missing, doubled or without its key.
func (r Reconciliation) AddsUp() bool {
	compared := 0
	for _, s := range r.Sinks {
		if s.Failed != "" || s.Rows.Missing > 0 || s.Rows.Doubled > 0 || s.Rows.Rekeyed > 0 {
			return false
		}
		if s.Unreadable == "" {
			compared++
		}
	}
	return compared > 0
}

// SinkReconciliation is what was found at one sink.
type SinkReconciliation struct {
	Sink       string `json:"sink"`
	Adapter    string `json:"adapter"`
	Unreadable string `json:"unreadable,omitempty"` // why nothing is said of its rows; "": they were read
	Failed     string `json:"failed,omitempty"`     // why they could not be read now

	Records RecordAccount `json:"records"`
	Rows    RowAccount    `json:"rows"`

	Missing []RowFinding `json:"missing,omitempty"` // the newest first; see ReconcileOptions.Details
	Doubled []RowFinding `json:"doubled,omitempty"`
	Rekeyed []RowFinding `json:"rekeyed,omitempty"`

	lost []lostRow // all that are missing, for a repair
}

// RecordAccount is what became of the records of the kinds that a sink accepts. What
// was replayed counts once, and by its latest outcome. Accepted is the sum of the
// others.
type RecordAccount struct {
	Accepted int `json:"accepted"`
	Stored   int `json:"stored"`
	Waiting  int `json:"waiting"`
	Buried   int `json:"buried"`
	Filtered int `json:"filtered"`
	Dropped  int `json:"dropped"` // taken out of the buried by hand
	// Untold are settled, and TRACE no longer says how: it keeps less than RECORDS where
	// its share of the disk is full. They are taken for stored.
	Untold int `json:"untold"`
}

// RowAccount is what should be in a destination, one row for each key, and what is.
// Expected is the sum of Found, Missing, Rekeyed, InFlight, TooFresh and Unwanted.
type RowAccount struct {
	Expected int `json:"expected"`
	Found    int `json:"found"`
	Missing  int `json:"missing"`
	Rekeyed  int `json:"rekeyed"`   // there, but another key stands in the key's column
	InFlight int `json:"in_flight"` // not there, and more of the same row is on its way
	TooFresh int `json:"too_fresh"` // written so shortly before that a read need not show it yet
	Unwanted int `json:"unwanted"`  // not there, and today's sinks.NAME.where would not let it in

	Doubled   int `json:"doubled"`   // keys that more than one row has
	Other     int `json:"other"`     // rows of ours that need not be here: under an earlier key, of another sink
	Older     int `json:"older"`     // rows from before what is kept
	Unknown   int `json:"unknown"`   // rows with a key that is none of ours
	Forgotten int `json:"forgotten"` // keys of people who asked to be forgotten: neither expected nor repaired
}

// RowFinding is one row, by what may be shown of its newest record.
type RowFinding struct {
	Key      string    `json:"key"`
	Record   string    `json:"record,omitempty"` // ID of the newest record
	Records  int       `json:"records,omitempty"`
	Rows     int       `json:"rows,omitempty"` // how often it is there
	Kind     string    `json:"kind,omitempty"`
	Source   string    `json:"source,omitempty"`
	Received time.Time `json:"received,omitzero"`
	Phone    string    `json:"phone,omitempty"`     // masked
	FoundKey string    `json:"found_key,omitempty"` // of a row without its own: the one it has

	seq uint64 // of its newest message in RECORDS; 0: that of row
	row uint32
}

// Reconcile compares what was accepted with what the destinations hold. It may be
// called beside a mekong at work: what is on its way is not missing, and what seems to
// be wrong is looked at a second time. It writes nothing.
//
// Its memory is some 60 bytes for each record kept, one for each record and two for
// each key at each sink, and 24 for each row that is none of ours.
func (o *Operator) Reconcile(ctx context.Context, how ReconcileOptions) (Reconciliation, error) {
	if how.Now == nil {
		how.Now = time.Now
	}
	if how.Tell == nil {
		how.Tell = func(string) {}
	}
	for _, name := range how.Sinks {
		if _, ok := o.app.config.Sinks[name]; !ok {
			return Reconciliation{}, fmt.Errorf("there is no sink %q; there are: %s", name, strings.Join(o.app.config.SinkNames(), ", "))
		}
	}
	names := slices.Compact(slices.Sorted(slices.Values(how.Sinks)))
	if len(names) == 0 {
		names = o.app.config.SinkNames()
	}
	x, err := o.reconciling(ctx, how, names)
	if err != nil {
		return Reconciliation{}, err
	}
	r := Reconciliation{At: how.Now().UTC(), Since: how.Since, KeepHours: o.app.config.NATS.Keep.Hours(), Oldest: x.book.oldest, Cut: x.book.cut,
		Untransformed: x.untransformed, Unreadable: x.unreadable}
	for i, name := range names {
		s, err := x.sink(ctx, i, name)
		if err != nil {
			return r, err
		}
		r.Sinks = append(r.Sinks, s)
	}
	return r, nil
}

// sink compares one. An error is about Mekong's own store; what a destination answers
// is in the result.
func (x *reconciling) sink(ctx context.Context, i int, name string) (SinkReconciliation, error) {
	conf := x.o.app.config.Sinks[name]
	s := SinkReconciliation{Sink: name, Adapter: blockOf(conf)}
	c := x.count(i)
	s.Records, s.Rows.Forgotten = c.records, c.forgotten
	if !sinks.CanRead(conf) {
		s.Unreadable = "what it has written cannot be read back: it only sends"
		if conf.AppsScript != nil {
			s.Unreadable = "the script has no way to read rows back; a sheets sink on the same spreadsheet can"
		}
		return s, nil
	}
	x.how.Tell("reading what " + name + " holds")
	rows, done, err := x.o.openReader(ctx, name)
	if err == nil {
		defer done()
		err = x.compare(ctx, &s, c, rows)
	}
	switch {
	case ctx.Err() != nil:
		return s, ctx.Err()
	case isOurs(err):
		return s, err
	case err != nil:
		s.Failed = err.Error()
	}
	return s, nil
}

// ourFault is an error of Mekong's own store, not of a destination.
type ourFault struct{ error }

func (e ourFault) Unwrap() error { return e.error }

func isOurs(err error) bool {
	_, ours := err.(ourFault)
	return ours
}

// front counts what waits before the transform and what is buried there, and notes what
// is buried at the sinks.
func (x *reconciling) front(ctx context.Context) error {
	b := x.o.app.Bus
	waiting, _, err := b.Behind(ctx, bus.StageTransform)
	if err != nil {
		return err
	}
	x.untransformed = waiting
	return b.Walk(ctx, bus.Graves, bus.Span{}, func(k bus.Kept) error {
		g := k.Grave()
		if g.Stage == bus.StageTransform {
			x.unreadable++
			return nil
		}
		i, ok := x.stages[g.Stage]
		if !ok {
			return nil
		}
		if r, err := k.Record(); err == nil {
			x.buried[i][x.book.hash(r.ID)] = true
		}
		return nil
	})
}
