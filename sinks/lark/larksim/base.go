package larksim

import (
	"slices"
	"time"
)

// Role is what an app or a user may do with one Base (`lark.md` §5.2).
type Role int

// The roles of a document's collaborators, from the least.
const (
	NoRole    Role = iota
	CanView        // reads; a write is 91403
	CanEdit        // reads and writes
	CanManage      // and is not bound by advanced permissions
)

// Advanced is whether a Base has advanced permissions on, and in which of the
// ways people report it refuses an app that cannot manage it (§5.1, §5.4).
type Advanced int

// The ways of advanced permissions.
const (
	AdvancedOff    Advanced = iota
	AdvancedDenies          // 1254302
	AdvancedEmpty           // reads succeed with no rows; writes 1254302
	AdvancedHides           // reads succeed with rows of no fields; writes 1254045
)

type base struct {
	token    string
	name     string
	advanced Advanced
	copying  bool
	roles    map[string]Role // by app id or open id
	tables   []*table
	revision int

	writing  int // writes in flight now, held ones included
	peak     int
	overlaps int
	heldBy   int // of writing: people in the user interface, see HoldBase
	writes   int
}

type table struct {
	base     *base
	id, name string
	view     view
	fields   []*field
	rows     []*row // in order of creation
	byID     map[string]*row
	revision int
	listed   time.Time // from when on lists have it
	serial   int       // of automatic numbers
}

type view struct{ id, name string }

// row is one record. Cells are kept under the field's id, so that renaming a
// column changes no row. A cell that is not there is empty.
type row struct {
	id       string
	cells    map[string]any
	number   int // of creation in its table, from 1
	created  time.Time
	modified time.Time
	by, last string // open id, or app id for a bot
	visible  time.Time
}

// Field is one column, in the terms of `lark.md` §3.1. As an argument, ID may be
// empty (it is made up) and UI too (the type's first one).
type Field struct {
	ID       string
	Name     string
	Type     int
	UI       string
	Primary  bool
	Hidden   bool
	About    string         // its description
	Property map[string]any // as §3.4 has it; nil where the type has none
	Options  []string       // of a select field: names, in order
	Fixed    bool           // a select whose options come from elsewhere: no new ones
}

type field struct {
	id, name string
	kind     int
	ui       string
	hidden   bool
	about    string
	property map[string]any // without options
	options  []option
	byName   map[string]string // option name → id, the first of that name
	fixed    bool
	since    time.Time // unknown to callers before
}

type option struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Color int    `json:"color"`
}

// The types of field.
const (
	Text         = 1
	Number       = 2
	SingleSelect = 3
	MultiSelect  = 4
	DateTime     = 5
	Checkbox     = 7
	Person       = 11
	Phone        = 13
	URL          = 15
	Attachment   = 17
	SingleLink   = 18
	Lookup       = 19
	Formula      = 20
	DuplexLink   = 21
	Location     = 22
	GroupChat    = 23
	Stage        = 24
	CreatedTime  = 1001
	ModifiedTime = 1002
	CreatedUser  = 1003
	ModifiedUser = 1004
	AutoNumber   = 1005
	Button       = 3001
)

// kind is what is fixed about a type of field.
type kind struct {
	uis      []string
	readOnly bool
	primary  bool // may be the first column
	property bool // may have a property
	code     int  // of a value that does not convert
}

// kinds is never written to. Where `lark.md` §2.6 gives no code of its own to a
// type, 1254015 stands in.
var kinds = map[int]kind{
	Text:         {uis: []string{"Text", "Email", "Barcode"}, primary: true, code: 1254060},
	Number:       {uis: []string{"Number", "Currency", "Progress", "Rating"}, primary: true, property: true, code: 1254061},
	SingleSelect: {uis: []string{"SingleSelect"}, property: true, code: 1254062},
	MultiSelect:  {uis: []string{"MultiSelect"}, property: true, code: 1254063},
	DateTime:     {uis: []string{"DateTime"}, primary: true, property: true, code: 1254064},
	Checkbox:     {uis: []string{"Checkbox"}, code: 1254065},
	Person:       {uis: []string{"User"}, property: true, code: 1254066},
	Phone:        {uis: []string{"Phone"}, primary: true, code: 1254072},
	URL:          {uis: []string{"Url"}, primary: true, code: 1254068},
	Attachment:   {uis: []string{"Attachment"}, code: 1254069},
	SingleLink:   {uis: []string{"SingleLink"}, property: true, code: 1254067},
	Lookup:       {uis: []string{"Lookup"}, readOnly: true, property: true},
	Formula:      {uis: []string{"Formula"}, readOnly: true, primary: true, property: true},
	DuplexLink:   {uis: []string{"DuplexLink"}, property: true, code: 1254074},
	Location:     {uis: []string{"Location"}, primary: true, property: true, code: 1254015},
	GroupChat:    {uis: []string{"GroupChat"}, property: true, code: 1254015},
	Stage:        {uis: []string{"Stage"}, readOnly: true, property: true},
	CreatedTime:  {uis: []string{"CreatedTime"}, readOnly: true, property: true},
	ModifiedTime: {uis: []string{"ModifiedTime"}, readOnly: true, property: true},
	CreatedUser:  {uis: []string{"CreatedUser"}, readOnly: true},
	ModifiedUser: {uis: []string{"ModifiedUser"}, readOnly: true},
	AutoNumber:   {uis: []string{"AutoNumber"}, readOnly: true, property: true},
	Button:       {uis: []string{"Button"}, readOnly: true, property: true},
}

// table finds a table by id, or by name for introspection.
func (b *base) table(idOrName string) *table {
	for _, t := range b.tables {
		if t.id == idOrName {
			return t
		}
	}
	for _, t := range b.tables {
		if t.name == idOrName {
			return t
		}
	}
	return nil
}

// known returns the field of that name that callers know of at now.
func (t *table) known(name string, now time.Time) *field {
	for _, f := range t.fields {
		if f.name == name && !now.Before(f.since) {
			return f
		}
	}
	return nil
}

func (t *table) fieldByID(id string) *field {
	for _, f := range t.fields {
		if f.id == id {
			return f
		}
	}
	return nil
}

// drop removes rows and keeps the order of the others.
func (t *table) drop(ids []string) {
	for _, id := range ids {
		delete(t.byID, id)
	}
	t.rows = slices.DeleteFunc(t.rows, func(r *row) bool { return t.byID[r.id] != r })
}

// touched counts a change.
func (t *table) touched() {
	t.revision++
	t.base.revision++
}

// option adds an option to a select field.
func (f *field) option(id, name string) {
	f.options = append(f.options, option{ID: id, Name: name, Color: len(f.options) % 55})
	if f.byName == nil {
		f.byName = map[string]string{}
	}
	if _, ok := f.byName[name]; !ok {
		f.byName[name] = id
	}
}

func (f *field) optionName(id string) (string, bool) {
	for i := range f.options {
		if f.options[i].ID == id {
			return f.options[i].Name, true
		}
	}
	return "", false
}
