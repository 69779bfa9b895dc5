package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// message is one request in MongoDB's wire protocol. Only what a driver of today sends is
// understood.
type message struct {
	whole   []byte
	legacy  bool // OP_QUERY: the first hello of a connection
	body    bson.Raw
	command string
}

const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

func readFrame(r io.Reader) ([]byte, error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(head))
	if n < 21 || n > 48_000_000 {
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
	m := &message{whole: whole}
	switch binary.LittleEndian.Uint32(whole[12:]) {
	case opQuery:
		end := slices.Index(whole[20:], 0)
		if end < 0 || 20+end+9 > len(whole) {
			return nil, errors.New("cut short")
		}
		m.legacy, m.body = true, bson.Raw(whole[20+end+9:])
	case opMsg:
		m.body = bson.Raw(whole[21:]) // the command comes first; documents may follow
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

// reply frames an answer to m.
func (m *message) reply(doc bson.D) []byte {
	body, err := bson.Marshal(doc)
	if err != nil {
		panic(err)
	}
	op, out := uint32(opMsg), make([]byte, 5) // flags, kind
	if m.legacy {
		op, out = opReply, binary.LittleEndian.AppendUint32(nil, 8) // await capable
		out = append(out, make([]byte, 12)...)                      // cursor, position
		out = binary.LittleEndian.AppendUint32(out, 1)
	}
	out = append(out, body...)
	head := binary.LittleEndian.AppendUint32(nil, uint32(16+len(out)))
	head = binary.LittleEndian.AppendUint32(head, 1)
	head = append(head, m.whole[4:8]...)
	return append(binary.LittleEndian.AppendUint32(head, op), out...)
}

// forward has up answer and reads the answer.
func (m *message) forward(up net.Conn) (doc bson.D, err error) {
	if _, err := up.Write(m.whole); err != nil {
		return nil, err
	}
	whole, err := readFrame(up)
	if err != nil {
		return nil, err
	}
	at := 21
	if m.legacy {
		at = 36
	}
	return doc, bson.Unmarshal(whole[min(at, len(whole)):], &doc)
}

// set is a replica set whose first member is its primary for ever, and keeps everything:
// the others only say that they are secondaries, and pass on what they are asked.
type set struct {
	name    string
	members []string
	self    string
}

// newSet reads --replSet NAME. The members are mongodb-1, -2 and -3, as the machine's own
// name says.
func newSet(args []string) *set {
	i := slices.Index(args, "--replSet")
	if i < 0 || i+1 == len(args) {
		return nil
	}
	s := &set{name: args[i+1], members: []string{"mongodb-1:27017", "mongodb-2:27017", "mongodb-3:27017"}}
	name, _ := os.Hostname()
	s.self = name + ":27017"
	return s
}

func (s *set) primary() bool { return s.self == s.members[0] }

// introduce adds to an answer to hello what a member of a set says.
func (s *set) introduce(hello bson.D) bson.D {
	hello = slices.DeleteFunc(hello, func(e bson.E) bool {
		return slices.Contains([]string{"ismaster", "isWritablePrimary", "secondary", "setName", "msg"}, e.Key) ||
			strings.HasPrefix(e.Key, "sasl") || e.Key == "speculativeAuthenticate"
	})
	primary := s == nil || s.primary()
	hello = append(bson.D{{Key: "ismaster", Value: primary}, {Key: "isWritablePrimary", Value: primary}}, hello...)
	if s == nil {
		return hello
	}
	return append(hello, bson.E{Key: "secondary", Value: !primary}, bson.E{Key: "setName", Value: s.name}, bson.E{Key: "setVersion", Value: int32(1)},
		bson.E{Key: "me", Value: s.self}, bson.E{Key: "primary", Value: s.members[0]}, bson.E{Key: "hosts", Value: s.members})
}
