package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mekong/config"
	"mekong/pipeline"
)

// sent is a record as a receiver sees it, and as a template does under the names of
// the Go fields.
type sent struct {
	ID       string         `json:"id"`
	Key      string         `json:"key"`
	Kind     string         `json:"kind"`
	Source   string         `json:"source"`
	Occurred string         `json:"occurred"` // RFC 3339 with up to nine decimals, UTC
	Received string         `json:"received"`
	Fields   map[string]any `json:"fields"`
}

func asSent(r pipeline.Record) sent {
	fields := r.Fields
	if fields == nil {
		fields = map[string]any{}
	}
	return sent{r.ID, r.Key, r.Kind, r.Source, stamp(r.Occurred), stamp(r.Received), fields}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// parseBody reads a template and tries it on made-up records, so that one that forgets
// its quotes is found before a customer's name has some.
func parseBody(text string) (config.Template, error) {
	t, err := config.ParseTemplate(text)
	if err != nil {
		return t, err
	}
	at := time.Date(2026, time.March, 3, 8, 30, 0, 0, time.UTC)
	full := map[string]any{}
	for _, name := range []string{"name", "phone", "email", "note"} {
		full[name] = "a \"quoted\" \\ text,\n in two lines"
	}
	for _, fields := range []map[string]any{full, {}} {
		r := pipeline.Record{ID: "id", Key: "key", Kind: "lead", Source: "source", Occurred: at, Received: at, Fields: fields}
		out, err := t.Execute(asSent(r), maxRequest)
		switch {
		case err != nil:
			return t, err
		case !json.Valid(out) && len(fields) == 0:
			return t, errors.New("without fields it makes no JSON; write every value as {{json .Fields.name}}, which is null where there is none")
		case !json.Valid(out):
			return t, errors.New("it makes no JSON of a text with quotes in it; write every value as {{json .Fields.name}}, without quotes around it")
		}
	}
	return t, nil
}

// encode makes the JSON of one record. An error is the record's own.
func (s *Sink) encode(r pipeline.Record) ([]byte, error) {
	if s.conf.Body != "" {
		out, err := s.body.Execute(asSent(r), maxRequest)
		if err != nil || !json.Valid(out) {
			// The cause may quote a value.
			return nil, errors.New("webhook: the template in body makes no JSON of this record; mend it and replay the record")
		}
		return out, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(asSent(r)); err != nil {
		return nil, errors.New("webhook: the record holds a value that JSON has no form for")
	}
	return checkSize(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// encodeList makes one list of records that encode can write.
func encodeList(bodies [][]byte) ([]byte, error) {
	return checkSize(append(append([]byte{'['}, bytes.Join(bodies, []byte{','})...), ']'))
}

func checkSize(body []byte) ([]byte, error) {
	if len(body) > maxRequest {
		return nil, fmt.Errorf("webhook: longer than %d MiB", maxRequest>>20)
	}
	return body, nil
}

// listID is one ID for several records, the same for the same ones in their order.
func listID(batch []pipeline.Record) string {
	if len(batch) == 1 {
		return batch[0].ID
	}
	h := sha256.New()
	for _, r := range batch {
		_, _ = fmt.Fprintf(h, "%d:%s", len(r.ID), r.ID) // a hash takes every write
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
