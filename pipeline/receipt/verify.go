package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"mekong/pipeline"
)

// Each file ends with a signature over all of it, in which the signature itself is
// taken as zeros. Nothing that a customer sent stands behind the word, so the last one
// is ours.
const fileWord = "mekong-file-signature "

var noSignature = strings.Repeat("0", 2*len(signature{}))

// sealFile puts the signature into a file that was written without.
func sealFile(file []byte, k *Key) error {
	at := bytes.LastIndex(file, []byte(fileWord))
	if at < 0 || !bytes.HasPrefix(file[at+len(fileWord):], []byte(noSignature)) {
		return errors.New("the file has no place for its signature")
	}
	if len(file) > MostBytes {
		return ErrLarge
	}
	sum := sha256.Sum256(file)
	copy(file[at+len(fileWord):], k.sign(signedFile, sum[:]).String())
	return nil
}

// fileSigned reports whether all of a file is as it was signed.
func fileSigned(file []byte, key PublicKey) bool {
	at := bytes.LastIndex(file, []byte(fileWord))
	if at < 0 {
		return false
	}
	at += len(fileWord)
	var s signature
	if len(file) < at+len(noSignature) || !exactHex(s[:], string(file[at:at+len(noSignature)])) {
		return false
	}
	plain := bytes.Clone(file)
	copy(plain[at:], noSignature)
	sum := sha256.Sum256(plain)
	return key.signed(signedFile, sum[:], s)
}

// Where the lines stand in a page.
const (
	pageBegin = "<pre id=\"mekong-receipt\">\n"
	pageEnd   = "\n</pre>"
)

// Verdict is what became of a verification. The findings are in the order of what was
// looked at; those that fail say what does not fit.
type Verdict struct {
	Receipt  *Receipt // nil where the file could not be read
	Sealed   bool     // the entries are as the key that the receipt names has sealed them
	Findings []pipeline.Finding
}

// OK reports whether nothing failed.
func (v *Verdict) OK() bool {
	for _, f := range v.Findings {
		if f.Level == pipeline.Fail {
			return false
		}
	}
	return len(v.Findings) > 0
}

// Add appends findings.
func (v *Verdict) Add(fs ...pipeline.Finding) { v.Findings = append(v.Findings, fs...) }

func (v *Verdict) say(level pipeline.Level, setting, what, fix string) {
	v.Add(pipeline.Finding{Level: level, Setting: setting, What: what, Fix: fix})
}

// Verify judges a file that [Receipt.WriteHTML] or [Receipt.WriteCSV] made: whether the
// entries fit their chain and the seal, whether all the rest of the file is as it was
// issued, and whether the seal is by one of the keys. Without a key that last question
// stays open, and that fails: anybody can make a key. What a finding says is of the
// receipt's structure and never quotes what is in it.
func Verify(file []byte, keys ...PublicKey) Verdict {
	var v Verdict
	r, err := parse(file)
	if err != nil {
		v.say(pipeline.Fail, "file", err.Error(), "take the file as it was issued: one that was saved again from a browser, Excel or an editor is another file")
		return v
	}
	v.Receipt = r
	switch n := r.misfit(); {
	case n > 0:
		v.say(pipeline.Fail, "entries", fmt.Sprintf("entry %d (%s) is the first that does not fit: it was altered, or one in front of it was taken out or put in", n, r.Facts[n-1].kind()), "")
		return v
	case r.closes() != nil:
		v.say(pipeline.Fail, "entries", r.closes().Error(), "")
		return v
	}
	v.say(pipeline.OK, "entries", fmt.Sprintf("all %d entries fit their chain", len(r.lines)), "")
	if r.Head != r.lines[len(r.lines)-1].hash || !r.Key.signed(signedHead, r.Head[:], r.seal) {
		v.say(pipeline.Fail, "seal", "the seal does not fit the entries: they were made up, or the seal is another receipt's", "")
		return v
	}
	v.Sealed = true
	v.say(pipeline.OK, "seal", "the seal fits the entries", "")
	if fileSigned(file, r.Key) {
		v.say(pipeline.OK, "file", "every byte of the file is as it was issued", "")
	} else {
		v.say(pipeline.Fail, "file", "the entries are as they were issued, but what is shown around them was altered", "believe the entries alone, or ask for the file as it was issued")
	}
	v.whose(keys)
	return v
}

// whose judges the key.
func (v *Verdict) whose(keys []PublicKey) {
	switch key := v.Receipt.Key; {
	case known(key.String(), keys):
		v.say(pipeline.OK, "key", "it is sealed with "+key.String(), "")
	case len(keys) > 0:
		v.say(pipeline.Fail, "key", "it is sealed with another key, "+key.String(), "ask whoever issued it for mekong receipt key, on a way of which you know that it is theirs")
	default:
		v.say(pipeline.Fail, "key", "whose seal it is is not known: it names "+key.String()+", and anybody can make a key", "give the key of the installation with --key; there, mekong receipt key prints it")
	}
}

// closes says what is wrong with how a receipt ends.
func (r *Receipt) closes() error {
	n := len(r.Facts)
	if n == 0 || r.Facts[n-1].Issued == nil || r.Issued().Facts != n {
		return errors.New("the entries do not end where the receipt was closed")
	}
	for _, f := range r.Facts[:n-1] {
		if f.Issued != nil {
			return errors.New("the receipt is closed twice")
		}
	}
	return nil
}

// kind is what a fact is about, in one word.
func (f *Fact) kind() string {
	switch {
	case f.Received != nil:
		return "received"
	case f.Consent != nil:
		return "consent"
	case f.Record != nil:
		return "record"
	case f.Outcome != nil:
		return "outcome"
	case f.Forgotten != nil:
		return "forgotten"
	case f.Issued != nil:
		return "issued"
	}
	return "unknown"
}

// parse finds the lines in a file.
func parse(file []byte) (*Receipt, error) {
	switch {
	case len(file) > MostBytes:
		return nil, fmt.Errorf("it is larger than any receipt (%d MiB)", MostBytes>>20)
	case !utf8.Valid(file):
		return nil, errors.New("it is no text in UTF-8")
	}
	text := string(file)
	if rest, ok := strings.CutPrefix(text, "\uFEFF"); ok {
		return parseTable(rest)
	}
	_, rest, ok := strings.Cut(text, pageBegin)
	if !ok {
		return nil, errors.New("it is no receipt of Mekong")
	}
	lines, _, ok := strings.Cut(rest, pageEnd)
	if !ok {
		return nil, errors.New("the entries have no end")
	}
	return read(strings.Split(lines, "\n"))
}

// parseTable takes the lines out of the last column.
func parseTable(text string) (*Receipt, error) {
	in := csv.NewReader(strings.NewReader(text))
	in.FieldsPerRecord, in.ReuseRecord = tableWide, true
	var lines []string
	for n := 0; ; n++ {
		row, err := in.Read()
		if err != nil {
			break // the end, or what is no table
		}
		if cell := row[tableWide-1]; n > 0 && cell != "" && !strings.HasPrefix(cell, fileWord) {
			lines = append(lines, cell)
		}
	}
	if len(lines) == 0 {
		return nil, errors.New("it is no receipt of Mekong")
	}
	return read(lines)
}
