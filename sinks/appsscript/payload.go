package appsscript

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// request is what the script is asked to do; see Code.gs.
type request struct {
	Op        string   `json:"op"`
	Tab       string   `json:"tab,omitempty"`
	KeyColumn string   `json:"keyColumn"`
	Columns   []any    `json:"columns,omitempty"`
	Rows      []row    `json:"rows,omitempty"`
	Keys      []string `json:"keys,omitempty"`
	Wait      int64    `json:"wait,omitempty"` // for the lock, milliseconds
}

// row is one record.
type row struct {
	K string   `json:"k"`
	V string   `json:"v"`
	C [][2]any `json:"c"` // the column's place in Columns, and the value
}

// request makes one with what they have in common.
func (s *Sink) request(op string) request {
	return request{Op: op, Tab: s.conf.Tab, KeyColumn: s.conf.KeyColumn, Wait: min(s.conf.Timeout.Milliseconds()/3, 20_000)}
}

// part is some entries as one request.
type part struct {
	entries []*entry
	payload string
	left    int            // values without a column, so far as is known here
	cut     map[string]int // values cut, by header
}

// pack makes one request of as many entries as may go in one, from the first.
func (s *Sink) pack(entries []*entry) (*part, error) {
	n := min(len(entries), s.most)
	for {
		p, err := s.packAll(entries[:n])
		if err != nil || n == 1 || len(p.payload) <= maxPayload {
			return p, err
		}
		// By its share, and a little less, so that few are made in vain.
		n = max(1, min(n-1, n*maxPayload/len(p.payload)*9/10))
	}
}

func (s *Sink) packAll(entries []*entry) (*part, error) {
	p := &part{entries: entries, cut: map[string]int{}}
	list, left := s.columns(entries)
	p.left = left
	q := s.request("write")
	for _, c := range list {
		if c.Names != nil {
			q.Columns = append(q.Columns, guessed{c.Header, c.Names, c.Make})
		} else {
			q.Columns = append(q.Columns, c)
		}
	}
	for _, e := range entries {
		r := row{K: e.record.Key, V: e.version, C: [][2]any{}}
		for i, c := range list {
			for _, field := range c.fields {
				v, cut := cell(e.value(field))
				if v == nil {
					continue
				}
				if cut {
					p.cut[c.Header]++
				}
				r.C = append(r.C, [2]any{i, v})
				break
			}
		}
		q.Rows = append(q.Rows, r)
	}
	var err error
	p.payload, err = ascii(q)
	return p, err
}

// ascii is JSON in which no character can be garbled on the way: whatever charset
// either end takes the body for, the signature is over the same bytes.
func ascii(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", fmt.Errorf("appsscript: a request that JSON has no form for")
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	out := make([]byte, 0, len(text)+len(text)/2)
	for len(text) > 0 {
		if text[0] < utf8.RuneSelf {
			out = append(out, text[0])
			text = text[1:]
			continue
		}
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if r > 0xffff {
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		} else {
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return string(out), nil
}
