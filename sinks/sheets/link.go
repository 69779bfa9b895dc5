package sheets

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Link is what the address of a spreadsheet says (`sinks.md` §A7).
type Link struct {
	ID     string // of the spreadsheet
	GID    int64  // of the tab
	HasGID bool   // false: the link names no tab
}

var (
	linkPath = regexp.MustCompile(`^/(?:a/[^/]+/)?spreadsheets/(?:u/[0-9]+/)?d/([A-Za-z0-9_-]+)(?:/|$)`)
	linkGID  = regexp.MustCompile(`(?:^|[&?#])gid=([0-9]{1,10})(?:[&#]|$)`)

	errNoLink    = errors.New("this is not the link of a spreadsheet")
	errPublished = errors.New("this is the link of the published page, which nobody can write to")
)

// ParseLink reads the address as a browser shows it. The gid may stand behind ? or
// #, and the one behind # is where the person was. The error quotes nothing.
func ParseLink(text string) (Link, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return Link{}, errNoLink
	}
	if strings.Contains(u.Path, "/d/e/") {
		return Link{}, errPublished
	}
	m := linkPath.FindStringSubmatch(u.Path)
	if m == nil || len(m[1]) > 200 {
		return Link{}, errNoLink
	}
	l := Link{ID: m[1]}
	for _, part := range []string{u.Fragment, u.RawQuery} {
		if g := linkGID.FindStringSubmatch(part); g != nil && !l.HasGID {
			n, err := strconv.ParseInt(g[1], 10, 32)
			if err == nil {
				l.GID, l.HasGID = n, true
			}
		}
	}
	return l, nil
}

// address is the page of a spreadsheet, at Google's or at the endpoint's.
func address(endpoint, id string) string {
	if endpoint == "" {
		endpoint = "https://docs.google.com"
	}
	return strings.TrimRight(endpoint, "/") + "/spreadsheets/d/" + url.PathEscape(id) + "/edit"
}

// columnName is A for 0, Z for 25, AA for 26.
func columnName(c int64) string {
	var out []byte
	for c++; c > 0; c = (c - 1) / 26 {
		out = append([]byte{byte('A' + (c-1)%26)}, out...)
	}
	return string(out)
}

// quoted is a tab's title as A1 notation wants it: always in quotes, for a bare word
// is first tried as the name of a range (`sinks.md` §A7).
func quoted(title string) string { return "'" + strings.ReplaceAll(title, "'", "''") + "'!" }

// rowsOfColumn is the range of one column from the row first to the row before end,
// both counted from 0.
func rowsOfColumn(title string, column, first, end int64) string {
	c := columnName(column)
	return quoted(title) + c + strconv.FormatInt(first+1, 10) + ":" + c + strconv.FormatInt(end, 10)
}

// wholeRow is the range of a row, counted from 0.
func wholeRow(title string, row int64) string {
	n := strconv.FormatInt(row+1, 10)
	return quoted(title) + n + ":" + n
}
