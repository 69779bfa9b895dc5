package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Hash is a SHA-256. It prints as 64 hexadecimal digits.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// start is the hash that the first line builds on.
var start = Hash(sha256.Sum256([]byte("mekong receipt 1\n")))

func (h Hash) next(line []byte) Hash {
	s := sha256.New()
	s.Write(h[:])
	s.Write(line)
	var out Hash
	s.Sum(out[:0])
	return out
}

// line is a fact as it is hashed.
type line struct {
	text []byte // JSON on one line, without < > & and without anything unseen
	hash Hash
}

// Most is the most that a receipt may have: a file, and the facts in it.
const (
	MostBytes = 32 << 20
	MostFacts = 20_000
)

// ErrLarge means that the facts are too many for one receipt.
var ErrLarge = errors.New("that is too much for one receipt: ask for fewer leads at once")

// chain makes lines of facts, each hash on the one before.
func chain(facts []Fact) ([]line, error) {
	if len(facts) > MostFacts {
		return nil, ErrLarge
	}
	out := make([]line, 0, len(facts))
	h, size := start, 0
	for _, f := range facts {
		text, err := canonical(f)
		if err != nil {
			return nil, err
		}
		// Page and table hold the facts twice, once for people.
		if size += len(text); size > MostBytes/4 {
			return nil, ErrLarge
		}
		h = h.next(text)
		out = append(out, line{text, h})
	}
	return out, nil
}

// canonical is v as JSON that survives being put into a page or a table as it is: the
// signs of HTML, and all that is not seen or turns the direction of text, are escaped.
func canonical(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("a fact cannot be written down: %w", err)
	}
	if !bytes.ContainsFunc(text, unseen) {
		return text, nil
	}
	var out bytes.Buffer
	for _, r := range string(text) {
		switch {
		case !unseen(r):
			out.WriteRune(r)
		case r > 0xFFFF:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes(), nil
}

func unseen(r rune) bool {
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}

// visible is a text as it is shown to people: what is not seen, or turns the direction
// of the text around it, is shown as a sign that something was there.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unseen(r) && r != '\n' && r != '\t' {
			return utf8.RuneError
		}
		return r
	}, s)
}

// The lines that a file carries for whoever verifies it: of each fact its number, hash
// and text, and the seal.
const sealWord = "seal"

func (l line) carried(n int) string {
	return strconv.Itoa(n) + " " + l.hash.String() + " " + string(l.text)
}

func (r *Receipt) carriedSeal() string {
	return sealWord + " " + r.Head.String() + " " + r.Key.String() + " " + r.seal.String()
}

// read takes a receipt out of the lines that a file carries, without judging them. What
// cannot be read at all is an error.
func read(carried []string) (*Receipt, error) {
	r := &Receipt{}
	if len(carried) > MostFacts+1 {
		return nil, fmt.Errorf("it has more than %d entries", MostFacts)
	}
	for i, text := range carried {
		first, rest, _ := strings.Cut(text, " ")
		if first == sealWord {
			if i != len(carried)-1 {
				return nil, errors.New("something follows the seal")
			}
			return r, r.readSeal(rest)
		}
		hash, body, ok := strings.Cut(rest, " ")
		if !ok || first != strconv.Itoa(i+1) {
			return nil, fmt.Errorf("entry %d is not where it should be", i+1)
		}
		l := line{text: []byte(body)}
		if !exactHex(l.hash[:], hash) {
			return nil, fmt.Errorf("entry %d has no hash", i+1)
		}
		var f Fact
		if json.Unmarshal(l.text, &f) != nil {
			return nil, fmt.Errorf("entry %d cannot be read", i+1)
		}
		r.Facts, r.lines = append(r.Facts, f), append(r.lines, l)
	}
	return nil, errors.New("it has no seal")
}

func (r *Receipt) readSeal(text string) error {
	parts := strings.Split(text, " ")
	if len(parts) != 3 || !exactHex(r.Head[:], parts[0]) || !exactHex(r.seal[:], parts[2]) {
		return errors.New("the seal cannot be read")
	}
	key, err := ParsePublicKey(parts[1])
	if err != nil || key.String() != parts[1] {
		return errors.New("the seal's key cannot be read")
	}
	r.Key, r.Number = key, r.Issued().Number
	return nil
}

// exactHex reads as many bytes as into holds, in one way of writing only.
func exactHex(into []byte, text string) bool {
	if len(text) != 2*len(into) {
		return false
	}
	if _, err := hex.Decode(into, []byte(text)); err != nil {
		return false
	}
	return hex.EncodeToString(into) == text
}

// misfit is the number of the first entry that does not fit the chain; 0: all fit.
func (r *Receipt) misfit() int {
	h := start
	for i, l := range r.lines {
		if h = h.next(l.text); h != l.hash {
			return i + 1
		}
	}
	return 0
}
