package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// openedFront is a front of a process that lives until the test ends or end is called.
func openedFront(t *testing.T) (f *front, end context.CancelFunc) {
	t.Helper()
	life, end := context.WithCancel(t.Context())
	f, err := openFront(life, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f, end
}

// let has h answer at f until stop is called, which returns what Serve returned.
func let(t *testing.T, f *front, grace time.Duration, h http.HandlerFunc) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- f.Serve(ctx, &http.Server{Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}, grace)
	}()
	return sync.OnceValue(func() error { cancel(); return <-served })
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, text)
	}
}

// ask posts over client; an error is that it was not answered.
func ask(ctx context.Context, client *http.Client, f *front) (status int, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+f.Addr().String()+"/", io.NopCloser(strings.NewReader("body")))
	if err != nil {
		return 0, "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// Who comes between two waits, on a connection that stays.
func TestFrontHasRequestsWait(t *testing.T) {
	f, _ := openedFront(t)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	one := let(t, f, time.Second, says("one"))
	if _, text, err := ask(t.Context(), client, f); text != "one" {
		t.Fatal(text, err)
	}
	if err := one(); err != nil {
		t.Fatal(err)
	}
	reused := false
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
	answered := make(chan string, 1)
	go func() { _, text, err := ask(ctx, client, f); answered <- fmt.Sprint(text, err) }()
	select {
	case text := <-answered:
		t.Fatalf("nobody is there, and %s answers", text)
	case <-time.After(50 * time.Millisecond):
	}
	two := let(t, f, time.Second, says("two"))
	if text := <-answered; text != "two<nil>" || !reused {
		t.Errorf("%s, over the same connection %v", text, reused)
	}
	if err := two(); err != nil {
		t.Error(err)
	}
}

// However often somebody else answers, no sender sees it, whether it sends all the time
// or now and then over a connection that is idle just then.
func TestFrontTurnsNobodyAway(t *testing.T) {
	f, _ := openedFront(t)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	ctx, enough := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	var n atomic.Int64
	for i := range 32 {
		senders.Go(func() {
			for ctx.Err() == nil {
				if status, text, err := ask(context.WithoutCancel(ctx), client, f); status != http.StatusOK || text != "yes" {
					t.Errorf("%d %s %v", status, text, err)
					return
				}
				n.Add(1)
				_ = pausing(ctx, time.Duration(i%8)*time.Millisecond)
			}
		})
	}
	const turns = 100
	for range turns {
		stop := let(t, f, time.Second, says("yes"))
		_ = pausing(ctx, 5*time.Millisecond)
		if err := stop(); err != nil {
			t.Error(err)
		}
		_ = pausing(ctx, 2*time.Millisecond)
	}
	stop := let(t, f, time.Second, says("yes"))
	enough()
	senders.Wait()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if n.Load() < turns {
		t.Errorf("only %d requests", n.Load())
	}
}

func pausing(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A body that does not come, and a page that waits for news, hold nobody up longer than
// they may.
func TestFrontCutsOffAfterTheGrace(t *testing.T) {
	f, _ := openedFront(t)
	began, ended := make(chan struct{}, 2), make(chan error, 2)
	stop := let(t, f, 50*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		if r.URL.Path == "/live" {
			<-r.Context().Done()
			ended <- r.Context().Err()
			return
		}
		_, err := io.ReadAll(r.Body)
		ended <- err
	})
	for _, text := range []string{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf", "GET /live HTTP/1.1\r\nHost: x\r\n\r\n"} {
		c, err := net.Dial("tcp", f.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		<-began
	}
	at := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("it was not cut off")
		}
	}
	if took := time.Since(at); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// At the end of the process what is in hand is answered, who waits is told, and nobody
// else gets in.
func TestFrontEnds(t *testing.T) {
	f, end := openedFront(t)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	in, out := make(chan struct{}), make(chan struct{})
	stop := let(t, f, 5*time.Second, func(w http.ResponseWriter, r *http.Request) {
		close(in)
		<-out
		says("late")(w, r)
	})
	answered := make(chan string, 1)
	go func() { _, text, err := ask(t.Context(), client, f); answered <- fmt.Sprint(text, err) }()
	<-in
	end()
	await(t, 5*time.Second, func() string {
		c, err := net.Dial("tcp", f.Addr().String())
		if err == nil {
			_ = c.Close()
			return "somebody can get in"
		}
		return ""
	})
	close(out)
	if text := <-answered; text != "late<nil>" {
		t.Error(text)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}

	f, end = openedFront(t)
	if err := let(t, f, time.Second, says(""))(); err != nil {
		t.Fatal(err)
	}
	go func() { status, _, err := ask(t.Context(), client, f); answered <- fmt.Sprint(status, err) }()
	await(t, 5*time.Second, func() string { // until it waits
		select {
		case text := <-answered:
			t.Fatal(text)
		default:
		}
		end()
		return ""
	})
	if text := <-answered; text != "503 <nil>" && !strings.Contains(text, "EOF") && !strings.Contains(text, "reset") {
		t.Error(text) // closed before it was read from, else answered
	}
}

// Who waited is let in by turns, and what fails is told.
func TestFrontLetsThemInByTurns(t *testing.T) {
	f, _ := openedFront(t)
	if err := let(t, f, time.Second, says(""))(); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	const all = waitedAtOnce * 3 / 2
	var wg sync.WaitGroup
	for range all {
		wg.Go(func() {
			if status, _, err := ask(t.Context(), client, f); status != http.StatusOK {
				t.Error(status, err)
			}
		})
	}
	_ = pausing(t.Context(), 300*time.Millisecond) // most of them are there by then
	var now, most atomic.Int64
	stop := let(t, f, time.Second, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		_ = pausing(r.Context(), 10*time.Millisecond) // as a store does
	})
	wg.Wait()
	t.Logf("%d at once", most.Load())
	if err := stop(); err != nil {
		t.Error(err)
	}

	stop = let(t, f, time.Second, says(""))
	_ = f.listener.Close()
	select {
	case <-f.failed:
	case <-time.After(5 * time.Second):
		t.Error("a listener that is gone is not noticed")
	}
	if err := stop(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// A role that keeps its address keeps its connections; another address of the same
// port, and two roles that change places, are no conflict.
func TestFrontsKeepAddresses(t *testing.T) {
	fs := &fronts{life: t.Context()}
	defer fs.close()
	at := func(role, addr string) string {
		t.Helper()
		e, err := fs.listen(role, addr)
		if err != nil {
			t.Fatal(err)
		}
		return e.Addr().String()
	}
	fs.begin()
	a, b := at("intake", "127.0.0.1:0"), at("console", "127.0.0.1:0")
	fs.end()
	if a == b {
		t.Fatal("two roles at one address")
	}
	fs.begin()
	if again := at("console", "127.0.0.1:0"); again != b {
		t.Errorf("the console moved from %s to %s", b, again)
	}
	fs.end() // the door is gone
	if c, err := net.Dial("tcp", a); err == nil {
		_ = c.Close()
		t.Error("the door's address is still there")
	}
	_, port, _ := net.SplitHostPort(b)
	fs.begin()
	if other := at("console", "localhost:"+port); !strings.HasSuffix(other, ":"+port) {
		t.Error(other)
	}
	x, y := at("intake", a), "localhost:"+port
	fs.end()
	fs.begin()
	if _, err := fs.listen("intake", y); err != nil {
		t.Error(err)
	}
	if _, err := fs.listen("console", x); err != nil {
		t.Error(err)
	}
	fs.end()
	if len(fs.all) != 2 {
		t.Errorf("%d fronts", len(fs.all))
	}
	// What another program has is an error, and nothing of ours is given up for it.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	fs.begin()
	if _, err := fs.listen("intake", l.Addr().String()); err == nil {
		t.Error("two programs at one address")
	}
	if len(fs.all) != 2 {
		t.Errorf("%d fronts", len(fs.all))
	}
}
