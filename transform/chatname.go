package transform

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// findEmail returns the first address in text, "" for none. One that was typed
// to get past the chatbot is none.
func findEmail(text string) string {
	rest := text
	for range 20 {
		at := strings.IndexByte(rest, '@')
		if at < 0 {
			return ""
		}
		start, end := at, at+1
		for start > 0 && isAddressByte(rest[start-1]) {
			start--
		}
		for end < len(rest) && isAddressByte(rest[end]) {
			end++
		}
		e := parseEmail(strings.Trim(rest[start:end], ".-_"))
		if dot := strings.LastIndexByte(e.address, '.'); e.address != "" && !e.filler && isTopLevel(e.address[dot+1:]) {
			return e.address
		}
		rest = rest[end:]
	}
	return ""
}

func isAddressByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._%+-", c) >= 0
}

func isTopLevel(s string) bool {
	if len(s) < 2 {
		return false
	}
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}

// families are the family names of nearly all Vietnamese, folded.
var families = strings.Fields("nguyen tran le pham hoang huynh phan vu vo dang bui do ho ngo duong ly dao dinh lam mai trinh doan cao ha luong ta to chu chau thai tong kieu quach la vuong tang trieu mac doan nghiem luu truong than phung nong khong ton tu hua giang diep quan cu lai bach au vien ninh thach lo vi cam ong dam sam")

// selves are how customers call themselves; those that are kin, too, count only
// where nothing before makes them somebody else's.
var selves = strings.Fields("em minh toi to mk mik anh chi e")

// others before one of selves make it somebody else: con em tên là An.
var others = strings.Fields("con be chau vo chong me bo ba ma co thay ban cua em chi anh gai trai truong cty lop goi hoi nha")

// stops end a name that is written without capitals: with their marks, since
// hiện ends one and Hiền is one, and without, where that is no name.
var stops = strings.Fields("ạ ah nha nhé nhe nhá ở và sinh năm học muốn cần đang hiện là lớp sđt số phone tel zalo email từ đến cho với thì mà có để được tuổi quan tâm đăng nhận tại bên đây nè rồi ơi xin cảm muon hoc nam lop sdt den cho voi duoc tuoi quan nhan tai roi la va o and my i from")

// findName returns the name with which the customer introduces themselves, ""
// where that is not plain: a wrong name is worse than none.
//
// Understood are "em tên là …", "mình tên …", "tên em là …", "tôi tên …", "họ tên:
// …", "my name is …", and "mình là …" where what follows is a family name and
// more, each with a capital.
func findName(text string) string {
	text, _ = bounded(text, 4000)
	words := nameWords(text)
	for i := range words {
		if n := afterIntroduction(words, i); n > 0 {
			if name := nameAt(words[i+n:], false); name != "" {
				return name
			}
		}
		if i+2 < len(words) && slices.Contains(selves[:6], words[i].key) && words[i+1].key == "la" && !isOthers(words, i) {
			if name := nameAt(words[i+2:], true); name != "" {
				return name
			}
		}
	}
	return ""
}

// noNames open what looks like a name and is a place or a trade, folded.
var noNames = strings.Split("ha noi,ha nam,ha giang,ha tinh,ha dong,cao bang,cao dang,thai nguyen,thai binh,thai lan,lam dong,ninh binh,ninh thuan,lai chau,tu van,quan ly,giang vien,hoang mai,phu huynh,la vie", ",")

// nameWord is a word as typed and folded, and whether the sentence ends behind it.
type nameWord struct {
	text, key string
	ends      bool
}

func nameWords(text string) []nameWord {
	var words []nameWord
	for _, f := range strings.FieldsFunc(strings.ReplaceAll(text, "\n", " ; "), unicode.IsSpace) {
		bare := strings.TrimRight(f, ".,;:!?)\"'…")
		word := strings.TrimLeft(bare, "(\"'")
		if word == "" {
			if len(words) > 0 {
				words[len(words)-1].ends = true
			}
			continue
		}
		// A colon behind an introduction does not end it.
		ends := bare != f && !strings.HasSuffix(f, ":")
		words = append(words, nameWord{word, foldKey(word), ends})
		if len(words) >= 400 {
			break
		}
	}
	return words
}

// afterIntroduction returns how many words at i introduce a name, 0 when none do.
func afterIntroduction(words []nameWord, i int) int {
	key := func(n int) string {
		if i+n < len(words) && (n == 0 || !words[i+n-1].ends) {
			return words[i+n].key
		}
		return ""
	}
	self := func(n int) bool { return slices.Contains(selves, key(n)) && !isOthers(words, i+n) }
	switch {
	case self(0) && key(1) == "ten" && key(2) == "la":
		return 3
	case self(0) && key(1) == "ten":
		return 2
	case key(0) == "ten" && slices.Contains(selves, key(1)) && key(2) == "la":
		return 3
	case key(0) == "ho" && key(1) == "ten" && strings.EqualFold(words[i+1].text, "tên"), key(0) == "ho" && key(1) == "va" && key(2) == "ten":
		n := 2
		if key(1) == "va" {
			n = 3
		}
		if key(n) == "la" {
			n++
		} else if slices.Contains(selves, key(n)) && key(n+1) == "la" {
			n += 2
		}
		return n
	case key(0) == "my" && key(1) == "name" && key(2) == "is":
		return 3
	}
	return 0
}

// isOthers reports that the word before makes the self at i somebody else.
func isOthers(words []nameWord, i int) bool {
	return i > 0 && !words[i-1].ends && slices.Contains(others, words[i-1].key)
}

// nameAt reads a name at the start of words. strict wants a family name and
// another word, all with capitals.
func nameAt(words []nameWord, strict bool) string {
	var name []string
	capitals := true
	for _, w := range words {
		// Family names are stop words too: Hồ, Lê Thị Tú, Cao.
		family := len(name) == 0 && slices.Contains(families, w.key) && isCapital(w.text)
		if !isNameWord(w.text) || !family && !isCapital(w.text) && slices.Contains(stops, strings.ToLower(w.text)) {
			break
		}
		switch w.key {
		case "gi", "nao", "ai", "sao", "chi", "j":
			if !isCapital(w.text) {
				return ""
			}
		}
		if !isCapital(w.text) && len(name) > 0 && capitals {
			break // "Lan muốn hỏi": the name is over
		}
		capitals = capitals && isCapital(w.text)
		name = append(name, w.text)
		if w.ends || len(name) > 5 {
			break
		}
	}
	known := len(name) > 1 && slices.Contains(families, foldKey(name[0]))
	switch {
	case len(name) == 0 || len(name) > 5:
		return ""
	case strict && !(known && capitals):
		return ""
	case !capitals && !known:
		return ""
	}
	s := strings.Join(name, " ")
	folded := foldSearch(s)
	for _, no := range noNames {
		if folded == no || strings.HasPrefix(folded, no+" ") {
			return ""
		}
	}
	if isJunkName(s) || hasWord(folded, "test") {
		return ""
	}
	return s
}

func isCapital(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return unicode.IsUpper(r)
}

// isNameWord reports a word of letters, at most as long as a name's word is.
func isNameWord(word string) bool {
	n := 0
	for _, r := range word {
		if !unicode.IsLetter(r) && !unicode.Is(unicode.M, r) {
			return false
		}
		n++
	}
	return n > 0 && n <= 10
}
