package scriptsim

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const secret = "s3cr3t-of-the-sheet-1"

func sealed(ts int64, batch, payload string) string {
	return ascii(object{"mekong": 1, "ts": ts, "batch": batch, "payload": payload, "sig": sign(fmt.Sprintf("%d.%s.%s", ts, batch, payload), secret)})
}

// TestTheTwoSteps: a POST is answered with a redirect, and the answer is fetched once,
// by GET (`sinks.md` B2).
func TestTheTwoSteps(t *testing.T) {
	t.Parallel()
	m := NewModel(ModelOptions{Secret: secret})
	s := New(m)
	srv := httptest.NewServer(s)
	defer srv.Close()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	body := sealed(time.Now().UnixMilli(), "B", `{"op":"write","keyColumn":"K","columns":[{"header":"<b>","make":true}],"rows":[{"k":"a","v":"1","c":[[0,"<script>"]]}]}`)
	resp, err := client.Post(srv.URL+"/macros/s/x/exec", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	to := resp.Header.Get("Location")
	resp.Body.Close()
	if resp.StatusCode != http.StatusFound || !strings.HasPrefix(to, srv.URL+"/macros/echo?user_content_key=") {
		t.Fatalf("answered %d, %s", resp.StatusCode, to)
	}
	if s.Runs() != 1 {
		t.Errorf("%d runs: it runs before the redirect", s.Runs())
	}
	for i, want := range []struct {
		method string
		status int
	}{{http.MethodPost, 405}, {http.MethodGet, 200}, {http.MethodGet, 404}} {
		req, err := http.NewRequest(want.method, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != want.status || (want.status == 200) != strings.Contains(string(text), `"mekong":1`) {
			t.Errorf("request %d: %d %s %v", i, resp.StatusCode, text, err)
		}
	}
	resp, err = client.Get(srv.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !strings.Contains(string(page), "&lt;script&gt;") || strings.Contains(string(page), "<script>") || strings.Contains(string(page), "Mekong version") {
		t.Errorf("the page is %s", page)
	}
}

func TestLetters(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA"} {
		if got := letters(n); got != want {
			t.Errorf("column %d is %s, want %s", n, got, want)
		}
	}
}

// TestDays: an instant becomes days on the clock of the zone, and the same instant again.
func TestDays(t *testing.T) {
	t.Parallel()
	saigon, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 9, 4, 17, 0, 0, 0, time.UTC) // midnight there
	if got := serial(at.UnixMilli(), saigon); got != 46270 {
		t.Errorf("2026-09-05 is day %v, and should be 46270 (`sinks.md` A1)", got)
	}
	if got := Instant(46270, saigon); !got.Equal(at) {
		t.Errorf("day 46270 is %v", got)
	}
}

func FuzzPost(f *testing.F) {
	for _, payload := range []string{
		"", "{}", "null", `{"op":"write"}`, `{"op":"write","keyColumn":"K","rows":[null,{},{"k":"a","v":"1","c":[[0,1]]},{"k":"a","v":"2","c":[[0.5,"x"],[-1,2],["a",{}],[]]}],"columns":[{"header":"","make":true},{"header":"K","names":["k"]}]}`,
		`{"op":"forget","keyColumn":"","keys":["","a"]}`, `{"op":"prove"}`, `{"op":"check","columns":[{"names":[""]}]}`, `{"op":"write","rows":[{"k":"a","v":"1","c":[[0,{"d":1e300}],[0,null],[0,[1]]]}],"columns":[{"header":"x","make":true}]}`,
	} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		m := NewModel(ModelOptions{Secret: secret})
		for i := range 2 {
			if text := m.Post(sealed(time.Now().UnixMilli(), fmt.Sprint(i), payload)); !strings.Contains(text, `"mekong":1`) {
				t.Errorf("answered %s", text)
			}
		}
		m.Post(payload)
		m.view()
	})
}
