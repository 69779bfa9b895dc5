package sinktest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
)

// trial is one case being tried. Every call to the sink goes through it, so
// that what must hold always is looked at always: the number of outcomes, the
// time taken, and that no error shows a secret or a customer's data.
type trial struct {
	t        testing.TB
	h        Harness
	traits   Traits
	patience time.Duration
}

// checkTraits refuses declarations that say nothing.
func (x *trial) checkTraits() {
	x.t.Helper()
	for fault, why := range x.traits.Cannot {
		if !slices.Contains(Faults(), fault) {
			x.t.Errorf("the harness declares %q, which is no fault of this suite", fault)
		}
		if strings.TrimSpace(why) == "" {
			x.t.Errorf("the harness declares %q without a reason", fault)
		}
	}
}

// soon runs f and fails the test when it takes longer than the trial's patience.
func (x *trial) soon(what string, f func()) {
	x.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(x.patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		x.t.Fatalf("%s did not return within %v", what, x.patience)
	}
}

// write calls Write and checks what must hold of any answer.
func (x *trial) write(ctx context.Context, batch ...pipeline.Record) []pipeline.Outcome {
	x.t.Helper()
	var out []pipeline.Outcome
	x.soon("Write", func() { out = x.h.Sink().Write(ctx, slices.Clone(batch)) })
	if len(out) != len(batch) {
		x.t.Fatalf("Write gave %d outcomes for %d records", len(out), len(batch))
	}
	for _, o := range out {
		x.discreet(o.Err, batch)
	}
	return out
}

// store writes batch and demands that all of it is stored.
func (x *trial) store(batch ...pipeline.Record) {
	x.t.Helper()
	for i, o := range x.write(context.Background(), batch...) {
		if o.Err != nil {
			x.t.Errorf("record %s: not stored: %v", batch[i].ID, o.Err)
		}
	}
}

// refused demands that none of batch is stored and that each outcome puts the
// blame on the destination, with the wait it asked for.
func (x *trial) refused(wait time.Duration, out []pipeline.Outcome) {
	x.t.Helper()
	for i, o := range out {
		switch got, held := pipeline.IsHold(o.Err); {
		case o.Err == nil:
			x.t.Errorf("outcome %d: stored, by a destination that takes nothing", i)
		case pipeline.IsPermanent(o.Err):
			x.t.Errorf("outcome %d: the record is blamed for the destination's fault: %v", i, o.Err)
		case !held:
			x.t.Errorf("outcome %d: not a Hold, so an outage would count as the record's failure: %v", i, o.Err)
		case got != wait:
			x.t.Errorf("outcome %d: Hold for %v, the destination asked for %v", i, got, wait)
		}
	}
}

// discreet demands that err shows neither a secret nor a value of a record,
// however it is printed.
func (x *trial) discreet(err error, batch []pipeline.Record) {
	x.t.Helper()
	if err == nil {
		return
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		x.noSecret("error", text)
		for _, r := range batch {
			for name, v := range r.Fields {
				if s, ok := v.(string); ok && len(s) >= 6 && strings.Contains(text, s) {
					x.t.Errorf("an error shows the value of field %q", name)
				}
			}
		}
	}
}

func (x *trial) noSecret(where, text string) {
	x.t.Helper()
	for i, secret := range x.h.Secrets() {
		if secret != "" && strings.Contains(text, secret) {
			x.t.Errorf("secret %d of the harness appears in an %s", i, where)
		}
	}
}

// check calls Check and looks at every finding's form.
func (x *trial) check() []pipeline.Finding {
	x.t.Helper()
	var found []pipeline.Finding
	ctx, cancel := context.WithTimeout(context.Background(), x.patience)
	defer cancel()
	x.soon("Check", func() { found = x.h.Sink().Check(ctx) })
	for _, f := range found {
		x.noSecret("finding", fmt.Sprintf("%+v", f))
		if f.What == "" {
			x.t.Errorf("a finding says nothing: %+v", f)
		}
		if f.Level != pipeline.OK && f.Fix == "" {
			x.t.Errorf("a finding says what is wrong but not what to do: %+v", f)
		}
		if f.Level == pipeline.Fail && f.Setting == "" {
			x.t.Errorf("a failed finding names no setting: %+v", f)
		}
	}
	return found
}

func (x *trial) forget(keys ...string) error {
	x.t.Helper()
	var err error
	x.soon("Forget", func() { err = x.h.Sink().Forget(context.Background(), keys) })
	x.discreet(err, nil)
	return err
}

func (x *trial) close() {
	x.t.Helper()
	var err error
	x.soon("Close", func() { err = x.h.Sink().Close() })
	if err != nil {
		x.t.Errorf("Close: %v", err)
	}
	x.discreet(err, nil)
}

// rows reads the destination and demands one row per key.
func (x *trial) rows() map[string]map[string]any {
	x.t.Helper()
	rows := map[string]map[string]any{}
	for _, r := range x.h.Rows(x.t) {
		if _, twice := rows[r.Key]; twice {
			x.t.Errorf("key %q has more than one row", r.Key)
		}
		rows[r.Key] = r.Fields
	}
	return rows
}

// want demands that the destination holds exactly these rows.
func (x *trial) want(want map[string]map[string]any) {
	x.t.Helper()
	got := x.rows()
	for key := range got {
		if want[key] == nil {
			x.t.Errorf("key %q has a row and should have none", key)
		}
	}
	for key, fields := range want {
		row, ok := got[key]
		if !ok {
			x.t.Errorf("key %q has no row", key)
			continue
		}
		for name := range union(fields, row) {
			if w, g := x.shown(fields[name]), x.read(row, name); !reflect.DeepEqual(w, g) {
				x.t.Errorf("key %q, field %q: reads %s, want %s", key, name, brief(g), brief(w))
			}
		}
	}
}

// wantRow is want for a single row.
func (x *trial) wantRow(key string, fields map[string]any) {
	x.t.Helper()
	x.want(map[string]map[string]any{key: fields})
}

func (x *trial) shown(v any) any {
	if x.traits.Show != nil {
		return x.traits.Show(v)
	}
	return v
}

// read gives a row's field, an absent one as an empty one reads.
func (x *trial) read(row map[string]any, name string) any {
	if v, ok := row[name]; ok && v != nil {
		return v
	}
	return x.shown(nil)
}

func union(a, b map[string]any) map[string]bool {
	names := map[string]bool{}
	for n := range a {
		names[n] = true
	}
	for n := range b {
		names[n] = true
	}
	return names
}

// brief prints a value, cut to a length that a test log can bear.
func brief(v any) string {
	s := fmt.Sprintf("%#v", v)
	if len(s) > 120 {
		return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(s[:100], ""), len(s))
	}
	return s
}

// base is when the suite's records happen.
var base = time.Date(2026, time.March, 3, 8, 30, 0, 0, time.UTC)

// record makes a record of key that happened minute minutes after base.
func record(id, key string, minute int, fields map[string]any) pipeline.Record {
	at := base.Add(time.Duration(minute) * time.Minute)
	return pipeline.Record{
		ID: id, Key: key, Kind: "lead", Source: "landing",
		Occurred: at, Received: at.Add(3 * time.Second), Fields: fields,
	}
}

// lone makes a record that is a row of its own.
func lone(id string, fields map[string]any) pipeline.Record {
	return record(id, id, 0, fields)
}

// again marks a record as one that an earlier try may have stored.
func again(r pipeline.Record) pipeline.Record {
	r.Again = true
	return r
}
