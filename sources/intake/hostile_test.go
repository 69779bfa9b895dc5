package intake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/pipeline"
	"mekong/sources/request"
)

// eventually polls until ok or a deadline.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// running starts in and returns its address, and a stop that waits for Run.
func running(t *testing.T, in *Intake, emit pipeline.Emit) (addr string, stop func() error) {
	t.Helper()
	if err := in.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx, emit) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() {
			cancel()
			err = <-ended
		})
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return in.Addr().String(), stop
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

func post(t *testing.T, addr, body string) int {
	t.Helper()
	res, err := http.Post("http://"+addr+"/in/landing", "", strings.NewReader(body))
	if err != nil {
		t.Errorf("post: %v", err)
		return 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

func TestSlowSendersHoldNobody(t *testing.T) {
	s := &store{}
	in := newIntake(t, Options{ReadTimeout: 300 * time.Millisecond, InFlight: 1, Refuse: s.refuse, Addr: "127.0.0.1:0"}, Route{})
	addr, _ := running(t, in, s.emit)
	var head, body []net.Conn
	for range 20 {
		c := dial(t, addr)
		fmt.Fprint(c, "POST /in/landing HTTP/1.1\r\nHost: a\r\nX-Slow: ")
		head = append(head, c)
		c = dial(t, addr)
		fmt.Fprint(c, "POST /in/landing HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nname=A&")
		body = append(body, c)
	}
	for range 5 {
		if code := post(t, addr, "a=1"); code != 200 {
			t.Errorf("beside slow senders: %d", code)
		}
	}
	for _, c := range head {
		if _, err := io.ReadAll(c); errors.Is(err, context.DeadlineExceeded) {
			t.Error("a slow head is still connected")
		}
	}
	for _, c := range body {
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != 408 {
			t.Errorf("a slow body: %d, want 408", res.StatusCode)
		}
	}
	if k := s.kept(causeTooSlow); len(k) != 20 || string(k[0].Body) != "name=A&" {
		t.Errorf("kept %d of 20 slow bodies", len(k))
	}
	eventually(t, "memory given back", func() bool { return in.memory.Load() == 0 })
}

func TestBrokenOffBodyIsKept(t *testing.T) {
	s := &store{}
	addr, _ := running(t, newIntake(t, Options{Refuse: s.refuse, Addr: "127.0.0.1:0"}, Route{}), s.emit)
	for _, head := range []string{"Content-Length: 1000\r\n\r\nname=A&", "Transfer-Encoding: chunked\r\n\r\n7\r\nname=A&\r\n"} {
		before := len(s.kept(causeIncomplete))
		c := dial(t, addr)
		fmt.Fprint(c, "POST /in/landing HTTP/1.1\r\nHost: a\r\n"+head)
		_ = c.(*net.TCPConn).CloseWrite()
		eventually(t, "kept", func() bool { return len(s.kept(causeIncomplete)) > before })
		if k := s.kept(causeIncomplete); string(k[before].Body) != "name=A&" {
			t.Errorf("kept %q", k[before].Body)
		}
	}
}

func TestHeaderBomb(t *testing.T) {
	s := &store{}
	addr, _ := running(t, newIntake(t, Options{Addr: "127.0.0.1:0"}, Route{}), s.emit)
	for name, head := range map[string]string{
		"one long header": "X: " + strings.Repeat("x", 200<<10) + "\r\n",
		"many headers":    strings.Repeat("X: y\r\n", 20000),
		"a long path":     "",
	} {
		line := "POST /in/landing HTTP/1.1\r\n"
		if head == "" {
			line = "POST /in/landing" + strings.Repeat("/x", 100<<10) + " HTTP/1.1\r\n"
		}
		c := dial(t, addr)
		go fmt.Fprint(c, line+"Host: a\r\n"+head+"\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			continue // cut off without an answer is as good
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	if code := post(t, addr, "a=1"); code != 200 {
		t.Errorf("afterwards: %d", code)
	}
}

// gate is an emit that waits to be let go, or for its context.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func newGate() *gate { return &gate{entered: make(chan struct{}, 100), open: make(chan struct{})} }

func (g *gate) emit(ctx context.Context, _ ...pipeline.Raw) error {
	g.entered <- struct{}{}
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestFull(t *testing.T) {
	g := newGate()
	in := newIntake(t, Options{InFlight: 1, Addr: "127.0.0.1:0"}, Route{})
	addr, _ := running(t, in, g.emit)
	first := make(chan int, 1)
	go func() { first <- post(t, addr, "a=1") }()
	<-g.entered
	if code := post(t, addr, "a=2"); code != 503 {
		t.Errorf("past the bound: %d, want 503", code)
	}
	close(g.open)
	if code := <-first; code != 200 {
		t.Errorf("the one inside: %d", code)
	}
	eventually(t, "room again", func() bool { return post(t, addr, "a=3") == 200 })
}

func TestMemoryIsBounded(t *testing.T) {
	s := &store{}
	in := newIntake(t, Options{Memory: 8 << 10, Refuse: s.refuse}, Route{})
	h := in.Handler(s.emit)
	if res, a := do(t, h, "POST", "/in/landing", strings.Repeat("x", 20<<10)); res.StatusCode != 503 || a.Cause != "busy" || res.Header.Get("Retry-After") == "" {
		t.Errorf("%d %+v", res.StatusCode, a)
	}
	if res, _ := do(t, h, "POST", "/in/landing", "a=1"); res.StatusCode != 200 {
		t.Errorf("a small one: %d", res.StatusCode)
	}
	if left := in.memory.Load(); left != 0 {
		t.Errorf("%d bytes never given back", left)
	}
}

func TestEmitThatHangsIsGivenUp(t *testing.T) {
	g := newGate()
	h := newIntake(t, Options{EmitTimeout: 20 * time.Millisecond}, Route{}).Handler(g.emit)
	if res, a := do(t, h, "POST", "/in/landing", "a=1"); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("%d %+v", res.StatusCode, a)
	}
}

// A visitor who closes the page after the lead has arrived has left a lead.
func TestSenderThatHangsUpHasStored(t *testing.T) {
	s := &store{}
	entered, release := make(chan struct{}), make(chan struct{})
	in := newIntake(t, Options{Addr: "127.0.0.1:0"}, Route{Receiver: dialect(func(r *http.Request, body []byte) ([]pipeline.Raw, []byte, error) {
		close(entered)
		<-r.Context().Done() // the server has seen the hang-up
		<-release
		return plain(r, body)
	})})
	addr, _ := running(t, in, func(ctx context.Context, raws ...pipeline.Raw) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return s.emit(ctx, raws...)
	})
	c := dial(t, addr)
	fmt.Fprint(c, "POST /in/landing HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=1")
	<-entered
	_ = c.Close()
	close(release)
	eventually(t, "stored", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.raws) == 1 })
}

func TestStopFinishesWhatIsInHand(t *testing.T) {
	g := newGate()
	in := newIntake(t, Options{Addr: "127.0.0.1:0"}, Route{})
	addr, stop := running(t, in, g.emit)
	code := make(chan int, 1)
	go func() { code <- post(t, addr, "a=1") }()
	<-g.entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	eventually(t, "refuses connections", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	select {
	case <-stopped:
		t.Fatal("stopped with a request in hand")
	default:
	}
	close(g.open)
	if c := <-code; c != 200 {
		t.Errorf("what was in hand: %d", c)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestStopCutsOffAfterTheGrace(t *testing.T) {
	g := newGate() // never opened
	in := newIntake(t, Options{Addr: "127.0.0.1:0", Grace: 50 * time.Millisecond, EmitTimeout: time.Hour}, Route{})
	addr, stop := running(t, in, g.emit)
	c := dial(t, addr)
	fmt.Fprint(c, "POST /in/landing HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=1")
	<-g.entered
	if err := stop(); err != nil {
		t.Error(err)
	}
	if in.tally.n != 0 {
		t.Errorf("%d requests left", in.tally.n)
	}
}

func TestRunSaysWhenItCannotListen(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	if err := newIntake(t, Options{Addr: ln.Addr().String()}).Run(t.Context(), nil); err == nil {
		t.Error("no error on a taken address")
	}
}

func TestManyAtOnce(t *testing.T) {
	s := &store{}
	in := newIntake(t, Options{Addr: "127.0.0.1:0"}, Route{})
	addr, _ := running(t, in, s.emit)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 30 {
				if code := post(t, addr, "a=1"); code != 200 {
					t.Errorf("%d", code)
				}
			}
		})
	}
	wg.Wait()
	if len(s.raws) != 32*30 {
		t.Errorf("%d stored, want %d", len(s.raws), 32*30)
	}
	eventually(t, "memory given back", func() bool { return in.memory.Load() == 0 })
}

func TestKeepingIsBounded(t *testing.T) {
	hang := func(ctx context.Context, _ string, _ pipeline.Raw) error { <-ctx.Done(); return ctx.Err() }
	reg := prometheus.NewRegistry()
	in := newIntake(t, Options{Refuse: hang, Metrics: reg}, Route{Receiver: dialect(func(*http.Request, []byte) ([]pipeline.Raw, []byte, error) {
		return nil, nil, request.Unauthorized("Send the token.")
	})})
	in.keepFor = 20 * time.Millisecond
	h := in.Handler(nil)
	var wg sync.WaitGroup
	for range 3 * keepers {
		wg.Go(func() {
			if res, _ := do(t, h, "POST", "/in/landing", "a=1"); res.StatusCode != 401 {
				t.Errorf("%d", res.StatusCode)
			}
		})
	}
	wg.Wait()
	if got := metric(t, reg, "mekong_intake_refused_unkept_total"); got != 3*keepers {
		t.Errorf("%v counted as not kept, want %d", got, 3*keepers)
	}
}
