package form

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// AppendCanonical appends p to dst so that two submissions of the same answers
// come out the same: sorted by name, each text with its length before it, and
// neither the order of the fields nor the body type in it. The order of the
// values of one field stays. Fields whose name drop wants out are left out; drop
// may be nil.
//
// It is meant for hashing. What a sender calls time or tracking is for drop to
// know.
func AppendCanonical(dst []byte, p Parsed, drop func(name string) bool) []byte {
	var few [walk]int
	order := few[:0]
	for i := range p.Fields {
		if drop == nil || !drop(p.Fields[i].Name) {
			order = append(order, i)
		}
	}
	// Names are distinct, so this order is total.
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p.Fields[a].Name, p.Fields[b].Name) })
	for _, i := range order {
		f := &p.Fields[i]
		dst = appendText(dst, f.Name)
		dst = binary.AppendUvarint(dst, uint64(len(f.Values)))
		for _, v := range f.Values {
			dst = appendText(dst, v)
		}
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
