package larksim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// AddBase adds an empty Base with advanced permissions off.
func (s *Sim) AddBase(appToken, name string) {
	s.set(func() {
		if s.bases[appToken] == nil {
			s.baseOrder = append(s.baseOrder, appToken)
		}
		s.bases[appToken] = &base{token: appToken, name: name, roles: map[string]Role{}}
		delete(s.gone, appToken)
	})
}

// RemoveBase deletes a Base; its token is answered with 91402 afterwards.
func (s *Sim) RemoveBase(appToken string) {
	s.set(func() {
		delete(s.bases, appToken)
		s.baseOrder = slices.DeleteFunc(s.baseOrder, func(t string) bool { return t == appToken })
		s.gone[appToken] = true
	})
}

// AddTable adds a table and returns its id. The first field is the primary one;
// without fields there is one text column "Name".
func (s *Sim) AddTable(appToken, name string, fields ...Field) (tableID string) {
	s.set(func() {
		b := s.mustBase(appToken)
		if len(fields) == 0 {
			fields = []Field{{Name: "Name", Type: Text}}
		}
		t := s.newTable(b, name, "")
		for _, f := range fields {
			t.fields = append(t.fields, s.newField(f))
		}
		for _, f := range t.fields {
			f.since = time.Time{}
		}
		tableID = t.id
	})
	return tableID
}

// RemoveTable deletes a table by id or name, as a person may at any time.
func (s *Sim) RemoveTable(appToken, idOrName string) {
	s.set(func() {
		b, t := s.mustTable(appToken, idOrName)
		b.tables = slices.DeleteFunc(b.tables, func(o *table) bool { return o == t })
		b.revision++
	})
}

// AddField adds a column, as a person may in the user interface, and returns its id.
func (s *Sim) AddField(appToken, idOrName string, f Field) (fieldID string) {
	s.set(func() {
		_, t := s.mustTable(appToken, idOrName)
		n := s.newField(f)
		t.fields = append(t.fields, n)
		t.touched()
		fieldID = n.id
	})
	return fieldID
}

// RenameField renames a column, as a person may in the user interface.
func (s *Sim) RenameField(appToken, idOrName, from, to string) {
	s.set(func() {
		_, t := s.mustTable(appToken, idOrName)
		mustField(t, from).name = to
		t.touched()
	})
}

// RemoveField deletes a column and what is in it.
func (s *Sim) RemoveField(appToken, idOrName, name string) {
	s.set(func() {
		_, t := s.mustTable(appToken, idOrName)
		t.removeField(mustField(t, name))
	})
}

func (t *table) removeField(f *field) {
	t.fields = slices.DeleteFunc(t.fields, func(o *field) bool { return o == f })
	for _, r := range t.rows {
		delete(r.cells, f.id)
	}
	t.touched()
}

// Grant makes an app (by its id) or a user (by open id) a collaborator of a Base,
// as "Add document app" does; [NoRole] takes it back.
func (s *Sim) Grant(who, appToken string, role Role) {
	s.set(func() { s.mustBase(appToken).roles[who] = role })
}

// SetAdvanced turns advanced permissions on or off.
func (s *Sim) SetAdvanced(appToken string, a Advanced) {
	s.set(func() { s.mustBase(appToken).advanced = a })
}

// SetCopying makes a Base answer 1254036 to writes, as while it is being copied.
func (s *Sim) SetCopying(appToken string, on bool) {
	s.set(func() { s.mustBase(appToken).copying = on })
}

// HoldBase is a person's write in progress: until release is called, writes to
// the Base are refused with 1254291. It counts neither as overlap nor in [Sim.MaxInFlight].
func (s *Sim) HoldBase(appToken string) (release func()) {
	s.set(func() { s.mustBase(appToken).heldBy++ })
	done := false
	return func() {
		s.set(func() {
			if !done {
				done = true
				s.mustBase(appToken).heldBy--
			}
		})
	}
}

func (s *Sim) newTable(b *base, name, viewName string) *table {
	if viewName == "" {
		viewName = "Grid"
	}
	t := &table{base: b, id: s.id("tbl", 13), name: name, view: view{s.id("vew", 10), viewName}, byID: map[string]*row{}}
	b.tables = append(b.tables, t)
	t.touched()
	return t
}

func (s *Sim) newField(f Field) *field {
	k, ok := kinds[f.Type]
	if !ok {
		panic("larksim: no type of field for " + f.Name)
	}
	n := &field{id: f.ID, name: f.Name, kind: f.Type, ui: f.UI, hidden: f.Hidden, about: f.About,
		property: maps.Clone(f.Property), fixed: f.Fixed, since: s.now().Add(s.opts.SchemaLag)}
	if n.id == "" {
		n.id = s.id("fld", 7)
	}
	if n.ui == "" {
		n.ui = k.uis[0]
	}
	for _, name := range f.Options {
		n.option(s.id("opt", 7), name)
	}
	return n
}

func (s *Sim) mustBase(token string) *base {
	b := s.bases[token]
	if b == nil {
		panic("larksim: no Base " + token)
	}
	return b
}

func (s *Sim) mustTable(token, idOrName string) (*base, *table) {
	b := s.mustBase(token)
	t := b.table(idOrName)
	if t == nil {
		panic("larksim: no table " + idOrName)
	}
	return b, t
}

func mustField(t *table, name string) *field {
	for _, f := range t.fields {
		if f.name == name {
			return f
		}
	}
	panic("larksim: no field " + name)
}

// plausible says whether an id looks like one of its kind; others are malformed
// rather than unknown.
func plausible(id, prefix string) bool {
	return strings.HasPrefix(id, prefix) && len(id) > len(prefix) && len(id) <= 64
}
