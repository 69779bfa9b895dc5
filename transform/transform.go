// Package transform gives deliveries their meaning: it turns a Raw into the
// Record that sinks store.
//
// A transform needs no configuration: the built-in mapping of a format knows
// the names real forms use, Vietnamese labels included, and keeps every field
// it does not know under that field's own name. A configured mapping adds to it
// and overrides it. Nothing about a lead's content is refused: what is wrong
// with it is said in the field "flags".
//
// Everything here is a pure function: no I/O, no clock, no logging, nothing
// that depends on the order of a map. The same Raw gives the same records, byte
// for byte, today and at replay.
//
// Fields that are empty are left out, so that a later record never blanks what
// an earlier one filled. The one exception is "flags", which is always there.
// Where a value is stored as something else than was typed (a phone as E.164,
// an amount as a number), the field of the same name with "_raw" holds what was
// typed. A field whose name is taken by a built-in output is kept with "_sent"
// behind its name.
//
// # What a turn of a chat has
//
// A turn, and the conversation it belongs to, are described at the format
// "chat.turn" in chat.go.
//
// # What a lead has
//
// phone (E.164), phone_local (as people write it), phone_raw, phone_kind
// (mobile, landline, hotline, foreign, invalid); name and search (the name
// folded, to look it up by); email, email_suggest; link, page (host and path,
// the same for all visits) and the link's utm_* and click IDs; form, ip,
// user_agent; province, district, ward, country; state (captured, submitted,
// verified); event_id, message_id, submission_id, message_time, status_send,
// is_verified; consent (a bool) with consent_text, consent_at, consent_form and
// consent_page; flags; and every other field of the form.
//
// The flags: phone_missing, phone_invalid, phone_migrated (a number of before
// 2018), email_invalid, email_suspect (see email_suggest), email_filler,
// message_time_invalid, message_time_future, test_lead, junk,
// body_not_understood and body_truncated (see body), missing_NAME (required),
// NAME_invalid (see NAME_raw), NAME_error (its expression failed), where_error,
// and what package form had to repair, such as bad_escape.
//
// A one-time password (otp_code) is in no record, wherever it came.
//
// The package does not know how deliveries arrive (sources/*), where records go
// (sinks/*), or who runs it (pipeline/worker).
package transform

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // dates have a zone on machines that know none

	"mekong/config"
	"mekong/pipeline"
)

// Zone is what a date without an offset means unless the configuration says
// otherwise.
const zone = "Asia/Ho_Chi_Minh"

// Error is one thing that is wrong with a mapping.
type Error struct {
	Setting string // relative to the mapping, e.g. "fields.score.expr"
	Err     error
}

func (e *Error) Error() string { return e.Setting + ": " + e.Err.Error() }

// Unwrap returns what is wrong, without the place.
func (e *Error) Unwrap() error { return e.Err }

// Errors takes apart what [New] returned.
func Errors(err error) []*Error {
	var list []*Error
	switch e := err.(type) {
	case nil:
	case *Error:
		list = append(list, e)
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			list = append(list, Errors(part)...)
		}
	case interface{ Unwrap() error }:
		list = Errors(e.Unwrap())
	}
	return list
}

// New compiles the mapping of one source. A nil m is the built-in mapping
// alone, a nil loc is Asia/Ho_Chi_Minh. Everything that is wrong with m is
// reported at once, see [Errors].
//
// The transform gives one record per form and up to three per turn of a chat (see
// chat.go). It returns [pipeline.Filtered] where
// the mapping's condition is false, and a [pipeline.Permanent] error only for a
// format that it does not know.
func New(source string, m *config.Mapping, loc *time.Location) (pipeline.Transform, error) {
	if loc == nil {
		var err error
		if loc, err = time.LoadLocation(zone); err != nil {
			return nil, fmt.Errorf("time zone %s: %w", zone, err)
		}
	}
	mapper, problems := compile(source, m, loc)
	if len(problems) > 0 {
		slices.SortStableFunc(problems, func(a, b *Error) int { return strings.Compare(a.Setting, b.Setting) })
		all := make([]error, len(problems))
		for i, p := range problems {
			all[i] = p
		}
		return nil, errors.Join(all...)
	}
	return func(raw pipeline.Raw) ([]pipeline.Record, error) {
		switch raw.Format {
		case ladipageForm:
			return mapper.form(raw)
		case larkEvent:
			return mapper.lark(raw)
		case webhookJSON:
			return mapper.webhook(raw)
		case chatTurn:
			return mapper.chat(raw)
		}
		return nil, pipeline.Permanent(fmt.Errorf("no transform understands the format %q", raw.Format))
	}, nil
}
