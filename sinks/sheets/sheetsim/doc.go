// Package sheetsim imitates Google Sheets closely enough that a client which is
// right here is right there: the whole of API v4 that a sink needs, its token
// endpoint and consent pages, its quotas, every documented refusal, and the
// failures in between that make double rows.
//
// [New] makes one world. It is an [net/http.Handler]; [Sim.Transport] reaches it
// without a listener:
//
//	sim := sheetsim.New(sheetsim.Options{Now: sheetsim.Frozen(start)})
//	key := sim.AddAccount("writer@example.com")
//	sim.AddSpreadsheet("sheetA", "Bán hàng", sheetsim.SheetOptions{}, sheetsim.Tab{Title: "Leads"})
//	sim.Share("sheetA", "writer@example.com", sheetsim.Writer)
//	sim.Fault(sheetsim.Fault{Kind: sheetsim.Reset, Applied: true, Writes: true, Next: 1})
//	credentials := key("http://127.0.0.1:8085") // a key file for the official client
//
// Under one address it is all of Google that a client meets:
//
//	/v4/spreadsheets…                     the API, all 17 methods; routes.go lists them
//	/token, /revoke, /device/code         OAuth: service accounts, codes with PKCE, devices
//	/o/oauth2/auth, /device               the consent pages, see [Options.AutoApprove]
//	/spreadsheets/d/ID/edit               the spreadsheet, for people
//	/sim                                  the list of spreadsheets
//
// [Sim.Fault] brings misfortune, [Sim.Advance] moves the clock. [Sim.SortRows],
// [Sim.InsertRows], [Sim.MoveColumn] and their neighbours are a person's hands;
// [Sim.Values], [Sim.Cell], [Sim.Calls] tell what happened.
//
// What a rule is was read in `sinks.md` §A, cited by section. Where the live
// service is not documented the strictest reading was taken, and it is marked
// where it is: reads past the grid are refused, a used metadataId is refused, a
// protected cell answers 400. A cell protected by somebody else, the texts of
// duplicate ids and most texts of a wrong request are not verbatim.
//
// It does not know the client: it imports nothing of this module and shares no
// data types with what it tests. One thing it takes from the official client: the
// names of the fields that requests may have, read by reflection from the JSON
// tags of its types, which are made from the discovery document. Unknown names are
// refused as Google refuses them, and what Google knows but is not simulated (a
// chart, a pivot table) is refused with 501 rather than ignored. A test holds the
// names against the discovery document itself.
//
// It does not calculate: a formula is kept, and shows #NAME? unless it is one sum
// or one text. It has no filters, banding, charts or tables, no collaborators who
// type between the requests of a batch, takes field names only as the discovery
// document spells them, and shows metadata of visibility PROJECT to everybody.
package sheetsim
