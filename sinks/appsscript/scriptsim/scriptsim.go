// Package scriptsim stands in for script.google.com: the /exec of one deployed script,
// its redirect to a one-time address that has the answer, and what goes wrong there
// (`sinks.md` B2).
//
//	model := scriptsim.NewModel(scriptsim.ModelOptions{Secret: …})
//	http.ListenAndServe(address, scriptsim.New(model))   // and url: <address>/macros/s/demo/exec
//
// What runs at /exec is a [Script]. [Model] is the script that Mekong ships, told again
// in Go, on a spreadsheet in memory; tests put the real one there, under Node, and hold
// the two against each other.
//
// It shares no code with the client. It knows nothing of the rest of Google: no quota
// of a day, no person who signs in.
package scriptsim

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Script is what a deployment runs: the body of a POST in, the text of its answer out.
// It may be called from several goroutines.
type Script interface{ Post(body string) string }

const (
	maxBody    = 8 << 20 // bytes of a request
	maxAnswers = 1000    // answers that nobody fetched
)

// Server is the deployment. All methods may be called at once.
type Server struct {
	script Script

	mu      sync.Mutex
	latency time.Duration
	answers map[string]answer // by one-time key
	order   []string          // of the answers, oldest first
	fault   Fault
	left    int // requests that the fault still hits; negative: all
	struck  int
	reached chan struct{} // closed when a request hangs
	cleared chan struct{} // closed by Clear
	runs    int
	bodies  []string // of the last requests
}

type answer struct {
	text string
	mime string
	drop bool // the connection ends instead
	half bool // and so it does in the middle
}

// New serves script.
func New(script Script) *Server {
	return &Server{script: script, answers: map[string]answer{}, reached: make(chan struct{}), cleared: make(chan struct{})}
}

// Latency makes each run take that long; 0 is at once.
func (s *Server) Latency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// Runs counts how often the script ran.
func (s *Server) Runs() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs
}

// Requests are the bodies of the last requests, 100 at most, oldest first.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.bodies...)
}

// ServeHTTP answers for /macros/s/…/exec, with and without a Workspace domain in
// front, for /macros/echo, and for / with a page that shows the sheet of a [Model].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/macros/echo":
		s.echo(w, r)
	case strings.Contains(path, "/macros/s/") && strings.HasSuffix(path, "/exec"):
		s.exec(w, r)
	case path == "/":
		s.page(w)
	default:
		htmlPage(w, http.StatusNotFound, "Page Not Found")
	}
}

func (s *Server) exec(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		htmlPage(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	if r.Method != http.MethodPost {
		htmlPage(w, http.StatusOK, "Script function not found: doGet")
		return
	}
	fault, latency := s.enter(string(body))
	if s.instead(fault, w, r) {
		return
	}
	if latency > 0 {
		timer := time.NewTimer(latency)
		defer timer.Stop()
		<-timer.C // whoever gives up, the script goes on
	}
	a := answer{text: s.run(string(body)), mime: "application/json; charset=utf-8"}
	if fault == Twice {
		a.text = s.run(string(body))
	}
	switch fault {
	case LostRedirect:
		drop(w)
		return
	case LateNotFound:
		htmlPage(w, http.StatusNotFound, "Page Not Found")
		return
	case LateHang:
		s.hang(r)
		return
	case LostEcho:
		a.drop = true
	case Truncated:
		a.half = true
	case LateHTML:
		a.text, a.mime = "<!DOCTYPE html><html><head><title>Lỗi</title></head><body>Đã vượt quá thời gian thực thi tối đa</body></html>", "text/html; charset=utf-8"
	case Forged:
		a.text = `{"mekong":1,"batch":"` + batchOf(string(body)) + `","data":"{\"ok\":true,\"rows\":[2]}","sig":"` + strings.Repeat("0", 64) + `"}`
	case Elsewhere:
		redirect(w, "https://storage.example.com/macros/echo?user_content_key=x")
		return
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	to := url.URL{Scheme: scheme, Host: r.Host, Path: "/macros/echo", RawQuery: "user_content_key=" + s.keep(a) + "&lib=demo"}
	redirect(w, to.String())
}

// enter counts a request and says which fault it meets.
func (s *Server) enter(body string) (Fault, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies = append(s.bodies, body)
	if len(s.bodies) > 100 {
		s.bodies = s.bodies[1:]
	}
	if s.fault == "" || s.left == 0 {
		return "", s.latency
	}
	s.left--
	s.struck++
	return s.fault, s.latency
}

func (s *Server) run(body string) string {
	text := s.script.Post(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	return text
}

// keep holds an answer for its one fetch.
func (s *Server) keep(a answer) string {
	key := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[key] = a
	s.order = append(s.order, key)
	if len(s.order) > maxAnswers {
		delete(s.answers, s.order[0])
		s.order = s.order[1:]
	}
	return key
}

func (s *Server) echo(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		htmlPage(w, http.StatusMethodNotAllowed, "Method Not Allowed")
		return
	}
	key := r.URL.Query().Get("user_content_key")
	s.mu.Lock()
	a, ok := s.answers[key]
	delete(s.answers, key)
	s.mu.Unlock()
	switch {
	case !ok:
		htmlPage(w, http.StatusNotFound, "Page Not Found")
	case a.drop:
		drop(w)
	case a.half:
		w.Header().Set("Content-Length", fmt.Sprint(len(a.text)))
		w.Header().Set("Content-Type", a.mime)
		_, _ = io.WriteString(w, a.text[:len(a.text)/2])
		drop(w)
	default:
		w.Header().Set("Content-Type", a.mime)
		_, _ = io.WriteString(w, a.text) // who has gone does not mind
	}
}

func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(http.StatusFound)
	_, _ = io.WriteString(w, "<HTML><HEAD><TITLE>Moved Temporarily</TITLE></HEAD><BODY></BODY></HTML>")
}

func htmlPage(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>Error</title></head><body><div>"+text+"</div></body></html>")
}

// drop ends the connection without a word.
func drop(http.ResponseWriter) { panic(http.ErrAbortHandler) }
