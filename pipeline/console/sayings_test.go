package console

import (
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// theSayings are all there are.
func theSayings(t *testing.T) *sayings {
	t.Helper()
	s, err := loadSayings()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *sayings) all() (list []*saying) {
	for _, one := range s.exact {
		list = append(list, one)
	}
	for _, some := range s.begins {
		list = append(list, some...)
	}
	return append(list, s.loose...)
}

func TestWhatOthersSayIsToldInVietnamese(t *testing.T) {
	s := theSayings(t)
	for _, one := range wholes {
		if got := s.tell(one.en).text; got != one.vi {
			t.Errorf("%q is told as\n%q, want\n%q", one.en, got, one.vi)
		}
	}
	l := tongue{code: "en", sayings: s}
	if got := l.tell("the store is full"); got != "the store is full" {
		t.Errorf("in English it is told as %q", got)
	}
}

// Whatever the sources of what operators read have to say has a saying.
func TestEverySentenceIsToldInVietnamese(t *testing.T) {
	s := theSayings(t)
	met := map[string]bool{}
	for _, q := range quarries {
		found := dig(t, q)
		if len(found) == 0 {
			t.Errorf("%s has no sentence: who makes its findings and errors now? Mend its line in quarries", q.dir)
		}
		for _, one := range found {
			met[one.text] = true
			texts, put := instead[one.text]
			switch {
			case exempt[one.text] != "":
				continue
			case !put:
				texts = []string{one.text}
			}
			for _, text := range texts {
				if left := untold(s.tell(text), text); len(left) > 0 {
					t.Errorf("%s: of %q this has no Vietnamese in sayings/*.txt: %q", one.at, text, left)
				}
			}
		}
	}
	for text, why := range exempt {
		if !met[text] || why == "" {
			t.Errorf("%q is exempt, and is not there any more or nobody says why", text)
		}
	}
	for text := range instead {
		if !met[text] {
			t.Errorf("%q is not there any more", text)
		}
	}
}

// english are words that stand in every English sentence, and in no Vietnamese one.
var english = regexp.MustCompile(`\b(the|is|are|was|that|which|cannot|this|its|with|from|for)\b`)

// untold is what is left English of a text. One word alone, between others, is the
// name of something.
func untold(told telling, text string) (left []string) {
	for _, l := range told.left {
		bare := strings.NewReplacer(someText, "", someNumber, "").Replace(l)
		if letters.MatchString(bare) && (strings.Contains(l, " ") || l == text) {
			left = append(left, l)
		}
	}
	if word := english.FindString(told.text); word != "" && len(left) == 0 {
		left = append(left, word+" in "+told.text)
	}
	return left
}

// What nobody says any more has no saying.
func TestEverySayingIsSaid(t *testing.T) {
	s := theSayings(t)
	segments := map[string]bool{}
	add := func(text string) {
		starts, ends := pieces(text)
		for i := range starts {
			for j := i; j < len(ends); j++ {
				segments[text[starts[i]:ends[j]]] = true
			}
		}
		segments[text] = true
	}
	for _, q := range quarries {
		for _, one := range dig(t, q) {
			add(one.text)
			for _, text := range instead[one.text] {
				add(text)
			}
		}
	}
	for _, one := range wholes {
		add(one.en)
	}
	texts := slices.Collect(maps.Keys(segments))
	for _, one := range s.all() {
		if len(one.en) == 1 && segments[one.en[0]] || strings.Contains(strings.Join(one.en, ""), "…") {
			continue
		}
		if !slices.ContainsFunc(texts, func(text string) bool { _, ok := one.match(text); return ok }) {
			t.Errorf("nobody says %q", strings.Join(one.en, "{}"))
		}
	}
}

func TestSayingsAreTheSameInBothLanguages(t *testing.T) {
	names, err := fs.Glob(sayingFiles, "sayings/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	count := 0
	for _, name := range names {
		text, err := sayingFiles.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if len(lines) > 400 {
			t.Errorf("%s has %d lines, want 400 at most", name, len(lines))
		}
		for i, line := range lines {
			if strings.HasPrefix(line, "    ") {
				count++
				if a, b := marks(lines[i-1]), marks(line); !slices.Equal(a, b) || len(slices.Compact(a)) != len(b) {
					t.Errorf("%s:%d: %q and %q have not the same holes", name, i+1, a, b)
				}
				if strings.TrimSpace(line) != line[4:] || strings.TrimSpace(lines[i-1]) != lines[i-1] {
					t.Errorf("%s:%d: spaces at an end", name, i+1)
				}
				if word := english.FindString(cutNames.ReplaceAllString(line, "")); word != "" {
					t.Errorf("%s:%d: %q is no Vietnamese", name, i+1, word)
				}
			}
		}
	}
	if count < 500 {
		t.Errorf("there are %d sayings only", count)
	}
	for english, vietnamese := range map[string]string{
		"a {name} b": "a b", "a": "a {name}", "{name} b": "{+name} b", "{name} c": "{name} {name} c", "{name} {name} d": "{name} {name} d",
		"{name}": "{name}", "{name}{other} e": "{name}{other} e", "f": " ",
	} {
		s := &sayings{exact: map[string]*saying{}, begins: map[string][]*saying{}}
		if s.add(english, vietnamese) == nil {
			t.Errorf("%q is taken for %q", vietnamese, english)
		}
	}
	for _, text := range []string{"a\nb\n", "    a\n", "a\n    b\n    c\n", "a\n", "a\n    b\na\n    b\n"} {
		s := &sayings{exact: map[string]*saying{}, begins: map[string][]*saying{}}
		if s.read("x", text) == nil {
			t.Errorf("a file is taken that holds %q", text)
		}
	}
}

var (
	mark     = regexp.MustCompile(`\{[+=]?[a-z]+\}`)
	cutNames = regexp.MustCompile(`\([^()]*\)|"[^"]*"`) // what a vendor's screen says, beside the Vietnamese
)

func marks(line string) []string {
	list := mark.FindAllString(line, -1)
	slices.Sort(list)
	return list
}
