package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/table"
	"mekong/sources"
)

// ImportOptions say what is taken in, and how fast at most.
type ImportOptions struct {
	Source string
	Path   string
	Times  string // column that says when a row happened; "": found by its name
	Rate   int    // rows a second at most; 0: as fast as it goes
	Lag    int    // rows wait while the slowest stage has more than this to do; 0: no bound
	Again  bool   // from the first row, though an earlier run got further
	Logger *slog.Logger
	// Tell is told how far it is, after every batch. Nil: nobody.
	Tell func(ImportState)
}

// ImportState is how far an import is.
type ImportState struct {
	Bytes, Of int64  // of the file, about
	Rows      int    // looked at, with those of earlier runs
	Stored    int    // deliveries that were not there yet, in this run
	Known     int    // that were
	Left      int    // rows that could not be taken in
	Waiting   string // the stage that is waited for; "": none
	Resumed   int    // rows that an earlier run had done
	Running   bool   // what is stored is worked on at once
	Notes     []string
	Problems  []string // of the rows left out, the first ones: place and reason
}

// batchRows are stored together; a position is kept after each batch.
const batchRows = 200

// importTable is where it stands how far the import of a file got.
const importTable = "mekong-imports"

// maxProblems is how many rows that were left out are named.
const maxProblems = 20

// lagLook is how often a slow stage is looked at again.
const lagLook = 200 * time.Millisecond

// Import takes the rows of a file in, as deliveries of a source. It may be stopped and
// called again: rows that are in are not taken in twice, whichever file they are in.
func Import(ctx context.Context, c *config.Config, o ImportOptions) (ImportState, error) {
	var st ImportState
	f, sum, err := openFile(o.Path)
	if err != nil {
		return st, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil {
		st.Of = info.Size()
	}
	in, h, err := historyOf(c, f, o)
	if err != nil {
		return st, err
	}
	defer func() { _ = in.Close() }()
	st.Notes = notesOf(in, h)
	b, running, done, err := Beside(ctx, c, o.Logger)
	if err != nil {
		return st, err
	}
	defer done()
	st.Running = running
	kv, err := b.KV(ctx, importTable, 0)
	if err != nil {
		return st, err
	}
	p := &place{kv: kv, key: o.Source + "." + sum}
	if err := p.load(ctx, o.Again); err != nil {
		return st, err
	}
	st.Resumed = p.Rows
	run := &importing{c: c, o: o, bus: b, history: h, place: p, st: &st}
	if o.Rate > 0 {
		run.limit = rate.NewLimiter(rate.Limit(o.Rate), max(o.Rate, batchRows))
	}
	return st, run.rows(ctx, in)
}

func openFile(path string) (*os.File, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		_ = f.Close()
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return f, hex.EncodeToString(h.Sum(nil)[:16]), nil
}

func historyOf(c *config.Config, f table.Source, o ImportOptions) (*table.Reader, *sources.History, error) {
	in, err := table.NewReader(f)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", o.Path, err)
	}
	h, err := sources.NewHistory(c, o.Source, in.Columns, o.Times)
	if err != nil {
		_ = in.Close()
		return nil, nil, err
	}
	return in, h, nil
}

func notesOf(in *table.Reader, h *sources.History) []string {
	notes := slices.Clone(in.Notes)
	switch {
	case h.Times() != "":
		notes = append(notes, fmt.Sprintf("when a row happened is read from column %q", h.Times()))
	case len(in.Columns) > 0:
		notes = append(notes, "no column says when a row happened; all get the time of now")
	}
	return notes
}

// importing is one run.
type importing struct {
	c       *config.Config
	o       ImportOptions
	bus     *bus.Bus
	history *sources.History
	place   *place
	limit   *rate.Limiter
	st      *ImportState
}

func (r *importing) rows(ctx context.Context, in *table.Reader) error {
	var batch []pipeline.Raw
	inBatch := 0
	for {
		row, err := in.Next()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return fmt.Errorf("%s: %w; what stands before is taken in", r.o.Path, err)
		}
		if !end {
			r.st.Rows++
			if r.st.Rows <= r.place.Rows {
				continue // an earlier run has it
			}
			raws, err := r.history.Frame(in.Columns, row, time.Now())
			if err != nil {
				r.leave(row.Line, err)
			}
			batch = append(batch, raws...)
			inBatch++
		}
		if inBatch < batchRows && !end {
			continue
		}
		if err := r.store(ctx, batch, inBatch); err != nil {
			return err
		}
		batch, inBatch = batch[:0], 0
		if end {
			return nil
		}
	}
}

func (r *importing) leave(line int, err error) {
	r.st.Left++
	if len(r.st.Problems) < maxProblems {
		r.st.Problems = append(r.st.Problems, fmt.Sprintf("row %d: %s", line, err))
	}
}

// store takes a batch in once live traffic can bear it, and writes down how far it is.
func (r *importing) store(ctx context.Context, batch []pipeline.Raw, rows int) error {
	if r.limit != nil && rows > 0 {
		if err := r.limit.WaitN(ctx, rows); err != nil {
			return ctx.Err()
		}
	}
	for r.o.Lag > 0 && r.st.Running {
		n, stage, err := r.bus.Backlog(ctx)
		if err != nil {
			return err
		}
		if n <= uint64(r.o.Lag) {
			break
		}
		r.st.Waiting = stage
		r.tell()
		select {
		case <-time.After(lagLook):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.st.Waiting = ""
	n, err := r.bus.History(ctx, batch)
	if err != nil {
		return err
	}
	r.st.Stored += n
	r.st.Known += len(batch) - n
	if rows > 0 {
		if err := r.place.save(ctx, r.st.Rows); err != nil {
			return err
		}
	}
	r.tell()
	return nil
}

func (r *importing) tell() {
	if r.o.Tell != nil {
		r.o.Tell(*r.st)
	}
}

// place is how far a file was taken in.
type place struct {
	kv       *bus.KV
	key      string
	revision uint64
	Rows     int `json:"rows"`
}

func (p *place) load(ctx context.Context, anew bool) error {
	value, revision, err := p.kv.Get(ctx, p.key)
	if errors.Is(err, bus.ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	p.revision = revision
	if anew {
		return nil
	}
	if err := json.Unmarshal(value, p); err != nil {
		p.Rows = 0 // from the beginning: nothing is taken in twice
	}
	return nil
}

// save fails when another process imports the same file.
func (p *place) save(ctx context.Context, rows int) error {
	value, err := json.Marshal(place{Rows: rows})
	if err != nil {
		return err
	}
	revision, err := p.kv.Set(ctx, p.key, value, p.revision)
	if errors.Is(err, bus.ErrChanged) {
		return errors.New("another mekong import takes the same file in; let it")
	}
	if err != nil {
		return err
	}
	p.revision = revision
	return nil
}

// ImportTrial is what an import would do.
type ImportTrial struct {
	Notes    []string
	Columns  []string
	Rows     int
	Records  int
	Left     int
	Problems []string
	Flags    map[string]int // by flag, of all records
	Kinds    map[string]int
	Buried   int // rows that no transform understands
	Filtered int
	Repeats  int // deliveries that stand in the file twice
	Sample   []pipeline.Record
}

// TryImport reads the whole file and stores nothing.
func TryImport(ctx context.Context, c *config.Config, o ImportOptions, sample int) (ImportTrial, error) {
	t := ImportTrial{Flags: map[string]int{}, Kinds: map[string]int{}}
	f, _, err := openFile(o.Path)
	if err != nil {
		return t, err
	}
	defer func() { _ = f.Close() }()
	in, h, err := historyOf(c, f, o)
	if err != nil {
		return t, err
	}
	defer func() { _ = in.Close() }()
	t.Notes, t.Columns = notesOf(in, h), in.Columns
	of, err := transforms(c)
	if err != nil {
		return t, err
	}
	seen := map[string]bool{}
	r := &importing{st: &ImportState{}}
	for {
		row, err := in.Next()
		if errors.Is(err, io.EOF) {
			t.Left, t.Problems = r.st.Left, r.st.Problems
			return t, nil
		}
		if err != nil {
			return t, fmt.Errorf("%s: %w", o.Path, err)
		}
		if err := ctx.Err(); err != nil {
			return t, err
		}
		t.Rows++
		raws, err := h.Frame(in.Columns, row, time.Now())
		if err != nil {
			r.leave(row.Line, err)
		}
		for _, raw := range raws {
			if seen[raw.ID] {
				t.Repeats++
				continue
			}
			seen[raw.ID] = true
			t.add(of(raw)(raw))
		}
		if len(t.Sample) > sample {
			t.Sample = t.Sample[:sample]
		}
	}
}

func (t *ImportTrial) add(records []pipeline.Record, err error) {
	if _, filtered := pipeline.IsFiltered(err); filtered {
		t.Filtered++
		return
	}
	if err != nil {
		t.Buried++
		return
	}
	for _, r := range records {
		t.Records++
		t.Kinds[r.Kind]++
		if flags, ok := r.Fields["flags"].([]string); ok {
			for _, flag := range flags {
				t.Flags[flag]++
			}
		}
	}
	t.Sample = append(t.Sample, records...)
}

// Worst are the flags by how many records have them.
func (t ImportTrial) Worst() []string {
	flags := slices.Collect(maps.Keys(t.Flags))
	slices.SortFunc(flags, func(a, b string) int {
		if d := t.Flags[b] - t.Flags[a]; d != 0 {
			return d
		}
		if a < b {
			return -1
		}
		return 1
	})
	return flags
}
