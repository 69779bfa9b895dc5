package local

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A running server lets commands of the same user in through a socket in its folder:
// mekong login, import, replay and the like work beside mekong run, and nobody else
// on the machine gets in.

const (
	socketName = "mekong.sock"
	// addressName is the file that says where the socket is: beside it, unless the
	// path would be longer than the kernel takes for one.
	addressName = "address"
	maxSocket   = 103
	dialWait    = 5 * time.Second
)

// ErrNoSocket means that no running server of this user was found on the folder.
var ErrNoSocket = errors.New("no running mekong can be reached through the data folder")

// socket is the open way in.
type socket struct {
	listener net.Listener
	address  string // the file
	temp     string // the socket's temporary directory, "" when there is none

	mu    sync.Mutex
	conns map[net.Conn]bool // nil: closed
}

// listenSocket opens the way in to dir. inside makes a connection to the server.
func listenSocket(dir string, inside func() (net.Conn, error)) (*socket, error) {
	s := &socket{address: filepath.Join(dir, addressName), conns: map[net.Conn]bool{}}
	path := filepath.Join(dir, socketName)
	if len(path) > maxSocket {
		temp, err := os.MkdirTemp("", "mekong-")
		if err != nil {
			return nil, err
		}
		s.temp, path = temp, filepath.Join(temp, socketName)
	}
	// A killed process leaves its socket; the folder's lock says that it is gone.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var err error
	if s.listener, err = net.Listen("unix", path); err != nil {
		return nil, errors.Join(err, s.drop())
	}
	err = os.Chmod(path, 0o600)
	if err == nil {
		err = os.WriteFile(s.address, []byte(path), 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, s.listener.Close(), s.drop())
	}
	go s.accept(inside)
	return s, nil
}

func (s *socket) accept(inside func() (net.Conn, error)) {
	for {
		outer, err := s.listener.Accept()
		if err != nil {
			return
		}
		inner, err := inside()
		if err != nil || !s.keep(outer, inner) {
			_ = outer.Close()
			if inner != nil {
				_ = inner.Close()
			}
			continue
		}
		pass := func(to, from net.Conn) {
			_, _ = io.Copy(to, from) // an end is an end, however it came
			s.end(outer, inner)
		}
		go pass(outer, inner)
		go pass(inner, outer)
	}
}

// keep remembers connections, unless the socket was closed meanwhile.
func (s *socket) keep(conns ...net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		return false
	}
	for _, c := range conns {
		s.conns[c] = true
	}
	return true
}

func (s *socket) end(conns ...net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		delete(s.conns, c)
	}
}

// drop takes away what lies on disk.
func (s *socket) drop() error {
	err := os.Remove(s.address)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if s.temp != "" {
		err = errors.Join(err, os.RemoveAll(s.temp))
	}
	return err
}

func (s *socket) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	for c := range conns {
		_ = c.Close()
	}
	_ = s.drop() // what stays behind is taken away at the next start
}

// Running is the server that runs on Dir, in another process of this user. It stands
// where a *Server of one's own would.
type Running struct{ Dir string }

// InProcessConn opens a connection to it, or fails with [ErrNoSocket].
func (r Running) InProcessConn() (net.Conn, error) {
	path, err := os.ReadFile(filepath.Join(r.Dir, addressName))
	if err != nil {
		return nil, ErrNoSocket
	}
	conn, err := net.DialTimeout("unix", string(path), dialWait)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSocket, err)
	}
	return conn, nil
}
