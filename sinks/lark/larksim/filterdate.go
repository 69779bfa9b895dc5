package larksim

import (
	"strconv"
	"time"
)

// onDate compares by the day, in the zone of the Base (`lark.md` §2.2).
func (q query) onDate(f *field, op string, value []string) (test, int) {
	from, to, ok := q.days(value)
	if !ok {
		return nil, badFilter
	}
	var holds func(time.Time) bool
	switch op {
	case "is":
		holds = func(t time.Time) bool { return !t.Before(from) && t.Before(to) }
	case "isGreater":
		holds = func(t time.Time) bool { return !t.Before(to) }
	case "isLess":
		holds = func(t time.Time) bool { return t.Before(from) }
	default:
		return nil, badFilter
	}
	return func(r *row) bool {
		switch f.kind {
		case CreatedTime:
			return holds(r.created)
		case ModifiedTime:
			return holds(r.modified)
		}
		ms, ok := r.cells[f.id].(int64)
		return ok && holds(time.UnixMilli(ms))
	}, 0
}

// days is the span that a date value names, its end excluded: one exact day, or
// a word for a day, week or month around now.
func (q query) days(value []string) (from, to time.Time, ok bool) {
	if value[0] == "ExactDate" {
		if len(value) != 2 {
			return from, to, false
		}
		ms, err := strconv.ParseInt(value[1], 10, 64)
		if err != nil || ms < -lastDate || ms > lastDate {
			return from, to, false
		}
		from = midnight(time.UnixMilli(ms).In(q.s.opts.Location))
		return from, from.AddDate(0, 0, 1), true
	}
	if len(value) != 1 {
		return from, to, false
	}
	today := midnight(q.now)
	tomorrow := today.AddDate(0, 0, 1)
	monday := today.AddDate(0, 0, -(int(today.Weekday())+6)%7)
	first := today.AddDate(0, 0, 1-today.Day())
	switch value[0] {
	case "Today":
		return today, tomorrow, true
	case "Tomorrow":
		return tomorrow, today.AddDate(0, 0, 2), true
	case "Yesterday":
		return today.AddDate(0, 0, -1), today, true
	case "CurrentWeek":
		return monday, monday.AddDate(0, 0, 7), true
	case "LastWeek":
		return monday.AddDate(0, 0, -7), monday, true
	case "CurrentMonth":
		return first, first.AddDate(0, 1, 0), true
	case "LastMonth":
		return first.AddDate(0, -1, 0), first, true
	case "TheLastWeek":
		return today.AddDate(0, 0, -6), tomorrow, true
	case "TheNextWeek":
		return tomorrow, today.AddDate(0, 0, 8), true
	case "TheLastMonth":
		return today.AddDate(0, 0, -29), tomorrow, true
	case "TheNextMonth":
		return tomorrow, today.AddDate(0, 0, 31), true
	}
	return from, to, false
}

func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}
