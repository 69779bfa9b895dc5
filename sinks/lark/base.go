package lark

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

const (
	pageMost  = 100 // of lists of tables and fields
	pagesMost = 50  // of one list: a platform that never ends its list is not followed for ever
)

// Base is a Base's own description.
type Base struct {
	Token    string `json:"app_token"`
	Name     string `json:"name"`
	Revision int64  `json:"revision"`
	Advanced bool   `json:"is_advanced"` // advanced permissions are on
	TimeZone string `json:"time_zone"`
}

// Base reads the description of a Base.
func (c *Client) Base(ctx context.Context, appToken string) (Base, error) {
	var out struct {
		App Base `json:"app"`
	}
	err := c.Do(ctx, Request{Op: OpBase, Method: http.MethodGet, Path: basePath(appToken)}, &out)
	return out.App, err
}

// Table is one table of a Base.
type Table struct {
	ID       string `json:"table_id"`
	Name     string `json:"name"`
	Revision int64  `json:"revision"`
}

// Tables lists the tables of a Base, all pages of it.
func (c *Client) Tables(ctx context.Context, appToken string) ([]Table, error) {
	return pages[Table](ctx, c, Request{Op: OpTables, Method: http.MethodGet, Path: basePath(appToken) + "/tables"})
}

// NewTable is a table to be made. The first field becomes the primary one, which may
// have few types only (`lark.md` §3.4).
type NewTable struct {
	Name   string  `json:"name"`
	View   string  `json:"default_view_name,omitempty"`
	Fields []Field `json:"fields,omitempty"`
}

// CreateTable makes a table and returns its id.
func (c *Client) CreateTable(ctx context.Context, appToken string, t NewTable) (tableID string, err error) {
	var out struct {
		ID string `json:"table_id"`
	}
	fields := make([]Field, len(t.Fields))
	for i, f := range t.Fields {
		fields[i] = f.bare()
	}
	t.Fields = fields
	err = c.Do(ctx, Request{
		Op: OpCreateTable, Method: http.MethodPost, Path: basePath(appToken) + "/tables", Write: true,
		Body: map[string]NewTable{"table": t},
	}, &out)
	return out.ID, err
}

// Field is one column (`lark.md` §3.1, §3.4).
type Field struct {
	ID       string         `json:"field_id,omitempty"`
	Name     string         `json:"field_name"`
	Type     int            `json:"type"`
	UIType   string         `json:"ui_type,omitempty"`
	Primary  bool           `json:"is_primary,omitempty"`
	Hidden   bool           `json:"is_hidden,omitempty"`
	Property map[string]any `json:"property,omitempty"` // nil where the type has none
}

// bare is f as it may be sent: without what only the platform says.
func (f Field) bare() Field {
	f.ID, f.Primary, f.Hidden = "", false, false
	return f
}

// The types of column, as far as they can be written, and those that cannot.
const (
	TypeText         = 1
	TypeNumber       = 2
	TypeSingleSelect = 3
	TypeMultiSelect  = 4
	TypeDateTime     = 5
	TypeCheckbox     = 7
	TypePerson       = 11
	TypePhone        = 13
	TypeURL          = 15
	TypeAttachment   = 17
	TypeSingleLink   = 18
	TypeLookup       = 19
	TypeFormula      = 20
	TypeDuplexLink   = 21
	TypeLocation     = 22
	TypeGroupChat    = 23
	TypeStage        = 24
	TypeCreatedTime  = 1001
	TypeModifiedTime = 1002
	TypeCreatedUser  = 1003
	TypeModifiedUser = 1004
	TypeAutoNumber   = 1005
	TypeButton       = 3001
)

// ReadOnly reports whether the platform fills the column and a write to it is
// refused or ignored.
func (f Field) ReadOnly() bool {
	switch f.Type {
	case TypeLookup, TypeFormula, TypeStage, TypeCreatedTime, TypeModifiedTime, TypeCreatedUser, TypeModifiedUser, TypeAutoNumber, TypeButton:
		return true
	}
	return false
}

// Fields lists the columns of a table, all pages of them.
func (c *Client) Fields(ctx context.Context, appToken, tableID string) ([]Field, error) {
	return pages[Field](ctx, c, Request{Op: OpFields, Method: http.MethodGet, Path: tablePath(appToken, tableID) + "/fields"})
}

// CreateField makes a column. clientToken is a UUIDv4 or "" (see [UUIDv4]).
func (c *Client) CreateField(ctx context.Context, appToken, tableID string, f Field, clientToken string) (Field, error) {
	var out struct {
		Field Field `json:"field"`
	}
	q := url.Values{}
	if clientToken != "" {
		q.Set("client_token", clientToken)
	}
	err := c.Do(ctx, Request{
		Op: OpCreateField, Method: http.MethodPost, Path: tablePath(appToken, tableID) + "/fields", Query: q, Body: f.bare(), Write: true,
	}, &out)
	return out.Field, err
}

// Node is a page of a wiki.
type Node struct {
	Token string `json:"obj_token"` // of what the page is: the app_token of a Base
	Type  string `json:"obj_type"`  // "bitable" for a Base
	Title string `json:"title"`
}

// WikiNode says what a wiki page is (`lark.md` §4).
func (c *Client) WikiNode(ctx context.Context, nodeToken string) (Node, error) {
	var out struct {
		Node Node `json:"node"`
	}
	err := c.Do(ctx, Request{
		Op: OpWikiNode, Method: http.MethodGet, Path: "/open-apis/wiki/v2/spaces/get_node", Query: url.Values{"token": {nodeToken}},
	}, &out)
	return out.Node, err
}

func basePath(appToken string) string {
	return "/open-apis/bitable/v1/apps" + Path(appToken)
}

func tablePath(appToken, tableID string) string {
	return basePath(appToken) + "/tables" + Path(tableID)
}

// pages reads a list to its end. Its page token is trusted only as long as there is
// more and it changes.
func pages[T any](ctx context.Context, c *Client, r Request) ([]T, error) {
	var all []T
	last := ""
	for range pagesMost {
		var out struct {
			Items []T    `json:"items"`
			More  bool   `json:"has_more"`
			Next  string `json:"page_token"`
		}
		r.Query = url.Values{"page_size": {strconv.Itoa(pageMost)}}
		if last != "" {
			r.Query.Set("page_token", last)
		}
		if err := c.Do(ctx, r, &out); err != nil {
			return nil, err
		}
		all = append(all, out.Items...)
		if !out.More || out.Next == "" || out.Next == last {
			return all, nil
		}
		last = out.Next
	}
	return nil, &Error{Op: r.Op, Class: Unknown, Msg: "the list has no end"}
}
