//go:build !mekong_no_embedded_mongodb

package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// Server is a running server. Its methods may be called at once.
type Server struct {
	dir    string
	uri    string
	socket string // its temporary directory, "" when there is none
	lock   *os.File
	cancel context.CancelFunc
	done   chan struct{}
	once   sync.Once
	err    error // of Close
}

// starting keeps the starts of several servers apart: FerretDB's constructor
// writes a package variable.
var starting sync.Mutex

// maxSocket is the longest path a socket may have. The kernel's limit is 108
// bytes on Linux and 104 on macOS, the closing zero included.
const maxSocket = 103

// closeWait is how long Close waits. The server gives open connections three
// seconds.
const closeWait = 10 * time.Second

// Start starts a server that keeps its files in dir, which is created when it
// is missing and made private to this user. ctx bounds the start only: the
// server runs until Close. A directory left behind by a killed process is taken
// up where it was; one that a living process uses is refused with [ErrInUse].
// The server reads dir as part of an address, so its path must not hold a
// percent sign, a question mark or a hash.
func Start(ctx context.Context, dir string) (*Server, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(dir, "%?#") {
		return nil, fmt.Errorf("embedded MongoDB on %s: the path must hold none of %% ? #", dir)
	}
	if err := private(dir); err != nil {
		return nil, err
	}
	s := &Server{dir: dir, done: make(chan struct{})}
	if s.lock, err = lockFile(filepath.Join(dir, "lock")); err != nil {
		return nil, err
	}
	if err := s.mend(ctx); err != nil {
		return nil, errors.Join(err, s.release())
	}
	if err := s.serve(); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

// serve starts the server and fills in where it listens.
func (s *Server) serve() error {
	listen, err := s.listener()
	if err != nil {
		return err
	}
	starting.Lock()
	f, err := ferretdb.New(&ferretdb.Config{
		Listener: listen,
		// Its warnings hold whole documents (`sinks.md` §D4).
		Logger:    slog.New(slog.DiscardHandler),
		Handler:   "sqlite",
		SQLiteURL: (&url.URL{Scheme: "file", Path: s.dir + "/", OmitHost: true}).String(),
	})
	starting.Unlock()
	if err != nil {
		return fmt.Errorf("embedded MongoDB on %s: %w", s.dir, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() {
		defer close(s.done)
		_ = f.Run(ctx) // it only ever returns nil
	}()
	s.uri = "mongodb://" + url.PathEscape(listen.Unix) + "/"
	if listen.Unix == "" {
		s.uri = f.MongoDBURI()
	} else if err := os.Chmod(listen.Unix, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir, address), []byte(s.uri), 0o600); err != nil {
		return fmt.Errorf("embedded MongoDB: %w", err)
	}
	return nil
}

// address is the file in the data's directory that says where the server listens.
const address = "address"

// Running is the connection string of the server that runs on dir, in whichever
// process of this user; "" when there is none to be found. What a killed process
// left behind looks like a server that does not answer.
func Running(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, address))
	if err != nil {
		return ""
	}
	return string(text)
}

// listener chooses where to listen: a socket beside the data, or in a private
// temporary directory where the path would be too long for one.
func (s *Server) listener() (ferretdb.ListenerConfig, error) {
	if runtime.GOOS == "windows" {
		return ferretdb.ListenerConfig{TCP: "127.0.0.1:0"}, nil
	}
	path := filepath.Join(s.dir, "mongodb.sock")
	if len(path) > maxSocket {
		temp, err := os.MkdirTemp("", "mekong-")
		if err != nil {
			return ferretdb.ListenerConfig{}, err
		}
		s.socket = temp
		path = filepath.Join(temp, "mongodb.sock")
	}
	// A killed process leaves its socket; the lock says that it is gone.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return ferretdb.ListenerConfig{}, err
	}
	return ferretdb.ListenerConfig{Unix: path}, nil
}

// URI is the connection string. It holds no secret.
func (s *Server) URI() string { return s.uri }

// Close stops the server and waits until its files are closed. Clients must
// have disconnected; those that have not cost three seconds. It may be called
// more than once.
func (s *Server) Close() error {
	s.once.Do(func() { s.err = s.stop() })
	return s.err
}

func (s *Server) stop() error {
	s.cancel()
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
		// The lock stays: the files are still open.
		return fmt.Errorf("embedded MongoDB on %s: did not stop within %v", s.dir, closeWait)
	}
	return errors.Join(secureFiles(s.dir), s.release())
}

// release gives back what Start took, of a server that does not run.
func (s *Server) release() error {
	var err error
	if s.cancel != nil {
		s.cancel()
	}
	if s.socket != "" {
		err = os.RemoveAll(s.socket)
	}
	if s.uri != "" {
		if gone := os.Remove(filepath.Join(s.dir, address)); !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return errors.Join(err, s.lock.Close())
}

// private makes dir a directory that only this user may enter.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// secureFiles takes the database files from everybody else. SQLite creates
// them readable by all; the directory already keeps others out, this keeps them
// out of a copy as well.
func secureFiles(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.sqlite*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		// A write-ahead log may go at any moment.
		if err := os.Chmod(f, 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
