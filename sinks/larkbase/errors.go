package larkbase

import (
	"context"
	"errors"
	"fmt"

	"mekong/pipeline"
	"mekong/sinks/lark"
)

var (
	errClosed = pipeline.Hold(errors.New("larkbase: the sink is closed"), 0)
	errLag    = pipeline.Hold(errors.New("larkbase: a row written a moment ago is not to be seen yet"), glance)
	errGone   = errors.New("larkbase: a row was deleted while it was written to; it is looked for again")
)

// held is a fault of the destination in an operator's words.
func held(what, fix string) error {
	return pipeline.Hold(fmt.Errorf("larkbase: %s; %s", what, fix), 0)
}

// advise adds to an error of the platform what to do about it, short enough for a
// log and without links; see [Sink.Check] for the whole story.
func advise(err error) error {
	e := lark.As(err)
	if e == nil || e.Unwrap() != nil {
		return err
	}
	fix, ok := fixes[e.Code]
	switch {
	case ok:
	case e.Class == lark.Setup, e.Class == lark.Shape, e.Class == lark.Full, e.Class == lark.Stale:
		fix = "mekong doctor says what to do"
	default:
		return err
	}
	return fmt.Errorf("%w; %s", err, fix)
}

// fixes are in the words of `lark.md` §5.4.
var fixes = map[int]string{
	91402:    "put the table's address as the browser shows it into url, with /wiki/ if it has that",
	1254003:  "put the table's address as the browser shows it into url, with /wiki/ if it has that",
	1254040:  "put the table's address as the browser shows it into url, with /wiki/ if it has that",
	91403:    `add the app to the Base: … → More → Add document app, "can edit"`,
	99991672: "tick the scope bitable:app on the app and release a version",
	1254041:  "the table was deleted: restore it, or put the address of another one into url",
	1254045:  "if every column is there, advanced permissions hide one: let the app manage the Base",
	1254103:  "set rotate so that a new table is begun, or move old rows away",
	1254302:  `advanced permissions are on: give the app "can manage"`,
	1254304:  `advanced permissions are on: give the app "can manage"`,
	99991403: "the records wait for the first of the month; set monthly_calls so that calls are shared out",
	99991401: "put this machine's address on the app's IP allow-list",
}

// whole is the error of a call that was about no single record: it is never one's
// fault, and of a stop no verdict.
func whole(err error) error {
	if _, ok := pipeline.IsHold(err); err == nil || ok || isContext(err) {
		return err
	}
	if e := lark.As(err); e != nil {
		// Not err itself: the verdict inside it would still be found.
		return pipeline.Hold(e, e.RetryAfter)
	}
	return pipeline.Hold(err, 0)
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
