package turn

import "encoding/json"

var (
	// questionNames and answerNames are where rows hold the two, folded, as
	// public loggers call them (`sources.md` §3.2).
	questionNames = []string{"question", "usermessage", "userinput", "userquery", "usertext", "userquestion", "query", "prompt", "cauhoi", "câuhỏi", "human", "user"}
	answerNames   = []string{"answer", "airesponse", "botresponse", "response", "reply", "botmessage", "bottext", "botreply", "airesult", "completion", "assistantmessage", "assistant", "traloi", "trảlời", "câutrảlời", "bot"}
)

// IsPair reports whether o is a row of question and answer.
func IsPair(o Object) bool { return o.Text(questionNames...) != "" || o.Text(answerNames...) != "" }

// IsPairName reports the folded names that hold a question or an answer.
func IsPairName(folded string) bool {
	for _, list := range [...][]string{questionNames, answerNames} {
		for _, name := range list {
			if folded == name {
				return true
			}
		}
	}
	return false
}

// Pair is the question and the answer that one object holds: a row, a request
// of Dialogflow, a trace of Langfuse.
func Pair(o Object) (question, answer string) {
	if result := o.Object("queryresult"); len(result.Members()) > 0 {
		answer = result.Text("fulfillmenttext")
		if answer == "" {
			answer = TextOf(result.Raw("fulfillmentmessages"), 0)
		}
		return result.Text("querytext"), answer
	}
	if o.Has("detectintentresponseid") {
		return o.Text("text", "transcript"), TextOf(o.Raw("messages"), 0)
	}
	question, answer = o.Text(questionNames...), o.Text(answerNames...)
	if question == "" && answer == "" {
		question, answer = lastText(o.Raw("input")), lastText(o.Raw("output"))
	}
	return question, answer
}

// lastText is the text of an input or output of any form: that of the last
// message of a list, that of the question or answer of an object.
func lastText(raw json.RawMessage) string {
	if list, ok := ParseList(raw); ok && len(list) > 0 {
		return TextOf(list[len(list)-1], 0)
	}
	if o, ok := ParseObject(raw); ok {
		if list, ok := o.List("messages"); ok && len(list) > 0 {
			return TextOf(list[len(list)-1], 0)
		}
		if q, a := o.Text(questionNames...), o.Text(answerNames...); q != "" || a != "" {
			if q != "" {
				return q
			}
			return a
		}
		if s := o.Text("input", "output", "result", "text"); s != "" {
			return s
		}
	}
	return TextOf(raw, 0)
}
