package app

import (
	"context"
	"crypto/rand"
	"errors"
	"hash/maphash"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// RepairOptions say how missing rows are written again.
type RepairOptions struct {
	Rate int           // records a second at most; 0: as fast as it goes
	Lag  int           // it waits while the sink has more than this to do; 0: no bound
	Wait time.Duration // how long to wait for what becomes of them; 0: not at all
	// Tell is told how far it is. Nil: nobody.
	Tell func(Repair)
}

// Repair is what was done about the missing rows of one sink. Sent is the sum of the
// last four.
type Repair struct {
	Sink     string `json:"sink"`
	Of       int    `json:"of"`       // rows that were missing
	Rows     int    `json:"rows"`     // rows that were sent again
	LeftOut  int    `json:"left_out"` // rows of which nothing is kept any more, or of people who asked to be forgotten
	Sent     int    `json:"sent"`     // records: those that the rows are made of
	Stored   int    `json:"stored"`
	Filtered int    `json:"filtered"`
	Buried   int    `json:"buried"`
	Waiting  int    `json:"waiting"` // what has become of them is not known yet
	Held     string `json:"-"`       // the sink that is waited for; "": none
}

// repairBatch is how many records are sent at once.
const repairBatch = 100

// Repair sends the records of the rows that are missing to their sink again, and to no
// other, as they are kept. They are marked Again, so that the sink looks before it
// writes, and a row that is back by now is brought up to date and not doubled. Called
// again for the same reconciliation it sends them once more, which changes nothing.
func (o *Operator) Repair(ctx context.Context, s SinkReconciliation, how RepairOptions) (Repair, error) {
	p := &repairing{o: o, how: how, run: rand.Text(), seed: maphash.MakeSeed(), sent: map[uint64]bool{}, Repair: Repair{Sink: s.Sink, Of: len(s.lost)}}
	if len(s.lost) == 0 {
		return p.Repair, nil
	}
	if how.Rate > 0 {
		p.limit = rate.NewLimiter(rate.Limit(how.Rate), max(1, min(how.Rate, repairBatch)))
	}
	trace, err := o.app.Bus.Extent(ctx, bus.LogTrace)
	if err != nil {
		return p.Repair, err
	}
	p.traced = trace.Last
	if err := o.acts.note("repaired", s.Sink, len(s.lost), "rows that were missing in the destination"); err != nil {
		return p.Repair, err
	}
	rows := s.lost
	for len(rows) > 0 {
		n, records := 1, len(rows[0].seqs)
		for n < len(rows) && records+len(rows[n].seqs) <= repairBatch {
			records += len(rows[n].seqs)
			n++
		}
		if err := p.send(ctx, rows[:n]); err != nil {
			return p.Repair, err
		}
		rows = rows[n:]
	}
	return p.Repair, p.await(ctx)
}

// repairing is one repair. One goroutine uses it.
type repairing struct {
	Repair
	o      *Operator
	how    RepairOptions
	run    string
	limit  *rate.Limiter // nil: no bound
	seed   maphash.Seed
	sent   map[uint64]bool // hashes of IDs of which it is not known what became of them
	traced uint64
}

// send sends the records of some rows. What was erased, or is of somebody who asked to
// be forgotten since the rows were found to be missing, stays gone.
func (p *repairing) send(ctx context.Context, rows []lostRow) error {
	gone, err := openSuppression(ctx, p.o.app.Bus, p.o.app.config.DataDir)
	if err != nil {
		return err
	}
	rowOf := map[uint64]int{}
	var seqs []uint64
	for i, r := range rows {
		for _, seq := range r.seqs {
			rowOf[seq] = i
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	of := make([][]pipeline.Record, len(rows))
	forgotten := make([]bool, len(rows))
	err = fetch(ctx, p.o.app.Bus, seqs, func(seq uint64, r pipeline.Record) {
		i := rowOf[seq]
		of[i] = append(of[i], r)
		forgotten[i] = forgotten[i] || gone.Has(r)
	})
	if err != nil {
		return err
	}
	var records []pipeline.Record
	for i := range rows {
		if len(of[i]) == 0 || forgotten[i] {
			p.LeftOut++
			continue
		}
		p.Rows++
		records = append(records, of[i]...)
	}
	for part := range slices.Chunk(records, repairBatch) {
		if err := p.patience(ctx, len(part)); err != nil {
			return err
		}
		for i, err := range p.o.app.Bus.Replay(ctx, p.Sink, p.run, part) {
			if err != nil {
				return err
			}
			p.Sent++
			p.sent[maphash.String(p.seed, part[i].ID)] = true
		}
		p.Waiting = len(p.sent)
		p.tell()
	}
	return nil
}

func (p *repairing) tell() {
	if p.how.Tell != nil {
		p.how.Tell(p.Repair)
	}
}

// patience waits for the rate, and while the sink is behind.
func (p *repairing) patience(ctx context.Context, n int) error {
	for n > 0 && p.limit != nil {
		part := min(n, p.limit.Burst())
		if err := p.limit.WaitN(ctx, part); err != nil {
			return err
		}
		n -= part
	}
	for p.how.Lag > 0 && p.o.Running {
		behind, _, err := p.o.app.Bus.Behind(ctx, bus.StageOf(p.Sink))
		if err != nil {
			return err
		}
		if behind <= uint64(p.how.Lag) {
			break
		}
		p.Held = p.Sink
		p.tell()
		if err := pause(ctx, lagLook); err != nil {
			return err
		}
	}
	p.Held = ""
	return ctx.Err()
}

// await waits for what becomes of the records, as long as somebody works on them.
func (p *repairing) await(ctx context.Context) error {
	if !p.o.Running || p.how.Wait <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.how.Wait)
	defer cancel()
	for len(p.sent) > 0 {
		err := p.settled(ctx)
		if err == nil && len(p.sent) > 0 {
			err = pause(ctx, lagLook/2)
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil // they wait, and the result says so; a reading that was cut short then is no fault
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settled reads what was written down since it was last called.
func (p *repairing) settled(ctx context.Context) error {
	for {
		got, err := p.o.app.Bus.SettlementsAfter(ctx, p.traced, traceRead)
		if err != nil || len(got) == 0 {
			return err
		}
		for _, e := range got {
			p.traced = e.Seq
			if e.Err != nil || e.Value.Stage != bus.StageOf(p.Sink) {
				continue
			}
			for _, s := range e.Value.Settled {
				id := maphash.String(p.seed, s.ID)
				if !p.sent[id] {
					continue
				}
				switch fateOf[s.State] {
				case wasStored:
					p.Stored++
				case wasFiltered:
					p.Filtered++
				case wasBuried:
					p.Buried++
				default:
					continue // that it was sent
				}
				delete(p.sent, id)
			}
		}
		p.Waiting = len(p.sent)
		p.tell()
	}
}
