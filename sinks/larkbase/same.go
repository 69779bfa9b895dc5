package larkbase

import (
	"encoding/json"
	"slices"

	"mekong/sinks/lark"
)

// same reports whether a cell that would be written is what was read (`lark.md`
// §3.3). When in doubt it is not: writing the same again does no harm.
func same(c *column, cell any, read json.RawMessage) bool {
	if c == nil || len(read) == 0 {
		return false
	}
	switch c.kind {
	case text:
		have, ok := lark.Text(read)
		return ok && have == cell
	case single, phone:
		var have string
		return json.Unmarshal(read, &have) == nil && have == cell
	case number:
		var have float64
		return json.Unmarshal(read, &have) == nil && have == cell
	case date:
		var have float64
		want, ok := cell.(int64)
		return ok && json.Unmarshal(read, &have) == nil && have == float64(want)
	case checkbox:
		var have bool
		return json.Unmarshal(read, &have) == nil && have == cell
	case multi:
		var have []string
		want, ok := cell.([]string)
		return ok && json.Unmarshal(read, &have) == nil && slices.Equal(have, want)
	case link:
		var have struct{ Text, Link string }
		want, ok := cell.(map[string]any)
		return ok && json.Unmarshal(read, &have) == nil && want["text"] == have.Text && want["link"] == have.Link
	}
	return false
}
