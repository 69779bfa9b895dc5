package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The server's own way of copying a stream, which the client library has no call for:
// $JS.API.STREAM.SNAPSHOT sends it in chunks, each of which is confirmed, and
// $JS.API.STREAM.RESTORE takes them (nats-server 2.15.2, jetstream_api.go and
// stream_backup.go: what its queues have finished first, then the messages up to the
// newest at the start). What is in between belongs to the server: it is kept as it
// comes.
const (
	snapshotSubject = "$JS.API.STREAM.SNAPSHOT."
	restoreSubject  = "$JS.API.STREAM.RESTORE."

	// finishWait is how long the server may take to put the last of a restored stream
	// in its place.
	finishWait = 10 * time.Minute
	// chunkWait is the longest silence between two chunks. The server's own is 5 s.
	chunkWait = 30 * time.Second
	chunkSize = 256 << 10
)

// apiAnswer is what all answers of the API have in common.
type apiAnswer struct {
	Error *jetstream.APIError `json:"error"`
}

func (a apiAnswer) err() error {
	if a.Error == nil {
		return nil
	}
	return a.Error
}

// snapshot writes a stream with its consumers to w.
func (b *Bus) snapshot(ctx context.Context, stream string, w io.Writer) (c StreamCopy, err error) {
	inbox := b.nc.NewInbox()
	sub, err := b.nc.SubscribeSync(inbox)
	if err != nil {
		return c, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	var began struct {
		apiAnswer
		Config json.RawMessage `json:"config"`
		State  json.RawMessage `json:"state"`
	}
	ask := map[string]any{"deliver_subject": inbox, "chunk_size": chunkSize}
	if err := b.ask(ctx, snapshotSubject+stream, ask, chunkWait, &began); err != nil {
		return c, err
	}
	if err := began.err(); err != nil {
		return c, err
	}
	var state jetstream.StreamState
	if err := json.Unmarshal(began.State, &state); err != nil {
		return c, fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	c = StreamCopy{Name: stream, Messages: state.Msgs, Last: state.LastSeq, Config: began.Config, State: began.State}
	for n := 1; ; n++ {
		m, err := next(ctx, sub)
		if err != nil {
			return c, err
		}
		if len(m.Data) == 0 {
			return c, ended(m)
		}
		if _, err := w.Write(m.Data); err != nil {
			return c, err
		}
		if m.Reply == "" { // the last one, which is not full
			continue
		}
		if at := m.Reply[strings.LastIndexByte(m.Reply, '.')+1:]; at != strconv.Itoa(n) {
			return c, fmt.Errorf("chunk %s came in the place of %d", at, n)
		}
		if err := m.Respond(nil); err != nil {
			return c, err
		}
	}
}

func next(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, chunkWait)
	defer cancel()
	m, err := sub.NextMsgWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("the server has stopped sending: %w", err)
	}
	return m, nil
}

// ended reads the message after the last chunk.
func ended(m *nats.Msg) error {
	if status := m.Header.Get("Status"); status != "" && status != "204" {
		return fmt.Errorf("the server has given up: %s %s", status, m.Header.Get("Description"))
	}
	return nil
}

// restore makes a stream from what snapshot wrote, and says what is in it.
func (b *Bus) restore(ctx context.Context, stream string, config, state json.RawMessage, r io.Reader) (got jetstream.StreamState, err error) {
	var began struct {
		apiAnswer
		Deliver string `json:"deliver_subject"`
	}
	if err := b.ask(ctx, restoreSubject+stream, map[string]any{"config": config, "state": state}, b.opts.Timeout, &began); err != nil {
		return got, err
	}
	if err := began.err(); err != nil {
		return got, err
	}
	chunk := make([]byte, chunkSize)
	for {
		n, err := io.ReadFull(r, chunk)
		if n > 0 {
			if err := b.send(ctx, began.Deliver, chunk[:n]); err != nil {
				return got, err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return got, err
		}
	}
	var done struct {
		apiAnswer
		State *jetstream.StreamState `json:"state"`
	}
	if err := b.ask(ctx, began.Deliver, nil, finishWait, &done); err != nil {
		return got, err
	}
	if err := done.err(); err != nil {
		return got, err
	}
	if done.State == nil {
		return got, errors.New("the server does not say what it has restored")
	}
	return *done.State, nil
}

// send gives the server one chunk, which it confirms with nothing, or refuses.
func (b *Bus) send(ctx context.Context, subject string, chunk []byte) error {
	ctx, cancel := context.WithTimeout(ctx, chunkWait)
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, subject, chunk)
	if err != nil {
		return fmt.Errorf("the server has stopped taking: %w", err)
	}
	if len(m.Data) == 0 {
		return nil
	}
	var a apiAnswer
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return a.err()
}

// ask sends a request of the API, or nothing where there is none, and reads the answer.
func (b *Bus) ask(ctx context.Context, subject string, request any, wait time.Duration, answer any) error {
	var data []byte
	if request != nil {
		var err error
		if data, err = json.Marshal(request); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, subject, data)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	if err := json.Unmarshal(m.Data, answer); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return nil
}
