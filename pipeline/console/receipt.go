package console

import (
	"context"
	"errors"
	"net/http"
)

// Receipt is one that was issued: a page by itself, to be printed or kept.
type Receipt struct {
	Number string
	Page   []byte
	Policy string // under which the page works
}

// ErrNoLead means that nothing is known of the lead that is asked for.
var ErrNoLead = errors.New("no lead of that ID is known")

// receipt issues one of a lead. It takes a number of the ledger each time, so it is
// asked for by a form, and written down.
func (c *Console) receipt(w http.ResponseWriter, r *http.Request, v visitor) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actMost)
	defer cancel()
	id := oneLine(r.PostFormValue("id"), textMost)
	issued, err := c.opts.Receipt(ctx, id, v.user, v.tongue.code)
	switch {
	case errors.Is(err, ErrNoLead):
		c.fault(w, r, v, http.StatusNotFound, "fault.lead")
		return
	case err != nil:
		c.log.Warn("a receipt cannot be issued", "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.index")
		return
	}
	c.note(Entry{Who: v.user, What: "exported", On: "receipt " + issued.Number, Count: 1}) // the data leave the house with it
	w.Header().Set("Content-Security-Policy", issued.Policy+"; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(issued.Page)
}
