package receipt

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"mekong/pipeline/table"
)

// tableWide is how many columns the table has; the last carries the data.
const tableWide = 5

// errForeign means that the receipt was read from a file: only whoever issued it can
// sign another.
var errForeign = errors.New("a receipt that was read from a file cannot be written again: take the file")

// WriteCSV writes the receipt as a table: a row for each thing that an entry says, and
// in the last column the entry itself, once. Text that a spreadsheet program would take
// for a formula has an apostrophe in front of it; the data have it as it is.
func (r *Receipt) WriteCSV(w io.Writer, lang Lang) error {
	if r.own == nil {
		return errForeign
	}
	t := tongue{lang}
	var file bytes.Buffer
	out, err := table.NewWriter(&file, table.CSV, []string{t.say("entry"), t.say("part"), t.say("item"), t.say("value"), t.say("data")}, table.Options{})
	if err != nil {
		return err
	}
	for i := range r.Facts {
		title, items := t.tell(&r.Facts[i])
		data := any(r.lines[i].carried(i + 1))
		if len(items) == 0 {
			items = []Pair{{}}
		}
		for _, item := range items {
			if err := out.Write([]any{strconv.Itoa(i + 1), title, item.Name, item.Value, data}); err != nil {
				return err
			}
			data = nil
		}
	}
	for _, row := range [][]any{
		{nil, t.say("proof"), t.say("proof.key"), r.Key.String(), nil},
		{nil, t.say("proof"), t.say("proof.head"), "sha256:" + r.Head.String(), r.carriedSeal()},
		{nil, t.say("proof"), t.say("proof.check"), "mekong receipt verify FILE --key " + r.Key.String(), fileWord + noSignature},
	} {
		if err := out.Write(row); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return r.send(w, file.Bytes())
}

// send signs a file and writes it.
func (r *Receipt) send(w io.Writer, file []byte) error {
	if err := sealFile(file, r.own); err != nil {
		return err
	}
	_, err := w.Write(file)
	return err
}
