package sheetsim

import (
	"net/http"
	"strings"
)

// door is everything that is not the API: tokens, consent, pages.
func (s *Sim) door(w http.ResponseWriter, r *http.Request) {
	var rep reply
	switch p := r.URL.Path; {
	case p == "/token":
		rep = s.tokenCall(r)
	case p == "/revoke":
		rep = s.revokeCall(r)
	case p == "/device/code":
		rep = s.deviceCode(r)
	case p == "/o/oauth2/auth" || p == "/o/oauth2/v2/auth":
		rep = s.consentPage(r)
	case p == "/device":
		rep = s.devicePage(r)
	case strings.HasPrefix(p, "/spreadsheets/"):
		rep = s.sheetPage(r)
	case p == "/" || p == "/sim":
		rep = s.indexPage()
	default:
		rep = plainText(http.StatusNotFound, "not found")
	}
	rep.send(w, r)
}

func plainText(status int, text string) reply {
	return reply{status: status, kind: "text/plain; charset=utf-8", body: []byte(text + "\n")}
}
