//go:build unix

package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"mekong/config"
	"mekong/sinks/mongodb"
	mongolocal "mekong/sinks/mongodb/local"
)

// asChild in the environment makes this test binary one process of a world that the
// fault harness may kill: a NATS server, or some roles of mekong.
const asChild = "MEKONG_TEST_AS_CHILD"

func TestMain(m *testing.M) {
	if what := os.Getenv(asChild); what != "" {
		if err := child(what, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, what+":", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child runs until SIGTERM, or until the test that started it is gone.
func child(what string, args []string) error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if what == "nats" {
		return natsChild(ctx, args[0])
	}
	return mekongChild(ctx, args[0], args[1:])
}

func natsChild(ctx context.Context, path string) error {
	o, err := natsserver.ProcessConfigFile(path)
	if err != nil {
		return err
	}
	o.NoSigs = true
	s, err := natsserver.NewServer(o)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	<-ctx.Done()
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

func mekongChild(ctx context.Context, path string, roles []string) error {
	c, err := config.Load(path)
	if err != nil {
		return err
	}
	silence, err := time.ParseDuration(os.Getenv("MEKONG_TEST_SILENCE"))
	if err != nil {
		return err
	}
	o := Options{Only: roles, Silence: silence, MongoDB: &mongodb.Options{URI: os.Getenv("MEKONG_TEST_MONGODB"), MaxUpdates: mongolocal.MaxUpdates, Writers: mongolocal.Writers, Alone: true}, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	if sinks := os.Getenv("MEKONG_TEST_SINKS"); sinks != "" {
		o.Sinks = strings.Split(sinks, ",")
	}
	a, err := New(ctx, c, o)
	if err != nil {
		return err
	}
	defer a.Close()
	return a.Run(ctx)
}

// proc is one process, started again and again.
type proc struct {
	t    testing.TB
	name string
	kind string // as [asChild] says it
	args []string
	env  []string
	only string // sinks that it serves, separated by commas; "": all
	log  *os.File
	busy sync.Mutex // something is being done to it

	mu      sync.Mutex
	other   string // path of a mekong to run instead of this one; "": this one
	cmd     *exec.Cmd
	ended   chan struct{}
	wanted  bool // it runs because it should; else its end is none of its own making
	crashes int  // ends that nobody asked for, such as of one that finds no NATS when it starts
	most    int64
}

func newProc(t testing.TB, dir, name, kind string, env []string, args ...string) *proc {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	p := &proc{t: t, name: name, kind: kind, args: args, env: env, log: log}
	t.Cleanup(func() {
		p.end(syscall.SIGKILL)
		_ = log.Close()
	})
	return p
}

// start begins it anew; it is not running.
func (p *proc) start() {
	self, err := os.Executable()
	if err != nil {
		p.t.Error(err)
		return
	}
	p.mu.Lock()
	other := p.other
	p.mu.Unlock()
	cmd := exec.Command(self, p.args...)
	if other != "" {
		cmd = exec.Command(other, "run", "-c", p.args[0], "--only", strings.Join(p.args[1:], ","))
		if p.only != "" {
			cmd.Args = append(cmd.Args, "--sinks", p.only)
		}
	}
	cmd.Env = append(append(os.Environ(), asChild+"="+p.kind, "MEKONG_TEST_SINKS="+p.only), p.env...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if _, err := cmd.StdinPipe(); err != nil { // it closes when this process ends
		p.t.Error(err)
		return
	}
	if err := cmd.Start(); err != nil {
		p.t.Error(err)
		return
	}
	ended := make(chan struct{})
	p.mu.Lock()
	p.cmd, p.ended, p.wanted = cmd, ended, true
	p.mu.Unlock()
	go func() {
		_ = cmd.Wait() // how it ended is in its state
		p.mu.Lock()
		if p.wanted {
			p.crashes++
		}
		if use, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			p.most = max(p.most, use.Maxrss*1024)
		}
		p.mu.Unlock()
		close(ended)
	}()
}

// end sends sig and waits until it has ended.
func (p *proc) end(sig syscall.Signal) {
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	p.wanted = false
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGCONT) // one that is stopped hears nothing
	_ = cmd.Process.Signal(sig)             // it may have ended by itself
	select {
	case <-ended:
	case <-time.After(45 * time.Second):
		p.t.Errorf("%s did not end after %s", p.name, sig)
		_ = cmd.Process.Kill()
		<-ended
	}
}

// signal sends sig to what is running.
func (p *proc) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(sig)
	}
}

// again starts one that ended by itself, as a supervisor does.
func (p *proc) again() {
	if !p.busy.TryLock() {
		return
	}
	defer p.busy.Unlock()
	p.mu.Lock()
	ended, wanted := p.ended, p.wanted
	p.mu.Unlock()
	select {
	case <-ended:
		if wanted {
			p.start()
		}
	default:
	}
}
