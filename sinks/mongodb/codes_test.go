package mongodb_test

import (
	"fmt"
	"testing"
	"time"
)

// TestCodesOfARecord answers an insert, and an update, of three records with an
// error for the one in the middle.
func TestCodesOfARecord(t *testing.T) {
	tests := []struct {
		code int
		want string
	}{
		{121, "permanent"}, {10334, "permanent"}, {2, "permanent"}, {9, "permanent"}, {14, "permanent"}, {22, "permanent"},
		{28, "permanent"}, {52, "permanent"}, {57, "permanent"}, {66, "permanent"}, {17419, "permanent"},
		{10107, "held"}, {189, "held"}, {91, "held"}, {11600, "held"}, {11602, "held"}, {13436, "held"}, {112, "held"}, {50, "held"},
		{24, "held"}, {64, "held"}, {402, "held"}, {449, "held"}, {13, "held"}, {18, "held"}, {73, "held"}, {20, "held"},
		{371, "held"}, {8000, "held"}, {14031, "held"}, {79, "held"}, {100, "held"},
		{1, "unknown"}, {8, "unknown"}, {424242, "unknown"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.code), func(t *testing.T) {
			h, _ := openFake(t)
			batch := several(3)
			h.gate.set(onCommand("insert", 1, reaction{reply: errorsAt(3, test.code, 1)}))
			if got := fates(h.sink.Write(t.Context(), batch)); got != "stored "+test.want+" stored" {
				t.Errorf("insert: %s", got)
			}
			h.gate.set(nil)
			if got := fates(h.sink.Write(t.Context(), batch)); got != "stored stored stored" {
				t.Fatalf("healed: %s", got)
			}
			for i := range batch {
				batch[i].Occurred = batch[i].Occurred.Add(time.Minute)
			}
			h.gate.set(onCommand("update", 1, reaction{reply: errorsAt(3, test.code, 1)}))
			if got := fates(h.sink.Write(t.Context(), batch)); got != "stored "+test.want+" stored" {
				t.Errorf("update: %s", got)
			}
		})
	}
}

// TestCodesOfACommand answers a whole command with an error. Nothing is known
// of any record, so none is to blame, save for a document that breaks the
// command that carries it.
func TestCodesOfACommand(t *testing.T) {
	tests := []struct {
		code   int
		labels []string
		want   string
	}{
		{10107, nil, "held"}, {13435, nil, "held"}, {91, nil, "held"}, {13, nil, "held"}, {18, nil, "held"}, {391, nil, "held"},
		{50, nil, "held"}, {262, nil, "held"}, {462, []string{"SystemOverloadedError", "RetryableError"}, "held"},
		{2, nil, "held"}, {9, nil, "held"}, {72, nil, "held"}, {100, nil, "held"}, {73, nil, "held"}, {59, nil, "held"}, {8000, nil, "held"},
		{26, nil, "held"}, {14031, nil, "held"}, {424242, []string{"RetryableWriteError"}, "held"},
		{424242, nil, "unknown"}, {1, nil, "unknown"}, {8, nil, "unknown"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.code, test.labels), func(t *testing.T) {
			for _, command := range []string{"insert", "find", "update"} {
				h, _ := openFakeFor(t, 400*time.Millisecond)
				batch := several(2)
				if got := fates(h.sink.Write(t.Context(), batch)); got != "stored stored" {
					t.Fatal(got)
				}
				for i := range batch {
					batch[i].Occurred = batch[i].Occurred.Add(time.Minute)
				}
				h.gate.set(onCommand(command, -1, reaction{reply: refusal(test.code, "Made_Up: "+password, test.labels...)}))
				if got, want := fates(h.sink.Write(t.Context(), batch)), test.want+" "+test.want; got != want {
					t.Errorf("%s: %s, want %s", command, got, want)
				}
			}
		})
	}
}
