package sheetsim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/oauth2/google"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/sheets/v4"
)

// text, number and the like are cells as a typed write has them.
func text(s string) *sheets.CellData {
	return &sheets.CellData{UserEnteredValue: &sheets.ExtendedValue{StringValue: &s}}
}

func number(n float64) *sheets.CellData {
	return &sheets.CellData{UserEnteredValue: &sheets.ExtendedValue{NumberValue: &n}}
}

func cells(list ...*sheets.CellData) *sheets.RowData { return &sheets.RowData{Values: list} }

func put(gid, row, column int64, rows ...*sheets.RowData) *sheets.Request {
	return &sheets.Request{UpdateCells: &sheets.UpdateCellsRequest{Start: &sheets.GridCoordinate{SheetId: gid, RowIndex: row, ColumnIndex: column}, Rows: rows, Fields: "userEnteredValue"}}
}

// rows shows values as text, a row per line.
func rows(values [][]any) string {
	lines := make([]string, len(values))
	for i, l := range values {
		parts := make([]string, len(l))
		for j, v := range l {
			parts[j] = fmt.Sprintf("%#v", v)
			if v == nil {
				parts[j] = "-"
			}
		}
		lines[i] = strings.Join(parts, " ")
	}
	return strings.Join(lines, "\n")
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.ReplaceAll(got, "\n", "\n     "), strings.ReplaceAll(want, "\n", "\n     "))
	}
}

// refusal holds an error of the official client against what Google says.
func refusal(t *testing.T, what string, err error, code int, says string) {
	t.Helper()
	var g *googleapi.Error
	if !errors.As(err, &g) {
		t.Errorf("%s: %v, want HTTP %d", what, err, code)
		return
	}
	if g.Code != code || !strings.Contains(g.Message, says) {
		t.Errorf("%s: %d %q, want %d %q", what, g.Code, g.Message, code, says)
	}
}

// send is a request without the official client, for what it would not send.
func (w *world) send(method, path, token, body string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// token is an access token of the writer's, got as the official client gets it.
func (w *world) token(scopes ...string) string {
	w.t.Helper()
	if len(scopes) == 0 {
		scopes = []string{sheets.SpreadsheetsScope}
	}
	c, err := google.JWTConfigFromJSON(w.key(w.url), scopes...)
	if err != nil {
		w.t.Fatal(err)
	}
	tok, err := c.TokenSource(context.Background()).Token()
	if err != nil {
		w.t.Fatal(err)
	}
	return tok.AccessToken
}
