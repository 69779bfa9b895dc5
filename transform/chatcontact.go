package transform

import (
	"strings"

	"mekong/sources/chatlog/turn"
)

// chatContact is how to reach the customer, as typed.
type chatContact struct{ phone, name, email string }

var (
	contactPhones = []string{"phone", "phonenumber", "customerphone", "sdt", "sđt", "sodienthoai", "sốđiệnthoại", "mobile", "tel"}
	contactEmails = []string{"email", "customeremail", "emailaddress", "mail"}
	contactNames  = []string{"customername", "fullname", "name", "hoten", "hovaten", "ten", "personname", "displayname"}
	courseNames   = []string{"course", "courseinterest", "courseofinterest", "khoahoc", "khóahọc", "khoahocquantam", "monhoc", "mônhọc", "program"}
)

// contacts gathers what the chatbot or its platform knows of the customer, then
// what the customer wrote in this turn.
func (c *chatReading) contacts() chatContact {
	var k chatContact
	take := func(o turn.Object, named bool) {
		first(&k.phone, o.Text(contactPhones...))
		first(&k.email, o.Text(contactEmails...))
		if named {
			first(&k.name, o.Text(contactNames...))
		} else {
			// Around a conversation a plain name may be the chatbot's.
			first(&k.name, o.Text("customername", "fullname", "hoten", "hovaten"))
		}
	}
	people := func(o turn.Object) {
		for _, name := range [...]string{"customer", "contact", "visitor", "lead", "profile", "user", "parameters", "slots"} {
			if inner := o.Object(name); len(inner.Members()) > 0 {
				take(inner, true)
			}
		}
		take(o.Object("conversation").Object("meta").Object("sender"), true) // Chatwoot
	}
	for _, p := range c.parts {
		if p.role == turn.Aside && p.in.Text("event") == "slot" { // Rasa
			switch name, value := p.in.Text("name"), p.in.Text("value"); {
			case hasName(contactPhones, name):
				first(&k.phone, value)
			case hasName(contactEmails, name):
				first(&k.email, value)
			case hasName(contactNames, name):
				first(&k.name, value)
			}
		}
		if p.role == turn.Customer {
			take(p.in.Object("sender", "from"), true)
		}
	}
	for _, o := range c.named {
		take(o, c.body.Shape == "chatbase" && o.Has("customername"))
		people(o)
	}
	c.written(&k)
	// A letter o that no digit follows at once is a zero in a sentence and noise
	// in a form.
	if plain := plainO(k.phone); plain != k.phone && parsePhone(k.phone, false).kind == invalid && parsePhone(plain, false).kind != invalid {
		k.phone = plain
	}
	return k
}

// written looks at the customer's own words: each message, and the last two
// together, for a number that was sent in two.
func (c *chatReading) written(k *chatContact) {
	var texts []string
	for _, p := range c.parts {
		if p.role == turn.Customer {
			texts = append(texts, p.text)
		}
	}
	if len(c.parts) == 0 && c.question != "" {
		texts = []string{c.question}
	}
	before := clean(c.body.Previous)
	for _, text := range texts {
		text, _ = bounded(text, maxChatText)
		found := findPhone(text)
		if found == "" && findPhone(before) == "" {
			found = findSplitPhone(before, text)
		}
		first(&k.phone, found)
		first(&k.email, findEmail(text))
		first(&k.name, findName(text))
		before = text
	}
}

// course is what the customer is interested in, where the chatbot says so.
func (c *chatReading) course() string {
	for _, p := range c.parts {
		if p.role == turn.Aside && p.in.Text("event") == "slot" && hasName(courseNames, p.in.Text("name")) {
			if s := cleanLine(turn.TextOf(p.in.Raw("value"), 0)); s != "" {
				return s
			}
		}
	}
	for _, o := range c.named {
		for _, in := range [...]turn.Object{o, o.Object("parameters"), o.Object("slots"), o.Object("customattributes"), o.Object("conversation").Object("customattributes")} {
			if raw := in.Raw(courseNames...); raw != nil {
				if s := cleanLine(strings.ReplaceAll(turn.TextOf(raw, 0), "\n", ", ")); s != "" {
					s, _ = bounded(s, 1000)
					return s
				}
			}
		}
	}
	return ""
}

func hasName(list []string, name string) bool {
	key := turn.Fold(name)
	for _, s := range list {
		if s == key {
			return true
		}
	}
	return false
}

// first sets to unless it is filled already.
func first(to *string, s string) {
	if *to == "" {
		*to = cleanLine(s)
		if len(*to) > 300 {
			*to = ""
		}
	}
}
