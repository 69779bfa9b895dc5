package sheets

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"google.golang.org/api/googleapi"
	api "google.golang.org/api/sheets/v4"

	"mekong/pipeline"
)

// patience is how long a call may wait for its turn. Longer, and the records are held
// instead: then the operator sees why nothing moves.
const patience = 10 * time.Second

// turnFor waits until a call to a spreadsheet may be sent: one a second, and within
// the account's budget.
func (s *Sink) turnFor(ctx context.Context, id string, write bool) (done func(), err error) {
	wait, done, ok := s.account.take(write, patience)
	if !ok {
		return nil, pipeline.Hold(errBudget, wait)
	}
	if err = s.opts.Wait(ctx, wait); err == nil {
		err = s.opts.Wait(ctx, s.opts.Gates.slot(id, s.now()))
	}
	if err != nil {
		done()
		return nil, err
	}
	return done, nil
}

// call sends one request, once. Its error is an [Error], a Hold, or ctx's.
func call[T any](ctx context.Context, s *Sink, id string, write bool, do func(context.Context) (T, error)) (T, error) {
	var none T
	done, err := s.turnFor(ctx, id, write)
	if err != nil {
		return none, err
	}
	defer done()
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	got, err := do(limited)
	if s.opts.OnCall != nil {
		s.opts.OnCall(Call{Write: write, Failed: err != nil})
	}
	if err == nil {
		return got, nil
	}
	err = classify(ctx, err, write)
	if e := As(err); e != nil && e.Class == Throttled {
		if until := s.account.exhausted(write); e.Wait == 0 {
			e.Wait = until
		}
	}
	return none, err
}

// Call is one call of the API, for metrics.
type Call struct {
	Write  bool
	Failed bool
}

// The parts of a spreadsheet that are asked for. Without a mask an answer holds
// everything there is.
const (
	sheetFields = "sheetId,title,index,hidden,sheetType,gridProperties(rowCount,columnCount,frozenRowCount)"
	cellFields  = "startRow,startColumn,rowData(values(userEnteredValue,formattedValue)),columnMetadata(developerMetadata(metadataKey,metadataValue)),rowMetadata(developerMetadata(metadataId,metadataKey))"
	bookFields  = "properties(title,timeZone,locale),namedRanges(namedRangeId),sheets(properties(" + sheetFields + "))"
	gridFields  = "namedRanges(namedRangeId),sheets(properties(" + sheetFields + "),data(" + cellFields + "))"
)

func (s *Sink) getBook(ctx context.Context, id string) (*api.Spreadsheet, error) {
	return call(ctx, s, id, false, func(ctx context.Context) (*api.Spreadsheet, error) {
		return s.api.Spreadsheets.Get(id).Fields(bookFields).Context(ctx).Do()
	})
}

func (s *Sink) getGrid(ctx context.Context, id string, ranges ...string) (*api.Spreadsheet, error) {
	return call(ctx, s, id, false, func(ctx context.Context) (*api.Spreadsheet, error) {
		return s.api.Spreadsheets.Get(id).Ranges(ranges...).Fields(gridFields).Context(ctx).Do()
	})
}

// look reads a tab's header, size and fences.
func (s *Sink) look(ctx context.Context, t *tab) error {
	got, err := s.getGrid(ctx, t.book.id, wholeRow(t.title, 0))
	if err != nil {
		return err
	}
	return s.learn(t, got)
}

// getValues reads ranges of cells; formulas as such when formulas is set, as what
// they come to otherwise.
func (s *Sink) getValues(ctx context.Context, id string, formulas bool, ranges ...string) ([][][]any, error) {
	render := "UNFORMATTED_VALUE"
	if formulas {
		render = "FORMULA"
	}
	got, err := call(ctx, s, id, false, func(ctx context.Context) (*api.BatchGetValuesResponse, error) {
		return s.api.Spreadsheets.Values.BatchGet(id).Ranges(ranges...).ValueRenderOption(render).DateTimeRenderOption("SERIAL_NUMBER").
			Fields("valueRanges(values)").Context(ctx).Do()
	})
	if err != nil {
		return nil, err
	}
	if len(got.ValueRanges) != len(ranges) {
		return nil, &Error{Class: Down}
	}
	out := make([][][]any, len(ranges))
	for i, v := range got.ValueRanges {
		out[i] = v.Values
	}
	return out, nil
}

// getRows reads whole rows of a tab, runs of them from first to before end, and learns
// where the columns are at the same moment. A row that is not shown is empty.
func (s *Sink) getRows(ctx context.Context, t *tab, runs [][2]int64) (map[int64][]any, error) {
	area := func(from, to int64) *api.DataFilter {
		return &api.DataFilter{GridRange: &api.GridRange{SheetId: t.gid, StartRowIndex: from, EndRowIndex: to, ForceSendFields: []string{"SheetId"}}}
	}
	ask := &api.GetSpreadsheetByDataFilterRequest{DataFilters: []*api.DataFilter{area(0, 1)}}
	for _, r := range runs {
		ask.DataFilters = append(ask.DataFilters, area(r[0], r[1]))
	}
	got, err := s.getBy(ctx, t, ask)
	if err != nil {
		return nil, err
	}
	out := map[int64][]any{}
	if sh := tabOf(got, t.gid); sh != nil {
		for _, d := range sh.Data {
			for i := range rowsIn(d) {
				out[d.StartRow+int64(i)] = cellsIn(d, i)
			}
		}
	}
	return out, nil
}

// getTagged reads tagged rows, and learns where the columns are at the same moment.
func (s *Sink) getTagged(ctx context.Context, t *tab, rows []written) (map[int64][]any, error) {
	ask := &api.GetSpreadsheetByDataFilterRequest{DataFilters: []*api.DataFilter{{GridRange: &api.GridRange{SheetId: t.gid, EndRowIndex: 1, ForceSendFields: []string{"SheetId"}}}}}
	for i := range rows {
		ask.DataFilters = append(ask.DataFilters, &api.DataFilter{DeveloperMetadataLookup: &api.DeveloperMetadataLookup{MetadataId: rows[i].tag}})
	}
	got, err := s.getBy(ctx, t, ask)
	if err != nil {
		return nil, err
	}
	return tagged(got, t.gid), nil
}

func (s *Sink) getBy(ctx context.Context, t *tab, ask *api.GetSpreadsheetByDataFilterRequest) (*api.Spreadsheet, error) {
	got, err := call(ctx, s, t.book.id, false, func(ctx context.Context) (*api.Spreadsheet, error) {
		return s.api.Spreadsheets.GetByDataFilter(t.book.id, ask).Fields(gridFields).Context(ctx).Do()
	})
	if err != nil {
		return nil, err
	}
	return got, s.learn(t, got)
}

// rowsIn is how many rows a part of an answer shows.
func rowsIn(d *api.GridData) int {
	if d == nil {
		return 0
	}
	return len(d.RowData)
}

// update carries out requests, all or none, and reads ranges as they are afterwards.
func (s *Sink) update(ctx context.Context, id string, requests []request, ranges ...string) (*api.BatchUpdateSpreadsheetResponse, error) {
	fields := "spreadsheetId,replies"
	if len(ranges) > 0 {
		fields += ",updatedSpreadsheet(" + gridFields + ")"
	}
	body, err := batchTo(make([]byte, 0, sizeOf(requests)), requests, ranges)
	if err != nil {
		return nil, err
	}
	return call(ctx, s, id, true, func(ctx context.Context) (*api.BatchUpdateSpreadsheetResponse, error) {
		got := &api.BatchUpdateSpreadsheetResponse{}
		if err := s.post(ctx, id, ":batchUpdate", fields, body, got); err != nil {
			return nil, err
		}
		if len(got.Replies) != len(requests) || len(ranges) > 0 && got.UpdatedSpreadsheet == nil {
			return nil, fmt.Errorf("an answer of %d parts to %d requests", len(got.Replies), len(requests))
		}
		return got, nil
	})
}

// fill writes rows where their tags are, and reads them as they are afterwards, and
// the header. Nothing is documented of the part that reads the header by writing
// nothing to it; so where it is refused as protected it is left out from then on.
func (s *Sink) fill(ctx context.Context, t *tab, data []filled) (*api.BatchUpdateValuesByDataFilterResponse, error) {
	got, err := s.fillWith(ctx, t, data, !s.blind)
	if classOf(err) == Protected && !s.blind {
		s.blind = true
		got, err = s.fillWith(ctx, t, data, false)
	}
	return got, err
}

func (s *Sink) fillWith(ctx context.Context, t *tab, data []filled, header bool) (*api.BatchUpdateValuesByDataFilterResponse, error) {
	body := fillTo(nil, data, header, t.gid)
	return call(ctx, s, t.book.id, true, func(ctx context.Context) (*api.BatchUpdateValuesByDataFilterResponse, error) {
		got := &api.BatchUpdateValuesByDataFilterResponse{}
		return got, s.post(ctx, t.book.id, "/values:batchUpdateByDataFilter", "responses(dataFilter,updatedRange,updatedData(values))", body, got)
	})
}

// post sends a body that was written here, as Google's client sends its own, and reads
// the answer into got. Its errors are the client's.
func (s *Sink) post(ctx context.Context, id, what, fields string, body []byte, got any) error {
	ask := url.Values{"alt": {"json"}, "prettyPrint": {"false"}, "fields": {fields}}
	to := googleapi.ResolveRelative(s.api.BasePath, "v4/spreadsheets/"+id+what) + "?" + ask.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", googleapi.UserAgent)
	resp, err := s.line.Do(r)
	if err != nil {
		return err
	}
	defer googleapi.CloseBody(resp)
	if err := googleapi.CheckResponse(resp); err != nil {
		return err
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, got)
}
