package sheetsim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// fuzzWorld is a small spreadsheet and a token for it, made without a key.
func fuzzWorld() (*Sim, string) {
	s := New(Options{NoQuotas: true, MaxBody: 1 << 16})
	s.AddSpreadsheet("a", "A", SheetOptions{}, Tab{Rows: 6, Columns: 4, Values: [][]any{{"h", "i"}, {3, "c"}, {}, {2, "b"}}}, Tab{Title: "It's", GID: 1, Rows: 4, Columns: 4})
	s.Share("a", "a@example.com", Writer)
	s.mu.Lock()
	defer s.mu.Unlock()
	token, _ := s.issue(grant{email: "a@example.com", client: "c", project: "1", scopes: []string{scopeSheets}})
	return s, token
}

// FuzzBatchUpdate sends any bytes as a batch. The answer is JSON, and a batch that
// was refused has changed nothing.
func FuzzBatchUpdate(f *testing.F) {
	for _, seed := range []string{
		`{"requests":[{"updateCells":{"start":{"sheetId":0,"rowIndex":1},"rows":[{"values":[{"userEnteredValue":{"stringValue":"a"}},{"userEnteredValue":{"numberValue":1e300}}]}],"fields":"*"}}]}`,
		`{"requests":[{"appendCells":{"rows":[{"values":[{"note":"n"}]}],"fields":"note"}},{"appendDimension":{"dimension":"ROWS","length":3}}],"includeSpreadsheetInResponse":true,"responseIncludeGridData":true}`,
		`{"requests":[{"moveDimension":{"source":{"dimension":"COLUMNS","startIndex":0,"endIndex":2},"destinationIndex":4}},{"deleteDimension":{"range":{"dimension":"ROWS","endIndex":3}}}]}`,
		`{"requests":[{"createDeveloperMetadata":{"developerMetadata":{"metadataKey":"k","visibility":"DOCUMENT","location":{"dimensionRange":{"dimension":"ROWS","endIndex":1}}}}},{"deleteSheet":{"sheetId":1}}]}`,
		`{"requests":[{"repeatCell":{"range":{},"cell":{"userEnteredFormat":{"numberFormat":{"type":"DATE"}}},"fields":"userEnteredFormat(numberFormat.type)"}}],"responseRanges":["'It''s'!A1:B"]}`,
		`{"requests":[{"sortRange":{"range":{},"sortSpecs":[{"dimensionIndex":1,"sortOrder":"DESCENDING"}]}},{"findReplace":{"find":"b","replacement":"","allSheets":true}}]}`,
		`{"requests":[{"insertDimension":{"range":{"dimension":"COLUMNS","startIndex":-1,"endIndex":9223372036854775807}}}]}`,
		`{"requests":[{"updateSheetProperties":{"properties":{"gridProperties":{"rowCount":2,"columnCount":2}},"fields":"gridProperties"}}]}`,
		`{"requests":[{"addSheet":{"properties":{"gridProperties":{"rowCount":999999999999,"columnCount":1}}}}]}`,
		`{"requests":[{"updateDimensionProperties":{"range":{"dimension":"ROWS"},"properties":{"hiddenByUser":true},"fields":"*"}}]}`,
		`{"requests":[{"addProtectedRange":{"protectedRange":{"range":{"endRowIndex":1}}}},{"addNamedRange":{"namedRange":{"name":"nn","range":{}}}}]}`,
		`[]`, `null`, `{`, ``, "{\"requests\":[{\"\xff\":1}]}", `{"requests":[null,{}]}`, `{"requests":[{"updateCells":null}]}`, `{"requests":[[[]]]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, token := fuzzWorld()
		before := dump(s.books["a"])
		r := httptest.NewRequest(http.MethodPost, "/v4/spreadsheets/a:batchUpdate", strings.NewReader(string(body)))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if !json.Valid(w.Body.Bytes()) || w.Code != 200 && w.Code != 400 && w.Code != 413 && w.Code != 501 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if s.books["a"].cells() < 100_000 && w.Code != 200 && dump(s.books["a"]) != before {
			t.Fatalf("%d, and something has changed", w.Code)
		}
		for _, sh := range s.books["a"].sheets {
			if sh.rows < 1 || sh.cols < 1 || len(sh.columns) != sh.cols || len(sh.data) > sh.rows {
				t.Fatalf("an impossible grid: %d×%d, %d columns, %d rows", sh.rows, sh.cols, len(sh.columns), len(sh.data))
			}
		}
	})
}

// FuzzRouter asks for any path, range and mask.
func FuzzRouter(f *testing.F) {
	for _, path := range []string{
		"/v4/spreadsheets/a", "/v4/spreadsheets/a/values/A1%3AB2", "/v4/spreadsheets/a/values/%27It%27%27s%27%21A1:append", "/v4/spreadsheets/a/values:batchGet?ranges=A1&ranges=B:B",
		"/v4/spreadsheets/a?fields=sheets(data.rowData.values(effectiveValue,note),properties/title)", "/v4/spreadsheets/a/values/R1C1:R2C2?fields=values", "/v4/spreadsheets/a/developerMetadata/1",
		"/v4/spreadsheets/a/values/A0", "/v4/spreadsheets//", "/v4/spreadsheets/a/values/$A$1:$B", "/spreadsheets/d/a/edit?gid=x", "/v4/spreadsheets/a/values/ZZZ999999999", "/v4/spreadsheets/a/values/%27", "/token",
	} {
		f.Add("GET", path, "")
		f.Add("PUT", path, `{"values":[["a",null,1,true]]}`)
		f.Add("POST", path, `{"values":[["=1+2","+1","-","'"]],"majorDimension":"COLUMNS"}`)
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		u, err := url.Parse(path)
		if err != nil || !strings.HasPrefix(u.Path, "/") || method != "GET" && method != "PUT" && method != "POST" {
			return
		}
		s, token := fuzzWorld()
		if q := u.Query(); method != "GET" && q.Get("valueInputOption") == "" {
			q.Set("valueInputOption", "USER_ENTERED")
			u.RawQuery = q.Encode()
		}
		r := httptest.NewRequest(method, "/", strings.NewReader(body))
		r.URL = u
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code < 200 || w.Code >= 500 && w.Code != 501 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
