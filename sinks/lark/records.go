package lark

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// What one call takes at most. Of created and updated records some pages say 1,000
// and others 500; 500 works everywhere (`lark.md` §2).
const (
	MostWritten  = 500
	MostDeleted  = 500
	MostSearched = 500 // records in one page
	MostGot      = 100 // ids
	MostFiltered = 50  // conditions in one filter
)

// Record is a record as the platform tells it when it is read: cells by column name,
// undecoded, in the shapes of `lark.md` §3.3; empty cells are left out. See [Text].
type Record struct {
	ID     string                     `json:"record_id"`
	Fields map[string]json.RawMessage `json:"fields"`
	Link   string                     `json:"shared_url,omitempty"` // where asked for
}

// WriteOptions shape a write.
type WriteOptions struct {
	// ClientToken makes a repetition within minutes the same write (§2.3); "" : every
	// call is one of its own. It must be a UUIDv4; see [UUIDv4].
	ClientToken string
	UserIDType  string // what ids of people are: "open_id" (default), "union_id", "user_id"
	// Inconsistent lets some of the platform's nodes lag behind for a while, which
	// makes it faster (§2.4).
	Inconsistent bool
}

func (o WriteOptions) query() url.Values {
	q := url.Values{}
	if o.ClientToken != "" {
		q.Set("client_token", o.ClientToken)
	}
	if o.UserIDType != "" {
		q.Set("user_id_type", o.UserIDType)
	}
	if o.Inconsistent {
		q.Set("ignore_consistency_check", "true")
	}
	return q
}

// BatchCreate adds rows, all or none of them, and gives each with its cell in column, a
// text column. The answer is in the order of rows as far as is known, which is hearsay:
// match by a column where that matters.
func (c *Client) BatchCreate(ctx context.Context, appToken, tableID, column string, rows []Row, o WriteOptions) ([]Made, error) {
	return c.writeRecords(ctx, OpBatchCreate, tablePath(appToken, tableID)+"/records/batch_create", column, rows, o)
}

// BatchUpdate changes rows by ID, all or none of them: the cells that are given, null
// clearing one. There is no client_token: writing the same again changes nothing.
func (c *Client) BatchUpdate(ctx context.Context, appToken, tableID string, rows []Row, o WriteOptions) error {
	o.ClientToken = ""
	_, err := c.writeRecords(ctx, OpBatchUpdate, tablePath(appToken, tableID)+"/records/batch_update", "", rows, o)
	return err
}

func (c *Client) writeRecords(ctx context.Context, op Op, path, column string, rows []Row, o WriteOptions) ([]Made, error) {
	body, err := rowsBody(rows)
	if err != nil {
		return nil, &Error{Op: op, Class: Bug, Msg: notJSON}
	}
	out := made{column: column, rows: make([]Made, 0, len(rows))}
	err = c.Do(ctx, Request{Op: op, Method: http.MethodPost, Path: path, Query: o.query(), Body: body, Write: true}, &out)
	return out.rows, err
}

// BatchDelete removes rows, all or none of them: one id that is not there refuses the
// call with a class of [Gone].
func (c *Client) BatchDelete(ctx context.Context, appToken, tableID string, ids []string) error {
	return c.Do(ctx, Request{
		Op: OpBatchDelete, Method: http.MethodPost, Path: tablePath(appToken, tableID) + "/records/batch_delete",
		Body: map[string][]string{"records": ids}, Write: true,
	}, nil)
}

// Query is what a search looks for (§2.2).
type Query struct {
	Filter     *Filter  `json:"filter,omitempty"`
	Sort       []Sort   `json:"sort,omitempty"`
	FieldNames []string `json:"field_names,omitempty"` // columns wanted; none: all
	ViewID     string   `json:"view_id,omitempty"`     // ignored beside a filter or sort
	Automatic  bool     `json:"automatic_fields,omitempty"`

	PageSize   int    `json:"-"` // 0: 500
	PageToken  string `json:"-"`
	UserIDType string `json:"-"`
}

// Filter is one level of conditions.
type Filter struct {
	Conjunction string      `json:"conjunction"` // "and", "or"
	Conditions  []Condition `json:"conditions"`
}

// Condition compares one column. Value is never left out: some operators need it
// empty.
type Condition struct {
	Field    string   `json:"field_name"`
	Operator string   `json:"operator"`
	Value    []string `json:"value"`
}

// Sort is one column of an order.
type Sort struct {
	Field string `json:"field_name"`
	Desc  bool   `json:"desc"`
}

// AnyOf is a filter for rows whose column is one of values, at most [MostFiltered] of
// them.
func AnyOf(column string, values []string) *Filter {
	f := &Filter{Conjunction: "or", Conditions: make([]Condition, len(values))}
	for i, v := range values {
		f.Conditions[i] = Condition{Field: column, Operator: "is", Value: []string{v}}
	}
	return f
}

// Page is one page of a search.
type Page struct {
	Records []Record `json:"items"`
	More    bool     `json:"has_more"`
	Next    string   `json:"page_token"` // for Query.PageToken, if More
	Total   int      `json:"total"`
}

// Search reads one page. A row that was written a moment ago may not be in it (§2.4).
func (c *Client) Search(ctx context.Context, appToken, tableID string, q Query) (Page, error) {
	if q.PageSize == 0 {
		q.PageSize = MostSearched
	}
	// Paging goes by the query; in the body it is ignored (§2).
	v := url.Values{"page_size": {strconv.Itoa(q.PageSize)}}
	if q.PageToken != "" {
		v.Set("page_token", q.PageToken)
	}
	if q.UserIDType != "" {
		v.Set("user_id_type", q.UserIDType)
	}
	var out Page
	err := c.Do(ctx, Request{Op: OpSearch, Method: http.MethodPost, Path: tablePath(appToken, tableID) + "/records/search", Query: v, Body: q}, &out)
	return out, err
}

// Got is what [Client.BatchGet] found.
type Got struct {
	Records   []Record `json:"records"`
	Absent    []string `json:"absent_record_ids"`
	Forbidden []string `json:"forbidden_record_ids"`
}

// BatchGet reads rows by id, at most [MostGot] of them; links asks for [Record.Link].
func (c *Client) BatchGet(ctx context.Context, appToken, tableID string, ids []string, links bool) (Got, error) {
	body := struct {
		IDs   []string `json:"record_ids"`
		Links bool     `json:"with_shared_url,omitempty"`
	}{ids, links}
	var out Got
	err := c.Do(ctx, Request{Op: OpBatchGet, Method: http.MethodPost, Path: tablePath(appToken, tableID) + "/records/batch_get", Body: body}, &out)
	return out, err
}

// UserIDs finds the open_id of people by their email addresses, at most 50 at once.
// Who is not found is left out. Its scope is contact:user.id:readonly.
func (c *Client) UserIDs(ctx context.Context, emails []string) (map[string]string, error) {
	var out struct {
		Users []struct {
			ID    string `json:"user_id"`
			Email string `json:"email"`
		} `json:"user_list"`
	}
	err := c.Do(ctx, Request{
		Op: OpUserIDs, Method: http.MethodPost, Path: "/open-apis/contact/v3/users/batch_get_id",
		Query: url.Values{"user_id_type": {"open_id"}}, Body: map[string][]string{"emails": emails}, Free: true,
	}, &out)
	ids := make(map[string]string, len(out.Users))
	for _, u := range out.Users {
		if u.ID != "" {
			ids[u.Email] = u.ID
		}
	}
	return ids, err
}

// Text is a text cell as one string: of the segments that a read gives, or of the
// plain string that a write echoes. ok is false for a cell that is neither.
func Text(cell json.RawMessage) (text string, ok bool) {
	if json.Unmarshal(cell, &text) == nil {
		return text, true
	}
	var segments []struct {
		Text *string `json:"text"`
	}
	if json.Unmarshal(cell, &segments) != nil {
		return "", false
	}
	var b strings.Builder
	for _, s := range segments {
		if s.Text == nil {
			return "", false
		}
		b.WriteString(*s.Text)
	}
	return b.String(), true
}
