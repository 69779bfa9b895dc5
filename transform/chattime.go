package transform

import (
	"math"
	"strconv"
	"strings"
	"time"

	"mekong/sources/chatlog/turn"
)

// Times in chat logs come as seconds with a fraction, milliseconds,
// microseconds, the same as text, and dates with an offset and without
// (`sources.md` §3.1). Their size tells them apart, see [parseDate].

// chatTime reads a time. A day alone says too little.
func chatTime(text string, loc *time.Location) (time.Time, bool) {
	if text == "" {
		return time.Time{}, false
	}
	if strings.ContainsAny(text, "eE") {
		if f, err := strconv.ParseFloat(text, 64); err == nil && f > 1e8 && f < 1e19 {
			text = strconv.FormatFloat(f, 'f', -1, 64)
		}
	}
	if whole, fraction, ok := strings.Cut(text, "."); ok && len(whole) > 10 && allDigits(whole) && allDigits(fraction) {
		text = whole // a fraction of a millisecond
	}
	t, day, ok := parseDate(text, loc)
	if !ok || day || t.Year() < 2000 {
		return time.Time{}, false
	}
	return t.UTC(), true
}

// times settles when the turn was asked and answered. What the sender does not
// say is when we first saw it.
func (c *chatReading) times() {
	first := c.raw.Received
	if t, err := time.Parse(time.RFC3339Nano, c.body.Seen); err == nil {
		first = t.UTC()
	}
	c.asked = first
	if c.body.What == turn.Facts {
		// What is known of a conversation is no newer than what was said in it.
		if t, ok := chatTime(c.body.Ended, c.loc); ok && !c.late(t) {
			c.asked = t
		}
		return
	}
	for _, p := range c.parts {
		switch text := turn.TimeOf(p.in); {
		case text == "":
		case c.body.What == turn.Note:
			c.told = c.happened(text)
		case p.role == turn.Customer && !c.told:
			c.told = c.happened(text)
		case (p.role == turn.Bot || p.role == turn.Agent) && (c.told || c.question == ""):
			if t, ok := chatTime(text, c.loc); ok && !t.Before(c.asked) && c.answered.IsZero() && !c.late(t) {
				c.answered = t
			}
			if c.question == "" && !c.told {
				c.told = c.happened(text)
			}
		}
	}
	if len(c.parts) > 0 {
		return
	}
	if text := turn.TimeOf(c.row); text != "" {
		c.told = c.happened(text)
	}
	if t, ok := chatTime(c.row.Text("answeredat", "respondedat", "responsetime", "completedat"), c.loc); ok && c.told && !t.Before(c.asked) && !c.late(t) {
		c.answered = t
	}
}

// happened takes text for when it was asked.
func (c *chatReading) happened(text string) bool {
	t, ok := chatTime(text, c.loc)
	switch {
	case !ok:
		c.flag("asked_at_invalid")
		return false
	case c.late(t):
		c.flag("asked_at_future")
		return false
	}
	c.asked = t
	return true
}

// late reports a time that is yet to come.
func (c *chatReading) late(t time.Time) bool { return t.After(c.raw.Received.Add(futureTolerance)) }

// latency is how long the answer took, in milliseconds: as the sender says, or
// by the times of the two.
func (c *chatReading) latency() (float64, bool) {
	if n, ok := c.number("latencyms", "responsetimems", "durationms", "elapsedms", "processingtimems"); ok {
		return n, n >= 0
	}
	seconds := []string{"latencys", "latencyseconds", "responsetimes", "processingtime", "processingtimes", "durationseconds", "elapsedseconds"}
	if c.body.Shape == "langfuse" {
		seconds = append(seconds, "latency") // in seconds, by its documentation
	}
	if n, ok := c.number(seconds...); ok {
		return math.Round(n*1e6) / 1e3, n >= 0
	}
	if d := c.answered.Sub(c.asked); c.told && !c.answered.IsZero() && d < time.Hour {
		return float64(d.Microseconds()) / 1e3, true
	}
	return 0, false
}

// plainNumber reads a number as JSON writes it.
func plainNumber(s string) (float64, bool) {
	if s == "" || len(s) > 32 || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && !math.IsInf(n, 0) && !math.IsNaN(n) && math.Abs(n) <= 1<<53
}
