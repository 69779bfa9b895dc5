package console

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

// Findings, and the reasons for which a sink is held or a record buried, are English
// wherever they are kept: they are matched, grouped and logged. Here they are told in
// Vietnamese, when they are shown. What is not known is shown as it came.
//
// A saying is two lines of a file: the English, and below it, indented, the Vietnamese.
// {name} stands for what varies and is carried over as it is, {=name} for one word of
// that kind, and {+name} for what may be a sentence itself, and is told as one. Both
// languages have the same.

//go:embed sayings/*.txt
var sayingFiles embed.FS

// hole is a place in a saying, for what varies.
type hole struct {
	name string
	told bool // what fills it is told, too
	word bool // what fills it is one word
}

// saying is one sentence in both languages: texts with holes between them, of which
// there is one less.
type saying struct {
	en, vi           []string
	enHoles, viHoles []hole
	score            int // letters of the English that are known
}

// sayings are all there are.
type sayings struct {
	exact  map[string]*saying   // without holes, by the English
	begins map[string][]*saying // with holes, by how they begin
	loose  []*saying            // with holes, of which the beginning is too short to look for
}

// sayingBeginning is how long the beginnings are that sayings are looked for by.
const sayingBeginning = 5

// loadSayings reads the files once.
var loadSayings = sync.OnceValues(func() (*sayings, error) {
	names, err := fs.Glob(sayingFiles, "sayings/*.txt")
	if err != nil {
		return nil, err
	}
	s := &sayings{exact: map[string]*saying{}, begins: map[string][]*saying{}}
	for _, name := range names {
		text, err := sayingFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := s.read(name, string(text)); err != nil {
			return nil, err
		}
	}
	return s, nil
})

// read takes a file in.
func (s *sayings) read(name, text string) error {
	english, at := "", 0
	for i, line := range strings.Split(text, "\n") {
		vietnamese, second := strings.CutPrefix(line, "    ")
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case second && english != "":
			if err := s.add(english, vietnamese); err != nil {
				return fmt.Errorf("%s:%d: %w", name, i+1, err)
			}
			english = ""
		case second || english != "":
			return fmt.Errorf("%s:%d: a line of English, then one of Vietnamese", name, i+1)
		default:
			english, at = line, i+1
		}
	}
	if english != "" {
		return fmt.Errorf("%s:%d: there is no Vietnamese", name, at)
	}
	return nil
}

// add makes a saying known, and what becomes of it where numbers are left out so that
// reasons can be grouped.
func (s *sayings) add(english, vietnamese string) error {
	if err := s.put(english, vietnamese); err != nil {
		return err
	}
	if grouped := withoutNumbers(english); grouped != english {
		return s.put(grouped, withoutNumbers(vietnamese))
	}
	return nil
}

func (s *sayings) put(english, vietnamese string) error {
	one := &saying{}
	one.en, one.enHoles = cutHoles(english)
	one.vi, one.viHoles = cutHoles(vietnamese)
	for i, text := range one.en {
		one.score += len(text)
		if text == "" && i > 0 && i < len(one.en)-1 {
			return fmt.Errorf("between two holes nothing tells where the first ends")
		}
	}
	if one.score == 0 || strings.TrimSpace(vietnamese) == "" {
		return fmt.Errorf("there is nothing in it")
	}
	if !sameHoles(one.enHoles, one.viHoles) {
		return fmt.Errorf("%q and %q have not the same holes", english, vietnamese)
	}
	switch begin := one.en[0]; {
	case len(one.en) == 1:
		if s.exact[english] != nil {
			return fmt.Errorf("%q is there twice", english)
		}
		s.exact[english] = one
	case len(begin) < sayingBeginning:
		s.loose = append(s.loose, one)
	default:
		s.begins[begin[:sayingBeginning]] = append(s.begins[begin[:sayingBeginning]], one)
	}
	return nil
}

// cutHoles takes a saying apart. A brace that is no hole's stands for itself.
func cutHoles(line string) (texts []string, holes []hole) {
	text := ""
	for {
		before, rest, found := strings.Cut(line, "{")
		name, after, closed := strings.Cut(rest, "}")
		text += before
		if !found {
			return append(texts, text), holes
		}
		h := hole{strings.TrimLeft(name, "+="), strings.HasPrefix(name, "+"), strings.HasPrefix(name, "=")}
		if !closed || !isHole(h.name) {
			text, line = text+"{", rest
			continue
		}
		texts, holes = append(texts, text), append(holes, h)
		text, line = "", after
	}
}

func isHole(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") == ""
}

// sameHoles says whether each is in both, once.
func sameHoles(a, b []hole) bool {
	count := map[hole]int{}
	for _, h := range a {
		count[h]++
	}
	for _, h := range b {
		count[h]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return len(count) == len(a)
}

// withoutNumbers is a text as it is grouped, with a … for each number.
func withoutNumbers(s string) string {
	var b strings.Builder
	in := false
	for _, r := range s {
		digit := r >= '0' && r <= '9'
		if digit && !in {
			b.WriteString("…")
		}
		if !digit {
			b.WriteRune(r)
		}
		in = digit
	}
	return b.String()
}

// match gives what is in the holes, if a text is this saying. A hole is as short as it
// can be, and never empty.
func (s *saying) match(text string) ([]string, bool) {
	last := len(s.en) - 1
	rest, ok := strings.CutPrefix(text, s.en[0])
	if ok {
		rest, ok = strings.CutSuffix(rest, s.en[last])
	}
	if !ok {
		return nil, false
	}
	if last == 0 {
		return nil, rest == ""
	}
	var in []string
	for _, text := range s.en[1:last] {
		part, after, found := strings.Cut(rest, text)
		if !found {
			return nil, false
		}
		in, rest = append(in, part), after
	}
	in = append(in, rest)
	for i, h := range s.enHoles {
		if in[i] == "" || h.word && strings.Contains(in[i], " ") {
			return nil, false
		}
	}
	return in, true
}
