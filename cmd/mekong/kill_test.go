package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mekong/cmd/internal/app"
	"mekong/cmd/internal/leads"
	"mekong/config"
)

// asProgram makes the test binary be mekong itself, so that a test can kill a
// real process.
const asProgram = "MEKONG_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const killConfig = `
http: { intake: "127.0.0.1:0", console: "127.0.0.1:0" }
nats: { reserve: 1 }
sources:
  landing:
    ladipage: { path: /in/landing, token: 0123456789abcdef-of-a-test, rate: 0 }
sinks:
  archive:
    mongodb: {}
`

// child is a mekong in a process of its own.
type child struct {
	cmd  *exec.Cmd
	door string
	done chan error
}

var doorLine = regexp.MustCompile(`source +landing +(http://\S+)`)

// spawn starts `mekong run` and returns once its door is open.
func spawn(t *testing.T, file string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0], "run", "-c", file), done: make(chan error, 1)}
	c.cmd.Env = append(os.Environ(), asProgram+"=1")
	c.cmd.Dir = filepath.Dir(file)
	errs, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	doors := make(chan string, 1)
	var log bytes.Buffer
	go func() {
		lines := bufio.NewScanner(errs)
		for lines.Scan() {
			log.Write(append(lines.Bytes(), '\n'))
			if m := doorLine.FindStringSubmatch(lines.Text()); m != nil {
				doors <- m[1]
			}
		}
		c.done <- c.cmd.Wait()
	}()
	select {
	case c.door = <-doors:
	case err := <-c.done:
		t.Fatalf("mekong did not start: %v\n%s", err, log.String())
	case <-time.After(time.Minute):
		_ = c.cmd.Process.Kill()
		<-c.done
		t.Fatalf("mekong does not open its door\n%s", log.String())
	}
	return c
}

// kill is kill -9.
func (c *child) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	<-c.done
}

// crowd sends leads until told to stop and remembers what it was promised.
type crowd struct {
	next     atomic.Uint64
	mu       sync.Mutex
	sent     map[string]bool // by e-mail, which each lead has of its own
	promised map[string]bool
}

// send posts leads over n connections until ctx ends. A sender that gets no
// complete 200 knows nothing; every second one then says the same once more, to
// whoever answers in the next round.
func (c *crowd) send(ctx context.Context, door string, n int, again []uint64) (unanswered []uint64) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	queue := make(chan uint64, len(again))
	for _, i := range again {
		queue <- i
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range n {
		wg.Go(func() {
			for ctx.Err() == nil {
				var i uint64
				select {
				case i = <-queue:
				default:
					i = c.next.Add(1)
				}
				mail := fmt.Sprintf("lead%d@example.com", i)
				c.mu.Lock()
				c.sent[mail] = true
				c.mu.Unlock()
				ct, body := leads.Make(i).Encode(leads.Kinds[i%3])
				// Not bound to ctx: a request under way must see the kill.
				_, _, err := post(context.WithoutCancel(ctx), client, door, "0123456789abcdef-of-a-test", parcel{"", ct, body})
				if err != nil {
					mu.Lock()
					unanswered = append(unanswered, i)
					mu.Unlock()
					if ctx.Err() == nil && !strings.Contains(err.Error(), "503") {
						return // the process is gone
					}
					continue
				}
				c.mu.Lock()
				c.promised[mail] = true
				c.mu.Unlock()
			}
		})
	}
	wg.Wait()
	var repeat []uint64
	for i, lead := range unanswered {
		if i%2 == 0 {
			repeat = append(repeat, lead)
		}
	}
	return repeat
}

// Twenty times a process is killed in the middle of its work. Whatever was
// answered 200 is in MongoDB exactly once, and nothing else is.
func TestKill9(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mekong.yaml")
	if err := os.WriteFile(file, []byte("data_dir: "+filepath.Join(dir, "data")+"\n"+killConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 9))
	c := &crowd{sent: map[string]bool{}, promised: map[string]bool{}}
	var again []uint64
	for range 20 {
		p := spawn(t, file)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan []uint64, 1)
		go func() { ended <- c.send(ctx, p.door, 16, again) }()
		select {
		case <-time.After(time.Duration(50+random.IntN(500)) * time.Millisecond):
		case again = <-ended:
			t.Fatal("the senders gave up before the kill")
		}
		p.kill(t)
		cancel()
		again = <-ended
	}
	if len(c.promised) < 200 {
		t.Fatalf("only %d leads were accepted in 20 rounds", len(c.promised))
	}
	t.Logf("%d sent, %d accepted", len(c.sent), len(c.promised))
	verify(t, file, c)
}

// verify lets what waits be stored, and looks at every document.
func verify(t *testing.T, file string, c *crowd) {
	t.Helper()
	conf, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), conf, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		lines, err := a.Balance(ctx)
		if err == nil && lines[0].Waiting == 0 {
			if lines[0].Missing != 0 || lines[0].Buried != 0 {
				t.Errorf("the balance is %+v", lines[0])
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not come to rest: %+v, %v", lines, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	far, err := a.FarEnd("archive")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = far.Close() }()
	docs, err := far.Recent(ctx, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for _, d := range docs {
		mail, _ := d.Fields["email"].(string)
		times[mail]++
		if !c.sent[mail] {
			t.Errorf("document %s was never sent", d.Key)
		}
	}
	lost, doubled := 0, 0
	for mail := range c.promised {
		if times[mail] == 0 {
			lost++
		}
	}
	for _, n := range times {
		if n > 1 {
			doubled++
		}
	}
	if lost > 0 || doubled > 0 {
		t.Errorf("of %d accepted leads %d are lost; %d are there more than once", len(c.promised), lost, doubled)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
