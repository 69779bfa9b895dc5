// Package bench measures what this machine can take, as ratios to the least
// that would do: the door to one publish per request, the transform stage to a
// loop that only passes on, the MongoDB sink to the driver by itself, the Base
// sink and the one of Google Sheets to the vendor's client by itself.
//
// A ratio means something only by the rules of anchors.md §6.3, which bind
// here: numerator and denominator in one run, in turns that change their order
// each round; the denominator twice a round, so that its own unsteadiness (A/A)
// stands beside the ratio; and everything counted at the far end, by distinct
// IDs in the stream or documents in the collection, not at the sender. Figures
// that hold on any machine, such as flushes per lead, stand beside them.
//
// Everything runs in this process on embedded servers, in a folder that is
// removed, over loopback; each measure is bounded in count and time. The
// denominators speak to the vendors directly, which nothing else does. The
// package does not judge: an aim that is missed is reported, no more.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Names are the measures, in the order of the report.
var Names = []string{"door", "transform", "mongodb", "larkbase", "sheets", "bot", "isolation", "memory"}

// Asked is the measure that is only taken when it is named.
const Asked = "waiting"

// WaitingSizes is how many records wait in it when nothing else is said.
var WaitingSizes = []int{10_000, 100_000}

// Options says what to measure, and for how long.
type Options struct {
	Dir    string        // where a folder is made and removed: whose disk is measured; empty: the system's temporary one
	Only   []string      // of Names, and [Asked]; empty: all of Names
	Rounds int           // of each measure; 0: 5
	Leg    time.Duration // of one turn at the door; what is counted instead is scaled to it; 0: 2 s
	Quick  bool          // said in the report, changes nothing
	Say    func(string)  // told what is being done now; nil: nobody
	// Waiting are the sizes of the measure "waiting", growing; empty: [WaitingSizes].
	Waiting []int
	// Lark makes a simulated Lark Base; nil: what needs one is left out.
	Lark func() (*Base, error)
	// Google makes a simulated Google Sheets; nil: what needs one is left out.
	Google func() (*Google, error)
}

// measure is one of Names.
type measure func(context.Context, *run) ([]Line, error)

var measures = map[string]measure{
	"door":      measureDoor,
	"transform": measureTransform,
	"mongodb":   measureMongoDB,
	"larkbase":  measureLarkBase,
	"sheets":    measureSheets,
	"bot":       measureBot,
	"isolation": measureIsolation,
	"memory":    measureMemory,
	Asked:       measureWaiting,
}

// Known says which of names is no measure.
func Known(names []string) error {
	for _, name := range names {
		if measures[name] == nil {
			return fmt.Errorf("there is no measure %q; there are: %s", name, strings.Join(append(slices.Clone(Names), Asked), ", "))
		}
	}
	return nil
}

// run is what the measures share.
type run struct {
	Options
	dir   string
	disk  *flushes
	tmpNo int
}

// Run measures. It ends early, with an error, when ctx does or when something
// that was sent is not found at the far end: figures about losing are worthless.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	if o.Rounds <= 0 {
		o.Rounds = 5
	}
	if o.Leg <= 0 {
		o.Leg = 2 * time.Second
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if err := Known(o.Only); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.Dir, "mekong-bench-")
	if err != nil {
		return nil, fmt.Errorf("no folder to measure in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &run{Options: o, dir: dir, disk: watchFlushes(dir)}
	began := time.Now()
	report := &Report{Quick: o.Quick, Rounds: o.Rounds, Leg: o.Leg.Seconds(), Machine: r.machine()}
	lines := map[string][]Line{}
	// Memory comes first, while the process is as small as it ever will be.
	all := append(slices.Clone(Names), Asked)
	for _, name := range slices.Backward(all) {
		if !slices.Contains(o.Only, name) && (len(o.Only) > 0 || name == Asked) {
			continue
		}
		if lines[name], err = measures[name](ctx, r); err != nil {
			return nil, fmt.Errorf("measuring %s: %w", name, err)
		}
	}
	for _, name := range all {
		report.Lines = append(report.Lines, lines[name]...)
	}
	report.Took = time.Since(began).Seconds()
	return report, nil
}

// folder makes an empty one for a measure, and gives what removes it.
func (r *run) folder(what string) (dir string, remove func(), err error) {
	r.tmpNo++
	// Short, because a socket may come to lie in it.
	dir = filepath.Join(r.dir, fmt.Sprintf("%s%d", what[:1], r.tmpNo))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", nil, err
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}

// scaled is n for a leg of two seconds, and as much more or less as the leg is.
func (r *run) scaled(n, least int) int {
	return max(least, int(float64(n)*r.Leg.Seconds()/2))
}
