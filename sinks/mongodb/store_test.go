package mongodb_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// store is a very small MongoDB: one collection in memory, and of each command
// as much as the sink uses. It answers as the server's documentation says, bulk
// writes included: an unordered one goes on after an error and numbers every
// error by its operation.
type store struct {
	mu      sync.Mutex
	docs    map[string]bson.D
	indexes []bson.D
	set     string // name of the replica set, "" for a standalone
	addr    string
	refuse  func(doc bson.D) bson.D // what a validator says of a document; nil: fine
	unique  string                  // a field that must be unique besides _id
}

func newStore() *store {
	return &store{
		docs:    map[string]bson.D{},
		indexes: []bson.D{{{Key: "v", Value: int32(2)}, {Key: "key", Value: bson.D{{Key: "_id", Value: int32(1)}}}, {Key: "name", Value: "_id_"}}},
	}
}

func (s *store) Close() error { return nil }

func (s *store) answer(m *message) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	doc := s.run(m)
	if value(doc, "ok") == nil {
		doc = append(doc, bson.E{Key: "ok", Value: 1.0})
	}
	return m.reply(doc), nil
}

func (s *store) run(m *message) bson.D {
	switch m.command {
	case "hello", "isMaster", "ismaster":
		return s.hello()
	case "saslStart":
		return bson.D{{Key: "conversationId", Value: int32(1)}, {Key: "done", Value: true}, {Key: "payload", Value: []byte{}}}
	case "buildInfo":
		return bson.D{{Key: "version", Value: "8.0.99"}}
	case "connectionStatus":
		return bson.D{{Key: "authInfo", Value: bson.D{{Key: "authenticatedUsers", Value: bson.A{}}, {Key: "authenticatedUserPrivileges", Value: bson.A{}}}}}
	case "ping", "endSessions":
		return nil
	case "insert":
		return s.insert(m.list("documents"))
	case "update":
		return s.update(m.list("updates"))
	case "find":
		return s.find(m.body.Lookup("filter").Document())
	case "delete":
		return s.erase(m.list("deletes"))
	case "createIndexes":
		return s.createIndexes(m.list("indexes"))
	case "listIndexes":
		return cursor("firstBatch", s.indexes)
	}
	return bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: int32(59)}, {Key: "codeName", Value: "CommandNotFound"}, {Key: "errmsg", Value: "no such command"}}
}

func (s *store) hello() bson.D {
	doc := bson.D{
		{Key: "helloOk", Value: true}, {Key: "isWritablePrimary", Value: true}, {Key: "ismaster", Value: true},
		{Key: "maxBsonObjectSize", Value: int32(16 << 20)}, {Key: "maxMessageSizeBytes", Value: int32(48_000_000)},
		{Key: "maxWriteBatchSize", Value: int32(100_000)}, {Key: "minWireVersion", Value: int32(0)},
		{Key: "maxWireVersion", Value: int32(25)}, {Key: "readOnly", Value: false},
	}
	if s.set != "" {
		doc = append(doc, bson.D{
			{Key: "setName", Value: s.set}, {Key: "setVersion", Value: int32(1)}, {Key: "secondary", Value: false},
			{Key: "hosts", Value: bson.A{s.addr}}, {Key: "me", Value: s.addr}, {Key: "primary", Value: s.addr},
			{Key: "logicalSessionTimeoutMinutes", Value: int32(30)},
		}...)
	}
	return doc
}

func cursor(batch string, docs []bson.D) bson.D {
	list := bson.A{}
	for _, d := range docs {
		list = append(list, d)
	}
	return bson.D{{Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "mekong.records"}, {Key: batch, Value: list}}}}
}

// duplicateOf is the answer to a second document of the same key. As the
// server's, it quotes the key.
func duplicateOf(i int, path, name string, v any) bson.D {
	return bson.D{
		{Key: "index", Value: int32(i)}, {Key: "code", Value: int32(11000)},
		{Key: "keyPattern", Value: bson.D{{Key: path, Value: int32(1)}}},
		{Key: "keyValue", Value: bson.D{{Key: path, Value: v}}},
		{Key: "errmsg", Value: fmt.Sprintf("E11000 duplicate key error collection: mekong.records index: %s dup key: { %s: %q }", name, path, v)},
	}
}

// judge is a write error for a document about to be stored, nil if it is fine.
func (s *store) judge(i int, id string, doc bson.D) bson.D {
	if s.refuse != nil {
		if no := s.refuse(doc); no != nil {
			return append(bson.D{{Key: "index", Value: int32(i)}}, no...)
		}
	}
	if s.unique == "" {
		return nil
	}
	for other, have := range s.docs {
		if v := value(doc, s.unique); other != id && v != nil && value(have, s.unique) == v {
			return duplicateOf(i, s.unique, s.unique+"_1", v)
		}
	}
	return nil
}

func (s *store) insert(docs []bson.Raw) bson.D {
	n, errs := 0, bson.A{}
	for i, raw := range docs {
		doc := decode(raw)
		id, _ := value(doc, "_id").(string)
		if _, there := s.docs[id]; there {
			errs = append(errs, duplicateOf(i, "_id", "_id_", id))
		} else if no := s.judge(i, id, doc); no != nil {
			errs = append(errs, no)
		} else {
			s.docs[id] = doc
			n++
		}
	}
	return written(n, n, errs)
}

func written(n, modified int, errs bson.A) bson.D {
	doc := bson.D{{Key: "n", Value: int32(n)}, {Key: "nModified", Value: int32(modified)}}
	if len(errs) > 0 {
		doc = append(doc, bson.E{Key: "writeErrors", Value: errs})
	}
	return doc
}

func (s *store) update(ops []bson.Raw) bson.D {
	n, errs := 0, bson.A{}
	for i, op := range ops {
		filter := decode(op.Lookup("q").Document())
		id, _ := value(filter, "_id").(string)
		doc, there := s.docs[id]
		if !there || value(doc, "revision") != value(filter, "revision") {
			continue
		}
		raw, _ := bson.Marshal(doc)
		next := decode(raw)
		for _, e := range decode(op.Lookup("u", "$set").Document()) {
			next = put(next, strings.Split(e.Key, "."), e.Value)
		}
		if no := s.judge(i, id, next); no != nil {
			errs = append(errs, no)
			continue
		}
		s.docs[id] = next
		n++
	}
	return written(n, n, errs)
}

func (s *store) find(filter bson.Raw) bson.D {
	var found []bson.D
	if id, ok := filter.Lookup("_id").StringValueOK(); ok {
		if doc, there := s.docs[id]; there {
			found = append(found, doc)
		}
		return cursor("firstBatch", found)
	}
	ids, _ := filter.Lookup("_id", "$in").ArrayOK()
	values, _ := ids.Values()
	for _, v := range values {
		if doc, there := s.docs[v.StringValue()]; there {
			found = append(found, doc)
		}
	}
	return cursor("firstBatch", found)
}

func (s *store) erase(ops []bson.Raw) bson.D {
	n := 0
	for _, op := range ops {
		values, _ := op.Lookup("q", "_id", "$in").Array().Values()
		for _, v := range values {
			if _, there := s.docs[v.StringValue()]; there {
				delete(s.docs, v.StringValue())
				n++
			}
		}
	}
	return written(n, 0, nil)
}

func (s *store) createIndexes(indexes []bson.Raw) bson.D {
	for _, raw := range indexes {
		name := raw.Lookup("name").StringValue()
		i := slices.IndexFunc(s.indexes, func(d bson.D) bool { return value(d, "name") == name })
		if i < 0 {
			s.indexes = append(s.indexes, decode(raw))
			continue
		}
		have, _ := bson.Marshal(value(s.indexes[i], "key"))
		if !bytes.Equal(have, raw.Lookup("key").Document()) {
			return bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: int32(86)}, {Key: "codeName", Value: "IndexKeySpecsConflict"}, {Key: "errmsg", Value: "An existing index has the same name"}}
		}
	}
	return nil
}

func decode(raw bson.Raw) bson.D {
	var doc bson.D
	if err := bson.Unmarshal(raw, &doc); err != nil {
		panic(err)
	}
	return doc
}

// value looks up a dotted path; nil if it is not there.
func value(doc bson.D, path string) any {
	head, rest, deeper := strings.Cut(path, ".")
	for _, e := range doc {
		if e.Key != head {
			continue
		}
		if !deeper {
			return e.Value
		}
		inner, _ := e.Value.(bson.D)
		return value(inner, rest)
	}
	return nil
}

func put(doc bson.D, path []string, v any) bson.D {
	for i, e := range doc {
		if e.Key == path[0] {
			if len(path) > 1 {
				inner, _ := e.Value.(bson.D)
				v = put(inner, path[1:], v)
			}
			doc[i].Value = v
			return doc
		}
	}
	if len(path) > 1 {
		v = put(nil, path[1:], v)
	}
	return append(doc, bson.E{Key: path[0], Value: v})
}
