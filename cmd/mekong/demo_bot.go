package main

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// chatLine is one message of a conversation, as the demo's chatbot logs it.
type chatLine struct {
	Role    string `json:"role"` // user or assistant
	Content string `json:"content"`
	TS      string `json:"ts,omitempty"` // RFC 3339

	Sender *chatSender `json:"sender,omitempty"` // of the customer's, once there is a name
}

type chatSender struct {
	Name string `json:"name"`
}

// talk is a conversation with the demo's chatbot.
type talk struct {
	id    string
	name  string // of the customer, once told
	lines []chatLine
	saved int64 // turns that were in the last save
}

// hear adds what the customer wrote, and the chatbot's answer, which it returns.
func (t *talk) hear(text string, at time.Time) string {
	stamp := func(d time.Duration) string { return at.Add(d).UTC().Format(time.RFC3339Nano) }
	t.lines = append(t.lines, chatLine{Role: "user", Content: text, TS: stamp(0)})
	if t.name == "" {
		t.name = nameIn(t.lines)
	}
	if t.name != "" {
		t.lines[len(t.lines)-1].Sender = &chatSender{t.name}
	}
	answer := botAnswer(t.lines)
	t.lines = append(t.lines, chatLine{Role: "assistant", Content: answer, TS: stamp(time.Millisecond)})
	return answer
}

// What the demo's chatbot knows: a few rules in two languages. It asks for a name,
// then for a phone number, and looks at the conversation for what it has been told.
var (
	phoneRule   = regexp.MustCompile(`(?:\+?84|0)(?:[ .-]?\d){8,10}`)
	introRule   = regexp.MustCompile(`(?i)^(?:dạ|vâng|ok|hi|hello)?[ ,]*(?:(?:em|mình|tôi|anh|chị)(?: tên)?(?: là)?|tên (?:em|mình|tôi) là|i am|i'm|my name is|this is) +`)
	englishRule = regexp.MustCompile(`(?i)\b(hello|hi|how|much|what|when|price|cost|course|class|evening|please|thanks?|you|my|name|is|the|i|phone)\b`)
)

// saying is a text in Vietnamese and in English.
type saying [2]string

func (s saying) in(english bool) string {
	if english {
		return s[1]
	}
	return s[0]
}

var (
	sayHello = saying{"Dạ chào anh/chị, em là trợ lý của trung tâm. Anh/chị quan tâm khóa nào: IELTS, TOEIC, giao tiếp hay tiếng Anh trẻ em ạ?",
		"Hello, I am the centre's assistant. Which course may I tell you about: IELTS, TOEIC, conversation, or English for children?"}
	sayPrice  = saying{"Dạ học phí từ 2.900.000 đ một khóa 24 buổi, đăng ký sớm được giảm 10% ạ.", "A course of 24 lessons is from 2,900,000 VND, 10% less for early sign-ups."}
	sayTimes  = saying{"Dạ có lớp sáng, tối 18:30 và 20:00, và cuối tuần ạ.", "There are classes in the morning, at 18:30 and 20:00, and at weekends."}
	sayCourse = saying{"Dạ khóa này sắp khai giảng, mỗi lớp tối đa 12 học viên ạ.", "That course starts soon; a class has at most 12 students."}
	sayHuman  = saying{"Dạ em chuyển anh/chị cho tư vấn viên ngay ạ.", "I am handing you over to a consultant."}
	sayNoted  = saying{"Dạ em ghi nhận ạ.", "I have noted that."}
	sayThanks = saying{"Dạ em cảm ơn anh/chị. Cần gì anh/chị cứ nhắn em ạ.", "Thank you. Write to me whenever you need anything."}
	askName   = saying{"Em xin tên anh/chị để tiện xưng hô ạ?", "May I have your name?"}
	askPhone  = saying{"Anh/chị cho em xin số điện thoại để trung tâm gọi tư vấn nhé?", "Which phone number may the centre call you on?"}
	sayCalled = saying{"Em đã ghi số. Trung tâm sẽ gọi lại trong ngày ạ.", "I have your number. The centre will call you back today."}
)

// topics are what the chatbot answers to, by words without regard to case.
var topics = []struct {
	words []string
	say   saying
}{
	{[]string{"học phí", "giá", "bao nhiêu", "chi phí", "hoc phi", "price", "cost", "fee", "how much"}, sayPrice},
	{[]string{"lịch", "giờ", "buổi", "tối", "khi nào", "schedule", "evening", "when", "time"}, sayTimes},
	{[]string{"người thật", "tư vấn viên", "nhân viên", "human", "consultant", "agent"}, sayHuman},
	{[]string{"ielts", "toeic", "giao tiếp", "trẻ em", "khóa", "course", "children", "conversation"}, sayCourse},
	{[]string{"cảm ơn", "cám ơn", "thank"}, sayThanks},
	{[]string{"chào", "xin chào", "hello", "hi ", "alo"}, sayHello},
}

// botAnswer is the answer to the last of lines, which is the customer's.
func botAnswer(lines []chatLine) string {
	text := lines[len(lines)-1].Content
	english := inEnglish(lines)
	name, phone := nameIn(lines), false
	for _, l := range lines {
		phone = phone || l.Role == "user" && phoneRule.MatchString(l.Content)
	}
	if phoneRule.MatchString(text) {
		thanks := saying{"Cảm ơn " + cmp.Or(name, "anh/chị") + "! ", "Thank you, " + cmp.Or(name, "and welcome") + "! "}
		return thanks.in(english) + sayCalled.in(english)
	}
	answer := sayNoted
	lower := strings.ToLower(text) + " "
	for _, t := range topics {
		found := false
		for _, w := range t.words {
			found = found || strings.Contains(lower, w)
		}
		if found {
			answer = t.say
			break
		}
	}
	said := answer.in(english)
	if asked(lines[:len(lines)-1], askName) && name != "" {
		said = saying{"Dạ em chào " + name + ".", "Nice to meet you, " + name + "."}.in(english)
	}
	switch {
	case answer == sayHello && len(lines) == 1, answer == sayThanks && phone, phone:
		return said
	case name == "":
		return said + " " + askName.in(english)
	}
	return said + " " + askPhone.in(english)
}

// nameIn is what the customer wrote when last asked for a name, if it looks like one.
func nameIn(lines []chatLine) string {
	for i, l := range lines {
		if l.Role != "user" || !asked(lines[:i], askName) {
			continue
		}
		name := strings.Trim(introRule.ReplaceAllString(strings.TrimSpace(l.Content), ""), " .,!ạ")
		words := strings.Fields(name)
		if len(words) == 0 || len(words) > 5 || len(name) > 80 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && r != ' ' }) {
			continue
		}
		if first := []rune(words[0])[0]; unicode.IsUpper(first) || len(words) <= 4 && !strings.ContainsAny(l.Content, "?") && unicode.IsUpper([]rune(words[len(words)-1])[0]) {
			return name
		}
	}
	return ""
}

// asked reports whether the chatbot's last words end with a question.
func asked(lines []chatLine, question saying) bool {
	if len(lines) == 0 || lines[len(lines)-1].Role != "assistant" {
		return false
	}
	last := lines[len(lines)-1].Content
	return strings.HasSuffix(last, question[0]) || strings.HasSuffix(last, question[1])
}

// inEnglish is the language of the last words that tell.
func inEnglish(lines []chatLine) bool {
	for i := len(lines) - 1; i >= 0; i-- {
		text := lines[i].Content
		if lines[i].Role != "user" {
			continue
		}
		for _, r := range text {
			if r > unicode.MaxLatin1 || strings.ContainsRune("àáâãèéêìíòóôõùúý", r) {
				return false
			}
		}
		if englishRule.MatchString(text) {
			return true
		}
	}
	return false
}

// maxAsked bounds what the chatbot's endpoint reads.
const maxAsked = 1 << 20

// answerBot is the chatbot's HTTP endpoint, as sinks/chatbot calls it: the whole
// conversation in, one answer out.
func answerBot(w http.ResponseWriter, r *http.Request) {
	var in struct{ Messages []chatLine }
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAsked))
	if err != nil || json.Unmarshal(body, &in) != nil || len(in.Messages) == 0 || in.Messages[len(in.Messages)-1].Role != "user" {
		http.Error(w, "This takes JSON with messages, the last of a user.", http.StatusBadRequest)
		return
	}
	answerJSON(w, map[string]string{"answer": botAnswer(in.Messages)})
}
