package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"mekong/pipeline/serve"
)

// fronts are those of the process. One opens and closes them, between two Apps.
type fronts struct {
	life context.Context
	all  []*placed
}

// placed is a front with who asked for it.
type placed struct {
	role, addr string
	wanted     bool // by the App that is being made
	*front
}

// begin starts a new App's asking.
func (fs *fronts) begin() {
	for _, p := range fs.all {
		p.wanted = false
	}
}

// listen gives the front of an address, as [app.Options] wants it: the same as before
// where the role had it before.
func (fs *fronts) listen(role, addr string) (serve.Entrance, error) {
	for _, p := range fs.all {
		if p.role == role && p.addr == addr {
			p.wanted = true
			return p.front, nil
		}
	}
	f, err := openFront(fs.life, addr)
	if err != nil && fs.leave(addr) {
		f, err = openFront(fs.life, addr)
	}
	if err != nil {
		return nil, err
	}
	fs.all = append(fs.all, &placed{role: role, addr: addr, wanted: true, front: f})
	return f, nil
}

// free says why a role could not listen at addr. What is only in the way of itself, or
// of another role, will not be.
func (fs *fronts) free(role, addr string) error {
	if slices.ContainsFunc(fs.all, func(p *placed) bool { return p.role == role && p.addr == addr || p.at(addr) }) {
		return nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // the rest names the address once more
		}
		return err
	}
	return l.Close()
}

// at reports whether it has the port of addr.
func (p *placed) at(addr string) bool {
	_, port, _ := net.SplitHostPort(addr)
	return port != "0" && port == fmt.Sprint(p.listener.Addr().(*net.TCPAddr).Port)
}

// leave closes what this App has not asked for and has the port of addr: the same on
// another interface, or another role's until now. It says whether there was any.
func (fs *fronts) leave(addr string) bool {
	return fs.drop(func(p *placed) bool { return !p.wanted && p.at(addr) })
}

// end closes what this App has not asked for; it asks for nothing more.
func (fs *fronts) end() { fs.drop(func(p *placed) bool { return !p.wanted }) }

// close closes all.
func (fs *fronts) close() { fs.drop(func(*placed) bool { return true }) }

func (fs *fronts) drop(which func(*placed) bool) bool {
	var kept []*placed
	var closing sync.WaitGroup
	for _, p := range fs.all {
		if which(p) {
			closing.Go(p.close)
		} else {
			kept = append(kept, p)
		}
	}
	closing.Wait()
	dropped := len(kept) < len(fs.all)
	fs.all = kept
	return dropped
}
