package app

import (
	"context"
	"fmt"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/sheets"
)

// SurveySheets looks at what the link of a Google Sheets sink leads to, as the account
// it is to write as. Where something is wrong, findings say what and what to do, and
// there is no survey. It only reads, and needs no bus.
func SurveySheets(ctx context.Context, c *config.Config, sink string) (*sheets.Survey, []pipeline.Finding, error) {
	conf := c.Sinks[sink].Sheets
	if conf == nil {
		return nil, nil, fmt.Errorf("sink %q is not one of Google Sheets", sink)
	}
	g := &googles{config: c}
	id, err := g.identity(sink)
	if err != nil {
		return nil, nil, err
	}
	if found := id.Findings(ctx, config.Path("sinks", sink, "sheets")); broken(found) {
		return nil, found, nil
	}
	o, err := g.sheets(sink)
	if err != nil {
		return nil, nil, err
	}
	s, err := sheets.New(sink, *conf, o)
	if err != nil {
		return nil, nil, fmt.Errorf("sheets: %w", err)
	}
	defer func() { _ = s.Close() }() // nothing was written that could be lost
	v, found := s.Survey(ctx)
	if v == nil && ctx.Err() != nil {
		return nil, found, ctx.Err()
	}
	return v, found, nil
}
