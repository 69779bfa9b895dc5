package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/gogs/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// text is an encoding that was found out.
type text struct {
	sample []byte // the file's beginning, in UTF-8
	enc    encoding.Encoding
	note   string
}

// decoder finds the encoding of a file by its beginning: by its byte order mark,
// else UTF-8 where it is valid, else what a detector holds likely.
func decoder(begin []byte) text {
	t := text{enc: unicode.UTF8BOM}
	switch {
	case bytes.HasPrefix(begin, []byte("\xEF\xBB\xBF")):
		t.note = "encoding UTF-8"
	case bytes.HasPrefix(begin, []byte("\xFF\xFE")), bytes.HasPrefix(begin, []byte("\xFE\xFF")):
		t.enc, t.note = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "encoding UTF-16"
	case validStart(begin):
		t.note = "encoding UTF-8"
	default:
		t.enc, t.note = guess(begin)
	}
	t.sample, _, _ = transform.Bytes(t.enc.NewDecoder(), begin)
	return t
}

// validStart accepts UTF-8 that may end inside a character.
func validStart(b []byte) bool {
	for cut := 0; cut < utf8.UTFMax && cut <= len(b); cut++ {
		if utf8.Valid(b[:len(b)-cut]) {
			return true
		}
	}
	return false
}

// guess asks the detector. Where it does not know, the text is taken for Windows'
// Vietnamese.
func guess(begin []byte) (encoding.Encoding, string) {
	const fallback = "windows-1258"
	name := fallback
	if zeros := bytes.Count(begin, []byte{0}); zeros > len(begin)/8 {
		name = "utf-16le"
	} else if r, err := chardet.NewTextDetector().DetectBest(begin); err == nil && r.Confidence >= 50 {
		name = strings.ToLower(r.Charset)
	}
	if strings.HasPrefix(name, "iso-8859-1") || name == "windows-1252" {
		name = fallback // Western and Vietnamese share their bytes; these are Vietnamese files
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		name = fallback
		enc, _ = htmlindex.Get(name)
	}
	return enc, "encoding " + name + " (guessed: look at the accents)"
}

func (t text) reader(r io.Reader) io.Reader { return transform.NewReader(r, t.enc.NewDecoder()) }

// delimiter is what a person calls it.
var delimiters = []struct {
	sign rune
	name string
}{{',', "comma"}, {';', "semicolon"}, {'\t', "tab"}, {'|', "bar"}}

// readCSV finds the delimiter: the one that cuts the first rows most evenly.
func readCSV(t text, file io.Reader) (*Reader, error) {
	sign, name, best := ',', "comma", -1
	for _, d := range delimiters {
		if score := evenness(t.sample, d.sign); score > best {
			sign, name, best = d.sign, d.name, score
		}
	}
	in := csv.NewReader(&bounded{r: bufio.NewReader(t.reader(file)), most: maxLine})
	in.Comma, in.FieldsPerRecord, in.LazyQuotes, in.ReuseRecord = sign, -1, true, false
	r := &Reader{Format: CSV, Notes: []string{t.note, "columns divided by a " + name}}
	row := func() (Row, error) {
		for {
			values, err := in.Read()
			var parse *csv.ParseError
			switch {
			case errors.As(err, &parse):
				return Row{}, fmt.Errorf("line %d: %w", parse.StartLine, parse.Err)
			case err != nil:
				return Row{}, err
			case blank(values):
				continue
			}
			line, _ := in.FieldPos(0)
			return Row{Line: line, Values: values}, nil
		}
	}
	return r, begin(r, row)
}

// begin finds the row with the names among the first ones and leaves r behind it.
func begin(r *Reader, row func() (Row, error)) error {
	const looked = 20
	var first []Row
	width := 0
	for len(first) < looked {
		next, err := row()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := tooWide(len(next.Values)); err != nil {
			return err
		}
		first, width = append(first, next), max(width, len(names(next.Values)))
	}
	at := -1
	for i := range first {
		if isHeader(first[i].Values, width) {
			at = i
			break
		}
	}
	if at < 0 {
		return errors.New("no row holds the names of the columns; put a first row with names, such as Họ tên, Số điện thoại")
	}
	r.Columns = names(first[at].Values)
	waiting := first[at+1:]
	r.next = func() (Row, error) {
		if len(waiting) > 0 {
			next := waiting[0]
			waiting = waiting[1:]
			return next, nil
		}
		return row()
	}
	return nil
}

// evenness is how many rows of the sample have the number of columns that the most
// have, times that number; one column counts nothing.
func evenness(sample []byte, sign rune) int {
	in := csv.NewReader(bytes.NewReader(sample))
	in.Comma, in.FieldsPerRecord, in.LazyQuotes, in.ReuseRecord = sign, -1, true, true
	counts := map[int]int{}
	for range 50 {
		values, err := in.Read()
		if err != nil {
			break
		}
		if len(values) > 1 {
			counts[len(values)]++
		}
	}
	best := 0
	for columns, rows := range counts {
		best = max(best, rows*100+min(columns, 99))
	}
	return best
}

// bounded refuses lines that are longer than any row of a table: an unclosed quote
// would else take in the rest of the file.
type bounded struct {
	r    *bufio.Reader
	most int
	run  int
}

var errLong = fmt.Errorf("a line longer than %d bytes; is this a table?", maxLine)

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if at := bytes.LastIndexByte(p[:n], '\n'); at >= 0 {
		b.run = n - at
	} else if b.run += n; b.run > b.most {
		return 0, errLong
	}
	return n, err
}

// readLines reads JSON lines; what is in one is not this package's to judge.
func readLines(in io.Reader, note string) *Reader {
	r := &Reader{Format: JSONL, Notes: []string{note}}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	n := 0
	r.next = func() (Row, error) {
		for lines.Scan() {
			n++
			if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
				return Row{Line: n, JSON: bytes.Clone(line)}, nil
			}
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			return Row{}, fmt.Errorf("line %d: %w", n+1, errLong)
		case err != nil:
			return Row{}, fmt.Errorf("line %d: %w", n+1, err)
		}
		return Row{}, io.EOF
	}
	return r
}

// readArray reads the objects of one JSON list.
func readArray(in io.Reader, note string) *Reader {
	r := &Reader{Format: JSONL, Notes: []string{note, "one JSON list"}}
	list := json.NewDecoder(in)
	n := 0
	r.next = func() (Row, error) {
		if n == 0 {
			if _, err := list.Token(); err != nil {
				return Row{}, err
			}
		}
		if !list.More() {
			if _, err := list.Token(); err != nil {
				return Row{}, fmt.Errorf("behind item %d: %w", n, err)
			}
			return Row{}, io.EOF
		}
		n++
		var item json.RawMessage
		switch err := list.Decode(&item); {
		case err != nil:
			return Row{}, fmt.Errorf("item %d: %w", n, err)
		case len(item) > maxLine:
			return Row{}, fmt.Errorf("item %d: %w", n, errLong)
		}
		return Row{Line: n, JSON: item}, nil
	}
	return r
}
