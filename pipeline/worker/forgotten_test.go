package worker

import (
	"fmt"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// What is of the past and of somebody who was forgotten goes no further and is erased;
// what comes now goes on with a flag; others are not touched.
func TestTransformForgotten(t *testing.T) {
	b := setup(t)
	raw := func(id, who string) pipeline.Raw {
		r := record(id)
		return pipeline.Raw{ID: id, Source: r.Source, Format: "x", Received: r.Received, Body: []byte(who)}
	}
	if _, err := b.History(t.Context(), []pipeline.Raw{raw("past", "her"), raw("past-other", "other")}); err != nil {
		t.Fatal(err)
	}
	if err := b.Emit(t.Context(), raw("now", "her"), raw("now-other", "other")); err != nil {
		t.Fatal(err)
	}
	loop := &Transform{Bus: b.Bus, Forgotten: func(r pipeline.Record) bool { return r.Fields["who"] == "her" },
		Of: func(pipeline.Raw) pipeline.Transform {
			return func(raw pipeline.Raw) ([]pipeline.Record, error) {
				r := record(raw.ID)
				r.Fields = map[string]any{"who": string(raw.Body), "flags": []string{"a"}}
				return []pipeline.Record{r}, nil
			}
		}}
	stop := b.start(loop.Run)
	defer stop()
	flags := map[string]string{}
	q, err := b.Records(t.Context(), "x", []string{"*"}, bus.QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for len(flags) < 3 {
		ds, err := q.Fetch(t.Context(), 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(ds) == 0 {
			t.Fatalf("only %v came", flags)
		}
		for _, d := range ds {
			flags[d.Value.ID] = fmt.Sprint(d.Value.Fields["flags"])
			if err := d.Ack(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := map[string]string{"past-other": "[a]", "now": "[a forgotten_before]", "now-other": "[a]"}; fmt.Sprint(flags) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", flags, want)
	}
	left := ""
	for deadline := time.Now().Add(10 * time.Second); left != "2 3 4 "; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("left in RAW: %s", left)
		}
		left = ""
		if err := b.Walk(t.Context(), bus.Deliveries, bus.Span{}, func(k bus.Kept) error { left += fmt.Sprint(k.Seq, " "); return nil }); err != nil {
			t.Fatal(err)
		}
	}
}
