package larkchat

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mekong/config"
	"mekong/pipeline"
)

const (
	alertGap   = 30 * time.Second // between two messages
	alertQuiet = 10 * time.Minute // before the same title is told again
	maxAlerts  = 20               // in one message; further ones are counted
)

// Notifier tells operators in a group what needs them: a sink holds, a sink goes on.
//
// It is sparing: one message in 30 seconds, with everything that has come up, and one
// in ten minutes for the same title, with how often it came up and its last text. So
// nothing is left out, and a sink that flutters does not drown the group. It may be
// used from any number of goroutines.
type Notifier struct {
	poster poster
	text   bool // as text in place of a card
	now    func() time.Time

	busy    chan struct{} // a lock that a context can stop waiting for
	last    time.Time     // of the last try
	told    map[string]time.Time
	waiting []*alert // oldest first
	more    int      // that found no room
}

type alert struct {
	title, text string
	times       int
}

// NewNotifier makes a notifier of the group that c describes; setting is the path of
// that block in the configuration. It opens no connection.
func NewNotifier(setting string, c config.LarkChat, o Options) (*Notifier, error) {
	o = o.filled()
	p, err := newPoster(setting, c, o)
	if err != nil {
		return nil, err
	}
	n := &Notifier{poster: p, text: c.Format == "text", now: o.Now, busy: make(chan struct{}, 1), told: map[string]time.Time{}}
	n.busy <- struct{}{}
	return n, nil
}

// Notify has an alert told with the next message, which [Notifier.Flush] sends. An
// error is ctx's own.
func (n *Notifier) Notify(ctx context.Context, title, text string) error {
	if err := n.lock(ctx); err != nil {
		return err
	}
	defer n.unlock()
	n.add(strings.Join(strings.Fields(title), " "), text)
	return nil
}

// Flush sends what waits and is due, in one message. Who runs the notifier calls it now
// and then, such as every 30 seconds. An error means that the message could not be sent
// now; what was in it still waits.
func (n *Notifier) Flush(ctx context.Context) error {
	if err := n.lock(ctx); err != nil {
		return err
	}
	defer n.unlock()
	return n.flush(ctx)
}

// Check says whether the group can be reached. It posts nothing.
func (n *Notifier) Check(ctx context.Context) []pipeline.Finding { return n.poster.check(ctx) }

// Close lets go of the connections. What waits is not sent any more.
func (n *Notifier) Close() { n.poster.close() }

func (n *Notifier) lock(ctx context.Context) error {
	select {
	case <-n.busy:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *Notifier) unlock() { n.busy <- struct{}{} }

func (n *Notifier) add(title, text string) {
	for i, a := range n.waiting {
		if a.title == title {
			a.text, a.times = text, a.times+1
			// It is the newest now: of two that contradict each other, the one that
			// holds stands last.
			n.waiting = append(append(n.waiting[:i:i], n.waiting[i+1:]...), a)
			return
		}
	}
	if len(n.waiting) >= 5*maxAlerts {
		n.more++
		return
	}
	n.waiting = append(n.waiting, &alert{title, text, 1})
}

func (n *Notifier) flush(ctx context.Context) error {
	now := n.now()
	if !n.last.IsZero() && now.Sub(n.last) < alertGap {
		return nil
	}
	for title, at := range n.told {
		if now.Sub(at) >= alertQuiet {
			delete(n.told, title)
		}
	}
	var due, later []*alert
	for _, a := range n.waiting {
		if _, quiet := n.told[a.title]; quiet || len(due) == maxAlerts {
			later = append(later, a)
		} else {
			due = append(due, a)
		}
	}
	if len(due) == 0 {
		return nil
	}
	n.last = now
	marks := []any{now.UnixNano()}
	for _, a := range due {
		marks = append(marks, *a)
	}
	if _, err := n.poster.post(ctx, n.message(due), mark("alert", marks)); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("notice to the operators: %w", err)
	}
	n.waiting, n.more = later, 0
	for _, a := range due {
		n.told[a.title] = now
	}
	return nil
}

func (n *Notifier) message(due []*alert) message {
	title := due[0].title
	if len(due) > 1 {
		title = fmt.Sprintf("Mekong: %d ×", len(due)) // in every language
	}
	var parts []string
	room := maxContent / 2 / len(due) // bytes, the other half is for titles
	for _, a := range due {
		part := cut(a.text, max(room/4, 40))
		if len(due) > 1 {
			part = cut(a.title, maxTitle) + "\n" + part
		}
		if a.times > 1 {
			part += fmt.Sprintf("\n(× %d)", a.times)
		}
		parts = append(parts, strings.ToValidUTF8(part, "\uFFFD"))
	}
	if n.more > 0 {
		parts = append(parts, fmt.Sprintf("+ %d", n.more))
	}
	if title = cut(strings.ToValidUTF8(title, "\uFFFD"), maxTitle); n.text {
		return textMessage(title + "\n" + strings.Join(parts, "\n———\n"))
	}
	return card(title, "red", parts)
}
