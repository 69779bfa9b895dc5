package main

import (
	"slices"

	"mekong/sinks/lark/larksim"
)

const (
	// breakColumn is deleted by a button on the Base's page.
	breakColumn = "Số điện thoại"
	// poison is a word that makes a row unacceptable to a Base that was told so.
	poison = "poison"
)

// breakable puts buttons on the page of the Base that bring about what goes wrong with
// real ones: no access, no column, and a row that it will not take.
func breakable(sim *larksim.Sim, table string) {
	fields := sim.Fields(simBase, table)
	column := fields[slices.IndexFunc(fields, func(f larksim.Field) bool { return f.Name == breakColumn })]
	column.ID = "" // one that is made again is another
	var refused []*larksim.Armed
	sim.OpenSwitches(
		larksim.Switch{
			Break: "Take Mekong's access away", On: func() { sim.Grant(simAppID, simBase, larksim.NoRole) },
			Mend: "Give Mekong its access back", Off: func() { sim.Grant(simAppID, simBase, larksim.CanEdit) },
		},
		larksim.Switch{
			Break: "Delete the column " + breakColumn, On: func() { sim.RemoveField(simBase, table, breakColumn) },
			Mend: "Make the column " + breakColumn + " again", Off: func() { sim.AddField(simBase, table, column) },
		},
		larksim.Switch{
			Break: "Refuse rows with the word " + poison, On: func() {
				refused = append(refused, sim.Inject(larksim.Fault{
					On: []larksim.Op{larksim.OpBatchCreate, larksim.OpBatchUpdate}, Base: simBase, Holding: poison, Code: 1254060,
				}))
			},
			Mend: "Take rows with the word " + poison + " again", Off: func() {
				for _, f := range refused {
					f.Remove()
				}
				refused = nil
			},
		},
	)
}
