package sheetsim

import (
	"bytes"
	_ "embed"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed consent.html
var consentHTML string

// consentTemplate is parsed once and never changed.
var consentTemplate = template.Must(template.New("consent").Parse(consentHTML))

type consentView struct {
	Title, Text string
	Client      string
	Scopes      []string
	Users       []string
	Code        string            // of a device
	Device      bool              // asks for the code
	Hidden      map[string]string // what the form carries along
	Action      string
}

func page(status int, v consentView) reply {
	var b bytes.Buffer
	if err := consentTemplate.Execute(&b, v); err != nil {
		panic("sheetsim: a page that cannot be shown: " + err.Error())
	}
	return reply{status: status, kind: "text/html; charset=utf-8", body: b.Bytes(), header: map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'", "Cache-Control": "no-store", "X-Frame-Options": "DENY"}}
}

func refused(text string) reply {
	return page(http.StatusBadRequest, consentView{Title: "Access blocked", Text: text})
}

// consentPage asks a person, and sends the browser back with a code or an error.
func (s *Sim) consentPage(r *http.Request) reply {
	if r.ParseForm() != nil {
		return refused("Error 400: invalid_request")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.Form
	if _, known := s.login.clients[q.Get("client_id")]; !known {
		return refused("Error 401: invalid_client")
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Scheme != "http" || !loopback(back.Hostname()) || back.Fragment != "" {
		return refused("Error 400: redirect_uri_mismatch")
	}
	scopes := strings.Fields(q.Get("scope"))
	how := q.Get("code_challenge_method")
	if q.Get("response_type") != "code" || len(scopes) == 0 || how != "" && how != "S256" && how != "plain" {
		return refused("Error 400: invalid_request")
	}
	email := q.Get("account")
	if s.opts.AutoApprove && email == "" && len(s.login.users) > 0 {
		email = s.login.users[0]
	}
	answer := url.Values{}
	if state := q.Get("state"); state != "" {
		answer.Set("state", state)
	}
	switch {
	case q.Get("deny") != "" && r.Method == http.MethodPost:
		answer.Set("error", "access_denied")
	case email != "" && (r.Method == http.MethodPost || s.opts.AutoApprove):
		if !slices.Contains(s.login.users, email) {
			return refused("Couldn't find your Google Account")
		}
		code := "4/" + s.id(48)
		s.login.codes[code] = &consent{client: q.Get("client_id"), redirect: q.Get("redirect_uri"), scopes: scopes, email: email,
			challenge: q.Get("code_challenge"), how: how, offline: q.Get("access_type") == "offline", until: s.now().Add(codeLife)}
		answer.Set("code", code)
		answer.Set("scope", strings.Join(scopes, " "))
	default:
		hidden := map[string]string{}
		for k := range q {
			if k != "account" && k != "deny" {
				hidden[k] = q.Get(k)
			}
		}
		return page(http.StatusOK, consentView{Title: "Choose an account", Text: "to continue to", Client: q.Get("client_id"), Scopes: scopes, Users: s.login.users, Hidden: hidden, Action: r.URL.Path})
	}
	query := back.Query()
	for k := range answer {
		query.Set(k, answer.Get(k))
	}
	back.RawQuery = query.Encode()
	return reply{status: http.StatusFound, header: map[string]string{"Location": back.String(), "Cache-Control": "no-store"}}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// deviceCode is POST /device/code: the start of the flow for devices.
func (s *Sim) deviceCode(r *http.Request) reply {
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		return oauthError(400, "invalid_request", "Bad Request")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PostForm.Get("client_id")
	if _, known := s.login.clients[id]; !known {
		return oauthError(401, "invalid_client", tokenText("invalid_client"))
	}
	scopes := strings.Fields(r.PostForm.Get("scope"))
	for _, sc := range scopes {
		// Google allows devices few scopes: of the Sheets API's only drive.file.
		if sc != scopeFile && sc != "openid" && sc != "email" && sc != "profile" {
			return oauthError(400, "invalid_scope", "Invalid device flow scope: "+sc)
		}
	}
	if len(scopes) == 0 {
		return oauthError(400, "invalid_request", "Missing required parameter: scope")
	}
	code := s.id(40)
	d := &consent{client: id, scopes: scopes, offline: true, until: s.now().Add(deviceLife), userCode: strings.ToUpper(strings.NewReplacer("-", "X", "_", "Y").Replace(s.id(4) + s.id(4)))}
	d.userCode = d.userCode[:4] + "-" + d.userCode[4:]
	s.login.devices[code] = d
	return jsonReply(200, map[string]any{"device_code": code, "user_code": d.userCode, "verification_url": "http://" + r.Host + "/device",
		"expires_in": int(deviceLife.Seconds()), "interval": int(devicePause.Seconds())})
}

// devicePage is where a person types a device's code.
func (s *Sim) devicePage(r *http.Request) reply {
	if r.ParseForm() != nil {
		return refused("Error 400: invalid_request")
	}
	code := strings.ToUpper(strings.TrimSpace(r.Form.Get("user_code")))
	email := r.PostForm.Get("account")
	if r.Method == http.MethodPost && r.PostForm.Get("deny") == "" && email != "" {
		if s.ApproveDevice(code, email) {
			return page(http.StatusOK, consentView{Title: "Success", Text: "Device connected. You may close this page."})
		}
		return refused("That code did not work. Try again.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPost && r.PostForm.Get("deny") != "" {
		for _, d := range s.login.devices {
			if d.userCode == code {
				d.denied = true
			}
		}
		return page(http.StatusOK, consentView{Title: "Access refused", Text: "You may close this page."})
	}
	return page(http.StatusOK, consentView{Title: "Connect a device", Text: "Enter the code that it shows", Users: s.login.users, Code: code, Device: true, Action: r.URL.Path})
}
