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
// (`sinks.md` §A5). Of all requests that were made for one number, by this process or
// another, on time or late, one is carried out at most. The fence before is taken away
// in the same batch, which most likely (nobody documents it) refuses a request that is
// older still; what was in doubt is kept for longer than a request can be under way, so
// that nothing depends on it.
type fences struct {
	seq   int64     // the newest number
	there []int64   // numbers of those that are in the spreadsheet
	doubt []doubted // numbers whose request may still arrive
}

type doubted struct {
	n  int64
	at time.Time
}

// stays is how long a fence that was in doubt is kept: Google works 180 s on a request
// at most (`sinks.md` §A2), and a line may hold it back for some more.
const stays = 10 * time.Minute

func fencePrefix(gid int64) string { return "mekong" + strconv.FormatInt(gid, 10) + "n" }

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

// seen takes in which named ranges there are.
func (f *fences) seen(gid int64, named []*api.NamedRange) {
	f.there = f.there[:0]
	for _, n := range named {
		rest, ok := strings.CutPrefix(n.NamedRangeId, fencePrefix(gid))
		if !ok {
			continue
		}
		if num, err := strconv.ParseInt(rest, 10, 64); err == nil && num > 0 && strconv.FormatInt(num, 10) == rest {
			f.there = append(f.there, num)
			f.seq = max(f.seq, num)
		}
	}
}

func (f *fences) doubtful(n int64) bool {
	return slices.ContainsFunc(f.doubt, func(d doubted) bool { return d.n == n })
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
func (s *Sink) commit(ctx context.Context, t *tab, requests []*api.Request, ranges ...string) (*api.BatchUpdateSpreadsheetResponse, error) {
	f := s.fencesOf(t.book.id, t.gid)
	f.prune(s.now())
	if wait := s.inDoubt(t); wait > 0 {
		return nil, pipeline.Hold(errLate, wait)
	}
	n := f.seq + 1
	var gone []int64
	all := requests
	if !s.unfenced {
		gid := strconv.FormatInt(t.gid, 10)
		all = append(slices.Clip(requests), &api.Request{AddNamedRange: &api.AddNamedRangeRequest{NamedRange: &api.NamedRange{
			NamedRangeId: fencePrefix(t.gid) + strconv.FormatInt(n, 10), Name: "Mekong_" + gid + "_" + strconv.FormatInt(n, 10),
			Range: &api.GridRange{SheetId: t.gid, StartRowIndex: 0, EndRowIndex: 1, StartColumnIndex: 0, EndColumnIndex: 1, ForceSendFields: []string{"SheetId"}},
		}}})
		for _, old := range f.there {
			if !f.doubtful(old) {
				gone = append(gone, old)
				all = append(all, &api.Request{DeleteNamedRange: &api.DeleteNamedRangeRequest{NamedRangeId: fencePrefix(t.gid) + strconv.FormatInt(old, 10)}})
			}
		}
	}
	got, err := s.update(ctx, t.book.id, all, ranges...)
	if err == nil {
		if !s.unfenced {
			f.seq = n
			f.there = append(slices.DeleteFunc(f.there, func(o int64) bool { return slices.Contains(gone, o) }), n)
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
	if e.Ambiguous {
		t.unseen = true
		f.doubt = append(f.doubt, doubted{n, s.now()})
	}
	return nil, err
}

var errLate = fmt.Errorf("sheets: a request whose answer was lost may still arrive")

// fell decides what a refused fence means: somebody else has written, and the keys
// show what; or, where nothing has changed, Google does not take fences as we make
// them, and lost answers are waited out instead.
func (s *Sink) fell(t *tab, before int64, there []int64) {
	f := s.fencesOf(t.book.id, t.gid)
	if f.seq == before && slices.Equal(f.there, there) {
		s.unfenced = true
	}
}
