package console

import (
	"net/url"
	"regexp"
	"strings"
)

// piece is a part of a text: a link, or words.
type piece struct{ Text, Link string }

var address = regexp.MustCompile(`https?://[^\s<>"'«»“”]+`)

// linked finds the addresses in a text, so that they can be clicked. What is no web
// address stays words, whatever it looks like.
func linked(text string) (out []piece) {
	for text != "" {
		at := address.FindStringIndex(text)
		if at == nil {
			return append(out, piece{Text: text})
		}
		found := strings.TrimRight(text[at[0]:at[1]], ".,;:!?)")
		u, err := url.Parse(found)
		end := at[0] + len(found)
		switch {
		case err != nil || u.Host == "" || u.User != nil:
			out = append(out, piece{Text: text[:end]})
		default:
			if at[0] > 0 {
				out = append(out, piece{Text: text[:at[0]]})
			}
			out = append(out, piece{Text: found, Link: found})
		}
		text = text[end:]
	}
	return out
}
