package larkbase

import (
	"strings"
	"time"

	"mekong/pipeline"
)

// stamp has one width for every time a record may have, so that text order is time
// order.
const stamp = "2006-01-02T15:04:05.000000000Z"

var (
	earliest = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
)

// version orders the records of one key: by when they happened, then by when they
// were received, then by ID. The same record has the same version.
func version(r *pipeline.Record) string {
	return clamp(r.Occurred).Format(stamp) + " " + clamp(r.Received).Format(stamp) + " " + strings.ToValidUTF8(r.ID, "\uFFFD")
}

// clamp is t in UTC, no earlier and no later than a stamp can say.
func clamp(t time.Time) time.Time {
	switch t = t.UTC(); {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t
}
