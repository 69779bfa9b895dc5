package sinktest

import (
	"strings"

	"mekong/pipeline"
)

// careCases are about what an operator does with a sink.
var careCases = []contract{
	{name: "Check is content with a healthy destination", try: func(x *trial) {
		x.healthy() // as found, before the first record
		x.store(lone("row", fields{"name": "Tạ P"}))
		x.healthy()
	}},
	{name: "Check only reads", try: func(x *trial) {
		x.check()
		x.want(nil)
		x.store(lone("row", fields{"name": "Tạ P"}))
		x.check()
		x.check()
		x.wantRow("row", fields{"name": "Tạ P"})
	}},
	{name: "Check names a broken setting", needs: BrokenSetting, try: func(x *trial) {
		setting := x.h.Inject(x.t, BrokenSetting).Setting
		if setting == "" {
			x.t.Fatalf("the harness does not say which setting it broke")
		}
		var names []string
		for _, f := range x.check() {
			if f.Level == pipeline.Fail {
				names = append(names, f.Setting)
			}
		}
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+setting+" ") {
			x.t.Errorf("%s is broken, Check fails %q", setting, names)
		}
		x.h.Heal(x.t)
		x.healthy()
	}},
	{name: "Forget forgets", try: func(x *trial) {
		if x.keeps() {
			return
		}
		x.store(
			lone("gone", fields{"name": "Võ Q", "phone": "0900000014"}),
			lone("kept", fields{"name": "Hà R"}),
			record("g2", "gone-row", 1, fields{"name": "Võ Q"}),
		)
		for range 2 { // the second time there is nothing left
			if err := x.forget("gone", "gone-row", "never there"); err != nil {
				x.t.Errorf("Forget: %v", err)
			}
			x.wantRow("kept", fields{"name": "Hà R"})
		}
		if err := x.forget(); err != nil {
			x.t.Errorf("Forget of no keys: %v", err)
		}
		x.wantRow("kept", fields{"name": "Hà R"})
		// Who comes back is a new row, with nothing of the old one.
		x.store(lone("gone", fields{"name": "Võ Q"}))
		x.want(map[string]map[string]any{"gone": {"name": "Võ Q"}, "kept": {"name": "Hà R"}})
	}},
	{name: "Forget of many", try: func(x *trial) {
		if x.keeps() {
			return
		}
		keys := []string{}
		for i := range 300 {
			keys = append(keys, "absent-"+strings.Repeat("x", i%7)+string(rune('a'+i%26)))
		}
		x.store(lone("kept", fields{"name": "Hà R"}), lone("gone", nil))
		if err := x.forget(append(keys, "gone")...); err != nil {
			x.t.Errorf("Forget: %v", err)
		}
		x.wantRow("kept", fields{"name": "Hà R"})
	}},
}

// keeps tries Forget on a destination that declares to erase nothing, and reports
// whether it does: it must say so, and leave what is there.
func (x *trial) keeps() bool {
	x.t.Helper()
	if x.traits.Keeps == "" {
		return false
	}
	x.t.Logf("declared: this destination erases nothing: %s", x.traits.Keeps)
	x.store(lone("kept", fields{"name": "Hà R"}))
	if err := x.forget("kept"); err == nil {
		x.t.Errorf("Forget says it erased a row, and the destination keeps them")
	}
	if err := x.forget(); err != nil {
		x.t.Errorf("Forget of no keys: %v", err)
	}
	x.wantRow("kept", fields{"name": "Hà R"})
	return true
}

// healthy demands that Check fails nothing; warnings may stand.
func (x *trial) healthy() {
	x.t.Helper()
	found := x.check()
	if len(found) == 0 {
		x.t.Errorf("Check found nothing to say; a healthy destination is worth a finding")
	}
	for _, f := range found {
		if f.Level == pipeline.Fail {
			x.t.Errorf("Check fails a healthy destination: %s: %s", f.Setting, f.What)
		}
	}
}
