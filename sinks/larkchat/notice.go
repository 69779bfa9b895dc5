package larkchat

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"mekong/config"
	"mekong/pipeline"
)

// notice is what is told about one record.
type notice struct{ title, body string }

// shown is a record as a template sees it.
type shown struct {
	ID, Key, Kind, Source string
	Occurred, Received    time.Time         // in the configured time zone
	Fields                map[string]string // "" for what is not there
}

const (
	maxNotice = 64 << 10 // bytes a template may make; what does not fit a message is cut
	maxTitle  = 150      // characters
	maxLine   = 600      // characters of one field
	maxLines  = 40
)

// template reads a template and tries it on a made-up record.
func (s *Sink) template(text string) (config.Template, error) {
	t, err := config.ParseTemplate(text)
	if err != nil {
		return t, err
	}
	at := time.Date(2026, time.March, 3, 8, 30, 0, 0, time.UTC)
	for _, fields := range []map[string]any{{"name": "a", "phone": "0900000000"}, nil} {
		r := pipeline.Record{ID: "id", Key: "key", Kind: "lead", Source: "source", Occurred: at, Received: at, Fields: fields}
		if _, err := t.Execute(s.shown(r), maxNotice); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (s *Sink) shown(r pipeline.Record) shown {
	fields := map[string]string{}
	for name, v := range r.Fields {
		if v != nil {
			fields[name] = text(v)
		}
	}
	return shown{r.ID, r.Key, r.Kind, r.Source, r.Occurred.In(s.zone), r.Received.In(s.zone), fields}
}

// text is a value as people read it.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []string:
		return strings.Join(v, ", ")
	}
	out, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(out)
}

// notice makes the notice about a record. An error is the record's own, and does not
// tell the cause, which may quote a value.
func (s *Sink) notice(r pipeline.Record) (notice, error) {
	data := s.shown(r)
	n := notice{defaultTitle(data), defaultBody(data)}
	for _, part := range []struct {
		set  string
		with config.Template
		to   *string
		name string
	}{{s.conf.Title, s.title, &n.title, "title"}, {s.conf.Body, s.body, &n.body, "body"}} {
		if part.set == "" {
			continue
		}
		out, err := part.with.Execute(data, maxNotice)
		if err != nil {
			return n, errors.New("larkchat: the template in " + part.name + " makes no text of this record; mend it and replay the record")
		}
		*part.to = strings.ToValidUTF8(string(out), "\uFFFD")
	}
	n.title = cut(strings.Join(strings.Fields(n.title), " "), maxTitle)
	return n, nil
}

func defaultTitle(r shown) string {
	switch r.Kind {
	case "lead":
		return "Khách mới / New lead: " + r.Source
	case "turn":
		return "Tin nhắn mới / New message: " + r.Source
	}
	return "Mới / New " + r.Kind + ": " + r.Source
}

// labels are the fields that come first, as people here call them.
var labels = []struct{ field, label string }{
	{"name", "Họ tên / Name"}, {"phone", "Điện thoại / Phone"}, {"email", "Email"}, {"address", "Địa chỉ / Address"},
	{"product", "Sản phẩm / Product"}, {"message", "Lời nhắn / Message"}, {"note", "Ghi chú / Note"},
}

// defaultBody lists what is known, the usual fields first.
func defaultBody(r shown) string {
	var lines []string
	line := func(label, value string) {
		if value = strings.TrimSpace(value); value != "" && len(lines) < maxLines {
			lines = append(lines, label+": "+cut(value, maxLine))
		}
	}
	rest := maps.Clone(r.Fields)
	for _, l := range labels {
		line(l.label, r.Fields[l.field])
		delete(rest, l.field)
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		line(name, rest[name])
	}
	line("Lúc / At", r.Occurred.Format("15:04 02/01/2006"))
	return strings.Join(lines, "\n")
}

// cut shortens s to n characters.
func cut(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return strings.TrimSpace(s[:i]) + "…"
		}
	}
	return s
}
