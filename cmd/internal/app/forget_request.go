package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mekong/pipeline/bus"
)

// requestTable keeps who asked to be forgotten, until it is done and after. It holds no
// phone and no address: the hash, and what [MaskedText] leaves.
const requestTable = "mekong-forget-requests"

// Deadlines of a request (`sources.md` §4.8): an answer within two working days, and the
// erasing, which others have to take part in, within twenty days. Public holidays are
// not known here.
const (
	answerDays = 2
	eraseDays  = 20
)

// errNobody means that a term is nothing to look for a person by.
var errNobody = errors.New("nobody is known by that")

// Request is one person's wish to be forgotten.
type Request struct {
	Mark     string    `json:"mark"` // as in [Proof]
	Who      string    `json:"who"`  // masked
	At       time.Time `json:"at"`
	Answer   time.Time `json:"answer"` // due
	Answered time.Time `json:"answered,omitzero"`
	Erase    time.Time `json:"erase"` // due
	Done     time.Time `json:"done,omitzero"`
}

// RequestForget notes a person's wish. The same one again stays as it is.
func (o *Operator) RequestForget(ctx context.Context, term string, now time.Time) (Request, error) {
	p, err := newSought()
	if err != nil {
		return Request{}, err
	}
	if !p.learn(term) {
		return Request{}, fmt.Errorf("%q is no phone and no address: %w", term, errNobody)
	}
	s, err := openSuppression(ctx, o.app.Bus, o.app.config.DataDir)
	if err != nil {
		return Request{}, err
	}
	kv, err := o.app.Bus.KV(ctx, requestTable, 0)
	if err != nil {
		return Request{}, err
	}
	r := Request{Mark: s.marksOf(p)[0], Who: MaskedText(append(p.sortedPhones(), p.sortedEmails()...)[0]), At: now.UTC(),
		Answer: workingDays(now, answerDays).UTC(), Erase: now.AddDate(0, 0, eraseDays).UTC()}
	value, revision, err := kv.Get(ctx, r.Mark)
	if err != nil && !errors.Is(err, bus.ErrAbsent) {
		return r, err
	}
	var was Request
	if err == nil && json.Unmarshal(value, &was) == nil && was.Done.IsZero() {
		return was, nil
	}
	if value, err = json.Marshal(r); err != nil {
		return r, err
	}
	if _, err = kv.Set(ctx, r.Mark, value, revision); err != nil {
		return r, err
	}
	return r, o.acts.note("noted a request", r.Mark[:12], 0, "")
}

// workingDays is so many days on, Saturdays and Sundays not counted.
func workingDays(t time.Time, n int) time.Time {
	for n > 0 {
		t = t.AddDate(0, 0, 1)
		if d := t.Weekday(); d != time.Saturday && d != time.Sunday {
			n--
		}
	}
	return t
}

// ForgetRequests lists the wishes, those that wait first and the oldest of them before.
func (o *Operator) ForgetRequests(ctx context.Context) ([]Request, error) {
	kv, err := o.app.Bus.KV(ctx, requestTable, 0)
	if err != nil {
		return nil, err
	}
	names, err := kv.Names(ctx)
	if err != nil {
		return nil, err
	}
	var out []Request
	for _, name := range names {
		value, _, err := kv.Get(ctx, name)
		if errors.Is(err, bus.ErrAbsent) {
			continue
		}
		var r Request
		if err == nil {
			err = json.Unmarshal(value, &r)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Request) int {
		if a.Done.IsZero() != b.Done.IsZero() {
			if a.Done.IsZero() {
				return -1
			}
			return 1
		}
		if n := a.At.Compare(b.At); n != 0 {
			return n
		}
		return strings.Compare(a.Mark, b.Mark)
	})
	return out, nil
}

// fulfilled notes that the wishes of those marks are done.
func (o *Operator) fulfilled(ctx context.Context, marks []string, now time.Time) error {
	for _, mark := range marks {
		err := o.amend(ctx, mark, func(r *Request) { r.Done = now.UTC() })
		if err != nil && !errors.Is(err, bus.ErrAbsent) {
			return err
		}
	}
	return nil
}

// AnswerForget notes that the person of a wish was answered. The error is [bus.ErrAbsent]
// where there is no such wish.
func (o *Operator) AnswerForget(ctx context.Context, mark string, now time.Time) error {
	return o.amend(ctx, mark, func(r *Request) {
		if r.Answered.IsZero() {
			r.Answered = now.UTC()
		}
	})
}

// amend changes a wish.
func (o *Operator) amend(ctx context.Context, mark string, how func(*Request)) error {
	kv, err := o.app.Bus.KV(ctx, requestTable, 0)
	if err != nil {
		return err
	}
	value, revision, err := kv.Get(ctx, mark)
	var r Request
	if err == nil {
		err = json.Unmarshal(value, &r)
	}
	if err != nil {
		return err
	}
	how(&r)
	if value, err = json.Marshal(r); err != nil {
		return err
	}
	_, err = kv.Set(ctx, mark, value, revision)
	return err
}

// requestsOf are the wishes of a person that are not done.
func (o *Operator) requestsOf(ctx context.Context, f *Found) ([]Request, error) {
	s, err := openSuppression(ctx, o.app.Bus, o.app.config.DataDir)
	if err != nil {
		return nil, err
	}
	all, err := o.ForgetRequests(ctx)
	if err != nil {
		return nil, err
	}
	marks := s.marksOf(f.person)
	return slices.DeleteFunc(all, func(r Request) bool { return !r.Done.IsZero() || !slices.Contains(marks, r.Mark) }), nil
}
