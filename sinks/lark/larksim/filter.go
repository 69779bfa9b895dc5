package larksim

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// filterBody is one level of a search filter; only the topmost has children.
type filterBody struct {
	Conjunction string       `json:"conjunction"`
	Conditions  []condition  `json:"conditions"`
	Children    []filterBody `json:"children"`
}

type condition struct {
	Field    string    `json:"field_name"`
	Operator string    `json:"operator"`
	Value    *[]string `json:"value"`
}

const badFilter = 1254018

// test says whether a row meets a condition.
type test = func(*row) bool

// filter makes a test of a search filter; nil when there is none. What the
// platform does not support is refused, not guessed at (`lark.md` §2.2).
func (q query) filter(raw json.RawMessage) (test, int) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil, 0
	}
	var in filterBody
	if json.Unmarshal(raw, &in) != nil {
		return nil, badFilter
	}
	return q.level(in, true)
}

func (q query) level(in filterBody, top bool) (test, int) {
	if len(in.Conditions) == 0 && len(in.Children) == 0 {
		return nil, 0
	}
	if in.Conjunction != "and" && in.Conjunction != "or" || len(in.Conditions) > maxConditions || !top && len(in.Children) > 0 {
		return nil, badFilter
	}
	var tests []test
	if in.Conjunction == "or" {
		joined, rest, code := q.anyOf(in.Conditions)
		if code != 0 {
			return nil, code
		}
		tests, in.Conditions = joined, rest
	}
	for _, c := range in.Conditions {
		t, code := q.condition(c)
		if code != 0 {
			return nil, code
		}
		tests = append(tests, t)
	}
	if len(in.Children) > maxConditions {
		return nil, badFilter
	}
	for _, child := range in.Children {
		t, code := q.level(child, false)
		if code != 0 {
			return nil, code
		}
		if t != nil {
			tests = append(tests, t)
		}
	}
	all := in.Conjunction == "and"
	return func(r *row) bool {
		for _, t := range tests {
			if t(r) != all {
				return !all
			}
		}
		return all
	}, 0
}

// anyOf joins the conditions "this text column is …" of one alternative into a
// look-up by value: fifty keys over a long table are the usual search.
func (q query) anyOf(conditions []condition) (tests []test, rest []condition, code int) {
	wanted := map[*field]map[string]bool{}
	for _, c := range conditions {
		f := q.table.known(c.Field, q.now)
		if f == nil || f.kind != Text || c.Operator != "is" || c.Value == nil || len(*c.Value) != 1 {
			rest = append(rest, c)
			continue
		}
		if wanted[f] == nil {
			set := map[string]bool{}
			wanted[f] = set
			tests = append(tests, func(r *row) bool {
				v, ok := r.cells[f.id].(string)
				return ok && set[v]
			})
		}
		wanted[f][(*c.Value)[0]] = true
	}
	return tests, rest, 0
}

func (q query) condition(c condition) (test, int) {
	f := q.table.known(c.Field, q.now)
	if f == nil || c.Value == nil || len(*c.Value) > maxValues {
		return nil, badFilter
	}
	value := *c.Value
	switch c.Operator {
	case "isEmpty", "isNotEmpty":
		if len(value) > 0 || f.kind == Checkbox || f.kind == Formula || f.kind == Lookup {
			return nil, badFilter
		}
		empty := c.Operator == "isEmpty"
		rd := reading{s: q.s, table: q.table, idKind: q.idKind}
		return func(r *row) bool { return (rd.cell(f, r) == nil) == empty }, 0
	}
	if len(value) == 0 {
		return nil, badFilter
	}
	switch f.kind {
	case Text, Phone, URL, Location, AutoNumber:
		return q.onText(f, c.Operator, value)
	case Number:
		return q.onNumber(f, c.Operator, value)
	case Checkbox:
		if c.Operator != "is" || len(value) != 1 || value[0] != "true" && value[0] != "false" {
			return nil, badFilter
		}
		want := value[0] == "true"
		return func(r *row) bool { v, _ := r.cells[f.id].(bool); return v == want }, 0
	case DateTime, CreatedTime, ModifiedTime:
		return q.onDate(f, c.Operator, value)
	case SingleSelect, MultiSelect, Person, CreatedUser, ModifiedUser, SingleLink, DuplexLink, GroupChat:
		return q.onSet(f, c.Operator, value)
	}
	return nil, badFilter
}

func (q query) onText(f *field, op string, value []string) (test, int) {
	if len(value) != 1 {
		return nil, badFilter
	}
	want := value[0]
	switch op {
	case "is", "isNot":
		yes := op == "is"
		return func(r *row) bool { return (plain(q.s, f, r) == want) == yes }, 0
	case "contains", "doesNotContain":
		yes := op == "contains"
		return func(r *row) bool { return strings.Contains(plain(q.s, f, r), want) == yes }, 0
	}
	return nil, badFilter
}

func (q query) onNumber(f *field, op string, value []string) (test, int) {
	want, err := strconv.ParseFloat(value[0], 64)
	if err != nil || len(value) != 1 {
		return nil, badFilter
	}
	holds := comparison(op)
	if holds == nil {
		return nil, badFilter
	}
	return func(r *row) bool {
		v, ok := r.cells[f.id].(float64)
		if !ok {
			return op == "isNot"
		}
		return holds(v, want)
	}, 0
}

// comparison is an operator on numbers, nil when it is none.
func comparison(op string) func(a, b float64) bool {
	switch op {
	case "is":
		return func(a, b float64) bool { return a == b }
	case "isNot":
		return func(a, b float64) bool { return a != b }
	case "isGreater":
		return func(a, b float64) bool { return a > b }
	case "isGreaterEqual":
		return func(a, b float64) bool { return a >= b }
	case "isLess":
		return func(a, b float64) bool { return a < b }
	case "isLessEqual":
		return func(a, b float64) bool { return a <= b }
	}
	return nil
}

// onSet is for cells that hold several things: options by name, people, groups
// and records by id.
func (q query) onSet(f *field, op string, value []string) (test, int) {
	switch op {
	case "is", "isNot", "contains", "doesNotContain":
	default:
		return nil, badFilter
	}
	want := slices.Clone(value)
	slices.Sort(want)
	yes := op == "is" || op == "contains"
	return func(r *row) bool {
		have := q.members(f, r)
		var ok bool
		if op == "is" || op == "isNot" {
			ok = slices.Equal(have, want)
		} else {
			ok = slices.ContainsFunc(want, func(w string) bool { return slices.Contains(have, w) })
		}
		return ok == yes
	}, 0
}

// members are what a cell holds, sorted.
func (q query) members(f *field, r *row) []string {
	var ids []string
	switch f.kind {
	case CreatedUser:
		ids = []string{r.by}
	case ModifiedUser:
		ids = []string{r.last}
	default:
		switch v := r.cells[f.id].(type) {
		case string:
			ids = []string{v}
		case []string:
			ids = slices.Clone(v)
		}
	}
	switch f.kind {
	case SingleSelect, MultiSelect:
		ids = f.names(ids)
	case Person, CreatedUser, ModifiedUser:
		for i, id := range ids {
			if u := q.s.user(id, "open_id"); u != nil {
				ids[i] = u.id(q.idKind)
			}
		}
	}
	slices.Sort(ids)
	return ids
}
