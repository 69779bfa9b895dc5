package turn

import (
	"encoding/json"
	"strings"
)

// Role is who said something.
type Role string

// The roles.
const (
	Customer Role = "customer"
	Bot      Role = "bot"
	Agent    Role = "agent" // a person of the business
	Aside    Role = "aside" // a system prompt, a tool's result, a private note: nobody was told
)

// RoleOf reads the name of a role, in any of the words that chat logs use; "" is
// not one.
func RoleOf(name string) Role {
	switch Fold(name) {
	case "user", "human", "customer", "client", "visitor", "guest", "contact", "incoming", "in", "inbound", "enduser", "lead", "khach", "khachhang", "kh":
		return Customer
	case "assistant", "bot", "ai", "model", "chatbot", "agentbot", "outgoing", "out", "outbound", "template", "answer", "gpt", "llm":
		return Bot
	case "agent", "operator", "admin", "staff", "humanagent", "sale", "sales", "nhanvien", "tuvanvien", "page":
		return Agent
	case "system", "developer", "tool", "function", "note", "activity", "event":
		return Aside
	}
	return ""
}

// RoleNames are where a message says who wrote it, folded.
var roleNames = []string{"role", "sendertype", "authortype", "direction", "messagetype", "speaker", "sender", "from", "author", "who", "side"}

// MessageRole is the role of a message; "" when it names none.
func MessageRole(o Object) Role {
	for _, name := range roleNames {
		raw := o.Raw(name)
		if r := RoleOf(Scalar(raw)); r != "" {
			return r
		}
		if inner, ok := ParseObject(raw); ok {
			if r := RoleOf(inner.Text("role", "type")); r != "" {
				return r
			}
		}
	}
	if is := o.Text("isbot", "fromme", "isecho", "isfromadmin"); is == "true" {
		return Bot
	}
	if is := o.Text("isuser", "fromuser"); is == "true" {
		return Customer
	} else if is == "false" {
		return Bot
	}
	return ""
}

// textNames are where a message holds its text, folded.
var textNames = []string{"content", "text", "message", "parts", "body", "msg", "utterance", "value", "payload"}

// MessageText is the text of a message: its own, or that of its parts. What is
// no text, such as a picture, is named in brackets.
func MessageText(o Object) string {
	for _, name := range textNames {
		if raw := o.Raw(name); raw != nil {
			if s := TextOf(raw, 0); s != "" {
				return s
			}
		}
	}
	var kinds []string
	if list, ok := o.List("attachments", "files", "images"); ok {
		for _, raw := range list[:min(len(list), 20)] {
			kind := "attachment"
			if a, ok := ParseObject(raw); ok {
				if s := a.Text("type", "filetype", "mimetype"); s != "" && len(s) < 40 {
					kind = s
				}
			}
			kinds = append(kinds, "["+kind+"]")
		}
	}
	return strings.Join(kinds, " ")
}

// TextOf is the text in a value: a text itself, the texts of a list, each on
// its line, or that of an object's text member.
func TextOf(raw json.RawMessage, depth int) string {
	if s := Scalar(raw); s != "" || depth > 4 {
		return s
	}
	if list, ok := ParseList(raw); ok {
		var texts []string
		for _, e := range list {
			if s := TextOf(e, depth+1); s != "" {
				texts = append(texts, s)
			}
		}
		return strings.Join(texts, "\n")
	}
	o, ok := ParseObject(raw)
	if !ok {
		return ""
	}
	for _, name := range textNames {
		if inner := o.Raw(name); inner != nil {
			if s := TextOf(inner, depth+1); s != "" {
				return s
			}
		}
	}
	if kind := o.Text("type"); kind != "" && len(kind) < 40 {
		return "[" + kind + "]"
	}
	return ""
}

// timeNames are where a message or row says when it was, folded.
var timeNames = []string{"askedat", "ts", "timestamp", "time", "createdat", "createat", "sentat", "senton", "insertedat", "datetime", "date", "messagetime", "createdtime", "starttime"}

// TimeOf is when something happened, as written; "" when it says nothing.
func TimeOf(o Object) string { return o.Text(timeNames...) }

// IsTime reports the folded names that hold a time.
func IsTime(folded string) bool {
	for _, name := range timeNames {
		if folded == name {
			return true
		}
	}
	return false
}
