package mongodb_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
)

// TestCalls counts the commands of a batch: they are the same on any machine.
func TestCalls(t *testing.T) {
	h, _ := openFake(t)
	batch := several(500)
	if got := fates(h.sink.Write(t.Context(), batch)); strings.Contains(got, " held") {
		t.Fatal(got)
	}
	later := several(500)
	for i := range later {
		later[i].Occurred = later[i].Occurred.Add(time.Minute)
	}
	fresh := rec("x", "x", 0, nil)
	for _, test := range []struct {
		name  string
		batch []pipeline.Record
		want  []string
	}{
		{"the first batch also makes the indexes", nil, []string{"createIndexes", "createIndexes", "createIndexes", "insert"}},
		{"new rows", []pipeline.Record{fresh}, []string{"insert"}},
		{"repeated rows", batch, []string{"insert", "find"}},
		{"changed rows", later, []string{"insert", "find", "update"}},
		{"nothing", []pipeline.Record{}, nil},
	} {
		if test.batch != nil {
			h.sink.Write(t.Context(), test.batch)
		}
		if got := h.gate.commands(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestHeavyBatchIsCut(t *testing.T) {
	h, _ := openFake(t)
	batch := several(20)
	for i := range batch {
		batch[i].Fields["note"] = strings.Repeat("x", 900<<10)
	}
	if got := fates(h.sink.Write(t.Context(), batch)); got != strings.TrimSpace(strings.Repeat("stored ", 20)) {
		t.Fatal(got)
	}
	inserts := 0
	for _, c := range h.gate.commands() {
		if c == "insert" {
			inserts++
		}
	}
	if inserts != 3 { // 18 MB, 8 MiB each
		t.Errorf("%d insert commands", inserts)
	}
}
