package sheetsim

import "slices"

type namedRange struct {
	id, name string
	at       area
}

func (n *namedRange) wire() namedWire { return namedWire{ID: n.id, Name: n.name, Range: n.at.wire()} }

type protectedRange struct {
	id          int64
	at          area
	description string
	warning     bool
	editors     []string
}

func (p *protectedRange) wire(who string) protectedWire {
	return protectedWire{ID: p.id, Range: p.at.wire(), Description: p.description, WarningOnly: p.warning, CanEdit: p.lets(who), Editors: &editors{Users: p.editors}}
}

func (p *protectedRange) lets(who string) bool {
	return p.warning || slices.Contains(p.editors, who)
}

// writable refuses a write into what somebody protected. The text is not recorded
// from the live service (`sinks.md` §A3); a person's hands pass with who == "".
func (e *edit) writable(s *sheet, r0, r1, c0, c1 int) *failure {
	for _, p := range e.b.protected {
		a := p.at.clip()
		if e.who == "" || a.sheet != s || p.lets(e.who) || r0 >= a.r1 || a.r0 >= r1 || c0 >= a.c1 || a.c0 >= c1 {
			continue
		}
		return invalid("You are trying to edit a protected cell or object. Please contact the spreadsheet owner to remove protection if you need to edit.")
	}
	return nil
}

type addNamed struct {
	Range *namedWire `json:"namedRange"`
}

func (q *addNamed) run(e *edit) (any, *failure) {
	if q.Range == nil || q.Range.Name == "" {
		return nil, invalid("namedRange.name is required.")
	}
	if !plainTitle.MatchString(q.Range.Name) || likeCell.MatchString(q.Range.Name) {
		return nil, invalid("The name %q is not valid for a named range.", q.Range.Name)
	}
	a, f := e.area(q.Range.Range)
	if f != nil {
		return nil, f
	}
	n := &namedRange{id: q.Range.ID, name: q.Range.Name, at: a}
	for _, o := range e.b.named {
		if n.id != "" && o.id == n.id {
			return nil, invalid("A named range with id %q already exists.", n.id)
		}
		if o.name == n.name {
			return nil, invalid("A named range with the name \"%s\" already exists. Please enter another name.", n.name)
		}
	}
	if n.id == "" {
		n.id = e.s.id(12)
	}
	touch(e.tx, &e.b.named)
	e.b.named = append(slices.Clone(e.b.named), n)
	w := n.wire()
	return map[string]any{"namedRange": w}, nil
}

type deleteNamed struct {
	ID string `json:"namedRangeId"`
}

func (q *deleteNamed) run(e *edit) (any, *failure) {
	i := slices.IndexFunc(e.b.named, func(n *namedRange) bool { return n.id == q.ID })
	if i < 0 {
		return nil, invalid("No named range with id: %s", q.ID)
	}
	touch(e.tx, &e.b.named)
	e.b.named = slices.Delete(slices.Clone(e.b.named), i, i+1)
	return nil, nil
}

type addProtected struct {
	Range *protectedWire `json:"protectedRange"`
}

func (q *addProtected) run(e *edit) (any, *failure) {
	if q.Range == nil {
		return nil, invalid("protectedRange is required.")
	}
	if q.Range.NamedID != "" {
		return nil, notSimulated("a protection by named range")
	}
	a, f := e.area(q.Range.Range)
	if f != nil {
		return nil, f
	}
	p := &protectedRange{id: q.Range.ID, at: a, description: q.Range.Description, warning: q.Range.WarningOnly, editors: []string{e.who}}
	if q.Range.Editors != nil {
		p.editors = append(p.editors, q.Range.Editors.Users...)
	}
	exists := func(id int64) bool {
		return slices.ContainsFunc(e.b.protected, func(o *protectedRange) bool { return o.id == id })
	}
	if p.id != 0 && exists(p.id) {
		return nil, invalid("A protected range with id %d already exists.", p.id)
	}
	for p.id == 0 || exists(p.id) && p.id != q.Range.ID {
		p.id = 1 + e.s.rand.Int64N(1<<31-1)
	}
	touch(e.tx, &e.b.protected)
	e.b.protected = append(slices.Clone(e.b.protected), p)
	return map[string]any{"protectedRange": p.wire(e.who)}, nil
}

type deleteProtected struct {
	ID int64 `json:"protectedRangeId"`
}

func (q *deleteProtected) run(e *edit) (any, *failure) {
	i := slices.IndexFunc(e.b.protected, func(p *protectedRange) bool { return p.id == q.ID })
	if i < 0 {
		return nil, invalid("No protected range with id: %d", q.ID)
	}
	if !e.b.protected[i].lets(e.who) && e.who != "" {
		return nil, invalid("You are trying to edit a protected cell or object. Please contact the spreadsheet owner to remove protection if you need to edit.")
	}
	touch(e.tx, &e.b.protected)
	e.b.protected = slices.Delete(slices.Clone(e.b.protected), i, i+1)
	return nil, nil
}
