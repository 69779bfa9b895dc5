package lark

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Link is what the address of a Base in a browser tells.
type Link struct {
	Brand string // "" where the host belongs to neither brand
	Host  string
	Plain bool // the link is one of http: a simulator's, and no brand's
	Kind  LinkKind
	// AppToken is the Base's; empty for a wiki link until [Client.Resolve].
	AppToken  string
	NodeToken string // of a wiki link
	TableID   string // "" where the link names none
	ViewID    string
}

// LinkKind is where a Base lives.
type LinkKind string

// The places a Base lives in.
const (
	KindBase LinkKind = "base" // a document of its own
	KindWiki LinkKind = "wiki" // a page of a wiki
)

// others are pages that people paste and no rows can be written to.
var others = map[string]string{
	"docx": "a document", "docs": "a document", "doc": "a document", "sheets": "a spreadsheet", "sheet": "a spreadsheet",
	"slides": "a presentation", "mindnotes": "a mind map", "file": "a file", "drive": "a folder", "folder": "a folder",
	"minutes": "a recording", "survey": "a survey", "form": "a form", "app": "an app", "share": "a shared page", "record": "a single record",
}

// blocks are what the "table" of a link may be instead of a table (`lark.md` §4).
var blocks = []struct{ prefix, what string }{
	{"blk", "a dashboard"}, {"wkf", "a workflow"}, {"ldx", "a document inside the Base"},
}

// ParseLink reads the address that a browser shows for a table: of a Base, or of a
// wiki page that is one. The error says what the link is instead, and does not
// repeat it.
func ParseLink(s string) (Link, error) {
	const want = "open the table in the browser and copy the address: https://….larksuite.com/base/…?table=tbl…"
	s = strings.Trim(strings.TrimSpace(s), "<>\"'")
	if len(s) > 2048 {
		return Link{}, errors.New("the link is too long; " + want)
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil {
		return Link{}, errors.New("not a link; " + want)
	}
	l := Link{Host: strings.ToLower(u.Host), Brand: brandOf(u.Hostname())}
	l.Plain = u.Scheme == "http" && l.Brand == ""
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	kind, id := parts[0], ""
	if len(parts) > 1 {
		id = parts[1]
	}
	switch {
	case kind == "base" && others[id] != "" && len(parts) > 2:
		return Link{}, fmt.Errorf("the link is one to %s, and not to the Base itself; %s", others[id], want)
	case kind == "base":
		l.Kind, l.AppToken = KindBase, id
	case kind == "wiki":
		l.Kind, l.NodeToken = KindWiki, id
	case others[kind] != "":
		return Link{}, fmt.Errorf("the link is one to %s, not to a Base; %s", others[kind], want)
	default:
		return Link{}, errors.New("the link is none to a Base; " + want)
	}
	if !plainID(id) {
		return Link{}, errors.New("the link names no Base; " + want)
	}
	q := u.Query()
	if table := strings.TrimRight(q.Get("table"), "#/ "); table != "" {
		for _, b := range blocks {
			if strings.HasPrefix(table, b.prefix) {
				return Link{}, fmt.Errorf("the link shows %s, not a table; click the table on the left and copy the address again", b.what)
			}
		}
		if !strings.HasPrefix(table, "tbl") || !plainID(table) {
			return Link{}, errors.New("the link's table= is none; " + want)
		}
		l.TableID = table
	}
	if view := strings.TrimRight(q.Get("view"), "#/ "); strings.HasPrefix(view, "vew") && plainID(view) {
		l.ViewID = view
	}
	return l, nil
}

// brandOf is the brand a document's host belongs to, "" for neither.
func brandOf(host string) string {
	host = strings.ToLower(host)
	for _, brand := range []string{BrandLark, BrandFeishu} {
		if d := domain(brand); host == d || strings.HasSuffix(host, "."+d) {
			return brand
		}
	}
	return ""
}

// plainID reports whether s can be the token or id of something.
func plainID(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 100
}

// URL is the address of the table, for people to click.
func (l Link) URL() string {
	token := l.AppToken
	if l.Kind == KindWiki && l.NodeToken != "" {
		token = l.NodeToken
	}
	if l.Host == "" || token == "" {
		return ""
	}
	u := url.URL{Scheme: "https", Host: l.Host, Path: "/" + string(l.Kind) + "/" + token}
	if l.Plain {
		u.Scheme = "http"
	}
	q := url.Values{}
	if l.TableID != "" {
		q.Set("table", l.TableID)
	}
	if l.ViewID != "" {
		q.Set("view", l.ViewID)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// On is l on the machine that answers at endpoint, where that is this one: a
// simulator shows its tables under the paths of the platform. A proxy elsewhere does
// not, and neither is there a page for a wiki's node.
func (l Link) On(endpoint string) Link {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || l.Kind != KindBase {
		return l
	}
	ip := net.ParseIP(u.Hostname())
	if u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		l.Host, l.Plain = u.Host, u.Scheme == "http"
	}
	return l
}

// ErrNotABase means that a wiki page is something else than a Base.
var ErrNotABase = errors.New("the wiki page is no Base")

// Resolve fills in the AppToken of a wiki link. It costs a call for a wiki link and
// none for another; the answer does not change as long as the page exists.
func (c *Client) Resolve(ctx context.Context, l Link) (Link, error) {
	if l.Kind != KindWiki || l.AppToken != "" {
		return l, nil
	}
	n, err := c.WikiNode(ctx, l.NodeToken)
	if err != nil {
		return l, err
	}
	if n.Type != "bitable" {
		e := &Error{Op: OpWikiNode, Class: Setup, Msg: "the wiki page is no Base", cause: ErrNotABase}
		if t := identifier(n.Type); t != "" {
			e.Msg += " but of type " + t
		}
		return l, e.Verdict()
	}
	l.AppToken = n.Token
	return l, nil
}
