package mongodb_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// gate is what the sink under test connects to: it speaks MongoDB's wire
// protocol, and passes each message on to something that answers, a store in
// memory or a real server. Between the two it can do every harm that a network
// and a server can.
//
// It is written from the protocol's description and shares no code with the
// driver but the BSON library.
type gate struct {
	ln     net.Listener
	answer func() (answerer, error) // one for each connection

	mu    sync.Mutex
	conns map[net.Conn]bool
	fault func(m *message) reaction // nil: none
	seen  []string                  // names of the commands that came
}

// answerer answers the messages of one connection.
type answerer interface {
	answer(m *message) ([]byte, error) // a whole message
	Close() error
}

// reaction is what a gate does with a message instead of passing it on.
type reaction struct {
	reply  bson.D          // answer with this
	refuse bool            // break the connection, unheard
	stall  <-chan struct{} // wait for this, then break the connection
	lose   func(reply bson.Raw) bool
}

// message is one request. Only what a driver of today sends is understood.
type message struct {
	whole   []byte
	id      int32
	legacy  bool // OP_QUERY: the first hello of a connection
	body    bson.Raw
	lists   map[string][]bson.Raw // document sequences
	command string
}

const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

func newGate(t testing.TB, answer func() (answerer, error)) *gate {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{ln: ln, answer: answer, conns: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() { g.accept(&wg) })
	t.Cleanup(func() {
		ln.Close()
		g.drop()
		wg.Wait()
	})
	return g
}

func (g *gate) addr() string { return g.ln.Addr().String() }

func (g *gate) accept(wg *sync.WaitGroup) {
	for {
		c, err := g.ln.Accept()
		if err != nil {
			return
		}
		g.mu.Lock()
		g.conns[c] = true
		g.mu.Unlock()
		wg.Go(func() { g.serve(c) })
	}
}

// drop breaks every connection there is.
func (g *gate) drop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		c.Close()
	}
}

// set installs a fault, nil for none.
func (g *gate) set(fault func(m *message) reaction) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = fault
}

// commands are the names of the commands seen since the last call, without
// those the driver sends of itself.
func (g *gate) commands() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	seen := slices.DeleteFunc(g.seen, func(name string) bool { return housekeeping(name) })
	g.seen = nil
	return seen
}

func housekeeping(command string) bool {
	return slices.Contains([]string{"hello", "isMaster", "ismaster", "saslStart", "saslContinue", "endSessions", "ping"}, command)
}

func (g *gate) serve(c net.Conn) {
	defer func() {
		c.Close()
		g.mu.Lock()
		delete(g.conns, c)
		g.mu.Unlock()
	}()
	up, err := g.answer()
	if err != nil {
		return
	}
	defer up.Close()
	for {
		m, err := readMessage(c)
		if err != nil {
			return
		}
		g.mu.Lock()
		g.seen = append(g.seen, m.command)
		fault := g.fault
		g.mu.Unlock()
		var r reaction
		if fault != nil {
			r = fault(m)
		}
		var reply []byte
		switch {
		case r.refuse:
			return
		case r.stall != nil:
			<-r.stall
			return
		case r.reply != nil:
			reply = m.reply(r.reply)
		default:
			if reply, err = up.answer(m); err != nil {
				return
			}
		}
		if r.lose != nil {
			if doc, ok := replyBody(reply); ok && r.lose(doc) {
				return
			}
		}
		if _, err := c.Write(reply); err != nil {
			return
		}
	}
}

// readFrame reads one message of either direction.
func readFrame(r io.Reader) ([]byte, error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(head))
	if n < 16 || n > 48_000_000 {
		return nil, errors.New("impossible length")
	}
	whole := append(head, make([]byte, n-16)...)
	_, err := io.ReadFull(r, whole[16:])
	return whole, err
}

func readMessage(r io.Reader) (*message, error) {
	whole, err := readFrame(r)
	if err != nil {
		return nil, err
	}
	m := &message{whole: whole, id: int32(binary.LittleEndian.Uint32(whole[4:])), lists: map[string][]bson.Raw{}}
	rest := whole[16:]
	switch op := binary.LittleEndian.Uint32(whole[12:]); op {
	case opQuery:
		m.legacy = true
		end := slices.Index(rest[4:], 0) + 5 // flags, then the collection's name
		m.body = bson.Raw(rest[end+8:])      // skip, number to return
	case opMsg:
		rest = rest[4:] // flags; no driver of today sends a checksum unasked
		for len(rest) > 0 {
			kind := rest[0]
			rest = rest[1:]
			n := int(binary.LittleEndian.Uint32(rest))
			section := rest[:n]
			rest = rest[n:]
			if kind == 0 {
				m.body = bson.Raw(section)
				continue
			}
			end := slices.Index(section[4:], 0) + 4
			name := string(section[4:end])
			for docs := section[end+1:]; len(docs) > 0; {
				n := int(binary.LittleEndian.Uint32(docs))
				m.lists[name] = append(m.lists[name], bson.Raw(docs[:n]))
				docs = docs[n:]
			}
		}
	default:
		return nil, errors.New("unknown opcode")
	}
	first, err := m.body.IndexErr(0)
	if err != nil {
		return nil, err
	}
	m.command = first.Key()
	return m, nil
}

// list is a command's documents, wherever it carries them.
func (m *message) list(name string) []bson.Raw {
	if docs, ok := m.lists[name]; ok {
		return docs
	}
	array, ok := m.body.Lookup(name).ArrayOK()
	if !ok {
		return nil
	}
	values, _ := array.Values()
	var docs []bson.Raw
	for _, v := range values {
		docs = append(docs, v.Document())
	}
	return docs
}

// reply frames an answer to m.
func (m *message) reply(doc bson.D) []byte {
	body, err := bson.Marshal(doc)
	if err != nil {
		panic(err)
	}
	var out []byte
	op := uint32(opMsg)
	if m.legacy {
		op = opReply
		out = binary.LittleEndian.AppendUint32(out, 8) // flags: await capable
		out = append(out, make([]byte, 12)...)         // cursor, position
		out = binary.LittleEndian.AppendUint32(out, 1)
	} else {
		out = append(out, 0, 0, 0, 0, 0) // flags, kind
	}
	out = append(out, body...)
	head := binary.LittleEndian.AppendUint32(nil, uint32(16+len(out)))
	head = binary.LittleEndian.AppendUint32(head, 1)
	head = binary.LittleEndian.AppendUint32(head, uint32(m.id))
	head = binary.LittleEndian.AppendUint32(head, op)
	return append(head, out...)
}

// replyBody is the document of an answer.
func replyBody(whole []byte) (bson.Raw, bool) {
	if len(whole) < 26 || binary.LittleEndian.Uint32(whole[12:]) != opMsg || whole[20] != 0 {
		return nil, false
	}
	return bson.Raw(whole[21:]), true
}

// upstream passes messages on to a real server.
type upstream struct{ conn net.Conn }

func dialUpstream(addr string) func() (answerer, error) {
	return func() (answerer, error) {
		network := "tcp"
		if strings.HasSuffix(addr, ".sock") {
			network = "unix"
		}
		c, err := net.Dial(network, addr)
		if err != nil {
			return nil, err
		}
		return upstream{c}, nil
	}
}

func (u upstream) answer(m *message) ([]byte, error) {
	if _, err := u.conn.Write(m.whole); err != nil {
		return nil, err
	}
	return readFrame(u.conn)
}

func (u upstream) Close() error { return u.conn.Close() }
