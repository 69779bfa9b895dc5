// Package chatlog receives what chatbots log: whole transcripts that grow with
// each save, single messages, rows of question and answer, and what Rasa,
// Dialogflow, Chatwoot, Chatbase, Botpress and Langfuse send (`sources.md` §3.1).
// It is posted ([Receiver.Receive]), read from growing files ([Tail]), or heard
// on NATS ([Listener]).
//
// Whatever the shape, it is cut into turns: one Raw of format [turn.Format] is a
// question with its answer as far as it is known. Its ID is the vendor's own
// where there is one, else made of session, place in the session and content,
// so that a transcript saved again yields only what is new or changed: the
// stream knows the other IDs. A turn that is sent again with its answer is
// another Raw of the same row ([turn.Body]).
//
// Messages that come one by one are put together with the help of a bounded
// memory of sessions. After a restart it is empty unless it is told what was
// stored ([Receiver.Remember]): an answer whose question is not remembered
// becomes a row of its own, and says so. Of several processes each remembers
// its own, so a chatbot should post to one.
//
// What no shape fits is refused, and kept by whoever asked. The package does not
// know what a member of a message means (transform), nor the HTTP around a
// request (sources/intake), nor NATS (pipeline/bus).
package chatlog

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/chatlog/turn"
	"mekong/sources/identity"
	"mekong/sources/request"
)

// Keys of a Raw's Meta, beside those of package request.
const (
	MetaZone = "zone" // IANA name that times without an offset are in
	MetaFile = "file" // name of the file a line stood in, without its folder
	MetaAt   = "at"   // where in it: the line's first byte
)

// Receiver is the dialect of one configured source. It may be used from any
// number of goroutines at once.
type Receiver struct {
	name    string
	path    string
	shape   string
	session []string
	zone    string
	tokens  tokens
	secret  config.Secret
	now     func() time.Time

	mu     sync.Mutex
	memory *memory
}

// New makes the receiver of the source called name. c has its defaults filled
// and its rules checked. now tells the time; nil means [time.Now].
func New(name string, c config.ChatLog, now func() time.Time) (*Receiver, error) {
	if name == "" {
		return nil, errors.New("a source has a name")
	}
	if c.Shape != "" && readers[c.Shape] == nil {
		return nil, fmt.Errorf("source %q: there is no shape %q", name, c.Shape)
	}
	if now == nil {
		now = time.Now
	}
	return &Receiver{
		name: name, path: c.Path, shape: c.Shape, session: c.Session, zone: c.Zone,
		tokens: newTokens(append([]config.Secret{c.Token}, c.Tokens...)), secret: c.ChatbaseSecret,
		now: now, memory: newMemory(maxSessions, maxRemembered),
	}, nil
}

// Headers are the request headers a page may send beside Content-Type, for the
// browser's preflight.
func Headers() []string {
	return append([]string{signatureHeader}, tokenHeaders...)
}

// Receive cuts body into turns. The answer is the door's own, but for
// Dialogflow, which takes any member it does not know for an error.
//
// A refusal ([request.AsRefusal]) comes with a Raw of the whole body, for
// keeping; nothing of a body is taken when part of it is not understood.
func (r *Receiver) Receive(req *http.Request, body []byte) ([]pipeline.Raw, []byte, error) {
	now := r.now().UTC()
	meta := request.Meta(req, r.path)
	signed, err := r.admit(req, body)
	if err != nil {
		return []pipeline.Raw{r.whole(meta, body, now)}, nil, err
	}
	raws, reply, err := r.read(body, meta, "", now, signed)
	if err != nil {
		return []pipeline.Raw{r.whole(meta, body, now)}, nil, err
	}
	return raws, reply, nil
}

// read is Receive without its HTTP. place says where body stands, where that
// tells two equal bodies apart; "" when it does not. signed says that Chatbase's
// signature was right, or that nobody asks for one.
func (r *Receiver) read(body []byte, meta map[string]string, place string, now time.Time, signed bool) ([]pipeline.Raw, []byte, error) {
	documents, err := split(body)
	if err != nil {
		return nil, nil, err
	}
	steps := make([]step, 0, len(documents))
	for i, doc := range documents {
		s, err := r.recognise(doc, 0)
		if err != nil {
			return nil, nil, atDocument(err, i, len(documents))
		}
		steps = append(steps, s...)
	}
	if r.zone != "" {
		meta[MetaZone] = r.zone
	}
	rd := &reading{r: r, meta: meta, place: place, now: now}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, s := range steps {
		if s.shape == chatbase && !signed {
			return nil, nil, errSignature
		}
		rd.step = i
		s.do(rd)
		if len(rd.raws) > maxTurns || rd.size > maxTogether {
			return nil, nil, request.Malformed(fmt.Sprintf("This is more than %d turns, or they repeat too much at once: send fewer conversations at a time.", maxTurns))
		}
	}
	return rd.raws, rd.reply, rd.err
}

// whole is the Raw of a body that is refused: its ID is its very bytes.
func (r *Receiver) whole(meta map[string]string, body []byte, now time.Time) pipeline.Raw {
	return pipeline.Raw{
		ID:     identity.Hashed(r.name, identity.Sum([]byte("refused"), body)),
		Source: r.name, Format: turn.Format, Received: now, Meta: meta, Body: body,
	}
}

// Remember tells the receiver of a turn that was stored before this process
// started, oldest first, so that what belongs to the same session goes on.
// Anything else is passed over.
func (r *Receiver) Remember(raw pipeline.Raw) {
	if raw.Source != r.name || raw.Format != turn.Format {
		return
	}
	b, err := turn.Decode(raw.Body)
	if err != nil || b.Session == "" || b.What != turn.Turn {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.memory.restore(b, raw)
}

// Bounds of one delivery.
const (
	maxDocuments = 5000      // lines or elements
	maxTurns     = 5000      // Raws
	maxTogether  = 32 << 20  // bytes of them
	maxDepth     = 64        // nested JSON
	maxRaw       = 950 << 10 // bytes of one Raw's body; a NATS message holds 1 MiB with its headers
	maxFacts     = 16 << 10  // bytes of what is repeated with every turn of a transcript
	maxPrevious  = 400       // bytes of the message before a turn
)

// cut keeps the tail of a long text: a number that goes on in the next message
// stands at its end.
func cut(s string) string {
	if len(s) > maxPrevious {
		s = s[len(s)-maxPrevious:]
	}
	return strings.ToValidUTF8(s, "")
}
