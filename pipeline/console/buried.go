package console

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"mekong/pipeline"
)

// BuriedGroup is what is buried at one place for one reason.
type BuriedGroup struct {
	Sink   string // or "transform"
	Reason string
	Fix    string // what to do about it
	Count  int
	Oldest time.Time
	Seqs   []uint64 // of the first few
}

// BuriedItem is one of the buried.
type BuriedItem struct {
	Seq      uint64
	Sink     string
	Reason   string
	Attempts int
	At       time.Time
	Record   *pipeline.Record // what a sink would not take; nil at the transform
	Raw      *pipeline.Raw    // the delivery, where it is still kept
}

// BuriedChoice is which of the buried are meant: one, a group, or all.
type BuriedChoice struct {
	All          bool
	Seq          uint64 // one
	Sink, Reason string // a group
}

// Buried is where what could not go on is kept.
type Buried interface {
	Groups(context.Context) ([]BuriedGroup, error)
	One(ctx context.Context, seq uint64) (BuriedItem, error)
	// Replay sends the chosen through their stages again, until ctx ends, and says how
	// many went.
	Replay(ctx context.Context, which BuriedChoice) (int, error)
	// Drop takes them out for good, on a person's word.
	Drop(ctx context.Context, which BuriedChoice, reason string) (int, error)
}

// actMost is how long one act may take; what is left then is still buried, and can be
// chosen again.
const actMost = 20 * time.Second

type buriedView struct {
	Groups []BuriedGroup
	Total  int
	Done   string // key of what was just done; empty: nothing
	Count  int
}

func (c *Console) buriedPage(w http.ResponseWriter, r *http.Request, v visitor) {
	groups, err := c.opts.Buried.Groups(r.Context())
	if err != nil {
		c.log.Warn("the buried cannot be listed", "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
		return
	}
	out := buriedView{Groups: groups}
	for _, g := range groups {
		out.Total += g.Count
	}
	if done := r.URL.Query().Get("done"); done == "replayed" || done == "dropped" {
		out.Done = done
		out.Count, _ = strconv.Atoi(r.URL.Query().Get("n"))
	}
	c.show(w, r, v, http.StatusOK, "buried", out)
}

type graveView struct {
	BuriedItem
	Fields []Pair
	Body   string
	Cut    bool
}

// gravePage shows one: to a viewer its fields masked, and not what was sent, in which
// anything may stand.
func (c *Console) gravePage(w http.ResponseWriter, r *http.Request, v visitor) {
	seq, err := strconv.ParseUint(r.PathValue("seq"), 10, 64)
	if err != nil {
		c.nowhere(w, r, v)
		return
	}
	it, err := c.opts.Buried.One(r.Context(), seq)
	if err != nil {
		c.log.Warn("one of the buried cannot be shown", "seq", seq, "error", err)
		c.fault(w, r, v, http.StatusNotFound, "fault.grave")
		return
	}
	out := graveView{BuriedItem: it, Fields: shownFields(it.Record, v.role)}
	if it.Raw != nil && v.role >= Operator {
		out.Body, out.Cut = beginning(it.Raw.Body)
	}
	c.show(w, r, v, http.StatusOK, "grave", out)
}

// shownFields are those of a record, sorted, as somebody of that role sees them.
func shownFields(rec *pipeline.Record, role Role) (out []Pair) {
	if rec == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(rec.Fields)) {
		value := ""
		switch f := rec.Fields[name].(type) {
		case nil:
		case []string:
			value = strings.Join(f, ", ")
		default:
			value = fmt.Sprint(f)
		}
		if role < Operator {
			value = maskField(name, value)
		}
		out = append(out, Pair{name, value})
	}
	return out
}

// bodyMost is how much of what was sent is shown.
const bodyMost = 16 << 10

func beginning(body []byte) (text string, cut bool) {
	if len(body) > bodyMost {
		body, cut = body[:bodyMost], true
	}
	return string([]rune(string(body))), cut // what is no UTF-8 becomes "�"
}

// chosen reads a form's choice; false: it makes none.
func chosen(r *http.Request) (BuriedChoice, bool) {
	which := BuriedChoice{Sink: r.PostFormValue("sink"), Reason: r.PostFormValue("reason"), All: r.PostFormValue("all") == "yes"}
	if seq := r.PostFormValue("seq"); seq != "" {
		n, err := strconv.ParseUint(seq, 10, 64)
		if err != nil {
			return which, false
		}
		which.Seq = n
	}
	return which, which.All || which.Seq > 0 || which.Sink != "" && which.Reason != ""
}

func (b BuriedChoice) String() string {
	switch {
	case b.Seq > 0:
		return "#" + strconv.FormatUint(b.Seq, 10)
	case b.All:
		return "*"
	}
	return b.Sink
}

func (c *Console) replay(w http.ResponseWriter, r *http.Request, v visitor) {
	c.dispose(w, r, v, "replayed", "", c.opts.Buried.Replay)
}

func (c *Console) drop(w http.ResponseWriter, r *http.Request, v visitor) {
	why := oneLine(r.PostFormValue("why"), textMost)
	if why == "" {
		c.fault(w, r, v, http.StatusBadRequest, "fault.reason")
		return
	}
	c.dispose(w, r, v, "dropped", why, func(ctx context.Context, which BuriedChoice) (int, error) {
		return c.opts.Buried.Drop(ctx, which, why)
	})
}

// dispose does what was chosen with the buried, and writes down who did it to how many.
// It ends well even when the browser does not wait for it.
func (c *Console) dispose(w http.ResponseWriter, r *http.Request, v visitor, what, why string, do func(context.Context, BuriedChoice) (int, error)) {
	which, ok := chosen(r)
	if !ok {
		c.fault(w, r, v, http.StatusBadRequest, "fault.form")
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actMost)
	defer cancel()
	n, err := do(ctx, which)
	if n > 0 {
		c.note(Entry{Who: v.user, What: what, On: which.String(), Count: n, Reason: why})
	}
	if err != nil {
		c.log.Warn("not all of the buried could be moved", "did", what, "moved", n, "error", err)
		if n == 0 {
			c.fault(w, r, v, http.StatusServiceUnavailable, "fault.grave")
			return
		}
	}
	http.Redirect(w, r, "/buried?"+url.Values{"done": {what}, "n": {strconv.Itoa(n)}}.Encode(), http.StatusSeeOther)
}
