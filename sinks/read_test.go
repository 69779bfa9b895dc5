package sinks_test

import (
	"testing"

	"mekong/sinks"
	"mekong/sinks/sheets"
	"mekong/sinks/token"
)

// CanRead says of a configuration what Open then gives.
func TestCanRead(t *testing.T) {
	c := parse(t, `sinks:
  crm: { `+base+` } }
  sales: { sheets: { spreadsheet: 'https://docs.google.com/spreadsheets/d/1A/edit' } }
  script: { appsscript: { url: 'https://script.google.com/macros/s/a/exec', secret: 0123456789abcdef } }
  archive: { mongodb: { uri: 'mongodb://127.0.0.1:1' } }
  hook: { webhook: { url: 'https://example.com/' } }
`)
	opened, err := sinks.Open(c, nil, sinks.Options{Sheets: func(string) (sheets.Options, error) { return sheets.Options{Tokens: token.Fixed{}}, nil }})
	if err != nil || len(opened) != 5 {
		t.Fatalf("opened %d: %v", len(opened), err)
	}
	can := 0
	for _, o := range opened {
		if (o.Read != nil) != sinks.CanRead(o.Config) {
			t.Errorf("%s: CanRead says %t", o.Name, sinks.CanRead(o.Config))
		}
		if o.Read != nil {
			can++
		}
		if err := o.Sink.Close(); err != nil {
			t.Error(err)
		}
	}
	if can != 3 {
		t.Errorf("%d can be read", can)
	}
}
