package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// ArrivalOptions say which file is held against which source.
type ArrivalOptions struct {
	Source  string
	Path    string
	Times   string        // column that says when a row happened; "": found by its name
	Within  time.Duration // how far apart the times of a row and of a delivery may be
	Details int           // how many rows that never arrived are told one by one
	Tell    func(step string)
}

// Arrivals says which rows of a file never arrived at a source. Rows is the sum of
// Arrived, Imported, Missing, TooOld, Forgotten, Filtered, Untold, Repeats and Left.
type Arrivals struct {
	Notes     []string        `json:"notes,omitempty"`
	Rows      int             `json:"rows"`
	Arrived   int             `json:"arrived"`   // by phone or address, form and time
	Imported  int             `json:"imported"`  // this very row was taken in from a file
	Missing   int             `json:"missing"`   // never arrived
	TooOld    int             `json:"too_old"`   // from before what is kept
	Forgotten int             `json:"forgotten"` // of people who asked to be forgotten
	Filtered  int             `json:"filtered"`  // that a rule of the transform leaves out
	Untold    int             `json:"untold"`    // without phone, address, or name and time: nothing to compare
	Repeats   int             `json:"repeats"`   // that stand in the file above already
	Left      int             `json:"left_out"`  // that cannot be taken in
	Problems  []string        `json:"problems,omitempty"`
	Missed    []MissedArrival `json:"missed,omitempty"` // in the order of the file; see ArrivalOptions.Details

	// Of those that are missing:
	OtherTime int `json:"other_time"` // the same person arrived, at another time or with another form
	Refused   int `json:"refused"`    // the door turned it away
	Captured  int `json:"captured"`   // typed and not sent, which LadiPage passes on only where it is set to

	Deliveries int       `json:"deliveries"` // of the source, that the file was held against
	Unread     int       `json:"unread"`     // of these, that no record can be made of: they may be some of the missing
	Oldest     time.Time `json:"oldest_kept,omitzero"`
	Cut        bool      `json:"older_no_longer_kept"`

	lost map[int]bool // rows of the file, counted from 1
	how  ArrivalOptions
}

// MissedArrival is a row that never arrived, by what may be shown of it.
type MissedArrival struct {
	Line  int       `json:"line"` // in the file
	At    time.Time `json:"at,omitzero"`
	Who   string    `json:"who"` // phone or address, masked
	Form  string    `json:"form,omitempty"`
	Notes string    `json:"notes,omitempty"`
}

// CompareFile holds a file that a source's sender keeps, LadiPage's stored data above
// all, against what arrived. A row has arrived when a delivery of the source has its
// phone or address and about its time, and the same form where both name one of those
// that the source sends; or when this very row was taken in by an import. A row of a
// form that was sent is not covered by one that was only typed, where the file tells
// them apart; two rows of one person within that time count as one. Of a chat source
// messages are compared by their IDs alone.
//
// Its memory is some 200 bytes for each row.
func (o *Operator) CompareFile(ctx context.Context, how ArrivalOptions) (Arrivals, error) {
	if how.Tell == nil {
		how.Tell = func(string) {}
	}
	a := Arrivals{how: how, lost: map[int]bool{}}
	of, err := transforms(o.app.config)
	if err != nil {
		return a, err
	}
	gone, err := openSuppression(ctx, o.app.Bus, o.app.config.DataDir)
	if err != nil {
		return a, err
	}
	m := newArrivalMatch(how.Within, o.app.config.Sources[how.Source].ChatLog != nil)
	how.Tell("reading " + how.Path)
	if err := o.eachFileRow(ctx, how, &a.Notes, func(n, line int, raws []pipeline.Raw, err error) error {
		a.Rows++
		if err != nil || len(raws) == 0 {
			a.Left++
			if err != nil && len(a.Problems) < maxProblems {
				a.Problems = append(a.Problems, fmt.Sprintf("row %d: %s", line, err))
			}
			return nil
		}
		m.row(n, line, raws, of, gone.Has)
		return nil
	}); err != nil {
		return a, err
	}
	if err := o.holdAgainst(ctx, &a, m, of); err != nil {
		return a, err
	}
	a.judge(m)
	return a, nil
}

// eachFileRow reads a file row by row, counted from 1. An err of each row is about the
// row.
func (o *Operator) eachFileRow(ctx context.Context, how ArrivalOptions, notes *[]string, each func(n, line int, raws []pipeline.Raw, err error) error) error {
	f, _, err := openFile(how.Path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	in, h, err := historyOf(o.app.config, f, ImportOptions{Source: how.Source, Path: how.Path, Times: how.Times})
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if notes != nil {
		for _, note := range notesOf(in, h) {
			*notes = append(*notes, strings.Replace(note, "; all get the time of now", "", 1))
		}
	}
	for n := 1; ; n++ {
		row, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", how.Path, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		raws, err := h.Frame(in.Columns, row, time.Now())
		if err := each(n, row.Line, raws, err); err != nil {
			return err
		}
	}
}

// holdAgainst goes through what arrived, and through what the door turned away.
func (o *Operator) holdAgainst(ctx context.Context, a *Arrivals, m *arrivalMatch, of func(pipeline.Raw) pipeline.Transform) error {
	b := o.app.Bus
	extent, err := b.Extent(ctx, bus.LogRaw)
	if err != nil {
		return err
	}
	if a.Cut = extent.First > 1; extent.Last > 0 {
		if a.Oldest, _, err = b.NextStored(ctx, bus.LogRaw, extent.First-1); err != nil {
			return err
		}
	}
	a.how.Tell("reading what arrived")
	span := bus.Span{Source: a.how.Source, Since: m.since()}
	err = b.Walk(ctx, bus.Deliveries, span, func(k bus.Kept) error {
		a.Deliveries++
		raw, err := k.Raw()
		if err != nil {
			a.Unread++
			return nil
		}
		rs, err := todays(of, raw)
		if _, filtered := pipeline.IsFiltered(err); err != nil && !filtered {
			a.Unread++
		}
		m.delivery(raw, rs, rowArrived)
		return nil
	})
	if err != nil {
		return err
	}
	return b.Walk(ctx, bus.Refused, span, func(k bus.Kept) error {
		if raw, err := k.Raw(); err == nil {
			rs, _ := todays(of, raw) // what cannot be understood covers no row
			m.delivery(raw, rs, rowRefused)
		}
		return nil
	})
}

// judge counts the rows.
func (a *Arrivals) judge(m *arrivalMatch) {
	for _, r := range m.rows {
		is := m.verdict(r)
		switch {
		case is&rowRepeats != 0:
			a.Repeats++
		case is&rowImported != 0:
			a.Imported++
		case is&rowArrived != 0:
			a.Arrived++
		case is&rowOfForgotten != 0:
			a.Forgotten++
		case is&rowFiltered != 0:
			a.Filtered++
		case is&rowUntold != 0:
			a.Untold++
		case a.Cut && r.at != 0 && (a.Oldest.IsZero() || time.Unix(r.at, 0).Before(a.Oldest)):
			a.TooOld++
		default:
			a.miss(r, is)
		}
	}
}

func (a *Arrivals) miss(r *fileRow, is uint16) {
	a.Missing++
	a.lost[r.n] = true
	var notes []string
	for _, of := range []struct {
		bit   uint16
		count *int
		note  string
	}{
		{rowOtherTime, &a.OtherTime, "the same person arrived at another time or with another form"},
		{rowRefused, &a.Refused, "the door turned it away"},
		{rowCaptured, &a.Captured, "typed and not sent"},
	} {
		if is&of.bit != 0 {
			*of.count++
			notes = append(notes, of.note)
		}
	}
	if len(a.Missed) < a.how.Details {
		missed := MissedArrival{Line: r.line, Who: r.who, Form: r.form, Notes: strings.Join(notes, "; ")}
		if r.at != 0 {
			missed.At = time.Unix(r.at, 0).UTC()
		}
		a.Missed = append(a.Missed, missed)
	}
}
