// Package larkchat talks in chats of Lark and Feishu: notices about records in a
// group ([Sink]), messages and replies of an app's bot ([Chat]), and alerts for
// operators ([Notifier]).
//
// Notices go through a custom bot, which is an address that a group has, or through
// the bot of an app. The two differ in what a repetition does:
//
//   - An app's bot sends each message with a uuid made of the records in it, so that
//     a try whose answer was lost is not a second message, for an hour and as long as
//     the same records are put together again (`lark.md` §6.6).
//   - A custom bot has no such thing (§8.1). After a lost answer a notice may be in
//     the group twice: twice is told, lost is not.
//
// A message is no row. What was posted is not changed, and what was posted cannot be
// erased from here, so Forget refuses. A later record of a Key is posted only where
// updates is set; which keys and records were posted is remembered for the last
// 10,000 and until the process ends, so a record that follows a restart may be told
// once more.
//
// A notice shows a customer's data, which is its purpose, to whoever is in the group.
// It never lets that data act: a name that reads like a mention of everybody mentions
// nobody. No error, finding or log holds such data, an address, or a secret.
//
// The package does not know what a record means beyond a few usual names of fields,
// nor when a sink holds.
package larkchat

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark"
	"mekong/sinks/token"
)

// Options adapt to where the package runs.
type Options struct {
	Location *time.Location   // of the times in notices; nil: UTC+7
	TLS      *tls.Config      // of connections to a custom bot; nil: the system's authorities
	HTTP     *http.Client     // for an app's bot; nil: one of its own
	Now      func() time.Time // nil: the real clock
	Share    *token.Store     // where an app's token is shared with other processes; nil: nowhere
	OnToken  func(token.Event)
	OnCall   func(lark.Call) // told about every call of an app's bot; quick, from any goroutine
}

func (o Options) filled() Options {
	if o.Location == nil {
		o.Location = time.FixedZone("", 7*3600)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// poster puts one message into the group. once makes a repetition the same message
// where the way there can. The error carries a verdict, or is ctx's own.
type poster interface {
	post(ctx context.Context, m message, once string) (ref string, err error)
	check(ctx context.Context) []pipeline.Finding
	close()
}

// Sink posts notices into one group. All methods may be called at once; messages are
// posted one after the other.
type Sink struct {
	name   string
	conf   config.LarkChat
	title  config.Template
	body   config.Template
	poster poster
	zone   *time.Location

	writing chan struct{} // a lock that a context can stop waiting for
	told    *memory       // guarded by writing
}

var _ pipeline.Sink = (*Sink)(nil)

// New makes the sink called name in the configuration. It opens no connection. Its
// errors name the setting that can never work, and not its value.
func New(name string, c config.LarkChat, o Options) (*Sink, error) {
	o = o.filled()
	s := &Sink{name: name, conf: c, zone: o.Location, writing: make(chan struct{}, 1), told: newMemory(10_000)}
	s.writing <- struct{}{}
	var err error
	if s.title, err = s.template(c.Title); err != nil {
		return nil, fmt.Errorf("larkchat.title: %w", err)
	}
	if s.body, err = s.template(c.Body); err != nil {
		return nil, fmt.Errorf("larkchat.body: %w", err)
	}
	if s.poster, err = newPoster("sinks."+name+".larkchat", c, o); err != nil {
		return nil, err
	}
	return s, nil
}

func newPoster(setting string, c config.LarkChat, o Options) (poster, error) {
	if !c.Hook.IsZero() {
		return newHook(setting, c, o)
	}
	return newApp(setting, c, o)
}

// Limits is what the worker is to obey. Nobody waits for a batch to fill: a lead is
// told at once, and what came meanwhile goes into the next notice together.
func (s *Sink) Limits() pipeline.Limits {
	return pipeline.Limits{Batch: max(s.conf.Group, 1), Writers: 1}
}

// Check connects, and for an app's bot gets a token. It posts nothing.
func (s *Sink) Check(ctx context.Context) []pipeline.Finding { return s.poster.check(ctx) }

// Close lets go of the connections that nothing is in flight on.
func (s *Sink) Close() error {
	s.poster.close()
	return nil
}
