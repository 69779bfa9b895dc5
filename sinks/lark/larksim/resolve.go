package larksim

// base finds the Base of a call and holds the caller to what it may do there.
// The caller holds the lock.
func (c *call) base(need Role) (*base, *failure) {
	token := c.vars["app_token"]
	b := c.s.bases[token]
	switch {
	case b != nil:
	case c.s.nodes[token] != nil, c.s.gone[token]:
		return nil, fail(91402)
	case !wellFormed(token):
		return nil, fail(1254003)
	default:
		return nil, fail(1254040)
	}
	if b.roles[c.identity()] < need {
		return nil, fail(91403)
	}
	return b, nil
}

// wellFormed says whether a token could be a document's.
func wellFormed(token string) bool {
	if len(token) < 4 || len(token) > 64 {
		return false
	}
	for _, r := range token {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '_' && r != '-' {
			return false
		}
	}
	return true
}

// identity is who acts: the user when it is a user's token, else the app.
func (c *call) identity() string {
	if c.user != nil {
		return c.user.OpenID
	}
	return c.app.ID
}

// inTable finds the table of a call as well.
func (c *call) inTable(need Role) (*table, *failure) {
	b, f := c.base(need)
	if f != nil {
		return nil, f
	}
	id := c.vars["table_id"]
	if !plausible(id, "tbl") {
		return nil, fail(1254004)
	}
	for _, t := range b.tables {
		if t.id == id {
			return t, nil
		}
	}
	return nil, fail(1254041)
}

// restricted is the way in which advanced permissions restrict this caller.
func (c *call) restricted(b *base) Advanced {
	if b.roles[c.identity()] >= CanManage {
		return AdvancedOff
	}
	return b.advanced
}

// toWrite finds the table of a write to records.
func (c *call) toWrite() (*table, *failure) {
	t, f := c.inTable(CanEdit)
	switch {
	case f != nil:
		return nil, f
	case t.base.copying:
		return nil, fail(1254036)
	}
	switch c.restricted(t.base) {
	case AdvancedDenies, AdvancedEmpty:
		return nil, fail(1254302)
	}
	return t, nil
}
