package sheets_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	api "google.golang.org/api/sheets/v4"
)

// strict holds every body that is sent through it against the types of Google's client:
// it must have no field that they do not know, and say nothing that is lost in them.
type strict struct {
	base http.RoundTripper
	t    testing.TB
}

func (s strict) RoundTrip(r *http.Request) (*http.Response, error) {
	var into any
	switch {
	case r.GetBody == nil:
	case strings.HasSuffix(r.URL.Path, "values:batchUpdateByDataFilter"):
		into = &api.BatchUpdateValuesByDataFilterRequest{}
	case strings.HasSuffix(r.URL.Path, ":batchUpdate"):
		into = &api.BatchUpdateSpreadsheetRequest{}
	}
	if into != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		if len(data) < 300_000 { // a larger one is more of the same
			s.hold(data, into)
		}
	}
	return s.base.RoundTrip(r)
}

func (s strict) hold(data []byte, into any) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		s.t.Errorf("a body that Google's types do not take: %v", err)
		return
	}
	same, err := json.Marshal(into)
	if err != nil {
		s.t.Errorf("%v", err)
		return
	}
	var ours, theirs any
	if err := json.Unmarshal(data, &ours); err != nil {
		s.t.Errorf("%v", err)
	}
	if err := json.Unmarshal(same, &theirs); err != nil {
		s.t.Errorf("%v", err)
	}
	if !reflect.DeepEqual(bare(ours), bare(theirs)) {
		s.t.Errorf("Google's types make another body of\n%.2000s\nnamely\n%.2000s", data, same)
	}
}

// bare is v without members that are zero where the types leave out a zero.
func bare(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, m := range v {
			zero := m == float64(0) || m == false || m == ""
			if zero && !strings.HasSuffix(name, "Value") { // the zero of a cell is a value
				delete(v, name)
				continue
			}
			v[name] = bare(m)
		}
	case []any:
		for i := range v {
			v[i] = bare(v[i])
		}
	}
	return v
}

// TestStrict: a body that is not as Google's types have it is found.
func TestStrict(t *testing.T) {
	for body, ok := range map[string]bool{
		`{"requests":[{"updateCells":{"start":{"sheetId":0,"rowIndex":1},"rows":[{"values":[{"userEnteredValue":{"numberValue":0}}]}],"fields":"userEnteredValue"}}]}`: true,
		`{"requests":[{"updateCells":{"begin":{"rowIndex":1}}}]}`:                                                  false,
		`{"requests":[{"updateCells":{"rows":[{"values":[{"userEnteredValue":{"numberValue":0,"text":"x"}}]}]}}]}`: false,
		`{"requests":[{}],"more":1}`: false,
	} {
		quiet := &complaints{TB: t}
		strict{nil, quiet}.hold([]byte(body), &api.BatchUpdateSpreadsheetRequest{})
		if (quiet.n == 0) != ok {
			t.Errorf("%d complaints about %s", quiet.n, body)
		}
	}
}

type complaints struct {
	testing.TB
	n int
}

func (c *complaints) Errorf(string, ...any) { c.n++ }
