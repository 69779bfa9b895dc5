package main

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"mekong/cmd/internal/leads"
)

// The page of the Base shows a lead as Lark would: every column by its Vietnamese
// name, choices as such, the link to be followed, the time that of Vietnam.
func TestDemoBasePage(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	d := startDemo(t, ctx, "--rate", "0")
	m := regexp.MustCompile(`Lark Base +(http://\S+)`).FindStringSubmatch(d.err.String())
	if m == nil {
		t.Fatalf("no Base in\n%s", d.err.String())
	}
	if empty := string(fetch(t, m[1])); !strings.Contains(empty, "No rows yet") {
		t.Errorf("before anything was sent:\n%s", empty)
	}
	link := "https://khoahoc.example.vn/ielts?utm_source=zalo&utm_campaign=tet"
	lead := leads.Lead{
		{Name: "name", Value: "<b>Nguyễn</b> Thị Ánh"}, {Name: "phone", Value: "0900 000 001"}, {Name: "email", Value: "a@example.com"},
		{Name: "Khóa học", Value: `["IELTS","Giao tiếp"]`}, {Name: "message", Value: "Học buổi tối"},
		{Name: "link", Value: link}, {Name: "utm_source", Value: "zalo"}, {Name: "utm_campaign", Value: "tet"},
	}
	before := time.Now()
	ct, body := lead.Encode(leads.URLEncoded)
	id := d.asBrowser(t, ct, body)
	var page string
	d.await(t, func() bool { page = string(fetch(t, m[1])); return strings.Contains(page, id) })
	for _, column := range customerColumns() {
		if !strings.Contains(page, "</i>"+column.Name+"</th>") {
			t.Errorf("the page has no column %s", column.Name)
		}
	}
	for _, want := range []string{
		`title="&lt;b&gt;Nguyễn&lt;/b&gt; Thị Ánh"`, "900000001", `href="mailto:a@example.com"`, ">IELTS</span>", ">Giao tiếp</span>",
		">zalo</span>", ">tet</td>", ">Học buổi tối</td>", ">1 of 1 rows",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %s", want)
		}
	}
	if a := regexp.MustCompile(`href="(https://khoahoc[^"]*)"`).FindStringSubmatch(page); a == nil || html.UnescapeString(a[1]) != link {
		t.Errorf("the link is %q, want %q", a, link)
	}
	zone := time.FixedZone("", 7*60*60)
	const layout = "2006/01/02 15:04"
	if a, b := before.In(zone).Format(layout), time.Now().In(zone).Format(layout); !strings.Contains(page, ">"+a+"</td>") && !strings.Contains(page, ">"+b+"</td>") {
		t.Errorf("the time is neither %s nor %s", a, b)
	}
	if t.Failed() {
		t.Log(page)
	}
	stop()
	if code := d.wait(t); code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, d.err.String(), d.out.String())
	}
	if got := rows(t, d.out.String()); got[inBase] != 1 {
		t.Errorf("one lead:\n%s", d.out.String())
	}
}

func TestDemoBaseAnswersToAddressesOnly(t *testing.T) {
	base, err := openLark("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer base.close()
	for host, status := range map[string]int{"127.0.0.1:8083": http.StatusOK, "localhost": http.StatusOK, "rebound.example:8083": http.StatusMisdirectedRequest} {
		r := httptest.NewRequest(http.MethodGet, base.path(base.table), nil)
		r.Host = host
		w := httptest.NewRecorder()
		base.server.Handler.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("host %s: %d, want %d", host, w.Code, status)
		}
	}
}

// What is counted is leads, and a row that is there twice is noticed.
func TestDemoBaseCount(t *testing.T) {
	base, err := openLark("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer base.close()
	for _, key := range []string{"a", "b", "a", ""} {
		if _, err := base.sim.PutRow(simBase, base.table, "", map[string]any{"Mekong ID": key, "Họ tên": "Lan"}); err != nil {
			t.Fatal(err)
		}
	}
	if rows, leads := base.count(base.table); rows != 4 || leads != 2 {
		t.Errorf("%d rows of %d leads, want 4 of 2", rows, leads)
	}
}

// A simulator that stops by itself ends the demo.
func TestDemoBaseStops(t *testing.T) {
	base, err := openLark("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base.close()
	if err := base.watch(t.Context()); err == nil || !strings.Contains(err.Error(), "the simulated Lark") {
		t.Errorf("it says %v", err)
	}
}
