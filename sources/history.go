package sources

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/table"
	"mekong/sources/chatlog"
	"mekong/sources/identity"
	"mekong/sources/ladipage"
	"mekong/sources/request"
	"mekong/sources/webhook"
)

// History makes deliveries out of the rows of a file, as the sender of a source would
// have sent them. The same row gives the same delivery, whichever file it stands in.
type History struct {
	name   string
	format string
	meta   map[string]string
	chat   *chatlog.Receiver // nil: rows are bodies
	secret config.Secret     // what the chat source asks for
	times  string            // the column that says when a row happened; "": none
}

// timeNames are what the column is called that says when a row happened, folded.
var timeNames = []string{"message_time", "messagetime", "thờigian", "thoigian", "thờigiangửi", "thoigiangui", "ngàygửi", "ngaygui", "ngàytạo", "ngaytao", "ngàyđăngký", "ngaydangky", "time", "date", "createdat", "submittedat", "timestamp"}

// messageTime is the name by which LadiPage says when (`sources.md` §1.3).
const messageTime = "message_time"

// NewHistory is for rows of these columns; a file of JSON lines has none. times names
// the column that says when a row happened; "" finds one by its name.
func NewHistory(c *config.Config, source string, columns []string, times string) (*History, error) {
	s, ok := c.Sources[source]
	if !ok {
		return nil, fmt.Errorf("there is no source %q; there are: %s", source, strings.Join(c.SourceNames(), ", "))
	}
	h := &History{name: source, meta: map[string]string{request.ContentType: "application/json"}}
	switch {
	case s.LadiPage != nil:
		h.format = ladipage.Format
	case s.Webhook != nil:
		h.format = webhook.Format
		if s.Webhook.Preset != "" {
			h.meta[webhook.MetaPreset] = s.Webhook.Preset
		}
	case s.ChatLog != nil:
		conf := *s.ChatLog
		if conf.Zone == "" {
			conf.Zone = c.Timezone
		}
		for _, t := range append([]config.Secret{conf.Token}, conf.Tokens...) {
			if !t.IsZero() {
				h.secret = t
			}
		}
		if h.secret.IsZero() {
			conf.ChatbaseSecret = config.Secret{} // nobody signs a file
		}
		var err error
		if h.chat, err = chatlog.New(source, conf, time.Now); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("source %q takes no files: its messages come from Lark", source)
	}
	return h, h.findTimes(columns, times)
}

func (h *History) findTimes(columns []string, times string) error {
	fold := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }
	for _, name := range columns {
		if times != "" && fold(name) == fold(times) {
			h.times = name
			return nil
		}
	}
	if times != "" {
		return fmt.Errorf("there is no column %q; there are: %s", times, strings.Join(columns, ", "))
	}
	for _, want := range timeNames {
		for _, name := range columns {
			if fold(name) == want {
				h.times = name
				return nil
			}
		}
	}
	return nil
}

// Times is the column that says when a row happened; "" when there is none.
func (h *History) Times() string { return h.times }

// errNothing means that a row holds nothing to take in.
var errNothing = errors.New("the row is empty")

// Frame makes the deliveries of one row. An error is about the row and holds nothing
// of it.
func (h *History) Frame(columns []string, row table.Row, now time.Time) ([]pipeline.Raw, error) {
	body := []byte(row.JSON)
	if body == nil {
		var err error
		if body, err = h.object(columns, row.Values); err != nil {
			return nil, err
		}
	}
	if h.chat != nil {
		r, err := http.NewRequest(http.MethodPost, "http://file/", nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/json")
		if !h.secret.IsZero() {
			r.Header.Set("Token", h.secret.Reveal())
		}
		raws, _, err := h.chat.Receive(r, body)
		return raws, err
	}
	if !json.Valid(body) {
		return nil, errors.New("the line is no JSON")
	}
	if max := 900 << 10; len(body) > max {
		return nil, fmt.Errorf("more than %d bytes", max)
	}
	return []pipeline.Raw{{
		ID:     identity.Hashed(h.name, identity.Sum([]byte("import"), []byte(h.format), body)),
		Source: h.name, Format: h.format, Received: now.UTC(), Meta: h.meta, Body: body,
	}}, nil
}

// object is a row as JSON, its members in the order of the columns. Empty cells are
// left out, and so are cells without a column.
func (h *History) object(columns, values []string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	write := func(s string) {
		_ = enc.Encode(strings.ToValidUTF8(s, "\uFFFD")) // text always encodes
		b.Truncate(b.Len() - 1)                          // without the line break
	}
	b.WriteByte('{')
	for i, v := range values {
		if i >= len(columns) || columns[i] == "" || strings.TrimSpace(v) == "" {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		name := columns[i]
		if name == h.times && h.chat == nil {
			name = messageTime
		}
		write(name)
		b.WriteByte(':')
		write(v)
	}
	if b.Len() == 1 {
		return nil, errNothing
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
