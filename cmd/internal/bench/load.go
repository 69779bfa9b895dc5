package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// volley is what a load came to.
type volley struct {
	answered int // with 200; anything else is an error
	took     time.Duration
	p50, p99 time.Duration
}

// patience is how long past its time a load may wait for answers.
const patience = 30 * time.Second

// fire posts distinct leads to addr over conns connections for d. Each sends its
// next when the last is answered, so it measures a ceiling; a latency taken
// under it holds for this many senders, not for a rate (anchors.md §6.3).
//
// It shares the cores with what it measures, so it does next to nothing: a
// request is a copy, an answer is looked at for its status and length.
func fire(ctx context.Context, addr string, m *mint, conns int, d time.Duration) (volley, error) {
	guns := make([]*gun, conns)
	defer func() {
		for _, g := range guns {
			if g != nil {
				g.conn.Close()
			}
		}
	}()
	for i := range guns {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return volley{}, fmt.Errorf("connecting: %w", err)
		}
		guns[i] = &gun{conn: conn, mint: m, answer: make([]byte, 4096), took: make([]time.Duration, 0, 4096)}
	}
	began := time.Now()
	until := began.Add(d)
	var wg sync.WaitGroup
	errs := make([]error, conns)
	for i, g := range guns {
		_ = g.conn.SetDeadline(until.Add(patience))
		wg.Go(func() { errs[i] = g.until(ctx, until) })
	}
	wg.Wait()
	v := volley{took: time.Since(began)}
	if err := errors.Join(errs...); err != nil {
		return v, err
	}
	var all []time.Duration
	for _, g := range guns {
		all = append(all, g.took...)
	}
	slices.Sort(all)
	v.answered = len(all)
	v.p50, v.p99 = all[len(all)/2], all[len(all)*99/100]
	return v, nil
}

// gun is one connection.
type gun struct {
	conn    net.Conn
	mint    *mint
	request []byte
	answer  []byte
	took    []time.Duration
}

func (g *gun) until(ctx context.Context, end time.Time) error {
	const atOnce = 64
	for {
		first := g.mint.numbers(atOnce)
		for n := first; n < first+atOnce; n++ {
			began := time.Now()
			if began.After(end) && len(g.took) > 0 || ctx.Err() != nil {
				return ctx.Err()
			}
			g.request = g.mint.request(g.request, n)
			if _, err := g.conn.Write(g.request); err != nil {
				return fmt.Errorf("sending: %w", err)
			}
			if err := g.read(); err != nil {
				return err
			}
			g.took = append(g.took, time.Since(began))
		}
	}
}

var (
	headEnd     = []byte("\r\n\r\n")
	lengthField = []byte("\r\nContent-Length: ")
)

// read takes one answer in. Nothing follows it before the next request.
func (g *gun) read() error {
	for n := 0; ; {
		if n == len(g.answer) {
			return errors.New("the answer is too long")
		}
		k, err := g.conn.Read(g.answer[n:])
		if err != nil {
			return fmt.Errorf("waiting for the answer: %w", err)
		}
		n += k
		if whole, err := isAnswer(g.answer[:n]); whole || err != nil {
			return err
		}
	}
}

// isAnswer reports whether got is the whole of a 200. It is an error when it
// cannot become one.
func isAnswer(got []byte) (whole bool, err error) {
	head := bytes.Index(got, headEnd)
	if head < 0 {
		return false, nil
	}
	status, ok := bytes.CutPrefix(got[:head], []byte("HTTP/1.1 "))
	if !ok || len(status) < 3 {
		return false, errors.New("the answer is not HTTP")
	}
	if string(status[:3]) != "200" {
		return false, fmt.Errorf("answered %d", statusOf(status[:3]))
	}
	_, rest, ok := bytes.Cut(got[:head+2], lengthField)
	if !ok {
		return false, errors.New("the answer has no length")
	}
	length, err := strconv.ParseUint(string(rest[:bytes.IndexByte(rest, '\r')]), 10, 16)
	if err != nil {
		return false, errors.New("the answer's length makes no sense")
	}
	return len(got) >= head+len(headEnd)+int(length), nil
}

// statusOf keeps anything but a number out of an error.
func statusOf(b []byte) int {
	n, err := strconv.Atoi(string(b))
	if err != nil {
		return 0
	}
	return n
}
