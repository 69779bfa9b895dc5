package appsscript

import (
	"context"
	"errors"
	"time"
)

// A call whose answer was lost may have been carried out, may be running yet, or may
// run later: a run waits for the lock. So the very same request is sent again, with
// its id, before anything else. The script remembers the ids it has carried out and
// does nothing for one of them but say where the rows are; and once it has answered, a
// late run of the first try does nothing either. That matters most for Forget: a late
// run must not bring back a row that was erased, nor erase one that came back.
//
// Seven minutes after the last try no run of it can be alive (six is Google's limit,
// `sinks.md` B3), and what the script writes it looks up by key, so the doubt is over by
// itself. It is over, too, when the script has failed at the request three times, or
// half an hour has brought no answer: a run that never ends well must not stop the
// sink for ever. The records are then planned anew, and fewer at once.
type doubt struct {
	batch   string
	payload string
	first   time.Time // try, and
	last    time.Time
	ended   int     // runs that are known to have ended, and not well
	answer  *answer // once settled
}

const (
	longestRun   = 7 * time.Minute
	longestDoubt = 30 * time.Minute
	mostTries    = 3
)

// ask makes a call, and remembers it when its outcome is in doubt. Only one who holds
// the turn may.
func (s *Sink) ask(ctx context.Context, batch, payload string) (*answer, error) {
	a, err := s.call(ctx, batch, payload)
	if err == nil {
		s.most = min(s.most*2, batchSize)
		return a, nil
	}
	var f *failure
	isFailure := errors.As(err, &f)
	if !isFailure && ctx.Err() == nil {
		return nil, err
	}
	if isFailure && f.slow {
		s.most = max(s.most/2, 1)
	}
	if !isFailure || f.doubtful {
		if s.doubt == nil || s.doubt.batch != batch {
			s.setDoubt(&doubt{batch: batch, payload: payload, first: s.now()})
		}
		s.doubt.last = s.now()
		if isFailure && f.ended {
			s.doubt.ended++
		}
	}
	return nil, err
}

// settle finds out what became of the call in doubt. An error leaves the doubt.
func (s *Sink) settle(ctx context.Context) (*doubt, error) {
	d := s.doubt
	if d == nil {
		return nil, nil
	}
	if s.now().Sub(d.last) > longestRun || s.now().Sub(d.first) > longestDoubt || d.ended >= mostTries {
		s.setDoubt(nil)
		return nil, nil
	}
	a, err := s.ask(ctx, d.batch, d.payload)
	var f *failure
	switch {
	case err == nil:
		d.answer = a
		s.setDoubt(nil)
		return d, nil
	case errors.As(err, &f) && f.broke:
		// It was tried, and it said so: nothing of it is running.
		s.setDoubt(nil)
	}
	return nil, err
}

func (s *Sink) setDoubt(d *doubt) {
	s.doubt = d
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsure = d != nil
}
