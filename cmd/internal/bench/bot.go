package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/config"
	"mekong/sources/intake"
	"mekong/sources/larkbot"
)

// The platform gives up on an answer after three seconds and on a challenge after one;
// what is asked of the door is that one, with more events than a large company has
// (`lark.md` §6.1).
const (
	botRate        = 1000 // events a second
	botConnections = 64
)

// botShot is one turn at the bot's door.
type botShot struct {
	rate     float64 // stored a second, counted in the stream
	p50, p99 float64 // ms from when an event was due, so that a door that is behind shows
}

// measureBot sends encrypted and signed events at a steady rate, whether the answers
// come or not.
func measureBot(ctx context.Context, r *run) ([]Line, error) {
	dir, remove, err := r.folder("bot")
	if err != nil {
		return nil, err
	}
	defer remove()
	s, err := openStore(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	conf := config.LarkBot{Path: "/in/bot", VerificationToken: config.NewSecret("bench-verification"), EncryptKey: config.NewSecret("bench-key"), Window: 12 * time.Hour, MaxBody: 900 << 10}
	door, err := s.botDoor(conf)
	if err != nil {
		return nil, err
	}
	defer door.close()
	var next atomic.Int64
	got, err := rounds(ctx, r, "bot", nil, func(ctx context.Context) (botShot, error) {
		return r.shootBot(ctx, s, door, conf, &next)
	})
	if err != nil {
		return nil, err
	}
	with := func(what string) string { return fmt.Sprintf("%s, %d events/s encrypted and signed", what, botRate) }
	return []Line{
		plainLine("bot", with("p99 of an answer"), "ms", atMost(1000), pick(got[0], func(s botShot) float64 { return s.p99 })),
		plainLine("bot", with("p50 of an answer"), "ms", nil, pick(got[0], func(s botShot) float64 { return s.p50 })),
		plainLine("bot", with("accepted"), "/s", nil, pick(got[0], func(s botShot) float64 { return s.rate })),
	}, nil
}

// botDoor is the door of a bot as `mekong run` has it.
func (s *store) botDoor(conf config.LarkBot) (*entrance, error) {
	receiver, err := larkbot.New("bot", conf, nil)
	if err != nil {
		return nil, err
	}
	in, err := intake.New(intake.Options{Addr: "127.0.0.1:0", Metrics: prometheus.NewRegistry(), Refuse: s.Refuse},
		intake.Route{Source: "bot", Path: conf.Path, Format: larkbot.Format, MaxBody: int64(conf.MaxBody), Receiver: receiver})
	if err != nil {
		return nil, err
	}
	if err := in.Listen(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx, s.Emit) }()
	return &entrance{addr: in.Addr().String(), stream: streamRaw, close: func() { cancel(); <-done }}, nil
}

// shootBot sends events for a leg and counts what the stream then holds.
func (r *run) shootBot(ctx context.Context, s *store, door *entrance, conf config.LarkBot, next *atomic.Int64) (botShot, error) {
	n := r.scaled(2*botRate, 50)
	type event struct {
		header http.Header
		body   []byte
	}
	events := make([]event, n) // made before, for the platform's work is not ours
	for i := range events {
		id := next.Add(1)
		h := http.Header{"Content-Type": {"application/json"}}
		plain := fmt.Appendf(nil, `{"schema":"2.0","header":{"event_id":"e%d","token":"","event_type":"im.message.receive_v1","app_id":"cli_bench"},"event":{"sender":{"sender_id":{"open_id":"ou_bench"},"sender_type":"user"},"message":{"message_id":"om_%d","chat_id":"oc_bench","chat_type":"p2p","message_type":"text","content":"{\"text\":\"Em muốn hỏi học phí khóa IELTS ạ\"}"}}}`, id, id)
		body, err := larkbot.Sign(conf, h, plain, time.Now())
		if err != nil {
			return botShot{}, err
		}
		events[i] = event{h, body}
	}
	before, _, err := s.state(ctx, door.stream)
	if err != nil {
		return botShot{}, err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: botConnections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	took := make([]time.Duration, n)
	began := time.Now()
	var at atomic.Int64
	var wg sync.WaitGroup
	failed := make(chan error, botConnections)
	for range botConnections {
		wg.Go(func() {
			for i := int(at.Add(1)) - 1; i < n; i = int(at.Add(1)) - 1 {
				due := began.Add(time.Duration(i) * time.Second / botRate)
				if err := until(ctx, due); err != nil {
					failed <- err
					return
				}
				if err := tell(ctx, client, "http://"+door.addr+conf.Path, events[i].header, events[i].body); err != nil {
					failed <- err
					return
				}
				took[i] = time.Since(due)
			}
		})
	}
	wg.Wait()
	all := time.Since(began)
	select {
	case err := <-failed:
		return botShot{}, err
	default:
	}
	stored, err := s.distinct(ctx, door.stream, before)
	if err != nil {
		return botShot{}, err
	}
	if stored != n {
		return botShot{}, fmt.Errorf("%d events were answered and %s holds %d of them", n, door.stream, stored)
	}
	slices.Sort(took)
	return botShot{rate: float64(n) / all.Seconds(), p50: ms(took[n/2]), p99: ms(took[n*99/100])}, nil
}

// until waits for a moment.
func until(ctx context.Context, due time.Time) error {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func tell(ctx context.Context, client *http.Client, address string, h http.Header, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = h
	resp, err := client.Do(req)
	if err != nil {
		return errors.New("an event was not answered")
	}
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("an event was answered %d", resp.StatusCode)
	}
	return nil
}
