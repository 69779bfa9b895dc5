package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mekong/pipeline/bus"
	"mekong/pipeline/trace"
	mongolocal "mekong/sinks/mongodb/local"
)

// ForgetOptions say how a person is forgotten.
type ForgetOptions struct {
	// ByHand are sinks whose rows somebody has erased, or will: they are not asked.
	ByHand []string
	Wait   time.Duration // how long workers may take to finish what they have in hand; 0: 30 s
	Now    func() time.Time
	// Tell is told what is done next. Nil: nobody.
	Tell func(step string)
}

// Proof says that a person was forgotten, and names nobody: Marks are keyed hashes of
// the phones and addresses, made with suppress.key.
type Proof struct {
	Marks    []string          `json:"marks"`
	Began    time.Time         `json:"began"`
	Ended    time.Time         `json:"ended"`
	Complete bool              `json:"complete"` // false: it has to be called again
	Oldest   time.Time         `json:"oldest,omitzero"`
	Rows     map[string]int    `json:"rows"`     // keys that each sink was told to erase
	Streams  map[string]int    `json:"streams"`  // messages overwritten, by stream
	Index    int               `json:"index"`    // entries taken out of the index of leads
	ByHand   []string          `json:"by_hand"`  // sinks that somebody answers for
	Failed   map[string]string `json:"failed"`   // sinks that did not do it, with why
	Remains  map[string]int    `json:"remains"`  // found when everything was looked through again
	Consents int               `json:"consents"` // of which there was evidence
	Note     string            `json:"note"`
}

const proofNote = "TRACE and this proof hold IDs, times, places and reasons, and no personal data. " +
	"Copies outside Mekong's reach (backups, exports, a destination's own history, log files that chat turns were read from) are not erased by it."

// forgottenRule is what erased deliveries are settled as, and replayed ones left out by.
const forgottenRule = "forgotten"

// Forget erases a person that was found. First the person is noted, so that neither
// replay nor import brings anything back; then workers finish what they have in hand;
// then every sink erases the rows; and only when all have is anything taken out of the
// streams, because what is there is how the rows are known. When it fails, what it did
// is in the proof, and the same call goes on.
func (o *Operator) Forget(ctx context.Context, f *Found, how ForgetOptions) (p Proof, err error) {
	if how.Now == nil {
		how.Now = time.Now
	}
	if how.Wait == 0 {
		how.Wait = 30 * time.Second
	}
	tell := func(step string) {
		if how.Tell != nil {
			how.Tell(step)
		}
	}
	p = Proof{Began: how.Now().UTC(), Rows: map[string]int{}, Streams: map[string]int{}, Failed: map[string]string{},
		ByHand: slices.Clone(how.ByHand), Remains: map[string]int{}, Note: proofNote}
	for _, name := range how.ByHand {
		if _, ok := o.app.config.Sinks[name]; !ok {
			return p, fmt.Errorf("there is no sink %q", name)
		}
	}
	defer func() {
		if len(p.Marks) > 0 { // from here on something was done
			err = errors.Join(err, o.acts.note("forgot", p.Marks[0][:12], p.rows(), p.outcome()))
		}
	}()
	gone, err := openSuppression(ctx, o.app.Bus, o.app.config.DataDir)
	if err != nil {
		return p, err
	}
	if p.Marks, err = gone.add(ctx, f.person, p.Began); err != nil {
		return p, err
	}
	tell("waiting for workers to finish what they have in hand")
	if err := o.inHand(ctx, f, how, &p); err != nil {
		return p, err
	}
	opened, done, err := o.openSinks(ctx)
	if err != nil {
		return p, err
	}
	closed := false
	closeSinks := func() {
		if !closed {
			closed = true
			done()
		}
	}
	defer closeSinks()
	// What was in hand has become records, rows and graves meanwhile.
	if f, err = o.find(ctx, f.person, opened); err != nil {
		return p, err
	}
	p.Oldest, p.Consents = f.Oldest, len(f.Evidence)
	p.silent(f, how)
	keys := slices.Sorted(maps.Keys(f.keys))
	for _, s := range opened {
		if slices.Contains(how.ByHand, s.Name) || p.Failed[s.Name] != "" {
			continue
		}
		tell("erasing rows of " + s.Name)
		if err := s.Sink.Forget(ctx, keys); err != nil {
			p.Failed[s.Name] = err.Error()
			continue
		}
		p.Rows[s.Name] = len(keys)
	}
	if len(p.Failed) > 0 {
		p.Ended = how.Now().UTC()
		return p, fmt.Errorf("not every destination has erased the rows, so nothing was taken out of the streams: mend them and call this again")
	}
	tell("overwriting what is in the streams")
	for _, place := range bus.Places {
		of := slices.DeleteFunc(slices.Clone(f.kept), func(k bus.Kept) bool { return k.Place != place })
		n, err := o.app.Bus.Erase(ctx, of, forgottenRule)
		if n > 0 {
			p.Streams[string(place)] = n
		}
		if err != nil {
			return p, err
		}
	}
	tell("taking it out of the index of leads")
	if p.Index, err = o.forgetIndex(ctx, f); err != nil {
		return p, err
	}
	err = o.prove(ctx, f, &p, how, closeSinks, tell)
	return p, err
}

// rows is how many rows the sinks were told to erase, at the most of them.
func (p Proof) rows() (n int) {
	for _, of := range p.Rows {
		n = max(n, of)
	}
	return n
}

func (p Proof) outcome() string {
	if p.Complete {
		return "complete"
	}
	return "not complete: to be done again"
}

// forgetIndex takes a person out of the index of leads, where there is one. It reads up
// to now first, so that nothing of what is erased by now is on its way into it.
func (o *Operator) forgetIndex(ctx context.Context, f *Found) (int, error) {
	x := o.app.Trace
	if x == nil {
		options := o.app.traceOptions()
		if _, err := os.Stat(options.Path); errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
		var err error
		if x, err = trace.Open(options); err != nil {
			return 0, err
		}
		defer func() { _ = x.Close() }() // what it was asked for is written
		if err := x.CatchUp(ctx, nil); err != nil {
			return 0, fmt.Errorf("the index of leads: %w", err)
		}
	}
	names := slices.Sorted(maps.Keys(f.keys))
	names = slices.AppendSeq(names, maps.Keys(f.ids))
	all := 0
	for range forgetRounds {
		n, err := x.Forget(ctx, names...)
		all += n
		if err != nil || n == 0 {
			return all, err
		}
	}
	return all, errors.New("the index of leads goes on taking the person in: call this again")
}

// forgetRounds is how often the index is asked, beside a process that writes to it.
const forgetRounds = 5

// prove overwrites what databases leave in their files, and looks through everything
// again.
func (o *Operator) prove(ctx context.Context, f *Found, p *Proof, how ForgetOptions, closeSinks func(), tell func(string)) error {
	tell("looking through everything again")
	closeSinks()
	if o.embeddedMongoDB() {
		if err := mongolocal.Scrub(ctx, filepath.Join(o.app.config.DataDir, "mongodb")); err != nil {
			return err
		}
	}
	opened, done, err := o.openSinks(ctx)
	if err != nil {
		return err
	}
	defer done()
	left, err := o.find(ctx, f.person, opened)
	if err != nil {
		return err
	}
	for _, k := range left.kept {
		if !k.Stored.After(p.Began) {
			p.Remains[string(k.Place)]++
		}
	}
	for sink, n := range left.Rows {
		if !slices.Contains(how.ByHand, sink) {
			p.Remains[sink] = n
		}
	}
	p.Ended = how.Now().UTC()
	if p.silent(left, how); len(p.Failed) > 0 {
		return errors.New("not every destination could be looked through again: call this again")
	}
	if len(p.Remains) > 0 {
		return errors.New("something is left, or has come in meanwhile: call this again")
	}
	p.Complete = true
	return o.fulfilled(ctx, p.Marks, p.Ended)
}

// silent notes the sinks that could not be searched: what they hold is not known.
func (p *Proof) silent(f *Found, how ForgetOptions) {
	for sink, why := range f.Silent {
		if !slices.Contains(how.ByHand, sink) {
			p.Failed[sink] = why
		}
	}
}

func (o *Operator) embeddedMongoDB() bool {
	for _, s := range o.app.config.Sinks {
		if s.MongoDB != nil && s.MongoDB.URI.IsZero() {
			return true
		}
	}
	return false
}

// inHand waits until no worker can be holding anything of the person. A sink that
// does not get on by then has not erased anything: what it holds would be written later.
func (o *Operator) inHand(ctx context.Context, f *Found, how ForgetOptions, p *Proof) error {
	if !o.Running {
		return nil // there is nobody, and what waits is erased
	}
	deadline := how.Now().Add(how.Wait)
	for {
		open, err := o.app.Bus.Unfinished(ctx, f.kept)
		if err != nil {
			return err
		}
		var names []string
		for _, stage := range open {
			name := o.sinkOf(stage)
			if _, configured := o.app.config.Sinks[name]; (configured || name == TransformStage) && !slices.Contains(how.ByHand, name) {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			return nil
		}
		if how.Now().After(deadline) {
			for _, name := range names {
				p.Failed[name] = "it has yet to write something of this person and does not get on; mekong doctor says why"
			}
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
