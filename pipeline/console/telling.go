package console

import "strings"

// What is told is bounded, however it was made up: a reason may hold what a customer
// typed.
const (
	tellMost  = 4 << 10 // bytes; a longer text is shown as it came
	seamsMost = 40      // in one text; what follows the last is one piece
	deepMost  = 4       // sentences in sentences
	triesMost = 50_000  // sayings that one text is compared with
)

// seams are where one sentence ends and another may begin.
var seams = []string{"; ", ": ", ". ", ", ", " (", ")", " → ", "\n"}

// tell is a text of the program's in this language.
func (l tongue) tell(text string) string {
	if l.code != "vi" || l.sayings == nil || len(text) > tellMost {
		return text
	}
	return l.sayings.tell(text).text
}

// telling is a text that was told.
type telling struct {
	text  string
	score int      // letters of it that are known
	left  []string // what is not known, but for what holes carry
}

func (s *sayings) tell(text string) telling {
	t := &teller{sayings: s, tries: triesMost, before: map[string]telling{}}
	return t.tell(text, 0)
}

// teller tells one text.
type teller struct {
	*sayings
	tries  int
	before map[string]telling
}

// tell cuts a text at seams, in the way in which most of it is known.
func (t *teller) tell(text string, deep int) telling {
	if done, ok := t.before[text]; ok {
		return done
	}
	if deep > deepMost {
		return telling{text: text, left: []string{text}}
	}
	starts, ends := pieces(text)
	n := len(starts)
	best := make([]telling, n+1) // of the text from a piece on
	for i := n - 1; i >= 0; i-- {
		next := func(end int) string { // what stands before the next piece
			if end == n-1 {
				return text[ends[end]:]
			}
			return text[ends[end]:starts[end+1]]
		}
		same := text[starts[i]:ends[i]]
		best[i] = telling{text: same + next(i) + best[i+1].text, score: best[i+1].score, left: best[i+1].left}
		if same != "" {
			best[i].left = append([]string{same}, best[i].left...)
		}
		for j := i; j < n; j++ {
			part := text[starts[i]:ends[j]]
			if part != text && !strings.Contains(part, " ") {
				continue // one word among others may be anybody's
			}
			one, ok := t.whole(part, deep)
			if ok && one.score+best[j+1].score > best[i].score {
				best[i] = telling{text: one.text + next(j) + best[j+1].text, score: one.score + best[j+1].score,
					left: append(one.left[:len(one.left):len(one.left)], best[j+1].left...)}
			}
		}
	}
	t.before[text] = best[0]
	return best[0]
}

// pieces are those between the seams of a text.
func pieces(text string) (starts, ends []int) {
	starts = []int{0}
	for at := 0; at < len(text) && len(ends) < seamsMost; at++ {
		for _, seam := range seams {
			if strings.HasPrefix(text[at:], seam) {
				ends, starts = append(ends, at), append(starts, at+len(seam))
				at += len(seam) - 1
				break
			}
		}
	}
	end := len(text)
	if starts[len(starts)-1] < end && strings.HasSuffix(text, ".") {
		end--
	}
	return starts, append(ends, end)
}

// whole is a text that is one saying from its beginning to its end: of several that
// one of which most is known.
func (t *teller) whole(text string, deep int) (best telling, ok bool) {
	if text == "" {
		return telling{}, false
	}
	if one := t.exact[text]; one != nil {
		return telling{text: one.vi[0], score: one.score}, true
	}
	lists := [][]*saying{t.loose}
	if len(text) >= sayingBeginning {
		lists = append(lists, t.begins[text[:sayingBeginning]])
	}
	for _, list := range lists {
		for _, one := range list {
			if t.tries--; t.tries < 0 {
				return best, ok
			}
			in, fits := one.match(text)
			if !fits {
				continue
			}
			if now := t.fill(one, in, deep); !ok || now.score > best.score {
				best, ok = now, true
			}
		}
	}
	return best, ok
}

// fill puts what was in the holes of a saying where it stands in the other language.
func (t *teller) fill(s *saying, in []string, deep int) telling {
	out := telling{score: s.score}
	by := map[hole]string{}
	for i, h := range s.enHoles {
		by[h] = in[i]
		if h.told {
			inner := t.tell(in[i], deep+1)
			by[h] = inner.text
			out.score += inner.score
			out.left = append(out.left, inner.left...)
		}
	}
	var b strings.Builder
	for i, text := range s.vi {
		b.WriteString(text)
		if i < len(s.viHoles) {
			b.WriteString(by[s.viHoles[i]])
		}
	}
	out.text = b.String()
	return out
}
