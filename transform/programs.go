package transform

import (
	"errors"

	"mekong/config"
)

// programs compiles the expressions and puts those that read each other in
// order.
func (c *compiler) programs(m *config.Mapping) {
	for i := range c.m.fields {
		f := &c.m.fields[i]
		if text := m.Fields[f.name].Expr; text != "" {
			var err error
			if f.program, err = compileExpr(text, c.known, false); err != nil {
				c.fail(config.Path("fields", f.name, "expr"), "%w", err)
			}
		}
	}
	c.sort()
	if m.Where != "" {
		var err error
		if c.m.where, err = compileExpr(m.Where, c.known, true); err != nil {
			c.fail("where", "%w", err)
		}
	}
}

var errCircle = errors.New("the expressions read each other in a circle")

// sort puts the programs behind those they read. A program that reads its own
// name means what was there before it.
func (c *compiler) sort() {
	index := map[string]int{}
	for i, f := range c.m.fields {
		if f.program != nil {
			index[f.name] = i
		}
	}
	const busy, done = 1, 2
	state := make([]int, len(c.m.fields))
	var visit func(i int)
	visit = func(i int) {
		f := &c.m.fields[i]
		switch state[i] {
		case done:
			return
		case busy:
			c.fail(config.Path("fields", f.name, "expr"), "%w", errCircle)
			return
		}
		state[i] = busy
		for _, id := range f.program.idents {
			if j, ok := index[id.name]; ok && j != i {
				visit(j)
			}
		}
		if state[i] == busy {
			state[i] = done
			c.m.order = append(c.m.order, i)
		}
	}
	for _, name := range [...]string{"name", "phone"} {
		if i, ok := index[name]; ok {
			visit(i)
		}
	}
	c.m.early = len(c.m.order)
	for _, f := range c.m.fields {
		if f.program != nil {
			visit(index[f.name])
		}
	}
}
