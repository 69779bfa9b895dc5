// Package larksim imitates the Lark (Feishu) Open Platform closely enough that a
// client which is right here is right there: tokens, Bases with typed columns,
// every documented refusal, and the failures in between that make double rows.
//
// [New] makes one tenant. It is an [net/http.Handler]; [Sim.Transport] reaches it
// without a listener:
//
//	sim := larksim.New(larksim.Options{Clock: larksim.Frozen(start)})
//	sim.AddApp(larksim.App{ID: "cli_a", Secret: "s", Scopes: []string{"bitable:app"}})
//	sim.AddBase("bascnA", "Bán hàng")
//	table := sim.AddTable("bascnA", "Leads", larksim.Field{Name: "Họ tên", Type: larksim.Text})
//	sim.Grant("cli_a", "bascnA", larksim.CanEdit)
//	sim.Inject(larksim.Fault{Kind: larksim.Timeout, Applied: true, On: []larksim.Op{larksim.OpBatchCreate}, Next: 1})
//	client := sim.Client()
//
// Under one address it is both hosts of the platform, open.* and accounts.*:
//
//	/open-apis/…                            the Open API; routes.go lists what there is
//	/open-apis/authen/v1/authorize          the consent page, see [Options.AutoApprove]
//	/open-apis/bot/v2/hook/TOKEN            a custom bot, see [Sim.AddBotHook]
//	/base/automation/webhook/event/TOKEN    an automation of a Base, see [Sim.AddAutomation]
//	/sink/NAME                              takes anything, see [Sim.Hooked]
//	/sim, /base/APP_TOKEN                   the tables, for people; see [Sim.OpenSwitches]
//	/sim/chat                               a chat with a bot, for people; see [Sim.OpenChat]
//
// [Sim.Inject] brings misfortune, [Sim.Advance] moves the clock, [Sim.Subscribe]
// sends an app its events; [Sim.Rows], [Sim.Calls], [Sim.Requests] and their
// neighbours tell what happened. What a person does in the user interface has
// methods of its own: [Sim.PutRow], [Sim.RenameField], [Sim.HoldBase], [Sim.Say].
//
// What a rule is was read in `lark.md`, which its comments cite by section. Where
// the platform's behaviour is not documented, the strictest reading was taken and
// is marked as an assumption where it is made: the life, scope and replay of a
// client_token, the code for a write to a read-only column, the HTTP status of
// gateway errors, and that fields of a write are echoed as they were written.
// Overlap is judged per Base and among writes; that reads may conflict with writes
// (§2.4) can be had with a fault.
//
// It does not know the client: it imports nothing of this module and shares no
// types with what it tests. It computes no formulas, keeps the two sides of a
// two-way link apart, has one view per table, and speaks no WebSocket.
package larksim
