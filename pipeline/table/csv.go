package table

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// csvWriter writes UTF-8 with a byte order mark, without which Excel shows accents
// as rubbish.
type csvWriter struct {
	w    *csv.Writer
	zone *time.Location
	row  []string
}

func newCSV(w io.Writer, columns []string, o Options) (*csvWriter, error) {
	if _, err := io.WriteString(w, "\uFEFF"); err != nil {
		return nil, err
	}
	c := &csvWriter{w: csv.NewWriter(w), zone: o.Zone, row: make([]string, 0, len(columns))}
	c.w.UseCRLF = true
	for _, name := range columns {
		c.row = append(c.row, tame(name))
	}
	return c, c.w.Write(c.row)
}

func (c *csvWriter) Write(values []any) error {
	c.row = c.row[:0]
	for _, v := range values {
		c.row = append(c.row, c.text(v))
	}
	return c.w.Write(c.row)
}

func (c *csvWriter) text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return tame(v)
	case []string:
		return tame(listed(v))
	case time.Time:
		return v.In(c.zone).Format("2006-01-02 15:04:05")
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool, int:
		return fmt.Sprint(v)
	}
	return tame(fmt.Sprint(v))
}

func (c *csvWriter) Close() error {
	c.w.Flush()
	return c.w.Error()
}

// tame puts an apostrophe before text that a spreadsheet program would work out as
// a formula, whatever blanks it begins with. A number stays as it is, and so does a
// phone such as +84…, which is worked out to itself.
func tame(s string) string {
	t := strings.TrimLeft(s, " \t\r\n\u00a0\ufeff")
	if t == "" {
		return s
	}
	switch t[0] {
	case '=', '@':
		return "'" + s
	case '+', '-':
		if strings.Trim(t[1:], "0123456789.") != "" || len(t) == 1 {
			return "'" + s
		}
	}
	if s[0] == '\t' || s[0] == '\r' {
		return "'" + s
	}
	return s
}
