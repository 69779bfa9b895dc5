package larkbase

import "mekong/sinks/lark"

// kind is how a column is written.
type kind int

const (
	readOnly    kind = iota // filled by the platform; never sent
	unsupported             // attachments and links to other rows: no field of a record is one
	text
	number
	single
	multi
	date
	checkbox
	person
	phone
	link
	location
	group
)

// kinds are the types that are written (`lark.md` §3.1).
var kinds = map[int]kind{
	lark.TypeText: text, lark.TypeNumber: number, lark.TypeSingleSelect: single, lark.TypeMultiSelect: multi,
	lark.TypeDateTime: date, lark.TypeCheckbox: checkbox, lark.TypePerson: person, lark.TypePhone: phone,
	lark.TypeURL: link, lark.TypeLocation: location, lark.TypeGroupChat: group,
}

var kindNames = [...]string{
	"read-only", "attachment or link to other rows", "text", "number", "single select", "multi select", "date", "checkbox", "person", "phone", "URL", "location", "group",
}

func (k kind) String() string { return kindNames[k] }

func kindOf(f lark.Field) kind {
	if f.ReadOnly() {
		return readOnly
	}
	if k, ok := kinds[f.Type]; ok {
		return k
	}
	return unsupported
}

// written reports whether the sink can fill a column of this kind.
func (k kind) written() bool { return k > unsupported }

// suspects are the kinds of cell that a refusal with this code may be about, the
// likeliest first (`lark.md` §2.6). Text is none of them: everything is text, and a
// record whose texts are refused is refused.
func suspects(code int) []kind {
	if k, ok := blame[code]; ok {
		return []kind{k}
	}
	return []kind{location, group, person, single, multi, link, phone, date, number, checkbox}
}

var blame = map[int]kind{
	1254061: number, 1254062: single, 1254063: multi, 1254064: date, 1254065: checkbox, 1254066: person,
	1254068: link, 1254072: phone, 99992351: person, 99992361: person,
}
