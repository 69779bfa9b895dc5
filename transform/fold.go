package transform

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Folding makes "Họ và tên", "HO VA TEN" and "ho_va_ten" the same: diacritics
// off, đ as d, lower case (`sources.md` §1.5, §4.2). It is for comparing and
// looking up; what is shown is never folded.

// appendKey appends the folding of s that compares names: letters and digits
// only.
func appendKey(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
				dst = append(dst, c)
			case c >= 'A' && c <= 'Z':
				dst = append(dst, c|0x20)
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if b := latin(r); b != 0 {
			dst = append(dst, b)
		} else {
			dst = appendFolded(dst, r)
		}
	}
	return dst
}

// foldKey is [appendKey] as a string.
func foldKey(s string) string { return string(appendKey(nil, s)) }

// foldSearch is the folding of s that people look things up by: words of
// letters and digits with one space between them.
func foldSearch(s string) string {
	var buf [96]byte
	dst := buf[:0]
	gap := false
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
		}
		i += n
		at := len(dst)
		if gap && at > 0 {
			dst = append(dst, ' ')
		}
		word := len(dst)
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			dst = append(dst, byte(r))
		case r >= 'A' && r <= 'Z':
			dst = append(dst, byte(r)|0x20)
		case r < utf8.RuneSelf:
		default:
			if b := latin(r); b != 0 {
				dst = append(dst, b)
			} else {
				dst = appendFolded(dst, r)
			}
		}
		if len(dst) > word {
			gap = false
			continue
		}
		// Nothing to see. A mark belongs to the letter before it; anything
		// else parts words.
		dst = dst[:at]
		gap = gap || !unicode.Is(unicode.M, r)
	}
	return string(dst)
}

// latin is the base letter of an accented Latin one in lower case, 0 for
// anything else.
func latin(r rune) byte {
	switch {
	case r >= 0xc0 && r < 0x250:
		return baseLatin[r-0xc0]
	case r >= 0x1e00 && r < 0x1f00:
		return baseVietnamese[r-0x1e00]
	}
	return 0
}

var baseLatin, baseVietnamese = func() (a [0x250 - 0xc0]byte, b [0x100]byte) {
	for i := range a {
		a[i] = base(0xc0 + rune(i))
	}
	for i := range b {
		b[i] = base(0x1e00 + rune(i))
	}
	return a, b
}()

// base computes an entry of the tables. đ does not decompose, and people and
// fonts mix it up with the Icelandic ð (`sources.md` §4.2).
func base(r rune) byte {
	switch r {
	case 'đ', 'Đ', 'ð', 'Ð':
		return 'd'
	}
	d, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r)))
	d = unicode.ToLower(d)
	if d >= 'a' && d <= 'z' {
		return byte(d)
	}
	return 0
}

// appendFolded folds what is neither ASCII nor in the tables: full-width forms,
// other scripts, marks.
func appendFolded(dst []byte, r rune) []byte {
	if r == utf8.RuneError || unicode.Is(unicode.M, r) {
		return dst
	}
	var in [utf8.UTFMax]byte
	var buf [64]byte
	for _, d := range string(norm.NFKD.Append(buf[:0], in[:utf8.EncodeRune(in[:], r)]...)) {
		d = unicode.ToLower(d)
		if unicode.IsLetter(d) || unicode.IsDigit(d) {
			dst = utf8.AppendRune(dst, d)
		}
	}
	return dst
}
