package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Entry is one thing that somebody did. It names people by IDs only.
type Entry struct {
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	What   string    `json:"what"`             // "signed in", "replayed", "dropped", …
	On     string    `json:"on,omitempty"`     // a sink, a source, an ID
	Count  int       `json:"count,omitempty"`  // how many it was about
	Reason string    `json:"reason,omitempty"` // what the person gave as one
}

// Audit is the file of entries, one JSON object a line. It is only ever added to, and
// an entry is on disk before it is confirmed. Several processes may add to one file.
type Audit struct {
	path string
	mu   sync.Mutex
}

// OpenAudit makes the file when there is none, for its owner's eyes only.
func OpenAudit(path string) (*Audit, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the audit log cannot be opened: %w", err)
	}
	return &Audit{path: path}, f.Close()
}

// textMost bounds each text of an entry, so that a line is written in one go.
const textMost = 300

// Add writes an entry down.
func (a *Audit) Add(e Entry) error {
	e.At = e.At.UTC()
	for _, s := range []*string{&e.Who, &e.What, &e.On, &e.Reason} {
		*s = oneLine(*s, textMost)
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("the audit log: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	f, err := os.OpenFile(a.path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("the audit log cannot be written: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("the audit log cannot be written: %w", err)
	}
	return nil
}

// oneLine keeps what a person typed readable and short.
func oneLine(s string, most int) string {
	s = strings.ToValidUTF8(s, "�")
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most-1]) + "…"
	}
	return s
}

// tailMost is how far back from its end the file is read.
const tailMost = 256 << 10

// Latest are the last n entries, newest first. A line that cannot be read is left out.
func (a *Audit) Latest(n int) ([]Entry, error) {
	f, err := os.Open(a.path)
	if err != nil {
		return nil, fmt.Errorf("the audit log cannot be read: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("the audit log cannot be read: %w", err)
	}
	from := max(0, info.Size()-tailMost)
	text, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return nil, fmt.Errorf("the audit log cannot be read: %w", err)
	}
	lines := bytes.Split(text, []byte("\n"))
	if from > 0 {
		lines = lines[1:] // a part of one
	}
	var out []Entry
	for i := len(lines) - 1; i >= 0 && len(out) < n; i-- {
		var e Entry
		if json.Unmarshal(lines[i], &e) == nil && e.What != "" {
			out = append(out, e)
		}
	}
	return out, nil
}

// note writes down what cannot be undone by refusing it, such as a sign-in.
func (c *Console) note(e Entry) {
	if c.opts.Audit == nil {
		return
	}
	e.At = c.opts.Now()
	if err := c.opts.Audit.Add(e); err != nil {
		c.log.Error("who did what is not written down", "error", err)
	}
}

func (c *Console) activityPage(w http.ResponseWriter, r *http.Request, v visitor) {
	entries, err := c.opts.Audit.Latest(200)
	if err != nil {
		c.log.Error("the activity cannot be shown", "error", err)
		c.fault(w, r, v, http.StatusInternalServerError, "fault.read")
		return
	}
	c.show(w, r, v, http.StatusOK, "activity", entries)
}
