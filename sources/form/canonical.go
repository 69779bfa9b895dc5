package form

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Canonical writes p so that two submissions of the same answers come out the
// same: sorted by name, each text with its length before it, and neither the
// order of the fields nor the body type in it. The order of the values of one
// field stays. Fields whose name drop wants out are left out; drop may be nil.
//
// It is meant for hashing. What a sender calls time or tracking is for drop to
// know.
func Canonical(p Parsed, drop func(name string) bool) []byte {
	var few [walk]int
	order := few[:0]
	size := 0
	for i := range p.Fields {
		f := &p.Fields[i]
		if drop != nil && drop(f.Name) {
			continue
		}
		order = append(order, i)
		size += len(f.Name) + 6
		for _, v := range f.Values {
			size += len(v) + 3
		}
	}
	// Names are distinct, so this order is total.
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p.Fields[a].Name, p.Fields[b].Name) })
	out := make([]byte, 0, size)
	for _, i := range order {
		f := &p.Fields[i]
		out = appendText(out, f.Name)
		out = binary.AppendUvarint(out, uint64(len(f.Values)))
		for _, v := range f.Values {
			out = appendText(out, v)
		}
	}
	return out
}

func appendText(out []byte, s string) []byte {
	return append(binary.AppendUvarint(out, uint64(len(s))), s...)
}
