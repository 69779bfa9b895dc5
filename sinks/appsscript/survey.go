package appsscript

import (
	"context"

	"mekong/pipeline"
)

// Survey is what stands behind a deployment: the spreadsheet and the tab that rows
// would go to, and the headers of its columns from left to right, "" for one without.
type Survey struct {
	Title, Tab string
	Headers    []string
}

// Survey asks the script what is there, with one call, and changes nothing. Where
// something is wrong there is no survey, and the finding says what and what to do.
func (s *Sink) Survey(ctx context.Context) (*Survey, []pipeline.Finding) {
	a, err := s.ask1(ctx)
	if err != nil {
		return nil, []pipeline.Finding{s.finding(err)}
	}
	v := &Survey{Title: a.Title, Tab: a.Tab, Headers: append([]string(nil), a.Headers...)}
	for len(v.Headers) > 0 && v.Headers[len(v.Headers)-1] == "" {
		v.Headers = v.Headers[:len(v.Headers)-1]
	}
	return v, nil
}
