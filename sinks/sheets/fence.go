package sheets

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	api "google.golang.org/api/sheets/v4"

	"mekong/pipeline"
)

// fences are the named ranges that order the writes to one tab.
//
// The id of the next one is told by a number that everybody can read, and Google
// documents that an id that exists is refused, with all that is sent beside it
// (`sinks.md` §A5). The one before is taken away in the same batch; that an id which is
// not there is refused as well is not documented, and next to certain. So a batch is
// carried out only on the state that its writer has read.
//
// When an answer was lost its number may be used again, by the next batch; of the two
// one is carried out. Afterwards the number must not become free as long as the other
// may still arrive. So in the place of its fence a stone is left, which has the name
// of the fence but an id of its own, for nobody reads a stone as the newest fence. It
// carries the time from when anybody may take it away.
//
// Before the first there is none to take away: who has read a tab without fences would
// pass once its number, the first, has been used and given up again. So the first batch
// also makes one that stays for ever, and that no second one can make.
type fences struct {
	origin bool      // the one that stays for ever is there
	seq    int64     // the newest number
	there  []int64   // numbers of those that are in the spreadsheet: one, mostly
	stones []stone   // what is left of those that were in doubt
	doubt  []doubted // numbers whose request may still arrive
}

type stone struct {
	id    string
	until time.Time
}

type doubted struct {
	n  int64
	at time.Time
}

// stays is how long a stone is kept: Google works 180 s on a request
// at most (`sinks.md` §A2), and a line may hold it back for some more.
const stays = 10 * time.Minute

func fencePrefix(gid int64) string { return "mekong" + itoa(gid) + "n" }

func stonePrefix(gid int64) string { return "mekong" + itoa(gid) + "t" }

func originID(gid int64) string { return "mekong" + itoa(gid) + "o" }

func (t *tab) fenceID(n int64) string { return fencePrefix(t.gid) + itoa(n) }

// nameRange makes the named range of a number. It has to cover something; what does not matter.
func (t *tab) nameRange(id string, n int64) request {
	return &plain{AddNamedRange: &api.AddNamedRangeRequest{NamedRange: &api.NamedRange{
		NamedRangeId: id, Name: "Mekong_" + itoa(t.gid) + "_" + itoa(n),
		Range: &api.GridRange{SheetId: t.gid, StartRowIndex: 0, EndRowIndex: 1, StartColumnIndex: 0, EndColumnIndex: 1, ForceSendFields: []string{"SheetId"}},
	}}}
}

func unname(id string) request {
	return &plain{DeleteNamedRange: &api.DeleteNamedRangeRequest{NamedRangeId: id}}
}

// passing are the requests that take a batch past fence n.
func (f *fences) passing(t *tab, n int64, now time.Time) (out []request) {
	if len(f.there) == 0 && !f.origin {
		out = append(out, t.nameRange(originID(t.gid), 0))
	}
	for _, old := range f.there {
		out = append(out, unname(t.fenceID(old)))
	}
	for _, st := range f.stones {
		if now.After(st.until) {
			out = append(out, unname(st.id))
		}
	}
	for _, d := range f.doubt {
		if slices.Contains(f.there, d.n) {
			out = append(out, t.nameRange(stonePrefix(t.gid)+itoa(d.n)+"x"+itoa(d.at.Add(stays).Unix()), d.n))
		}
	}
	return append(out, t.nameRange(t.fenceID(n), n))
}

// fencesOf are the fences of a tab, kept over its being found anew.
func (s *Sink) fencesOf(id string, gid int64) *fences {
	at := id + " " + strconv.FormatInt(gid, 10)
	f := s.fences[at]
	if f == nil {
		f = &fences{}
		s.fences[at] = f
	}
	return f
}

// seen takes in which named ranges there are, and reports whether somebody else has
// written since the newest one that was known.
func (f *fences) seen(gid int64, named []*api.NamedRange) (newer bool) {
	known := f.seq
	f.there, f.stones, f.origin = nil, nil, false
	for _, n := range named {
		f.origin = f.origin || n.NamedRangeId == originID(gid)
		if rest, ok := strings.CutPrefix(n.NamedRangeId, stonePrefix(gid)); ok {
			if _, at, ok := strings.Cut(rest, "x"); ok {
				if sec, err := strconv.ParseInt(at, 10, 64); err == nil {
					f.stones = append(f.stones, stone{n.NamedRangeId, time.Unix(sec, 0)})
				}
			}
		}
		rest, ok := strings.CutPrefix(n.NamedRangeId, fencePrefix(gid))
		if !ok {
			continue
		}
		if num, err := strconv.ParseInt(rest, 10, 64); err == nil && num > 0 && strconv.FormatInt(num, 10) == rest {
			f.there = append(f.there, num)
			f.seq = max(f.seq, num)
		}
	}
	return f.seq > known
}

func (f *fences) prune(now time.Time) {
	f.doubt = slices.DeleteFunc(f.doubt, func(d doubted) bool { return now.Sub(d.at) >= stays })
}

// inDoubt is how long nothing may be written because a request may still arrive that
// no fence stops; 0 with fences.
func (s *Sink) inDoubt(t *tab) time.Duration {
	if !s.unfenced {
		return 0
	}
	f := s.fencesOf(t.book.id, t.gid)
	var wait time.Duration
	for _, d := range f.doubt {
		wait = max(wait, d.at.Add(200*time.Second).Sub(s.now()))
	}
	return wait
}

// commit carries out requests that make something, behind the next fence. Afterwards
// the tab is as in the answer's spreadsheet, or its keys are to be read anew.
func (s *Sink) commit(ctx context.Context, t *tab, requests []request, ranges ...string) (*api.BatchUpdateSpreadsheetResponse, error) {
	f := s.fencesOf(t.book.id, t.gid)
	f.prune(s.now())
	if wait := s.inDoubt(t); wait > 0 {
		return nil, pipeline.Hold(errLate, wait)
	}
	n := f.seq + 1
	all := requests
	if !s.unfenced {
		all = append(slices.Clip(requests), f.passing(t, n, s.now())...)
	}
	got, err := s.update(ctx, t.book.id, all, ranges...)
	if err == nil {
		s.refused = nil
		if !s.unfenced {
			f.seq, f.there, f.origin = n, []int64{n}, f.origin || len(f.there) == 0
			if got.UpdatedSpreadsheet != nil {
				f.seen(t.gid, got.UpdatedSpreadsheet.NamedRanges)
			} else {
				t.unseen = len(f.doubt) > 0
			}
		}
		got.Replies = got.Replies[:len(requests)]
		return got, nil
	}
	e := As(err)
	if e == nil {
		return nil, err // no call was made
	}
	if e.Ambiguous || e.Class == Fenced || e.Class == NoTab || e.Class == Grid {
		t.read, t.sure, t.end = false, false, -1
	}
	if e.Class == Fenced {
		s.refuse(f)
	}
	if e.Ambiguous {
		t.unseen = true
		if !slices.ContainsFunc(f.doubt, func(d doubted) bool { return d.n == n }) {
			f.doubt = append(f.doubt, doubted{n, s.now()})
		}
	}
	return nil, err
}

var errLate = fmt.Errorf("sheets: a request whose answer was lost may still arrive")

// refusal is what was known when a fence was refused.
type refusal struct {
	f     *fences
	seq   int64
	there []int64
}

// refuse notes that a fence was refused. Mostly somebody else has written, which shows
// when the tab is read anew. If nothing has changed then and it is refused again,
// Google does not take fences as they are made here, and lost answers are waited out
// instead.
func (s *Sink) refuse(f *fences) {
	now := &refusal{f, f.seq, slices.Clone(f.there)}
	if was := s.refused; was != nil && was.f == f && was.seq == now.seq && slices.Equal(was.there, now.there) {
		s.unfenced = true
	}
	s.refused = now
}
