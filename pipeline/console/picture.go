package console

import (
	"fmt"
	"math"
)

// The measures of the picture of the flow, in its own units.
const (
	boxWide, boxHigh = 260, 84
	boxGap           = 22
	pictureWide      = 980
	storeWide        = 200
)

// picture is sources, the store and sinks, with what runs between them.
type picture struct {
	Wide, High int
	Boxes      []box
	Edges      []edge
}

type box struct {
	X, Y, Wide, High int
	Key, Kind, Name  string // Kind is source, store or sink
	Type             string
}

// Inner is how wide its frame is, whose line has a width, too.
func (b box) Inner() int { return b.Wide - 2 }

type edge struct {
	Key, Path string
	Thick     string
}

// draw places everything; what stands in the boxes are the facts of the same keys.
func draw(s sight) picture {
	rows := max(len(s.Sources), len(s.Sinks), 1)
	p := picture{Wide: pictureWide, High: rows*(boxHigh+boxGap) + boxGap}
	top := func(n, i int) int {
		free := p.High - n*(boxHigh+boxGap) - boxGap
		return boxGap + free/2 + i*(boxHigh+boxGap)
	}
	store := box{X: (pictureWide - storeWide) / 2, Y: (p.High - boxHigh) / 2, Wide: storeWide, High: boxHigh, Key: "store", Kind: "store"}
	middle := store.Y + boxHigh/2
	for i, n := range s.Sources {
		b := box{X: 10, Y: top(len(s.Sources), i), Wide: boxWide, High: boxHigh, Key: "source." + n.Name, Kind: "source", Name: n.Name, Type: n.Kind}
		p.Boxes = append(p.Boxes, b)
		p.Edges = append(p.Edges, edge{b.Key, bend(b.X+boxWide, b.Y+boxHigh/2, store.X, middle), thick(s.Arrived[i])})
	}
	p.Boxes = append(p.Boxes, store)
	for i, n := range s.Sinks {
		b := box{X: pictureWide - boxWide - 10, Y: top(len(s.Sinks), i), Wide: boxWide, High: boxHigh, Key: "sink." + n.Name, Kind: "sink", Name: n.Name, Type: n.Kind}
		p.Boxes = append(p.Boxes, b)
		p.Edges = append(p.Edges, edge{b.Key, bend(store.X+storeWide, middle, b.X, b.Y+boxHigh/2), thick(s.Stored[i])})
	}
	return p
}

// bend is a river's arm from one point to another.
func bend(x1, y1, x2, y2 int) string {
	half := (x1 + x2) / 2
	return fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, half, y1, half, y2, x2, y2)
}

// thick is how broad an arm of so many a second is: three times as many are a little
// broader, so that one lead a minute and a thousand a second both are seen.
func thick(perSecond float64) string {
	return fmt.Sprintf("%.1f", 2+min(6, math.Log1p(perSecond)))
}
