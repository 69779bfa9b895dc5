package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/time/rate"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/table"
	"mekong/sources"
)

// WriteLost writes the rows that never arrived as a file for an import, with the columns
// that they have, and returns how many. Read back, a row is the same delivery as in the
// file it comes from. A file of JSON lines is written as such, whatever the format.
func WriteLost(ctx context.Context, c *config.Config, a Arrivals, w io.Writer, format table.Format) (n int, err error) {
	f, _, err := openFile(a.how.Path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	in, h, err := historyOf(c, f, ImportOptions{Source: a.how.Source, Path: a.how.Path, Times: a.how.Times})
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	if format == table.XLSX && len(in.Columns) == 0 {
		return 0, errors.New("a file of JSON lines has no columns: write the missing ones as .jsonl")
	}
	var out table.Writer
	if format == table.XLSX {
		if out, err = table.NewWriter(w, table.XLSX, in.Columns, table.Options{Title: "Mekong"}); err != nil {
			return 0, err
		}
	}
	for at := 1; ; at++ {
		row, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return n, err
		}
		if !a.lost[at] {
			continue
		}
		n++
		if out != nil {
			values := make([]any, len(in.Columns))
			for i, v := range row.Values {
				if i < len(values) && v != "" {
					values[i] = v
				}
			}
			err = out.Write(values)
		} else {
			var line []byte
			if line, err = jsonOf(h, in.Columns, row); err == nil {
				_, err = w.Write(append(line, '\n'))
			}
		}
		if err != nil {
			return n, err
		}
	}
	if out != nil {
		return n, out.Close()
	}
	return n, nil
}

// jsonOf is a row as one line of JSON.
func jsonOf(h *sources.History, columns []string, row table.Row) ([]byte, error) {
	if row.JSON != nil {
		return bytes.TrimSpace(row.JSON), nil
	}
	raws, err := h.Frame(columns, row, time.Now())
	if err != nil {
		return nil, err
	}
	if len(raws) != 1 {
		return nil, errors.New("a row of this source is no single line: write the missing ones as .xlsx")
	}
	return raws[0].Body, nil
}

// SameLost reads a file that [WriteLost] has written, and says how many of its rows are
// not the same deliveries as in the file they come from: a cell may hold what a workbook
// cannot.
func (o *Operator) SameLost(ctx context.Context, a Arrivals, path string) (changed int, err error) {
	ids := map[string]bool{}
	if err := o.eachFileRow(ctx, a.how, nil, func(n, _ int, raws []pipeline.Raw, _ error) error {
		for _, raw := range raws {
			if a.lost[n] {
				ids[raw.ID] = true
			}
		}
		return nil
	}); err != nil {
		return 0, err
	}
	of := a.how
	of.Path = path
	err = o.eachFileRow(ctx, of, nil, func(_, _ int, raws []pipeline.Raw, _ error) error {
		for _, raw := range raws {
			delete(ids, raw.ID)
		}
		return nil
	})
	return len(ids), err
}

// LostImport is how far it is to take in what never arrived.
type LostImport struct {
	Of      int    `json:"of"`   // rows
	Rows    int    `json:"rows"` // done
	Stored  int    `json:"stored"`
	Known   int    `json:"known"` // deliveries that were there by then
	Waiting string `json:"-"`     // the stage that is waited for
}

// ImportLost takes the rows that never arrived in, as an import does, and no others.
// Called again it stores nothing twice.
func (o *Operator) ImportLost(ctx context.Context, a Arrivals, how RepairOptions, tell func(LostImport)) (LostImport, error) {
	st := LostImport{Of: a.Missing}
	if a.Missing == 0 {
		return st, nil
	}
	if err := o.acts.note("imported", a.how.Source, a.Missing, "rows of a file that never arrived"); err != nil {
		return st, err
	}
	var limit *rate.Limiter
	if how.Rate > 0 {
		limit = rate.NewLimiter(rate.Limit(how.Rate), max(how.Rate, batchRows))
	}
	var batch []pipeline.Raw
	rows := 0
	store := func() error {
		if limit != nil && rows > 0 {
			if err := limit.WaitN(ctx, rows); err != nil {
				return err
			}
		}
		if err := o.giveWay(ctx, how.Lag, func(stage string) {
			st.Waiting = stage
			tell(st)
		}); err != nil {
			return err
		}
		n, err := o.app.Bus.History(ctx, batch)
		if err != nil {
			return err
		}
		st.Stored, st.Known, st.Rows, st.Waiting = st.Stored+n, st.Known+len(batch)-n, st.Rows+rows, ""
		batch, rows = batch[:0], 0
		tell(st)
		return nil
	}
	err := o.eachFileRow(ctx, a.how, nil, func(n, _ int, raws []pipeline.Raw, err error) error {
		if err != nil || !a.lost[n] {
			return nil // it was told
		}
		batch = append(batch, raws...)
		if rows++; rows < batchRows {
			return nil
		}
		return store()
	})
	if err == nil {
		err = store()
	}
	if err != nil {
		return st, fmt.Errorf("%w (the same command goes on with what is left)", err)
	}
	return st, nil
}

// giveWay waits while a stage is more than lag behind.
func (o *Operator) giveWay(ctx context.Context, lag int, waiting func(stage string)) error {
	for lag > 0 && o.Running {
		n, stage, err := o.app.Bus.Backlog(ctx)
		if err != nil {
			return err
		}
		if n <= uint64(lag) {
			break
		}
		waiting(stage)
		if err := pause(ctx, lagLook); err != nil {
			return err
		}
	}
	return ctx.Err()
}
