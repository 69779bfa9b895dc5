package lark

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"mekong/pipeline"
)

// Class is what kind of trouble an [Error] is, from the point of view of whoever
// has to do something about it.
type Class int

// The classes, and the verdict each of them has.
const (
	Unknown   Class = iota // not known to this package: plain
	Data                   // a record holds what the table will never take: Permanent
	Large                  // too much in one call; Permanent, so that halves are tried and a single one is told
	Gone                   // the record that was named is not there (any more), or not yet visible: plain
	Repeat                 // the client_token was used before for something else: plain; look, then take a new one
	Bug                    // the request was malformed, by this program: plain
	Shape                  // the table is not as it should be: column, type, view: Hold
	Setup                  // credentials, scopes, permissions, ids: Hold
	Stale                  // the token was refused, and a fresh one, too: Hold
	Throttled              // too many calls: Hold
	Busy                   // another write is in the way, or the last one still works: Hold
	Down                   // the platform or the way to it fails: Hold
	Quota                  // the month's calls are spent: Hold
	Full                   // no more rows, columns or tables fit: Hold
)

var classNames = [...]string{
	"unknown", "data", "large", "gone", "repeat", "bug", "shape", "setup", "stale", "throttled", "busy", "down", "quota", "full",
}

func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return "unknown"
	}
	return classNames[c]
}

// Error is a call that failed. It never holds anything that was sent, and of the
// answer only identifiers.
type Error struct {
	Op    Op
	Class Class
	Code  int // the platform's; 0: none was told
	HTTP  int // 0: there was no answer
	Msg   string
	LogID string // support asks for it

	Scopes     []string // any one of which would have sufficed
	Violations []string // names of request parameters that were disliked
	HelpURL    string   // deep link into the developer console; to be shown, not logged
	RetryAfter time.Duration

	// Ambiguous says that the call may have been carried out all the same: whoever
	// wrote must look before writing it again, or repeat it with the same
	// client_token within minutes (`lark.md` §2.3).
	Ambiguous bool
	// Shrink says that less in one call may go through.
	Shrink bool

	cause error // a context's, or a token provider's
}

// Error says what was done, what went wrong, and the log id.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("lark: " + string(e.Op) + ": " + e.Msg)
	var notes []string
	if e.Code != 0 {
		notes = append(notes, fmt.Sprintf("code %d", e.Code))
	}
	if e.HTTP != 0 && (e.Code == 0 || e.HTTP >= 500) {
		notes = append(notes, fmt.Sprintf("HTTP %d", e.HTTP))
	}
	if len(e.Scopes) > 0 {
		notes = append(notes, "needs "+strings.Join(e.Scopes, " or "))
	}
	if len(e.Violations) > 0 {
		notes = append(notes, "see "+strings.Join(e.Violations, ", "))
	}
	if e.LogID != "" {
		notes = append(notes, "log id "+e.LogID)
	}
	if len(notes) > 0 {
		b.WriteString(" (" + strings.Join(notes, ", ") + ")")
	}
	return b.String()
}

// Unwrap gives the context's error when the caller went away, and a token provider's
// when there was no token.
func (e *Error) Unwrap() error { return e.cause }

// Verdict is e as the worker understands it: [pipeline.Permanent], [pipeline.Hold]
// with what the platform asked for, or e itself.
func (e *Error) Verdict() error {
	switch e.Class {
	case Data, Large:
		return pipeline.Permanent(e)
	case Shape, Setup, Stale, Throttled, Busy, Down, Quota, Full:
		return pipeline.Hold(e, e.RetryAfter)
	}
	return e
}

// As returns the [Error] in err, nil if there is none.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// IsAmbiguous reports whether the call behind err may have been carried out.
//
// It is true more often than `lark.md` §2.6 has it: for every failure inside the
// platform and for every answer to a write that cannot be read. To look costs one
// call; a double row costs a person.
func IsAmbiguous(err error) bool {
	e := As(err)
	return e != nil && e.Ambiguous
}

// ClassOf is the class of the [Error] in err, Unknown if there is none.
func ClassOf(err error) Class {
	if e := As(err); e != nil {
		return e.Class
	}
	return Unknown
}

// CodeOf is the platform's code in err, 0 if there is none.
func CodeOf(err error) int {
	if e := As(err); e != nil {
		return e.Code
	}
	return 0
}
