package sheetsim

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	official "google.golang.org/api/sheets/v4"
)

// Method is a call of the API by its name in the discovery document.
type Method string

// The methods there are: all of v4, and the token endpoint as one more.
const (
	Create         Method = "spreadsheets.create"
	Get            Method = "spreadsheets.get"
	GetByFilter    Method = "spreadsheets.getByDataFilter"
	BatchUpdate    Method = "spreadsheets.batchUpdate"
	MetadataGet    Method = "spreadsheets.developerMetadata.get"
	MetadataSearch Method = "spreadsheets.developerMetadata.search"
	CopyTo         Method = "spreadsheets.sheets.copyTo"
	ValuesGet      Method = "spreadsheets.values.get"
	ValuesUpdate   Method = "spreadsheets.values.update"
	ValuesAppend   Method = "spreadsheets.values.append"
	ValuesClear    Method = "spreadsheets.values.clear"
	ValuesBatchGet Method = "spreadsheets.values.batchGet"
	ValuesBatch    Method = "spreadsheets.values.batchUpdate"
	ValuesWipe     Method = "spreadsheets.values.batchClear"
	ValuesGetBy    Method = "spreadsheets.values.batchGetByDataFilter"
	ValuesBatchBy  Method = "spreadsheets.values.batchUpdateByDataFilter"
	ValuesWipeBy   Method = "spreadsheets.values.batchClearByDataFilter"
	Token          Method = "token"
)

// rpc is the method's name in an error's metadata.
func (m Method) rpc() string {
	name := map[Method]string{
		Create: "CreateSpreadsheet", Get: "GetSpreadsheet", GetByFilter: "GetSpreadsheetByDataFilter", BatchUpdate: "BatchUpdateSpreadsheet",
		MetadataGet: "GetDeveloperMetadata", MetadataSearch: "SearchDeveloperMetadata", CopyTo: "CopySheetToAnotherSpreadsheet",
		ValuesGet: "GetValues", ValuesUpdate: "UpdateValues", ValuesAppend: "AppendValues", ValuesClear: "ClearValues",
		ValuesBatchGet: "BatchGetValues", ValuesBatch: "BatchUpdateValues", ValuesWipe: "BatchClearValues",
		ValuesGetBy: "BatchGetValuesByDataFilter", ValuesBatchBy: "BatchUpdateValuesByDataFilter", ValuesWipeBy: "BatchClearValuesByDataFilter",
	}[m]
	return "google.apps.sheets.v4.SpreadsheetsService." + name
}

// route is one method: what it takes and gives in Google's types, whose names are
// checked, and in our own, which are used.
type route struct {
	method Method
	write  bool // needs a scope and a role to write, and counts as a write
	filter bool // reads, but needs a scope to write (`sinks.md` §A6)
	in     *schema
	own    reflect.Type
	out    reflect.Type
	query  []string
	do     func(c *call, ask any, m *mask) (any, *failure)
}

type routeKey struct{ verb, path string }

// routes is the table of the API, made once and never changed: verb, and the path
// with its identifiers left out.
var routes = func() map[routeKey]route {
	t := map[routeKey]route{}
	add := func(verb, path string, r route) { t[routeKey{verb, path}] = r }
	input := []string{"valueInputOption", "includeValuesInResponse", "responseValueRenderOption", "responseDateTimeRenderOption"}
	render := []string{"majorDimension", "valueRenderOption", "dateTimeRenderOption"}
	const book = "/{}"
	add("POST", "", with[official.Spreadsheet, spreadsheet, official.Spreadsheet](route{method: Create, write: true, do: createSpreadsheet}))
	add("GET", book, out[official.Spreadsheet](route{method: Get, do: getSpreadsheet, query: []string{"ranges", "includeGridData", "excludeTablesInBandedRanges"}}))
	add("POST", book+":getByDataFilter", with[official.GetSpreadsheetByDataFilterRequest, getByFilter, official.Spreadsheet](route{method: GetByFilter, filter: true, do: getSpreadsheetBy}))
	add("POST", book+":batchUpdate", with[official.BatchUpdateSpreadsheetRequest, batchAsk, official.BatchUpdateSpreadsheetResponse](route{method: BatchUpdate, write: true, do: batchUpdate}))
	add("GET", book+"/developerMetadata/{}", out[official.DeveloperMetadata](route{method: MetadataGet, filter: true, do: getMetadata}))
	add("POST", book+"/developerMetadata:search", with[official.SearchDeveloperMetadataRequest, metadataSearch, official.SearchDeveloperMetadataResponse](route{method: MetadataSearch, filter: true, do: searchMetadata}))
	add("POST", book+"/sheets/{}:copyTo", with[official.CopySheetToAnotherSpreadsheetRequest, copyAsk, official.SheetProperties](route{method: CopyTo, write: true, do: copyTo}))
	add("GET", book+"/values/{}", out[official.ValueRange](route{method: ValuesGet, do: getValues, query: render}))
	add("PUT", book+"/values/{}", with[official.ValueRange, valueRange, official.UpdateValuesResponse](route{method: ValuesUpdate, write: true, do: updateValues, query: input}))
	add("POST", book+"/values/{}:append", with[official.ValueRange, valueRange, official.AppendValuesResponse](route{method: ValuesAppend, write: true, do: appendValues, query: append([]string{"insertDataOption"}, input...)}))
	add("POST", book+"/values/{}:clear", with[official.ClearValuesRequest, struct{}, official.ClearValuesResponse](route{method: ValuesClear, write: true, do: clearValues}))
	add("GET", book+"/values:batchGet", out[official.BatchGetValuesResponse](route{method: ValuesBatchGet, do: batchGetValues, query: append([]string{"ranges"}, render...)}))
	add("POST", book+"/values:batchUpdate", with[official.BatchUpdateValuesRequest, valuesAsk, official.BatchUpdateValuesResponse](route{method: ValuesBatch, write: true, do: batchUpdateValues}))
	add("POST", book+"/values:batchClear", with[official.BatchClearValuesRequest, clearAsk, official.BatchClearValuesResponse](route{method: ValuesWipe, write: true, do: batchClearValues}))
	add("POST", book+"/values:batchGetByDataFilter", with[official.BatchGetValuesByDataFilterRequest, valuesByFilter, official.BatchGetValuesByDataFilterResponse](route{method: ValuesGetBy, filter: true, do: batchGetValuesBy}))
	add("POST", book+"/values:batchUpdateByDataFilter", with[official.BatchUpdateValuesByDataFilterRequest, valuesAskBy, official.BatchUpdateValuesByDataFilterResponse](route{method: ValuesBatchBy, write: true, do: batchUpdateValuesBy}))
	add("POST", book+"/values:batchClearByDataFilter", with[official.BatchClearValuesByDataFilterRequest, clearAskBy, official.BatchClearValuesByDataFilterResponse](route{method: ValuesWipeBy, write: true, do: batchClearValuesBy}))
	return t
}()

func with[In, Own, Out any](r route) route {
	r.own = reflect.TypeFor[Own]()
	r.in = schemaOf(reflect.TypeFor[In](), r.own)
	return out[Out](r)
}

func out[Out any](r route) route {
	r.out = reflect.TypeFor[Out]()
	return r
}

// find tells which method is called. A range keeps its escapes in the path, the
// verb after the last colon does not (`sinks.md` §A1).
func (c *call) find() bool {
	rest, ok := strings.CutPrefix(c.r.URL.EscapedPath(), "/v4/spreadsheets")
	if !ok || rest != "" && rest[0] != '/' {
		return false
	}
	parts := strings.Split(rest, "/")
	last := parts[len(parts)-1]
	verb := ""
	if i := strings.LastIndexByte(last, ':'); i >= 0 && slices.Contains(verbs, last[i+1:]) && c.r.Method == http.MethodPost || i >= 0 && last[i:] == ":batchGet" {
		last, verb = last[:i], last[i:]
		parts[len(parts)-1] = last
	}
	path := ""
	for i, p := range parts[1:] {
		switch i {
		case 0, 2:
			text, err := url.PathUnescape(p)
			if err != nil || text == "" {
				return false
			}
			path += "/{}"
			if i == 0 {
				c.id = text
			} else {
				c.arg = text
			}
		default:
			path += "/" + p
		}
	}
	c.route, ok = routes[routeKey{c.r.Method, path + verb}]
	return ok
}

var verbs = []string{"append", "clear", "batchGet", "batchUpdate", "batchClear", "batchGetByDataFilter", "batchUpdateByDataFilter", "batchClearByDataFilter", "getByDataFilter", "search", "copyTo"}

// common are the parameters that every method takes.
var common = []string{"alt", "prettyPrint", "fields", "key", "quotaUser", "access_token", "callback", "oauth_token", "uploadType", "upload_protocol", "$.xgafv"}

func (c *call) checkQuery() *failure {
	for name := range c.query {
		if !slices.Contains(common, name) && !slices.Contains(c.route.query, name) {
			return badNames([]violation{{"", "Invalid JSON payload received. Unknown name \"" + name + "\": Cannot bind query parameter. Field '" + name + "' could not be found in request message."}})
		}
	}
	return nil
}
