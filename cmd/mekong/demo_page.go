package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"mekong/cmd/internal/app"
)

// demoPage serves the landing page, where it sends to, and what has arrived; the page of
// the chatbot, and the chatbot.
// The page's origin is not the door's, as on a real landing page. Anybody who
// reaches the listener reads the demo's records, so it is on loopback unless
// asked otherwise.
type demoPage struct {
	listener net.Listener
	door     net.Addr
	lark     *simulatedBase
	google   *simulatedSheet
	desk     *chatDesk
	path     string // of the source on the door
	token    string
	run      *demoRun
	log      *slog.Logger

	mu     sync.Mutex // one look at MongoDB at a time, shared by all who ask
	looked time.Time
	rows   []arrived
}

// arrived is a row as the page shows it.
type arrived struct {
	ID       string    `json:"id"`
	Received time.Time `json:"received"`
	Name     string    `json:"name"`
	Phone    string    `json:"phone"` // normalised
	Typed    string    `json:"typed"` // as it was sent
	Campaign string    `json:"campaign"`
	Courses  []string  `json:"courses"`
	Flags    []string  `json:"flags"`
}

func (p *demoPage) handler() http.Handler {
	mux := http.NewServeMux()
	files, err := fs.Sub(demoFiles, "demo")
	if err != nil {
		panic(err) // the name is a constant
	}
	for path, file := range map[string]string{"/{$}": "index.html", "/page.js": "page.js", "/page.css": "page.css",
		"/chat": "chat.html", "/chat.js": "chat.js", "/chat.css": "chat.css"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, files, file)
		})
	}
	mux.HandleFunc("GET /settings", p.settings)
	mux.HandleFunc("GET /records", p.records)
	mux.HandleFunc("GET /chat/rows", p.desk.rows)
	mux.HandleFunc("POST /chat/say", p.desk.say)
	mux.HandleFunc("POST /chatbot", answerBot)
	return p.guard(mux)
}

// guard sets what every answer carries, and turns away a foreign name.
func (p *demoPage) guard(next http.Handler) http.Handler {
	return addressedOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "+
			"connect-src 'self' http://"+p.doorFor(r)+"; form-action 'none'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	}))
}

// addressedOnly turns away a foreign name: with one of its own that leads here,
// another site could read the records.
func addressedOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		if host != "localhost" && net.ParseIP(host) == nil {
			http.Error(w, "The demo answers to an address or to localhost only.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	if n := len(hostport); n > 1 && hostport[0] == '[' && hostport[n-1] == ']' {
		return hostport[1 : n-1]
	}
	return hostport
}

// doorFor is the door's address as whoever asks can reach it.
func (p *demoPage) doorFor(r *http.Request) string { return seenFrom(r, p.door) }

// seenFrom is a listener's address as whoever asks can reach it: one that listens
// everywhere is where the page was found.
func seenFrom(r *http.Request, listener net.Addr) string {
	host, port, err := net.SplitHostPort(listener.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return listener.String()
	}
	return net.JoinHostPort(hostOf(r.Host), port)
}

// settings is what a LadiPage connection is set up with, the API URL and the
// request headers, and where the destinations can be looked at.
func (p *demoPage) settings(w http.ResponseWriter, r *http.Request) {
	lark, google := "http://"+seenFrom(r, p.lark.listener.Addr()), "http://"+seenFrom(r, p.google.listener.Addr())
	answerJSON(w, map[string]any{
		"url":     "http://" + p.doorFor(r) + p.path,
		"headers": map[string]string{"token": p.token},
		"base":    lark + p.lark.path(p.lark.table), "baseChats": lark + p.lark.path(p.lark.chats), "larkChat": lark + "/sim/chat",
		"sheet": google + p.google.path(p.google.leads), "sheetChats": google + p.google.path(p.google.chats),
	})
}

// records is what has arrived lately, read from MongoDB, and, with ?id=, that
// row too when it is there.
func (p *demoPage) records(w http.ResponseWriter, r *http.Request) {
	ctx, done := context.WithTimeout(r.Context(), 5*time.Second)
	defer done()
	rows, err := p.latest(ctx)
	var own *arrived
	if id := r.URL.Query().Get("id"); err == nil && id != "" && len(id) <= 200 {
		own, err = p.find(ctx, id)
	}
	if err != nil {
		p.log.Warn("the landing page cannot show what has arrived", "error", err)
		http.Error(w, "MongoDB does not answer.", http.StatusServiceUnavailable)
		return
	}
	answerJSON(w, map[string]any{
		"accepted": p.run.accepted(), "duplicates": p.run.repeated(), "stored": p.run.watch.writes(),
		"records": rows, "own": own,
	})
}

// pageFresh is how long a look at MongoDB serves everybody.
const pageFresh = 500 * time.Millisecond

func (p *demoPage) latest(ctx context.Context) ([]arrived, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.looked) < pageFresh {
		return p.rows, nil
	}
	rows := []arrived{}
	for _, key := range p.run.watch.latest() {
		row, err := p.find(ctx, key)
		if err != nil {
			return nil, err
		}
		if row != nil {
			rows = append(rows, *row)
		}
	}
	p.rows, p.looked = rows, time.Now()
	return rows, nil
}

func (p *demoPage) find(ctx context.Context, key string) (*arrived, error) {
	d, ok, err := p.run.far.Find(ctx, key)
	if err != nil || !ok {
		return nil, err
	}
	row := shownAs(d)
	return &row, nil
}

func shownAs(d app.Document) arrived {
	text := func(name string) string {
		s, _ := d.Fields[name].(string)
		return s
	}
	list := func(name string) []string {
		out := []string{}
		switch v := d.Fields[name].(type) {
		case string:
			if v != "" {
				out = append(out, v)
			}
		case []any:
			for _, e := range v {
				if s, ok := e.(string); ok {
					out = append(out, s)
				}
			}
		}
		return out
	}
	a := arrived{
		ID: d.Key, Received: d.Received, Name: text("name"), Phone: text("phone"), Typed: text("phone_raw"),
		Campaign: text("utm_source"), Courses: list("Khóa học"), Flags: list("flags"),
	}
	return a
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v) // a page that is closed is told nothing
}

// serve answers until ctx ends.
func (p *demoPage) serve(ctx context.Context) error {
	s := &http.Server{
		Handler:           p.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(p.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("the landing page: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if s.Shutdown(grace) != nil {
		_ = s.Close()
	}
	return nil
}
