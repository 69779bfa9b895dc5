package trace

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	leastDigits = 3  // of a phone number's end
	mostSpelled = 64 // words that one beginning may stand for
	longestUTM  = 18 // digits of the longest number that advertisers' systems give
)

// words is the expression that finds the entries of term; "" finds all. It is not possible
// when nothing can have such a word.
func (q *query) words(term string) (expr string, possible bool, err error) {
	if term == "" {
		return "", true, nil
	}
	expr, err = q.term(term)
	return expr, expr != "", err
}

// match adds the filters that are words too.
func (q *query) match(words string) string {
	var ands []string
	if words != "" {
		ands = append(ands, words)
	}
	for _, f := range [...]struct{ of, value string }{{ofSource, q.filter.Source}, {ofForm, q.filter.Form}, {ofKind, q.filter.Kind}} {
		if f.value != "" {
			ands = append(ands, word(token(f.of, f.value)))
		}
	}
	if kinds := q.kinds(); len(kinds) > 0 {
		ands = append(ands, either(kinds))
	}
	return strings.Join(ands, " AND ")
}

// term is what one of these may be: a phone, an address, a page, a value of utm_*, a
// name.
func (q *query) term(term string) (string, error) {
	if strings.Contains(term, "@") && !strings.ContainsAny(term, " \t") {
		return beginning(token(ofEmail, term)), nil
	}
	var ors []string
	utm, err := q.spelled(token(ofUTM, term), "")
	if err != nil {
		return "", err
	}
	d := digits(term)
	if onlyDigits(term) && len(d) > 0 {
		if len(d) >= leastDigits && len(d) <= longestUTM {
			ors = append(ors, beginning(ofPhone+reversed(national(d))))
		}
		return either(append(ors, utm...)), nil
	}
	ors = append(ors, utm...)
	pages, err := q.pages(term)
	if err != nil {
		return "", err
	}
	ors = append(ors, pages...)
	var words []string
	for _, w := range strings.Fields(fold(term)) {
		forms, err := q.names(ofName + w)
		if err != nil {
			return "", err
		}
		if len(words) == maxWords {
			break
		}
		words = append(words, either(forms))
	}
	if len(words) > 0 {
		ors = append(ors, "("+strings.Join(words, " AND ")+")")
	}
	return either(ors), nil
}

// onlyDigits reports whether s is written as a phone number is.
func onlyDigits(s string) bool {
	for _, r := range s {
		if !(r >= '0' && r <= '9' || r >= '０' && r <= '９' || strings.ContainsRune("+-./() \t＋", r) || unicode.Is(unicode.Zs, r)) {
			return false
		}
	}
	return true
}

// isLong reports whether a word of a name has more letters than the beginnings that
// the index has as words.
func isLong(w string) bool { return utf8.RuneCountInString(w) > len(ofName)+mostPrefix }

// names are the words of names that begin with w, as expressions. The index has all
// beginnings of up to [mostPrefix] letters; of longer ones few are frequent.
func (q *query) names(w string) ([]string, error) {
	if !isLong(w) {
		return []string{word(w)}, nil
	}
	return q.spelled(w, beginning(w))
}

// spelled are the words that begin with w, as expressions. The index could look for a
// beginning itself, but makes one list of all its documents first; a list of words it
// walks, and stops when there is enough. Where more than [mostSpelled] words begin so, it
// is many, or, without it, the whole word alone.
func (q *query) spelled(w, many string) ([]string, error) {
	out := []string{word(w)}
	if utf8.RuneCountInString(w) < 1+leastPrefix {
		return out, nil
	}
	if many == "" {
		many = word(w)
	}
	return q.collect(out, word(w), many, `SELECT w FROM lexicon WHERE w >= ? AND w < ? LIMIT ?`, w, w+"\U0010ffff", mostSpelled+1)
}

// pages are those whose address holds term.
func (q *query) pages(term string) ([]string, error) {
	t := strings.ToLower(term)
	if i := strings.Index(t, "://"); i >= 0 {
		t = t[i+3:]
	}
	t, _, _ = strings.Cut(t, "?")
	t, _, _ = strings.Cut(t, "#")
	t = strings.TrimSuffix(t, "/")
	if len(t) < leastDigits || strings.ContainsAny(t, " \t") {
		return nil, nil
	}
	w := token(ofPage, t)
	return q.collect(nil, "", "", `SELECT w FROM lexicon WHERE w >= 'p' AND w < 'q' AND instr(substr(w, 2), ?) > 0 LIMIT ?`, w[1:], mostSpelled)
}

// collect adds the words that a query of the lexicon gives. Are they too many, many is
// taken in their place, where there is one.
func (q *query) collect(out []string, have, many, text string, args ...any) ([]string, error) {
	rows, err := q.conn.QueryContext(q.ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	n := 0
	for rows.Next() {
		var w sql.NullString
		if err := rows.Scan(&w); err != nil {
			return nil, err
		}
		if e := word(w.String); e != have {
			out = append(out, e)
		}
		n++
	}
	if n > mostSpelled && many != "" {
		out = []string{many}
	}
	return out, rows.Err()
}

// word is the expression of one whole word, beginning that of all words it begins.
// Neither holds a quotation mark: see token.
func word(w string) string      { return `"` + w + `"` }
func beginning(w string) string { return fmt.Sprintf(`"%s" *`, w) }

func either(exprs []string) string {
	exprs = slices.DeleteFunc(exprs, func(s string) bool { return s == "" })
	switch len(exprs) {
	case 0:
		return ""
	case 1:
		return exprs[0]
	}
	return "(" + strings.Join(exprs, " OR ") + ")"
}
