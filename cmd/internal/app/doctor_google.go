package app

import (
	"context"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks"
)

// peeked opens once what the sinks of Google are looked at with.
func (e *examination) peeked(ctx context.Context) (*googles, error) {
	e.natsMu.Lock()
	defer e.natsMu.Unlock()
	if e.googles != nil || e.googleErr != nil {
		return e.googles, e.googleErr
	}
	b, err := e.bus(ctx)
	if err == nil {
		e.googles, err = peekGoogles(ctx, e.c, b, e.c.SinkNames())
	}
	e.googleErr = err
	return e.googles, err
}

// sheets fills o with what a sink that writes to a spreadsheet is looked at with: who
// it writes as, and what it remembers. goOn is false when nothing more can be told of
// the sink than found.
func (e *examination) sheets(ctx context.Context, name string, o *sinks.Options) (found []pipeline.Finding, goOn bool) {
	block := config.Path("sinks", name, "sheets")
	g, err := e.peeked(ctx)
	switch {
	case err == nil:
	case e.c.Sinks[name].Sheets.Identity == config.IdentityUser:
		return []pipeline.Finding{unseen(ctx, err, block+".identity", GoogleLogin(name))}, false
	default:
		found = forgotten(err, block+".spreadsheet", "what is remembered of spreadsheets that are full")
		if g, err = peekGoogles(ctx, e.c, nil, nil); err != nil {
			return append(found, pipeline.Finding{Level: pipeline.Fail, Setting: block, What: err.Error(), Fix: "run the doctor again"}), false
		}
	}
	id, err := g.identity(name)
	if err != nil {
		return append(found, pipeline.Finding{Level: pipeline.Fail, Setting: block, What: err.Error(), Fix: "correct the setting that is named"}), false
	}
	o.Sheets = g.sheets
	found = append(found, id.Findings(ctx, block)...)
	return found, !broken(found)
}
