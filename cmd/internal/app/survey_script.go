package app

import (
	"context"
	"fmt"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/appsscript"
)

// SurveyScript looks at what stands behind the deployment of an Apps Script sink. Where
// something is wrong, findings say what and what to do, and there is no survey. It only
// reads, and needs no bus.
func SurveyScript(ctx context.Context, c *config.Config, sink string) (*appsscript.Survey, []pipeline.Finding, error) {
	conf := c.Sinks[sink].AppsScript
	if conf == nil {
		return nil, nil, fmt.Errorf("sink %q is not one of Apps Script", sink)
	}
	s, err := appsscript.New(sink, *conf, appsscript.Options{})
	if err != nil {
		return nil, nil, fmt.Errorf("appsscript: %w", err)
	}
	defer func() { _ = s.Close() }() // nothing was written that could be lost
	v, found := s.Survey(ctx)
	if v == nil && ctx.Err() != nil {
		return nil, found, ctx.Err()
	}
	return v, found, nil
}
