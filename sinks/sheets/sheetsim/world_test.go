package sheetsim_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/api/sheets/v4"

	"mekong/sinks/sheets/sheetsim"
)

var start = time.Date(2026, 3, 3, 9, 30, 0, 0, time.FixedZone("", 7*3600))

const (
	writer = "writer@example.com"
	bookID = "sheetTest"
)

// keys are shared by all worlds: they take long to make.
var keys sheetsim.Keys

// world is a simulator on a listener with one spreadsheet, shared with one
// service account, and the official client in that account's name.
type world struct {
	*sheetsim.Sim
	t      testing.TB
	url    string
	key    func(string) []byte
	client *sheets.Service
}

func newWorld(t testing.TB, o sheetsim.Options, tabs ...sheetsim.Tab) *world {
	t.Helper()
	o.Keys = &keys
	w := &world{Sim: sheetsim.New(o), t: t}
	srv := httptest.NewServer(w.Sim)
	t.Cleanup(srv.Close)
	w.url = srv.URL
	w.key = w.AddAccount(writer)
	w.AddSpreadsheet(bookID, "Bán hàng", sheetsim.SheetOptions{}, tabs...)
	w.Share(bookID, writer, sheetsim.Writer)
	w.client = w.service(w.key)
	return w
}

// service is the official client with a key file, as a program makes it.
func (w *world) service(key func(string) []byte, scopes ...string) *sheets.Service {
	w.t.Helper()
	if len(scopes) == 0 {
		scopes = []string{sheets.SpreadsheetsScope}
	}
	s, err := sheets.NewService(context.Background(), option.WithEndpoint(w.url), option.WithScopes(scopes...),
		option.WithAuthCredentialsJSON(option.ServiceAccount, key(w.url)))
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) batch(requests ...*sheets.Request) (*sheets.BatchUpdateSpreadsheetResponse, error) {
	return w.client.Spreadsheets.BatchUpdate(bookID, &sheets.BatchUpdateSpreadsheetRequest{Requests: requests}).Do()
}
