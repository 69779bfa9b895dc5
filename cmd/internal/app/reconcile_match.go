package app

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"mekong/pipeline"
)

// What is known of a row of a file.
const (
	rowArrived uint16 = 1 << iota
	rowImported
	rowRefused
	rowOtherTime
	rowOtherForm
	rowCaptured
	rowRepeats
	rowOfForgotten
	rowFiltered
	rowUntold
)

// fileRow is one row of a file, as little of it as it takes to know it again.
type fileRow struct {
	n, line  int
	at       int64 // when it happened, in Unix seconds; 0: nothing says
	day      bool  // at is a day and no time
	byName   bool  // it has neither phone nor address
	told     bool  // the file says whether it was sent or only typed
	is       uint16
	form     string
	who      string // masked
	contacts []uint64
	ids      []uint64 // of its deliveries, as an import makes them
}

// contactRows are the rows of one phone or address.
type contactRows struct {
	timed, untimed []*fileRow // timed: by their times
	seen           bool       // a delivery has it
}

// arrivalMatch knows the rows of a file and finds those that a delivery is about.
type arrivalMatch struct {
	seed     maphash.Seed
	within   time.Duration
	byID     bool // messages have IDs of their own, by which alone they are compared
	rows     []*fileRow
	contacts map[uint64]*contactRows
	ids      map[uint64]*fileRow
	seenIDs  map[uint64]bool
	forms    map[string]bool // that deliveries name
	sorted   bool
}

// maxForms bounds how many forms are told apart.
const maxForms = 10_000

func newArrivalMatch(within time.Duration, byID bool) *arrivalMatch {
	return &arrivalMatch{seed: maphash.MakeSeed(), within: within, byID: byID, contacts: map[uint64]*contactRows{}, ids: map[uint64]*fileRow{},
		seenIDs: map[uint64]bool{}, forms: map[string]bool{}}
}

func (m *arrivalMatch) hash(kind, value string) uint64 {
	return maphash.String(m.seed, kind+"\n"+value)
}

// row takes a row of the file.
func (m *arrivalMatch) row(n, line int, raws []pipeline.Raw, of func(pipeline.Raw) pipeline.Transform, gone func(pipeline.Record) bool) {
	r := &fileRow{n: n, line: line}
	m.rows = append(m.rows, r)
	for _, raw := range raws {
		id := m.hash("id", raw.ID)
		if m.ids[id] != nil {
			r.is |= rowRepeats
		}
		m.ids[id] = r
		r.ids = append(r.ids, id)
		rs, err := todays(of, raw)
		if _, filtered := pipeline.IsFiltered(err); filtered || err == nil && len(rs) == 0 {
			r.is |= rowFiltered
		}
		for _, rec := range rs {
			if gone(rec) {
				r.is |= rowOfForgotten
			}
			r.learn(raw, rec)
			contacts, byName := m.contactsOf(rec)
			r.contacts, r.byName = append(r.contacts, contacts...), byName
		}
	}
	if m.byID {
		return
	}
	if len(r.contacts) == 0 || r.byName && r.at == 0 {
		r.is |= rowUntold // people share names
		return
	}
	for _, c := range r.contacts {
		if m.contacts[c] == nil {
			m.contacts[c] = &contactRows{}
		}
		of := m.contacts[c]
		if r.at == 0 {
			of.untimed = append(of.untimed, r)
		} else {
			of.timed = append(of.timed, r)
		}
	}
}

// learn takes what a record of the row says.
func (r *fileRow) learn(raw pipeline.Raw, rec pipeline.Record) {
	if !rec.Occurred.Equal(raw.Received) {
		r.at = rec.Occurred.Unix()
	} else if text, ok := rec.Fields["message_time"].(string); ok && r.at == 0 {
		for _, layout := range []string{time.DateOnly, "02/01/2006", "2/1/2006", "02-01-2006"} {
			if day, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
				r.at, r.day = day.Unix(), true
			}
		}
	}
	if form, ok := rec.Fields["form"].(string); ok {
		r.form = form
	}
	for _, field := range []string{"phone", "email", "name"} {
		if text, ok := rec.Fields[field].(string); ok && text != "" && r.who == "" {
			r.who = MaskedText(text)
		}
	}
	if _, ok := rec.Fields["status_send"]; ok {
		r.told = true
		if rec.Fields["state"] == "captured" {
			r.is |= rowCaptured
		}
	}
}

// contactsOf are what a record can be known by: phone and address, or, where it has
// neither, the name.
func (m *arrivalMatch) contactsOf(rec pipeline.Record) (out []uint64, byName bool) {
	if phone, ok := rec.Fields["phone"].(string); ok && phone != "" {
		out = append(out, m.hash("phone", phone))
	}
	if email, ok := rec.Fields["email"].(string); ok && email != "" {
		out = append(out, m.hash("email", strings.ToLower(email)))
	}
	if name, ok := rec.Fields["name"].(string); ok && name != "" && len(out) == 0 {
		return []uint64{m.hash("name", strings.ToLower(norm.NFC.String(strings.Join(strings.Fields(name), " "))))}, true
	}
	return out, false
}

// since is when the first of the rows can have arrived; zero: at any time.
func (m *arrivalMatch) since() time.Time {
	first := int64(0)
	for _, r := range m.rows {
		if r.at == 0 {
			return time.Time{}
		}
		if first == 0 || r.at < first {
			first = r.at
		}
	}
	if first == 0 {
		return time.Time{}
	}
	return time.Unix(first, 0).Add(-m.within - 48*time.Hour) // a day is one of any zone
}

// delivery marks the rows that a delivery is about.
func (m *arrivalMatch) delivery(raw pipeline.Raw, rs []pipeline.Record, mark uint16) {
	if !m.sorted {
		m.sorted = true
		for _, c := range m.contacts {
			slices.SortFunc(c.timed, func(a, b *fileRow) int { return cmp.Compare(a.at, b.at) })
		}
	}
	id := m.hash("id", raw.ID)
	if mark == rowArrived && m.ids[id] != nil {
		m.seenIDs[id] = true
		return
	}
	if m.byID {
		return
	}
	for _, rec := range rs {
		form, _ := rec.Fields["form"].(string)
		if form != "" && mark == rowArrived && len(m.forms) < maxForms {
			m.forms[form] = true
		}
		captured := rec.Fields["state"] == "captured"
		contacts, _ := m.contactsOf(rec)
		for _, c := range contacts {
			if of := m.contacts[c]; of != nil {
				m.contact(of, rec, form, captured, mark)
			}
		}
	}
}

// contact marks the rows of a phone or address. Rows that have arrived are looked at no
// more.
func (m *arrivalMatch) contact(of *contactRows, rec pipeline.Record, form string, captured bool, mark uint16) {
	if mark == rowArrived {
		of.seen = true
	}
	covers := func(r *fileRow) (done bool) {
		switch {
		case captured && r.told && r.is&rowCaptured == 0: // it was sent, and this one was only typed
		case form != "" && r.form != "" && form != r.form:
			if mark == rowArrived {
				r.is |= rowOtherForm
			}
		default:
			r.is |= mark
		}
		return r.is&rowArrived != 0
	}
	of.untimed = slices.DeleteFunc(of.untimed, covers)
	for _, t := range []time.Time{rec.Occurred, rec.Received} {
		// A day reaches from its begin somewhere to its end elsewhere.
		least, most := t.Add(-m.within).Unix(), t.Add(m.within).Unix()
		from, _ := slices.BinarySearchFunc(of.timed, least-36*3600, func(r *fileRow, at int64) int { return cmp.Compare(r.at, at) })
		to, _ := slices.BinarySearchFunc(of.timed, most+12*3600+1, func(r *fileRow, at int64) int { return cmp.Compare(r.at, at) })
		if from == to {
			continue
		}
		kept := slices.DeleteFunc(of.timed[from:to], func(r *fileRow) bool {
			if !r.day && (r.at < least || r.at > most) {
				return false
			}
			return covers(r)
		})
		of.timed = slices.Delete(of.timed, from+len(kept), to)
	}
}

// verdict is what is known of a row when all deliveries were seen.
func (m *arrivalMatch) verdict(r *fileRow) uint16 {
	is := r.is
	imported := len(r.ids) > 0
	for _, id := range r.ids {
		imported = imported && m.seenIDs[id]
	}
	if imported {
		is |= rowImported
	}
	if is&rowOtherForm != 0 && !m.forms[r.form] {
		is |= rowArrived // the file calls forms by other names than the source does
	}
	for _, c := range r.contacts {
		if of := m.contacts[c]; of != nil && of.seen {
			is |= rowOtherTime
		}
	}
	return is
}
