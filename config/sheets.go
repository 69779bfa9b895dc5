package config

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Sheets stores records as rows of one tab of a Google spreadsheet.
type Sheets struct {
	Spreadsheet     string            `yaml:"spreadsheet" doc:"link of the spreadsheet as the browser shows it: https://docs.google.com/spreadsheets/d/…/edit#gid=…; spreadsheet and tab are found by it"`
	Tab             string            `yaml:"tab" doc:"name of the tab, in place of the gid of the link; left out and no gid: the first visible tab"`
	Credentials     string            `yaml:"credentials" doc:"path of the key file of a service account, or of a workload identity file; left out, and no credentials_json and no identity: the credentials of this machine's Google environment"`
	CredentialsJSON Secret            `yaml:"credentials_json" doc:"instead of credentials: the content of that file, such as ${GOOGLE_KEY}"`
	Identity        string            `yaml:"identity" oneof:"account user" doc:"who writes: account, the credentials above; or user, a person who has signed in with mekong login google"`
	ClientID        string            `yaml:"client_id" doc:"with identity user: client ID of an OAuth client of type desktop app, from the Google Cloud console"`
	ClientSecret    Secret            `yaml:"client_secret" doc:"with identity user: that client's secret"`
	Columns         map[string]string `yaml:"columns" doc:"field of the record by the header of the column it goes to; left out: each field goes to the column of its name, English or Vietnamese, and gets one if it has none"`
	KeyColumn       string            `yaml:"key_column" doc:"header of the column that tells which record a row is; made when it is not there"`
	CreateColumns   bool              `yaml:"create_columns" doc:"make the columns that are missing, at the right end; true unless set"`
	Rotate          string            `yaml:"rotate" oneof:"monthly size" doc:"go on in a new tab: every month, or when the spreadsheet's cells run out; left out: size"`
	NewSpreadsheets []string          `yaml:"new_spreadsheets" doc:"links of further spreadsheets to go on in, one after the other, when the 10 million cells of one are used up"`
	UserWrites      int               `yaml:"writes_per_minute" range:"1..100000" doc:"writes a minute that Google allows the account, shared by all sinks that use it; 60 unless Google has raised it"`
	UserReads       int               `yaml:"reads_per_minute" range:"1..100000" doc:"reads a minute that Google allows the account, likewise"`
	Endpoint        string            `yaml:"endpoint" doc:"address of the API; left out: Google's"`
	TokenEndpoint   string            `yaml:"token_endpoint" doc:"with identity user: where tokens are fetched; left out: Google's"`
}

func (s *Sheets) defaults(string) {
	s.Identity = "account"
	s.KeyColumn = "Mekong ID"
	s.CreateColumns = true
	s.Rotate = "size"
	s.UserWrites = 60
	s.UserReads = 60
	s.Columns = map[string]string{}
}

const sheetFix = "open the spreadsheet in the browser and copy the link: https://docs.google.com/spreadsheets/d/…/edit#gid=0"

func (s *Sheets) check(r *report) {
	at := r.at("spreadsheet")
	if s.Spreadsheet == "" && !at.failed() {
		at.bad("not set", sheetFix)
	} else if s.Spreadsheet != "" {
		checkSheetLink(at, s.Spreadsheet)
	}
	for i, link := range s.NewSpreadsheets {
		checkSheetLink(r.at("new_spreadsheets").item(i), link)
	}
	checkDistinct(r.at("new_spreadsheets"), s.NewSpreadsheets)
	if s.Tab != "" && strings.TrimSpace(s.Tab) != s.Tab {
		r.at("tab").bad("it has spaces before or behind it", "write the name as the tab shows it")
	}
	switch s.Identity {
	case "user":
		if !s.CredentialsJSON.IsZero() || s.Credentials != "" {
			r.at("identity").bad("user is a person, and credentials is an account", "take credentials away, or identity")
		}
		if s.ClientID == "" && !r.at("client_id").failed() {
			r.at("client_id").bad("not set", "make an OAuth client of type desktop app in the Google Cloud console, under APIs & Services, Credentials, and copy its client ID")
		}
	default:
		if s.ClientID != "" || !s.ClientSecret.IsZero() {
			r.at("client_id").bad("only a person signs in with it", "set identity to user, or take it away")
		}
		if !s.CredentialsJSON.IsZero() && s.Credentials != "" {
			r.at("credentials_json").bad("credentials names a file already", "keep one of the two")
		}
		if !s.CredentialsJSON.IsZero() && !json.Valid([]byte(s.CredentialsJSON.Reveal())) {
			r.at("credentials_json").bad("not JSON", `write "${file:PATH}", or the path as credentials`)
		}
	}
	for name, text := range map[string]string{"endpoint": s.Endpoint, "token_endpoint": s.TokenEndpoint} {
		if text != "" {
			checkEndpoint(r.at(name), text)
		}
	}
	checkSheetColumns(r, s.KeyColumn, s.Columns)
}

// checkSheetColumns looks at the headers of a sheet, of the key and of the fields.
func checkSheetColumns(r *report, keyColumn string, columns map[string]string) {
	if key := r.at("key_column"); !columnName(keyColumn) && !key.failed() {
		key.bad(key.quote(keyColumn)+" cannot be the header of a column", columnFix)
	}
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		at, field := r.at("columns").at(column), columns[column]
		switch {
		case at.failed():
		case !columnName(column):
			at.bad("this cannot be the header of a column", columnFix)
		case column == keyColumn:
			at.bad("this is the key column, and the sink fills it itself", "take it away, or choose another key_column")
		case field == "":
			at.bad("no field", "write the name of the record's field that goes there")
		}
	}
}

// sheetPath finds the ID in the path of a link, with and without /u/0
// (`sinks.md` A7).
var sheetPath = regexp.MustCompile(`^/(?:a/[^/]+/)?spreadsheets/(?:u/\d+/)?d/([A-Za-z0-9_-]+)(?:/|$)`)

// checkSheetLink looks at what a wrong link looks like (`sinks.md` A7).
func checkSheetLink(r *report, link string) {
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		r.bad("not a link", sheetFix)
		return
	}
	m := sheetPath.FindStringSubmatch(u.Path)
	switch {
	case strings.Contains(u.Path, "/d/e/"):
		r.bad("this is the link of the published page, which nobody can write to", sheetFix)
	case strings.HasPrefix(u.Path, "/document/") || strings.HasPrefix(u.Path, "/forms/") || strings.HasPrefix(u.Path, "/presentation/"):
		r.bad("this is no spreadsheet", sheetFix)
	case u.Hostname() == "drive.google.com":
		r.bad("this is the link of a file in Drive", "open it, with Google Sheets, and copy the link from the address bar")
	case m == nil:
		r.bad("this is not the link of a spreadsheet", sheetFix)
	}
}
