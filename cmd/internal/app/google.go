package app

import (
	"context"
	"slices"
	"sync"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/sinks"
	"mekong/sinks/google"
	"mekong/sinks/sheets"
	"mekong/sinks/token"
)

// googles is what the Google Sheets sinks of a process get from it: who they write as,
// and a memory in the bus.
type googles struct {
	config  *config.Config
	store   *token.Store // nil: nothing is shared, and nobody has signed in
	memory  *bus.KV      // nil: nothing is remembered
	vendors *vendors
	look    bool // nothing that a sink would remember is written

	mu  sync.Mutex
	ids map[string]google.Identity // by sink
}

// openGoogles gives the sinks of Google what they share through the bus.
func (a *App) openGoogles(ctx context.Context, o *sinks.Options) error {
	names := a.opts.Sinks
	if len(names) == 0 {
		names = a.config.SinkNames()
	}
	if !slices.ContainsFunc(names, func(name string) bool { return a.config.Sinks[name].Sheets != nil }) {
		return nil
	}
	store, err := TokenStore(ctx, a.Bus, a.config.DataDir)
	if err != nil {
		return err
	}
	memory, err := a.Bus.KV(ctx, memoryTable, 0)
	if err != nil {
		return err
	}
	g := &googles{config: a.config, store: store, memory: memory, vendors: a.vendors()}
	o.Sheets = g.sheets
	return nil
}

// peekGoogles makes it for sinks that only look around. b is nil where there is nothing
// to remember; then a person's sign-in is not to be had either. The store of tokens,
// and with it the key, is opened where a sink needs a sign-in.
func peekGoogles(ctx context.Context, c *config.Config, b *bus.Bus, names []string) (g *googles, err error) {
	g = &googles{config: c, look: true}
	if b == nil {
		return g, nil
	}
	if g.memory, err = b.KV(ctx, memoryTable, 0); err != nil {
		return nil, err
	}
	for _, name := range names {
		if s := c.Sinks[name].Sheets; s != nil && s.Identity == config.IdentityUser && g.store == nil {
			if g.store, err = TokenStore(ctx, b, c.DataDir); err != nil {
				return nil, err
			}
		}
	}
	return g, nil
}

// identity is who a sink writes as, made once.
func (g *googles) identity(sink string) (google.Identity, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if id := g.ids[sink]; id != nil {
		return id, nil
	}
	id, err := GoogleIdentity(sink, *g.config.Sinks[sink].Sheets, g.store, g.vendors.token(sink))
	if err != nil {
		return nil, err
	}
	if g.ids == nil {
		g.ids = map[string]google.Identity{}
	}
	g.ids[sink] = id
	return id, nil
}

// sheets is for a sink that writes to a spreadsheet.
func (g *googles) sheets(sink string) (sheets.Options, error) {
	id, err := g.identity(sink)
	if err != nil {
		return sheets.Options{}, err
	}
	if p, ok := id.(*google.Person); ok {
		g.vendors.person(sink, p.Session)
	}
	where := google.Where{Setting: config.Path("sinks", sink, "sheets"), Login: GoogleLogin(sink)}
	o := sheets.Options{
		Tokens: id, Account: id.AccountID(), Email: id.Email,
		Explain: func(err error) pipeline.Finding { return google.Diagnose(err, where) },
		OnCall:  g.vendors.sheetCall(sink),
	}
	switch {
	case g.memory == nil:
	case g.look:
		o.Memory = glance{memory{g.memory, "sheets." + sink}}
	default:
		o.Memory = memory{g.memory, "sheets." + sink}
	}
	return o, nil
}
