package larksim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// again is when a delivery that failed is tried once more, counted from the last
// try (`lark.md` §6.4). It is never written to.
var again = []time.Duration{15 * time.Second, 5 * time.Minute, time.Hour, 6 * time.Hour}

// pending is an event that waits for its next delivery.
type pending struct {
	event  Event
	body   []byte
	header http.Header
	nth    int
	due    time.Time
}

// Send delivers an event now. When the app does not answer 200 in time, it is
// queued for redelivery.
func (d *Sender) Send(ctx context.Context, e Event) Attempt {
	body, header := d.dress(&e)
	return d.try(ctx, &pending{event: e, body: body, header: header})
}

// Due delivers again what is due by the simulator's clock, oldest first, and
// returns the attempts.
func (d *Sender) Due(ctx context.Context) []Attempt {
	now := d.sim.Now()
	var due []*pending
	d.queue = slices.DeleteFunc(d.queue, func(p *pending) bool {
		if p.due.After(now) {
			return false
		}
		due = append(due, p)
		return true
	})
	slices.SortStableFunc(due, func(a, b *pending) int { return a.due.Compare(b.due) })
	out := make([]Attempt, 0, len(due))
	for _, p := range due {
		if d.Fresh {
			p.event.ID = ""
			p.body, p.header = d.dress(&p.event)
		}
		out = append(out, d.try(ctx, p))
	}
	return out
}

// Next is when the next redelivery is due; false when none is.
func (d *Sender) Next() (time.Time, bool) {
	var next time.Time
	for _, p := range d.queue {
		if next.IsZero() || p.due.Before(next) {
			next = p.due
		}
	}
	return next, len(d.queue) > 0
}

// Attempts are all deliveries so far.
func (d *Sender) Attempts() []Attempt { return slices.Clone(d.attempts) }

func (d *Sender) try(ctx context.Context, p *pending) Attempt {
	a := Attempt{At: d.sim.Now(), EventID: p.event.ID, Nth: p.nth}
	a.Status, _, a.Err = d.post(ctx, p.body, p.header, d.Timeout)
	a.OK = a.Err == nil && a.Status == http.StatusOK
	d.attempts = append(d.attempts, a)
	if !a.OK && p.nth < len(again) {
		p.due = a.At.Add(again[p.nth])
		p.nth++
		d.queue = append(d.queue, p)
	}
	return a
}

// maxReply is how much of an app's answer is read.
const maxReply = 64 << 10

func (d *Sender) post(ctx context.Context, body []byte, header http.Header, within time.Duration) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	req, err := d.request(ctx, body, header)
	if err != nil {
		return 0, nil, err
	}
	resp, err := d.Client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	return resp.StatusCode, b, err
}

// Challenge is the console saving the request URL: a question without signature
// that must be answered within a second (§6.1).
func (d *Sender) Challenge(ctx context.Context) error {
	d.sim.mu.Lock()
	want := d.sim.hexID(12)
	body := encode(map[string]string{"challenge": want, "token": d.Token, "type": "url_verification"})
	if d.Key != "" {
		body = d.sim.encrypted(d.Key, body)
	}
	d.sim.mu.Unlock()
	status, reply, err := d.post(ctx, body, http.Header{"Content-Type": {jsonType}}, challengeIn)
	if err != nil {
		return fmt.Errorf("larksim: the challenge was not answered: %w", err)
	}
	var got struct {
		Challenge string `json:"challenge"`
	}
	if status != http.StatusOK || json.Unmarshal(reply, &got) != nil || got.Challenge != want {
		return fmt.Errorf("larksim: the challenge was answered wrongly, with HTTP %d", status)
	}
	return nil
}
