package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"mekong/cmd/internal/leads"
)

// runningDemo is a demo in the background.
type runningDemo struct {
	page, door, token string
	out, err          *output
	code              chan int
}

// startDemo returns when the demo has said where it is.
func startDemo(t *testing.T, ctx context.Context, args ...string) *runningDemo {
	t.Helper()
	d := &runningDemo{out: &output{}, err: &output{}, code: make(chan int, 1)}
	go func() {
		d.code <- Main(ctx, append(append([]string{"demo"}, anyPorts...), args...), strings.NewReader(""), d.out, d.err)
	}()
	d.await(t, func() bool { return strings.Contains(d.err.String(), "Stop with Ctrl-C") })
	find := func(re string) string {
		m := regexp.MustCompile(re).FindStringSubmatch(d.err.String())
		if m == nil {
			t.Fatalf("nothing like %s in\n%s", re, d.err.String())
		}
		return m[1]
	}
	d.page, d.door, d.token = find(`Landing page +(http://[^/]+)/`), find(`Door +(\S+)`), find(`Token +(\S+)`)
	return d
}

func (d *runningDemo) await(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nothing happens:\n%s%s", d.err.String(), d.out.String())
		}
	}
}

func (d *runningDemo) wait(t *testing.T) int {
	t.Helper()
	select {
	case code := <-d.code:
		return code
	case <-time.After(time.Minute):
		t.Fatalf("it does not end:\n%s%s", d.err.String(), d.out.String())
		return 0
	}
}

// state is what the page asks for every second.
type state struct {
	Accepted, Duplicates, Stored int64
	Records                      []arrived
	Own                          *arrived
}

func (d *runningDemo) get(t *testing.T, path string) state {
	t.Helper()
	var s state
	if err := json.Unmarshal(fetch(t, d.page+path), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return body
}

// asBrowser posts as a page of the demo's origin does, preflight and all, and
// gives the ID.
func (d *runningDemo) asBrowser(t *testing.T, contentType string, body []byte) string {
	t.Helper()
	ask, err := http.NewRequest(http.MethodOptions, d.door, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask.Header.Set("Origin", d.page)
	ask.Header.Set("Access-Control-Request-Method", "POST")
	ask.Header.Set("Access-Control-Request-Headers", "content-type,token")
	resp, err := http.DefaultClient.Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Access-Control-Allow-Headers"); resp.Header.Get("Access-Control-Allow-Origin") != d.page || !strings.Contains(strings.ToLower(got), "token") {
		t.Fatalf("a browser would not send: %v", resp.Header)
	}
	req, err := http.NewRequest(http.MethodPost, d.door, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", d.page)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("token", d.token)
	return answered(t, req, d.page)
}

func answered(t *testing.T, req *http.Request, origin string) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		OK bool
		ID string
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || !answer.OK || answer.ID == "" || resp.Header.Get("Access-Control-Allow-Origin") != origin {
		t.Fatalf("answered %s %+v", resp.Status, answer)
	}
	return answer.ID
}

func TestDemoPage(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	d := startDemo(t, ctx, "--rate", "0")
	if html := string(fetch(t, d.page+"/?utm_source=fb")); !strings.Contains(html, "Số điện thoại") {
		t.Errorf("this is not the landing page:\n%s", html)
	}
	var to struct {
		URL     string
		Headers map[string]string
		Base    string
	}
	if err := json.Unmarshal(fetch(t, d.page+"/settings"), &to); err != nil || to.URL != d.door || to.Headers["token"] != d.token || !strings.Contains(d.err.String(), to.Base+" (simulated, in memory)") {
		t.Errorf("the page is told to send to %+v (%v), want %s", to, err, d.door)
	}
	if s := d.get(t, "/records"); s.Records == nil || len(s.Records) != 0 || s.Stored != 0 {
		t.Errorf("before anything was sent: %+v", s)
	}
	// What the script on the page makes of its form.
	lead := leads.Lead{
		{Name: "name", Value: "<b>Nguye\u0302\u0303n</b>  Thị Ánh"}, {Name: "phone", Value: "900 000 001"}, {Name: "email", Value: "a@example.com"},
		{Name: "Khóa học", Value: `["IELTS","TOEIC"]`}, {Name: "message", Value: ""}, {Name: "i_agree_terms_and_conditions", Value: `["Tôi đồng ý"]`},
		{Name: "link", Value: d.page + "/?utm_source=fb"}, {Name: "utm_source", Value: "fb"},
	}
	for i, kind := range leads.Kinds {
		lead[4].Value = string(kind) // a lead of its own
		ct, body := lead.Encode(kind)
		id := d.asBrowser(t, ct, body)
		if again := d.asBrowser(t, ct, body); again != id {
			t.Errorf("%s: the same submission was %s and then %s", kind, id, again)
		}
		var s state
		d.await(t, func() bool { s = d.get(t, "/records?id="+url.QueryEscape(id)); return s.Own != nil })
		d.await(t, func() bool { s = d.get(t, "/records"); return len(s.Records) > i })
		r := s.Records[0]
		if r.ID != id || r.Name != "<b>Nguyễn</b> Thị Ánh" || r.Phone != "+84900000001" || r.Typed != "900 000 001" ||
			strings.Join(r.Courses, ",") != "IELTS,TOEIC" || r.Campaign != "fb" || r.Received.IsZero() {
			t.Errorf("%s: arrived as %+v", kind, r)
		}
		if s.Accepted != int64(i+1) || s.Duplicates != int64(i+1) || s.Stored != int64(i+1) {
			t.Errorf("%s: figures %+v", kind, s)
		}
	}
	if s := d.get(t, "/records?id=nobody"); s.Own != nil {
		t.Errorf("a row that is not there: %+v", s.Own)
	}
	// The commands on the screen and in the README work as they stand.
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(readme), "http://127.0.0.1:8080/in/landing", d.door) + d.err.String()
	sent := int64(0)
	for _, line := range regexp.MustCompile(`(?m)^ *curl (?:.*\\\n)*.*`).FindAllString(text, -1) {
		if strings.Contains(line, d.door) {
			answered(t, curlRequest(t, line), "")
			sent++
		}
	}
	if sent < 2 {
		t.Errorf("found %d curl commands on the screen and in the README", sent)
	}
	stop()
	if code := d.wait(t); code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, d.err.String(), d.out.String())
	}
	if got := rows(t, d.out.String()); got["received"] != 6+sent || got["duplicates dropped"] != 3 || got["stored in MongoDB"] != 3+sent {
		t.Errorf("3 submitted twice, %d by curl:\n%s", sent, d.out.String())
	}
}

// curlRequest is what curl makes of a command line.
func curlRequest(t *testing.T, line string) *http.Request {
	t.Helper()
	var words []string
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|([^\s'"\\]+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+m[2]+m[3])
	}
	var target string
	var data []string
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for i := 1; i < len(words); i++ {
		switch word := words[i]; {
		case strings.HasPrefix(word, "http"):
			target = word
		case i+1 == len(words):
			t.Fatalf("what is %q in %s", word, line)
		case word == "-H":
			name, value, _ := strings.Cut(words[i+1], ": ")
			header.Set(name, value)
			i++
		case word == "-d" || word == "--data-raw":
			data = append(data, words[i+1])
			i++
		case word == "--data-urlencode":
			name, value, _ := strings.Cut(words[i+1], "=")
			data = append(data, name+"="+url.QueryEscape(value))
			i++
		default:
			t.Fatalf("what is %q in %s", word, line)
		}
	}
	req, err := http.NewRequest(http.MethodPost, target, strings.NewReader(strings.Join(data, "&")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	return req
}

// The page brings everything along, and puts nobody's text into it as markup.
func TestDemoAssets(t *testing.T) {
	files := map[string]string{}
	err := fs.WalkDir(demoFiles, "demo", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := demoFiles.ReadFile(path)
		files[strings.TrimPrefix(path, "demo/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	forbidden := regexp.MustCompile(`(?i)https?://|["'(]//|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|createContextualFragment|srcdoc|<[^>]+\son\w+=|\sstyle=|@import|url\(`)
	for _, name := range []string{"index.html", "page.css", "page.js", "chat.html", "chat.css", "chat.js"} {
		text, ok := files[name]
		if !ok {
			t.Fatalf("%s is not there", name)
		}
		if bad := forbidden.FindString(text); bad != "" {
			t.Errorf("%s has %q", name, bad)
		}
	}
	for page, script := range map[string]string{"index.html": "page.js", "chat.html": "chat.js"} {
		for _, m := range regexp.MustCompile(`data-t="(\w+)"`).FindAllStringSubmatch(files[page], -1) {
			if !strings.Contains(files[script], "    "+m[1]+": \"") {
				t.Errorf("%q of %s has no English", m[1], page)
			}
		}
	}
}
