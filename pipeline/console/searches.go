package console

import (
	"slices"
	"sync"
)

// searchesMost is how many searches a browser's session remembers.
const searchesMost = 50

// searches are the terms that somebody searched for, by the handles that stand for
// them in addresses. A term may be somebody's number, and addresses are kept: in the
// history of a browser, in the log of a proxy. A handle means nothing outside of its
// session and after it, so that loading again, going back and following pages work all
// the same.
type searches struct {
	mu  sync.Mutex
	all []searched // the one used latest is the last
}

type searched struct{ handle, term string }

// keep gives the handle of a term: the same one again for the same term. Nothing
// searched for needs none.
func (s *searches) keep(term string) (handle string) {
	if term == "" {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.all, func(one searched) bool { return one.term == term }); i >= 0 {
		return s.used(i).handle
	}
	if len(s.all) >= searchesMost {
		s.all = slices.Delete(s.all, 0, 1)
	}
	one := searched{secret()[:22], term}
	s.all = append(s.all, one)
	return one.handle
}

// term is what a handle stands for; false: nothing here, or not any more.
func (s *searches) term(handle string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.all, func(one searched) bool { return one.handle == handle })
	if i < 0 {
		return "", false
	}
	return s.used(i).term, true
}

// used makes a search the latest. It needs s.mu.
func (s *searches) used(i int) searched {
	one := s.all[i]
	s.all = append(slices.Delete(s.all, i, i+1), one)
	return one
}
