// Package webhook posts records as JSON to any HTTP endpoint: the "when webhook
// received" of a Lark Base automation, AnyCross, Bot Builder, a CRM.
//
//	POST <url>
//	Idempotency-Key: <record ID>
//	{"id":…,"key":…,"kind":…,"source":…,"occurred":…,"received":…,"fields":{…}}
//
// What a database does for other sinks, the receiver must do here. The sink sends a
// record again when it cannot know whether an earlier try arrived, and it can neither
// look a row up nor change one. So:
//
//   - Once: the same record always has the same ID, in the body and in the header.
//     A receiver that ignores an ID it has seen stores each record once; one that
//     does not may store a record twice after a lost answer. A list is sent under an
//     ID of its own, made of those inside it, which another try may put together in
//     another way: its receiver goes by the ID of each record.
//   - One row for each key: records with one key are about one row, and they may
//     arrive in any order. occurred, then received, then id say which is the newest.
//   - Corrected: a replay after a transform was mended sends other fields under the
//     same ID. A receiver that ignores known IDs ignores the correction.
//
// A Base automation forgets its Client-Token after three hours and answers before a
// row is written (`lark.md` §8.2): "stored" means accepted, and no more.
//
// The address may come from a customer, so by default the sink connects to public
// addresses only (package outbound), follows no redirect and uses no proxy.
//
// No error or finding holds an address beyond its host, a header, a value of a record
// or any text of an answer. The package does not know what a receiver does with a
// record, nor who tries again.
package webhook

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/outbound"
)

// Options adapt a sink to where it runs.
type Options struct {
	TLS *tls.Config      // of connections to the receiver; nil: the system's authorities
	Now func() time.Time // nil: the real clock; for a Retry-After that names a date
}

const (
	// listSize is how many records go in one list. Nobody documents what a receiver
	// of lists bears, so it is a modest number.
	listSize = 100
	// oneSize is for how many records a Write is asked for when each is a request
	// of its own: a shutdown waits for few.
	oneSize = 10

	maxRequest = 4 << 20  // bytes; a Base automation takes no more (`lark.md` §8.2)
	maxAnswer  = 64 << 10 // bytes of an answer that are read
)

// Sink posts to one endpoint. All methods may be called at once.
type Sink struct {
	name     string
	conf     config.Webhook
	url      *url.URL
	forget   *url.URL // nil: there is none
	header   http.Header
	id       string // name of the header with the ID
	body     config.Template
	rule     config.AnswerRule
	ruled    bool
	statuses map[int]bool // that mean success; nil: 200 to 299
	client   *http.Client
	dialler  outbound.Dialer
	tls      *tls.Config
	now      func() time.Time
}

var _ pipeline.Sink = (*Sink)(nil)

// New makes the sink called name in the configuration. It opens no connection. Its
// errors name the setting that can never work, and not its value.
func New(name string, c config.Webhook, o Options) (*Sink, error) {
	s := &Sink{name: name, conf: c, header: http.Header{}, id: "Idempotency-Key", tls: o.TLS, now: o.Now}
	if s.now == nil {
		s.now = time.Now
	}
	var err error
	if s.url, err = address(c.URL); err != nil {
		return nil, fmt.Errorf("webhook.url: %w", err)
	}
	if !c.Forget.URL.IsZero() {
		if s.forget, err = address(c.Forget.URL); err != nil {
			return nil, fmt.Errorf("webhook.forget.url: %w", err)
		}
	}
	rule := c.Success.JSON
	if c.Preset == presetLark {
		s.id = "Client-Token"
		if rule == "" {
			rule = "code == 0"
		}
	}
	if rule != "" {
		if s.rule, err = config.ParseAnswerRule(rule); err != nil {
			return nil, fmt.Errorf("webhook.success.json: %w", err)
		}
		s.ruled = true
	}
	if len(c.Success.Status) > 0 {
		s.statuses = map[int]bool{}
		for _, n := range c.Success.Status {
			s.statuses[n] = true
		}
	}
	if c.IDHeader != "" {
		s.id = c.IDHeader
	}
	for h, v := range c.Headers {
		s.header.Set(h, v.Reveal())
	}
	if !c.Bearer.IsZero() {
		s.header.Set("Authorization", "Bearer "+c.Bearer.Reveal())
	}
	if c.Body != "" {
		if s.body, err = parseBody(c.Body); err != nil {
			return nil, fmt.Errorf("webhook.body: %w", err)
		}
	}
	s.dialler = outbound.Dialer{Private: c.AllowPrivate, Setting: s.setting("allow_private")}
	s.client = s.dialler.Client(o.TLS, c.Writers)
	return s, nil
}

// Limits is what the worker is to obey. A list fills for a moment; single records
// go as they come.
func (s *Sink) Limits() pipeline.Limits {
	l := pipeline.Limits{Batch: oneSize, Writers: max(s.conf.Writers, 1)}
	if s.conf.List {
		l.Batch, l.Wait = listSize, 200*time.Millisecond
	}
	return l
}

// Close lets go of the connections that nothing is in flight on.
func (s *Sink) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// setting is the path of one of the sink's settings.
func (s *Sink) setting(name string) string { return "sinks." + s.name + ".webhook." + name }
