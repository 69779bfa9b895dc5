package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"mekong/pipeline/bus"
	"mekong/pipeline/console"
)

// consoleForget gives the console what there is to forget people.
type consoleForget struct{ operator *Operator }

var _ console.Forget = consoleForget{}

// Requests implements console.Forget.
func (f consoleForget) Requests(ctx context.Context) ([]console.ForgetRequest, error) {
	list, err := f.operator.ForgetRequests(ctx)
	return asShown(list), err
}

func asShown(list []Request) []console.ForgetRequest {
	out := make([]console.ForgetRequest, len(list))
	for i, r := range list {
		out[i] = console.ForgetRequest(r)
	}
	return out
}

// Request implements console.Forget. Working days are those of the zone.
func (f consoleForget) Request(ctx context.Context, term string) (console.ForgetRequest, error) {
	zone, err := time.LoadLocation(f.operator.app.config.Timezone)
	if err != nil {
		zone = time.UTC // config has said so
	}
	r, err := f.operator.RequestForget(ctx, term, time.Now().In(zone))
	if errors.Is(err, errNobody) {
		err = console.ErrNobody
	}
	return console.ForgetRequest(r), err
}

// markForm is what a mark looks like, and so a name in the table of requests.
var markForm = regexp.MustCompile(fmt.Sprintf("^[0-9a-f]{%d}$", markSize))

// Answered implements console.Forget.
func (f consoleForget) Answered(ctx context.Context, mark string) error {
	if !markForm.MatchString(mark) {
		return console.ErrNobody
	}
	err := f.operator.AnswerForget(ctx, mark, time.Now())
	if errors.Is(err, bus.ErrAbsent) {
		err = console.ErrNobody
	}
	return err
}

// Find implements console.Forget.
func (f consoleForget) Find(ctx context.Context, term string) (console.Person, error) {
	found, err := f.operator.Find(ctx, term)
	if err != nil {
		if errors.Is(err, errNobody) {
			err = console.ErrNobody
		}
		return console.Person{}, err
	}
	p := console.Person{Who: found.Who, Names: found.Names, Also: found.Also, Keys: found.Keys(), Rows: counted(found.Rows),
		Unread: found.Unread, Silent: pairs(found.Silent), Oldest: found.Oldest, Consents: len(found.Evidence)}
	for _, place := range bus.Places {
		if n := found.Places[place]; n > 0 {
			p.Places = append(p.Places, console.Count{Name: string(place), N: n})
		}
	}
	requests, err := f.operator.requestsOf(ctx, found)
	if err != nil {
		return console.Person{}, err
	}
	p.Requests = asShown(requests)
	p.Evidence = func() ([]byte, error) { return json.MarshalIndent(found.Evidence, "", "  ") }
	p.Forget = func(ctx context.Context, byHand []string, tell func(string)) (console.Proof, error) {
		proof, err := f.operator.Forget(ctx, found, ForgetOptions{ByHand: byHand, Tell: tell})
		shown, failed := f.proof(proof)
		return shown, errors.Join(err, failed)
	}
	return p, nil
}

// proof is a proof as it is shown, kept beside the data as the command does it.
func (f consoleForget) proof(p Proof) (console.Proof, error) {
	out := console.Proof{Complete: p.Complete, Began: p.Began, Ended: p.Ended, Marks: p.Marks, Rows: counted(p.Rows), Streams: counted(p.Streams),
		Index: p.Index, ByHand: p.ByHand, Failed: pairs(p.Failed), Remains: counted(p.Remains)}
	var err error
	if out.Text, err = json.MarshalIndent(p, "", "  "); err != nil || !p.Complete {
		return out, err
	}
	dir := filepath.Join(f.operator.app.config.DataDir, "forgotten")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return out, fmt.Errorf("the proof cannot be kept, so download it: %w", err)
	}
	name := filepath.Join(dir, p.Ended.Format("20060102T150405Z")+"-"+p.Marks[0][:8]+".json")
	if err := os.WriteFile(name, append(out.Text, '\n'), 0o600); err != nil {
		return out, fmt.Errorf("the proof cannot be kept, so download it: %w", err)
	}
	out.File = name
	return out, nil
}

func counted(of map[string]int) (out []console.Count) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		out = append(out, console.Count{Name: name, N: of[name]})
	}
	return out
}

func pairs(of map[string]string) (out []console.Pair) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		out = append(out, console.Pair{Name: name, Value: of[name]})
	}
	return out
}
