package larkbase

import (
	"context"
	"strings"
	"time"
)

// people turns addresses into ids of people, as far as the app may ask.
type people struct {
	ids   map[string]string // by address in lower case; "" is nobody
	until time.Time         // no question before that: the last one was refused
}

const (
	peopleMost = 50     // addresses in one question
	peopleKept = 10_000 // addresses remembered
)

// idPrefix is what an id of each kind begins with.
var idPrefix = map[string]string{"open_id": "ou_", "union_id": "on_", "user_id": ""}

// asPeople takes ids of people, of the configured kind, and addresses that
// [Sink.meet] found.
func (s *Sink) asPeople(v any) (any, string) {
	var out []any
	for _, id := range items(v) {
		if strings.Contains(id, "@") {
			if id = s.people.ids[strings.ToLower(id)]; id == "" {
				return nil, "nobody of this tenant that the app may see"
			}
		}
		if !strings.HasPrefix(id, idPrefix[s.conf.UserIDType]) || !plainID(id) {
			return nil, "no " + s.conf.UserIDType + " of a person"
		}
		if len(out) < maxPeople {
			out = append(out, map[string]any{"id": id})
		}
	}
	if out == nil {
		return nil, ""
	}
	return out, ""
}

// meet asks for the ids of the addresses that entries bring for columns of people.
// It is no condition of writing: who is not found is left out. The calls count
// against no quota (`lark.md` §7.3).
func (s *Sink) meet(ctx context.Context, t *table, entries []*entry) {
	if s.conf.UserIDType != "open_id" || !t.hasPeople() {
		return
	}
	var ask []string
	asked := map[string]bool{}
	for _, e := range entries {
		for field, v := range e.fields() {
			for _, c := range t.of(field) {
				if c.kind != person {
					continue
				}
				for _, id := range items(v) {
					address := strings.ToLower(id)
					if _, met := s.people.ids[address]; !met && !asked[address] && strings.Contains(id, "@") {
						asked[address] = true
						ask = append(ask, address)
					}
				}
			}
		}
	}
	if len(ask) == 0 || s.now().Before(s.people.until) {
		return
	}
	if s.people.ids == nil || len(s.people.ids) > peopleKept {
		s.people.ids = map[string]string{}
	}
	for len(ask) > 0 {
		n := min(len(ask), peopleMost)
		found, err := s.client.UserIDs(ctx, ask[:n])
		if err != nil {
			// Most likely the scope contact:user.id:readonly is missing.
			s.people.until = s.now().Add(10 * time.Minute)
			return
		}
		for _, address := range ask[:n] {
			s.people.ids[address] = ""
		}
		for address, id := range found {
			s.people.ids[strings.ToLower(address)] = id
		}
		ask = ask[n:]
	}
}
