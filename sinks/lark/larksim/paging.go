package larksim

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// page is a slice of a result, as page_size and page_token of the query ask for it.
type page struct {
	from, to int
	more     bool
	token    string // of the next page; "" on the last
}

// paging cuts a result of n. what ties the token to one kind of listing: one that
// was made elsewhere, or made up, is refused (1254030; 1254002 on older pages).
func (c *call) paging(n, usual, most int, what string) (page, *failure) {
	size := usual
	if q := c.query.Get("page_size"); q != "" {
		v, err := strconv.Atoi(q)
		switch {
		case err != nil:
			return page{}, violation("page_size", "must be a number")
		case v <= 0:
			return page{}, fail(1254011)
		}
		size = min(v, most)
	}
	var p page
	if t := c.query.Get("page_token"); t != "" {
		raw, err := base64.RawURLEncoding.DecodeString(t)
		kind, at, ok := strings.Cut(string(raw), "\x00")
		from, numErr := strconv.Atoi(at)
		if err != nil || !ok || numErr != nil || kind != what || from < 0 {
			if c.s.opts.OldStatus {
				return page{}, fail(1254002)
			}
			return page{}, fail(1254030)
		}
		p.from = min(from, n)
	}
	p.to = min(p.from+size, n)
	if p.more = p.to < n; p.more {
		p.token = base64.RawURLEncoding.EncodeToString([]byte(what + "\x00" + strconv.Itoa(p.to)))
	}
	return p, nil
}

// listing is how records, fields and tables are listed.
type listing struct {
	HasMore   bool   `json:"has_more"`
	PageToken string `json:"page_token,omitempty"`
	Total     int    `json:"total"`
	Items     any    `json:"items"`
}
