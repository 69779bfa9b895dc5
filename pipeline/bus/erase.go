package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Erase takes messages out of the streams for good: their bytes on disk are
// overwritten, not only marked. A message that a stage had yet to finish is settled
// there as filtered, by rule, so that the account still adds up; one that is buried
// counts as dropped. It returns how many it erased; those that are gone already are
// none. After an error some may be gone, and the same call again is safe.
//
// Whoever has such a message in hand at this moment goes on with it: see [Bus.Unfinished].
func (b *Bus) Erase(ctx context.Context, kept []Kept, rule string) (int, error) {
	n := 0
	var stages []stageAt
	for _, p := range Places {
		for _, k := range kept {
			if k.Place != p {
				continue
			}
			if stages == nil {
				var err error
				if stages, err = b.stages(ctx); err != nil {
					return n, err
				}
			}
			gone, err := b.erase(ctx, k, rule, stages)
			if err != nil {
				return n, err
			}
			if gone {
				n++
			}
		}
	}
	return n, nil
}

func (b *Bus) erase(ctx context.Context, k Kept, rule string, stages []stageAt) (bool, error) {
	s, err := b.js.Stream(ctx, string(k.Place))
	if err != nil {
		return false, fmt.Errorf("stream %s: %w", k.Place, err)
	}
	if _, err := s.GetMsg(ctx, k.Seq); errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("stream %s: %w", k.Place, err)
	}
	if k.Place == Graves {
		return true, b.DropBecause(ctx, k.Seq, rule)
	}
	for _, at := range stages {
		if !at.open(k) {
			continue
		}
		// First the account, then the message. What was settled all the same is
		// counted once: the ledger knows its latest.
		id := k.header.Get(nats.MsgIdHdr)
		err := b.Trace(Settlement{Stage: at.stage, At: time.Now().UTC(),
			Settled: []Settled{{Seq: k.Seq, ID: id, State: Filtered, Reason: rule}}})
		if err != nil {
			return false, err
		}
	}
	if err := s.SecureDeleteMsg(ctx, k.Seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, fmt.Errorf("message %d of %s cannot be erased: %w", k.Seq, k.Place, err)
	}
	return true, nil
}

// DropBecause takes a buried message out for good, as [Bus.Drop] does, and keeps why
// in TRACE. reason holds no personal data.
func (b *Bus) DropBecause(ctx context.Context, seq uint64, reason string) error {
	g, err := b.Grave(ctx, seq)
	if err != nil {
		return err
	}
	s, err := b.js.Stream(ctx, streamBuried)
	if err != nil {
		return fmt.Errorf("stream %s: %w", streamBuried, err)
	}
	err = b.Trace(Settlement{Stage: g.Stage, At: time.Now().UTC(),
		Settled: []Settled{{Seq: seq, ID: g.ID, State: dropped, Reason: reason}}})
	if err != nil {
		return err
	}
	if err := s.SecureDeleteMsg(ctx, seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("the buried %d cannot be taken out: %w", seq, err)
	}
	return nil
}

// stageAt is how far a stage is.
type stageAt struct {
	stage   string
	place   Place
	filters []string
	floor   uint64 // everything up to here is settled
}

// open reports whether the stage may have yet to settle a message.
func (s stageAt) open(k Kept) bool {
	if s.place != k.Place || k.Seq <= s.floor {
		return false
	}
	for _, f := range s.filters {
		if matches(f, k.subject) {
			return true
		}
	}
	return false
}

// matches says whether a subject is one of a filter's.
func matches(filter, subject string) bool {
	for {
		f, frest, fmore := strings.Cut(filter, ".")
		if f == ">" {
			return subject != ""
		}
		s, srest, smore := strings.Cut(subject, ".")
		if f != "*" && f != s || fmore != smore {
			// "a.>" needs something behind a.
			return false
		}
		if !fmore {
			return true
		}
		filter, subject = frest, srest
	}
}

// stages are all queues there are, with how far they are.
func (b *Bus) stages(ctx context.Context) ([]stageAt, error) {
	out := []stageAt{}
	for _, p := range []Place{Deliveries, Records} {
		s, err := b.js.Stream(ctx, string(p))
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", p, err)
		}
		list := s.ListConsumers(ctx)
		for info := range list.Info() {
			if info.Config.Durable == "" {
				continue // somebody is only looking
			}
			at := stageAt{stage: info.Name, place: p, filters: info.Config.FilterSubjects, floor: info.AckFloor.Stream}
			if info.Config.FilterSubject != "" {
				at.filters = append(at.filters, info.Config.FilterSubject)
			}
			if info.NumPending == 0 && info.NumAckPending == 0 {
				// It is done with all there is, of whichever subject.
				at.floor = max(at.floor, s.CachedInfo().State.LastSeq)
			}
			out = append(out, at)
		}
		if err := list.Err(); err != nil {
			return nil, fmt.Errorf("the queues of stream %s: %w", p, err)
		}
	}
	return out, nil
}

// Unfinished names the stages that may have yet to settle one of the messages:
// "transform" or "sink-<name>". A worker has it in hand, or it waits.
func (b *Bus) Unfinished(ctx context.Context, kept []Kept) ([]string, error) {
	stages, err := b.stages(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, at := range stages {
		for _, k := range kept {
			if at.open(k) {
				out = append(out, at.stage)
				break
			}
		}
	}
	return out, nil
}

// Past reports whether the delivery is history that somebody sent again, from a file
// or from what was buried. Mere redelivery is not: that is Again alone.
func (d *Delivery[T]) Past() bool {
	return d.msg.Headers().Get(headerAgain) == past || isRedo(d.msg.Subject())
}

// EraseRaw takes a delivery out of RAW for good, once it is settled.
func (b *Bus) EraseRaw(ctx context.Context, seq uint64) error {
	s, err := b.js.Stream(ctx, streamRaw)
	if err != nil {
		return fmt.Errorf("stream %s: %w", streamRaw, err)
	}
	if err := s.SecureDeleteMsg(ctx, seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("message %d of %s cannot be erased: %w", seq, streamRaw, err)
	}
	return nil
}
