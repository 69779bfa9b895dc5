package app

import (
	"strings"

	"mekong/pipeline/bus"
)

// mending is what to do about a reason for which something was buried, before it is
// replayed. A reason that says so itself is not said twice.
func mending(sink string, g bus.Grave) string {
	again := "mekong buried replay --sink " + sink
	reason := strings.ToLower(g.Reason)
	if sink == TransformStage {
		switch {
		case strings.Contains(reason, "no transform understands"):
			return "update Mekong to a version that knows this format, then: " + again
		case strings.Contains(reason, "message can hold"):
			return "leave long fields out under transform in the configuration, restart, then: " + again
		case strings.Contains(reason, "envelope"):
			return "nothing can read it: look at it with mekong buried show, and drop it"
		}
		return "correct transform in the configuration, restart, then: " + again
	}
	switch {
	case strings.HasPrefix(reason, "given up after"):
		return "mekong doctor " + sink + "; when the cause is gone: " + again
	case strings.Contains(reason, "; ") || strings.Contains(reason, ": set ") || strings.Contains(reason, " check "):
		return "do what the reason says, then: " + again
	}
	return "correct the column, or the mapping under sinks." + sink + " and transform, restart, then: " + again
}
