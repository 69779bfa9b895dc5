package trace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mekong/pipeline"
)

// Path is everything that is known of one delivery.
type Path struct {
	ID string `json:"id"` // the delivery's
	// Received is the delivery itself; nil when the stream has dropped it.
	Received *Received `json:"received"`
	// Step is what became of it at the transform where no record was made of it: it
	// waits, a rule left it out, or it is buried. Nil: there are records.
	Step    *Step    `json:"step,omitempty"`
	Records []Traced `json:"records"` // what was made of it, in order
	Lag     []Lag    `json:"lag"`     // how far the index was behind when it was asked
}

// Received is a delivery as it came, and where it stands.
type Received struct {
	Seq    uint64       `json:"seq"` // in RAW
	Stored time.Time    `json:"stored"`
	Raw    pipeline.Raw `json:"raw"`
}

// Traced is one record and what became of it.
type Traced struct {
	Entered
	// Record is nil when the stream has dropped it; then Entered is all there is.
	Record  *pipeline.Record `json:"record"`
	Seq     uint64           `json:"seq"` // in RECORDS
	Changes []Change         `json:"changes,omitempty"`
}

// Change is a field that is stored as something else than was typed.
type Change struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"` // "": the value was of no use
}

// ErrUnknown means that neither index nor streams know the ID.
var ErrUnknown = errors.New("nothing is known under this ID")

// Path follows a delivery by its ID, or by that of a record made of it.
func (x *Index) Path(ctx context.Context, id string) (Path, error) {
	p := Path{ID: id}
	var es []Entered
	var seqs []int64
	err := x.reading(ctx, func(c *sql.Conn) (err error) {
		if es, err = x.siblings(ctx, c, &p, id); err != nil {
			return err
		}
		for _, name := range candidates(id) {
			if seqs, err = x.origins(ctx, c, seqs, name); err != nil {
				return err
			}
		}
		return x.addSteps(ctx, c, es)
	})
	if err != nil {
		return p, fmt.Errorf("the path of %s: %w", id, err)
	}
	if err := x.receive(ctx, &p, id, seqs); err != nil {
		return p, err
	}
	for _, e := range es {
		if e.raw {
			p.ID = e.ID
			for i := range e.Steps {
				if e.Steps[i].Sink == stageTransform {
					p.Step = &e.Steps[i]
				}
			}
			continue
		}
		t := Traced{Entered: e, Seq: e.seq}
		got, ok, err := x.opts.Feed.Record(ctx, e.seq)
		if err != nil {
			return p, err
		}
		if ok && got.Err == nil && got.Value.ID == e.ID {
			t.Record, t.Changes = &got.Value, changes(&got.Value)
		}
		p.Records = append(p.Records, t)
	}
	slices.SortFunc(p.Records, func(a, b Traced) int { return byNumber(a.ID, b.ID) })
	if p.Received == nil && len(es) == 0 {
		return p, ErrUnknown
	}
	if len(es) == 0 {
		p.Step = &Step{Sink: stageTransform, State: Waiting}
	}
	p.Lag, err = x.Lag(ctx)
	return p, err
}

// candidates are the deliveries that id may be of.
func candidates(id string) []string {
	if raw, ok := rawOf(id); ok {
		return []string{id, raw}
	}
	return []string{id}
}

// siblings are the entries of the delivery that id is of.
func (x *Index) siblings(ctx context.Context, c *sql.Conn, p *Path, id string) ([]Entered, error) {
	var list []string
	for _, name := range candidates(id) {
		ns, err := x.named(ctx, c, name)
		if err != nil {
			return nil, err
		}
		for _, n := range ns {
			list = append(list, strconv.FormatInt(n, 10))
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	q := &query{x: x, conn: c, ctx: ctx, after: 1<<63 - 1, limit: MostEntries}
	es, err := q.entries(`record r`, []string{`r.n IN (` + strings.Join(list, ",") + `)`}, nil, true)
	// The key of another row may be this ID; it is not of this delivery.
	names := candidates(id)
	es = slices.DeleteFunc(es, func(e Entered) bool {
		raw, _ := rawOf(e.ID)
		return !slices.Contains(names, e.ID) && (raw == "" || !slices.Contains(names, raw))
	})
	return es, err
}

// origins adds where a delivery of that name may stand in RAW.
func (x *Index) origins(ctx context.Context, c *sql.Conn, seqs []int64, name string) ([]int64, error) {
	rows, err := c.QueryContext(ctx, `SELECT seq FROM origin WHERE h = ? LIMIT 20`, hash(name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, err
		}
		seqs = append(seqs, seq)
	}
	return seqs, rows.Err()
}

// receive fetches the delivery: the first one stored under its name.
func (x *Index) receive(ctx context.Context, p *Path, id string, seqs []int64) error {
	names := candidates(id)
	slices.Sort(seqs)
	for _, seq := range seqs {
		e, ok, err := x.opts.Feed.Raw(ctx, uint64(seq))
		if err != nil {
			return err
		}
		if ok && e.Err == nil && slices.Contains(names, e.Value.ID) {
			p.ID = e.Value.ID
			p.Received = &Received{Seq: e.Seq, Stored: e.Stored, Raw: e.Value}
			return nil
		}
	}
	if raw, ok := rawOf(id); ok {
		p.ID = raw
	}
	return nil
}

// changes are the fields that hold something else than was typed: those with another
// beside them that has _raw behind its name.
func changes(r *pipeline.Record) (out []Change) {
	for name, v := range r.Fields {
		from, ok := v.(string)
		field, raw := strings.CutSuffix(name, "_raw")
		if !raw || !ok {
			continue
		}
		c := Change{Field: field, From: from}
		if to, ok := r.Fields[field]; ok && to != nil {
			c.To = fmt.Sprint(to)
		}
		if c.From != c.To {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Change) int { return strings.Compare(a.Field, b.Field) })
	return out
}

// wait adds where an entry waits: at each sink that takes its kind and has not settled it.
func (x *Index) wait(e *Entered) {
	if !e.raw {
		for _, s := range x.opts.Sinks {
			if s.takes(e.Kind) && !slices.ContainsFunc(e.Steps, func(have Step) bool { return have.Sink == s.Name }) {
				e.Steps = append(e.Steps, Step{Sink: s.Name, State: Waiting})
			}
		}
	}
	slices.SortFunc(e.Steps, func(a, b Step) int { return strings.Compare(a.Sink, b.Sink) })
}

// byNumber orders the records of one delivery: /2 before /10.
func byNumber(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
