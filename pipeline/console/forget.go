package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// ForgetRequest is one person's wish to be forgotten.
type ForgetRequest struct {
	Mark     string // keyed hash of who it is
	Who      string // masked
	At       time.Time
	Answer   time.Time // until then the person has to be answered
	Answered time.Time // zero: not yet
	Erase    time.Time // until then it has to be done
	Done     time.Time // zero: not yet
}

// Person is who was found, without saying who it is.
type Person struct {
	Who, Names []string // masked
	Also       []string // other phones and addresses beside them: perhaps the same person
	Keys       int      // rows there may be in each destination
	Rows       []Count  // rows seen, by sink
	Places     []Count  // messages, by where they are kept
	Unread     []string // sinks that cannot be looked through
	Silent     []Pair   // sinks that could not be now, with why
	Oldest     time.Time
	Consents   int
	Requests   []ForgetRequest // of this person
	// Evidence is that of the consents, as a file that names nobody.
	Evidence func() ([]byte, error)
	// Forget erases the person, but for the rows in sinks that somebody erases by hand;
	// tell is told what is done next. With an error Proof says how far it came, and the
	// same may be called again.
	Forget func(ctx context.Context, byHand []string, tell func(step string)) (Proof, error)
}

// Any reports whether there is anything to erase.
func (p Person) Any() bool { return p.Keys > 0 || len(p.Places) > 0 }

// Messages is how many there are.
func (p Person) Messages() (n int) {
	for _, c := range p.Places {
		n += c.N
	}
	return n
}

// Count is how many there are of something.
type Count struct {
	Name string
	N    int
}

// Proof says that a person was forgotten, and names nobody.
type Proof struct {
	Complete     bool
	Began, Ended time.Time
	Marks        []string
	Rows         []Count // told to erase, by sink
	Streams      []Count // messages overwritten
	Index        int     // entries
	ByHand       []string
	Failed       []Pair // sinks that did not do it, with why
	Remains      []Count
	File         string // where it is kept; empty: nowhere
	Text         []byte // all of it, as a file
}

// Forget finds people, and erases them.
type Forget interface {
	Requests(context.Context) ([]ForgetRequest, error)
	// Request notes a wish of whoever has a phone or an address. It fails with
	// [ErrNobody] where the term is neither.
	Request(ctx context.Context, term string) (ForgetRequest, error)
	// Answered notes that the person was answered.
	Answered(ctx context.Context, mark string) error
	// Find looks everywhere for a phone, an address or whoever a record's ID names. It
	// reads all that is kept and may take minutes. It fails with [ErrNobody] where the
	// term is nothing of these.
	Find(ctx context.Context, term string) (Person, error)
}

type forgetView struct {
	Requests []ForgetRequest
	Now      time.Time
	Done     string // what was just done; empty: nothing
	Handle   string // of who it was done for
	Busy     bool   // somebody is looked for, or erased
}

// Late says whether something should have been done before now.
func (r ForgetRequest) Late(now time.Time) bool {
	return r.Done.IsZero() && (now.After(r.Erase) || r.Answered.IsZero() && now.After(r.Answer))
}

func (c *Console) forgetPage(w http.ResponseWriter, r *http.Request, v visitor) {
	list, err := c.opts.Forget.Requests(r.Context())
	if err != nil {
		c.log.Warn("the requests to be forgotten cannot be listed", "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
		return
	}
	out := forgetView{Requests: list, Now: c.opts.Now(), Busy: c.cases.busy()}
	if done := r.URL.Query().Get("done"); slices.Contains([]string{"noted", "answered"}, done) {
		out.Done = done
	}
	if s := r.URL.Query().Get("s"); s != "" {
		if _, ok := v.searches.term(s); ok {
			out.Handle = s
		}
	}
	c.show(w, r, v, http.StatusOK, "forget", out)
}

// whom is the term of a form: typed, or by the handle of an earlier search.
func whom(r *http.Request, v visitor) string {
	if term := termOf(r.PostForm); term != "" {
		return term
	}
	term, _ := v.searches.term(r.PostFormValue("s"))
	return term
}

// forgetNote notes a person's wish.
func (c *Console) forgetNote(w http.ResponseWriter, r *http.Request, v visitor) {
	term := whom(r, v)
	req, err := c.opts.Forget.Request(r.Context(), term)
	if c.forgetFailed(w, r, v, "a request to be forgotten cannot be noted", err) {
		return
	}
	c.note(Entry{Who: v.user, What: "noted a request", On: short(req.Mark)})
	http.Redirect(w, r, "/forget?"+url.Values{"done": {"noted"}, "s": {v.searches.keep(term)}}.Encode(), http.StatusSeeOther)
}

// forgetAnswered notes that a person was answered.
func (c *Console) forgetAnswered(w http.ResponseWriter, r *http.Request, v visitor) {
	mark := r.PostFormValue("mark")
	err := c.opts.Forget.Answered(r.Context(), mark)
	if c.forgetFailed(w, r, v, "an answer cannot be noted", err) {
		return
	}
	c.note(Entry{Who: v.user, What: "answered a request", On: short(mark)})
	http.Redirect(w, r, "/forget?done=answered", http.StatusSeeOther)
}

// short is a mark as it is shown: enough to tell one from another.
func short(mark string) string { return mark[:min(len(mark), 12)] }

// forgetFind begins to look for a person.
func (c *Console) forgetFind(w http.ResponseWriter, r *http.Request, v visitor) {
	term := whom(r, v)
	if term == "" {
		c.fault(w, r, v, http.StatusBadRequest, "fault.nobody")
		return
	}
	one, ok := c.cases.begin(v.user, term)
	if !ok {
		c.fault(w, r, v, http.StatusConflict, "fault.busy")
		return
	}
	http.Redirect(w, r, "/forget/"+one.id, http.StatusSeeOther)
}

// forgetCase shows one that is looked for, was found, or is erased.
func (c *Console) forgetCase(w http.ResponseWriter, r *http.Request, v visitor) {
	one, ok := c.cases.get(r.PathValue("id"), v.user)
	if !ok {
		c.fault(w, r, v, http.StatusNotFound, "fault.case")
		return
	}
	c.show(w, r, v, http.StatusOK, "case", one)
}

// forgetEvidence gives the evidence of the person's consents, before it is erased.
func (c *Console) forgetEvidence(w http.ResponseWriter, r *http.Request, v visitor) {
	one, ok := c.cases.get(r.PathValue("id"), v.user)
	if !ok || one.Person == nil {
		c.fault(w, r, v, http.StatusNotFound, "fault.case")
		return
	}
	text, err := one.Person.Evidence()
	if c.forgetFailed(w, r, v, "the evidence of consents cannot be given", err) {
		return
	}
	c.note(Entry{Who: v.user, What: "exported evidence", On: one.about(), Count: one.Person.Consents})
	sendFile(w, "mekong-consents.json", text)
}

// forgetProof gives the proof.
func (c *Console) forgetProof(w http.ResponseWriter, r *http.Request, v visitor) {
	one, ok := c.cases.get(r.PathValue("id"), v.user)
	if !ok || one.Proof == nil {
		c.fault(w, r, v, http.StatusNotFound, "fault.case")
		return
	}
	sendFile(w, "mekong-forgotten.json", one.Proof.Text)
}

func sendFile(w http.ResponseWriter, name string, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = w.Write(text)
}

// mostRows is how many rows a person may have. More are taken for somebody's whose phone
// everybody gives, and are for the command, which asks more.
const mostRows = 100

// forgetErase erases whoever was found, once the form says how many rows that is.
func (c *Console) forgetErase(w http.ResponseWriter, r *http.Request, v visitor) {
	one, ok := c.cases.get(r.PathValue("id"), v.user)
	if !ok || one.Person == nil {
		c.fault(w, r, v, http.StatusNotFound, "fault.case")
		return
	}
	rows, err := strconv.Atoi(r.PostFormValue("rows"))
	if err != nil || rows != one.Person.Keys || rows > mostRows {
		c.fault(w, r, v, http.StatusBadRequest, "fault.rows")
		return
	}
	var byHand []string
	for _, name := range r.PostForm["byhand"] {
		if !slices.Contains(one.Person.Unread, name) {
			c.fault(w, r, v, http.StatusBadRequest, "fault.form")
			return
		}
		byHand = append(byHand, name)
	}
	if !c.cases.erase(one.id, byHand) {
		c.fault(w, r, v, http.StatusConflict, "fault.busy")
		return
	}
	http.Redirect(w, r, "/forget/"+one.id, http.StatusSeeOther)
}

// forgetFailed answers where something could not be done.
func (c *Console) forgetFailed(w http.ResponseWriter, r *http.Request, v visitor, what string, err error) bool {
	switch {
	case err == nil:
		return false
	case nobody(err):
		c.fault(w, r, v, http.StatusBadRequest, "fault.nobody")
	default:
		c.log.Warn(what, "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
	}
	return true
}
