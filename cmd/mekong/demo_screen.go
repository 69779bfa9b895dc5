package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen is where a command talks to a person: one line of progress, replaced
// in place on a terminal and written now and then elsewhere, and everything
// else above it. It may be used from any number of goroutines.
type screen struct {
	w      io.Writer
	live   bool // a terminal that can replace a line
	colour bool
	width  int

	mu   sync.Mutex
	line string // the progress on show
	step string
}

// newScreen finds out what w can do. Colour is left out where NO_COLOR is set.
func newScreen(w io.Writer) *screen {
	s := &screen{w: w, width: 80}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return s
	}
	s.live = true
	s.colour = os.Getenv("NO_COLOR") == ""
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 20 {
		s.width = width
	}
	return s
}

const clearLine = "\r\x1b[K"

// Write puts text, such as a line of the log, above the progress.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live && s.line != "" {
		if _, err := io.WriteString(s.w, clearLine); err != nil {
			return 0, err
		}
	}
	n, err := s.w.Write(p)
	if s.live && s.line != "" && err == nil {
		_, err = io.WriteString(s.w, s.line)
	}
	return n, err
}

// progress shows text in the place of the last. Where it cannot be replaced it
// is a line of its own.
func (s *screen) progress(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live {
		fmt.Fprintln(s.w, text)
		return
	}
	if runes := []rune(text); len(runes) >= s.width {
		text = string(runes[:s.width-1]) // a line that wraps cannot be replaced
	}
	s.line = s.paint(cyan, text)
	_, _ = io.WriteString(s.w, clearLine+s.line) // a terminal that is gone shows nothing
}

// hint is progress that is not worth a line of its own.
func (s *screen) hint(text string) {
	if s.live {
		s.progress(text)
	}
}

// phase says what is being done now; report shows it.
func (s *screen) phase(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step = text
}

func (s *screen) doing() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.step
}

// clear takes the progress away.
func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live && s.line != "" {
		_, _ = io.WriteString(s.w, clearLine)
	}
	s.line = ""
}

const (
	cyan = "36"
	bold = "1"
)

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// table draws rows of two columns in a box.
func (s *screen) table(title string, rows [][2]string) {
	left, right := 0, utf8.RuneCountInString(title)
	for _, r := range rows {
		left = max(left, utf8.RuneCountInString(r[0]))
		right = max(right, utf8.RuneCountInString(r[1]))
	}
	inside := left + right + 5
	pad := func(text string, width int) string {
		return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
	}
	var b strings.Builder
	head := "─ " + title + " "
	b.WriteString("┌" + head + strings.Repeat("─", inside-utf8.RuneCountInString(head)) + "┐\n")
	for _, r := range rows {
		b.WriteString("│  " + s.paint(bold, pad(r[0], left)) + "  " + pad(r[1], right) + " │\n")
	}
	b.WriteString("└" + strings.Repeat("─", inside) + "┘\n")
	_, _ = io.WriteString(s, b.String())
}

// announce says where everything is, and how to send a lead by hand.
func (d *demoRun) announce(dir string) {
	where := dir + " (removed at the end; --data keeps it)"
	if d.opts.data != "" {
		where = dir
	}
	console, tokenFile := d.app.ConsoleLink()
	if tokenFile != "" {
		console += " (sign in with the token in " + tokenFile + ")"
	}
	t := d.traffic
	d.screen.clear()
	d.screen.table("Mekong demo", [][2]string{
		{"Landing page", "http://" + reachable(d.page.listener.Addr().String()) + "/?utm_source=fb&utm_campaign=120208585133120157"},
		{"Chat page", "http://" + reachable(d.page.listener.Addr().String()) + "/chat"},
		{"Door", t.url},
		{"Token", t.token},
		{"Lark Base", d.lark.link(d.lark.table) + " (simulated, in memory)"},
		{"Lark chat", d.lark.endpoint() + "/sim/chat (simulated)"},
		{"Google Sheets", d.google.link(d.google.leads) + " (simulated, in memory)"},
		{"Console", console},
		{"Data", where},
		{"An answer 200", d.app.Bus.Durability().String()},
	})
	fmt.Fprintf(d.screen, "Send one yourself:\n  %s\n", curl(t.url, t.token))
	if d.opts.length == 0 {
		fmt.Fprintln(d.screen, "Stop with Ctrl-C; the account of every lead follows.")
	}
}

// curl is a command that works in any shell.
func curl(url, token string) string {
	return fmt.Sprintf(`curl -H "token: %s" --data-urlencode "name=Nguyễn Thị Ánh" -d "phone=0900000000" %s`, token, url)
}

// report shows how far things are until ctx ends.
func (d *demoRun) report(ctx context.Context) {
	every := 200 * time.Millisecond
	if !d.screen.live {
		every = 3 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	start := time.Now()
	for {
		select {
		case <-tick.C:
			d.screen.progress(d.standing(time.Since(start)))
		case <-ctx.Done():
			return
		}
	}
}

func (d *demoRun) standing(elapsed time.Duration) string {
	s := d.traffic.soFar()
	text := fmt.Sprintf("%4.0fs  accepted %d  duplicates %d  in MongoDB %d  in Lark Base %d  in Google Sheets %d", elapsed.Seconds(),
		d.accepted(), d.repeated(), d.watch.writes(), d.inBase.writes(), d.inSheet.writes())
	if s.refused > 0 {
		text += fmt.Sprintf("  refused %d", s.refused)
	}
	for _, p := range d.places {
		if _, why := d.app.Held(p.sink); why != "" {
			return text + "  " + p.name + " held: " + why
		}
	}
	if doing := d.screen.doing(); doing != "" {
		text += "  " + doing
	}
	return text
}
