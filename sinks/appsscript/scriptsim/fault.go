package scriptsim

import (
	"encoding/json"
	"net/http"
)

// Fault is one way in which a deployment goes wrong (`sinks.md` B2).
type Fault string

// The faults. Those of the first group come before the script runs, those of the
// second after it has.
const (
	Outage      Fault = "outage"      // the connection ends
	Hang        Fault = "hang"        // no answer until Clear
	Login       Fault = "login"       // a redirect to accounts.google.com
	SignIn      Fault = "sign in"     // a page that asks to sign in
	Missing     Fault = "missing"     // Script function not found: doPost
	NotFound    Fault = "not found"   // 404
	Denied      Fault = "denied"      // 403
	Quota       Fault = "quota"       // a page, in some language: too many runs at once
	Unavailable Fault = "unavailable" // 503
	TooMany     Fault = "too many"    // 429

	LostRedirect Fault = "lost redirect"  // the connection ends before the 302
	LostEcho     Fault = "lost echo"      // the answer cannot be fetched
	Truncated    Fault = "truncated"      // half of the answer
	LateHTML     Fault = "late page"      // a page in place of the answer
	LateNotFound Fault = "late not found" // 404 in place of the 302
	LateHang     Fault = "late hang"      // no answer until Clear
	Twice        Fault = "twice"          // the script runs twice
	Forged       Fault = "forged"         // an answer of somebody who does not know the secret
	Elsewhere    Fault = "other redirect" // a redirect to a host of others
)

// Faults is every fault there is.
func Faults() []Fault {
	return []Fault{Outage, Hang, Login, SignIn, Missing, NotFound, Denied, Quota, Unavailable, TooMany,
		LostRedirect, LostEcho, Truncated, LateHTML, LateNotFound, LateHang, Twice, Forged, Elsewhere}
}

// Inject lets the next times requests meet f; a negative number: all until Clear. The
// channel is closed when a request hangs.
func (s *Server) Inject(f Fault, times int) (reached <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.left, s.struck = f, times, 0
	s.reached = make(chan struct{})
	return s.reached
}

// Struck counts the requests that met the fault last injected.
func (s *Server) Struck() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.struck
}

// Clear ends the fault and lets go of what hangs.
func (s *Server) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = ""
	close(s.cleared)
	s.cleared = make(chan struct{})
}

// instead answers in place of the script, if f does that.
func (s *Server) instead(f Fault, w http.ResponseWriter, r *http.Request) bool {
	switch f {
	case Outage:
		drop(w)
	case Hang:
		s.hang(r)
	case Login:
		redirect(w, "https://accounts.google.com/ServiceLogin?passive=1209600&continue=https://script.google.com/macros/s/x/exec")
	case SignIn:
		htmlPage(w, http.StatusOK, `<form action="https://accounts.google.com/v3/signin"></form>`)
	case Missing:
		htmlPage(w, http.StatusOK, "Không tìm thấy hàm tập lệnh: doPost")
	case NotFound:
		htmlPage(w, http.StatusNotFound, "Sorry, unable to open the file at this time.")
	case Denied:
		htmlPage(w, http.StatusForbidden, "Bạn cần có quyền truy cập")
	case Quota:
		htmlPage(w, http.StatusOK, "Có quá nhiều tập lệnh đang chạy đồng thời cho tài khoản người dùng Google này.")
	case Unavailable:
		htmlPage(w, http.StatusServiceUnavailable, "Service Unavailable")
	case TooMany:
		w.Header().Set("Retry-After", "7")
		htmlPage(w, http.StatusTooManyRequests, "Too Many Requests")
	default:
		return false
	}
	return true
}

// hang keeps a request until Clear, or until its sender gives up.
func (s *Server) hang(r *http.Request) {
	s.mu.Lock()
	cleared := s.cleared
	select {
	case <-s.reached:
	default:
		close(s.reached)
	}
	s.mu.Unlock()
	select {
	case <-cleared:
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler)
}

// batchOf reads the id of a request, which is no secret.
func batchOf(body string) string {
	var e struct {
		Batch string `json:"batch"`
	}
	_ = json.Unmarshal([]byte(body), &e) // what is no JSON has no id
	return e.Batch
}

// Broken is the answer of a script that knows secret and has stopped at a step.
func Broken(body, secret, step string) string {
	var e envelope
	_ = json.Unmarshal([]byte(body), &e) // what is no JSON has no signature
	text := ascii(object{"ok": false, "code": "internal", "step": step, "error": "Exception", "protocol": protocol})
	return ascii(object{"mekong": protocol, "batch": e.Batch, "data": text, "sig": sign("answer."+e.Sig+"."+text, secret)})
}
