package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
)

var update = flag.Bool("update", false, "write what is got as what is wanted")

// found is a check that brings these findings.
func found(group string, f ...pipeline.Finding) Check {
	return Check{Group: group, Setting: "sinks", Run: func(context.Context) []pipeline.Finding { return f }}
}

func sample() Report {
	return Run(context.Background(), []Check{
		found("source landing", pipeline.Finding{Setting: "sources.landing", What: "the door answers at /in/landing"}),
		found("sink crm",
			pipeline.Finding{Setting: "sinks.crm.larkbase.app_id", What: "app cli_a is known to Lark"},
			pipeline.Finding{Level: pipeline.Warn, Setting: "sinks.crm.larkbase.url", What: "advanced permissions are on in this Base: whoever does not manage it may see no rows, or be refused",
				Fix: "see that the app \"can manage\" the Base: https://example.larksuite.com/base/HTJ6bExampleExampleExampleExample?table=tblExampleExample&view=vewExample, … → … More → Add document app"}),
		found("sink crm",
			pipeline.Finding{Level: pipeline.Fail, Setting: `sinks.crm.larkbase.columns."Số điện thoại"`, What: "there is no such column\nin the table \x1b[31mLeads\u202e", Fix: "compare the name letter by letter"}),
		found("sink archive", pipeline.Finding{Level: pipeline.Warn, What: "nothing was written yet"}),
		found("machine", pipeline.Finding{What: "there is room: 12 GiB"}),
	})
}

func TestRendering(t *testing.T) {
	for name, write := range map[string]func(Report, *bytes.Buffer) error{
		"plain.txt":  func(r Report, b *bytes.Buffer) error { return r.Text(b, Style{}) },
		"narrow.txt": func(r Report, b *bytes.Buffer) error { return r.Text(b, Style{Width: 60}) },
		"colour.txt": func(r Report, b *bytes.Buffer) error { return r.Text(b, Style{Colour: true, Width: 100}) },
		"report.json": func(r Report, b *bytes.Buffer) error {
			return r.JSON(b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(sample(), &b); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}

// What must be so whatever the golden files say.
func TestRenderingKeepsLinksAndTerminals(t *testing.T) {
	const link = "https://example.larksuite.com/base/HTJ6bExampleExampleExampleExample?table=tblExampleExample&view=vewExample"
	for _, width := range []int{0, 1, 20, 40, 60, 200} {
		var b bytes.Buffer
		if err := sample().Text(&b, Style{Width: width}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), link) {
			t.Errorf("at width %d the link is not whole", width)
		}
		if strings.ContainsAny(b.String(), "\x1b\u202e") {
			t.Errorf("at width %d control characters of a name come through", width)
		}
		if !strings.HasSuffix(b.String(), "✓ 3  ⚠ 2  ✗ 1\n") {
			t.Errorf("at width %d the sum is missing", width)
		}
	}
	var b bytes.Buffer
	if err := sample().JSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Result         string
		OK, Warn, Fail int
		Groups         []struct {
			Name     string
			Findings []struct{ Level, Setting, What, Fix string }
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Result != "fail" || got.OK != 3 || got.Warn != 2 || got.Fail != 1 || !strings.Contains(b.String(), link) {
		t.Errorf("JSON says %+v", got)
	}
	var order []string
	for _, g := range got.Groups {
		for _, f := range g.Findings {
			order = append(order, g.Name+" "+f.Level)
		}
	}
	if s := strings.Join(order, ", "); s != "sink crm fail, sink crm warn, sink crm ok, sink archive warn, machine ok, source landing ok" {
		t.Errorf("the order is %s", s)
	}
}

func TestAnEmptyReportIsWell(t *testing.T) {
	r := Run(t.Context(), nil)
	var b bytes.Buffer
	if err := r.JSON(&b); err != nil || r.Worst() != pipeline.OK || !strings.Contains(b.String(), `"groups": []`) {
		t.Errorf("%v, %s, %v", r.Worst(), b.String(), err)
	}
}

// A check that does not behave is a finding that names it, and the others are told
// all the same.
func TestBadChecks(t *testing.T) {
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	for name, c := range map[string]struct {
		run  func(context.Context) []pipeline.Finding
		says string
	}{
		"deaf":   {func(context.Context) []pipeline.Finding { <-never; return nil }, "had not ended after 30ms"},
		"slow":   {func(ctx context.Context) []pipeline.Finding { <-ctx.Done(); <-never; return nil }, "had not ended after 30ms"},
		"nil":    {func(context.Context) []pipeline.Finding { var s []int; return make([]pipeline.Finding, s[len(s)]) }, "index out of range"},
		"secret": {func(context.Context) []pipeline.Finding { panic("hunter2") }, "broke off (string)"},
		"empty":  {func(context.Context) []pipeline.Finding { return nil }, "found nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			r := Run(t.Context(), []Check{
				{Group: "sink " + name, Setting: "sinks." + name, Timeout: 30 * time.Millisecond, Run: c.run},
				found("sink good", pipeline.Finding{What: "fine"}),
			})
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			if r.Worst() != pipeline.Fail || r.Count(pipeline.OK) != 1 || len(r.Groups) != 2 {
				t.Fatalf("the report is %+v", r)
			}
			f := r.Groups[0].Findings[0]
			if f.Setting != "sinks."+name || !strings.Contains(f.What, c.says) || f.Fix == "" || strings.Contains(f.What, "hunter2") {
				t.Errorf("the finding is %+v", f)
			}
		})
	}
}

func TestChecksRunSideBySide(t *testing.T) {
	const n = 20
	here := make(chan struct{}, n)
	go1 := make(chan struct{})
	var checks []Check
	for range n {
		checks = append(checks, Check{Group: "g", Run: func(ctx context.Context) []pipeline.Finding {
			here <- struct{}{}
			<-go1
			return []pipeline.Finding{{What: "ok"}}
		}})
	}
	go func() {
		for range n { // returns only once all are in
			<-here
		}
		close(go1)
	}()
	if r := Run(t.Context(), checks); r.Count(pipeline.OK) != n {
		t.Errorf("the report is %+v", r)
	}
}

func TestACutOffCheckSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := Run(ctx, []Check{{Group: "g", Setting: "s", Run: func(ctx context.Context) []pipeline.Finding {
		cancel()
		select {}
	}}})
	if r.Worst() != pipeline.Fail || !strings.Contains(r.Groups[0].Findings[0].What, "cut off") {
		t.Errorf("the report is %+v", r)
	}
}

func FuzzText(f *testing.F) {
	f.Add("sinks.crm", "a\x1b]0;x\abc", "open https://a.example/b?c=d", 40)
	f.Add("", "\u202eabc\u0000", "\r\n", 12)
	f.Add("\xff", "\u009b31m", "", -1)
	f.Fuzz(func(t *testing.T, setting, what, fix string, width int) {
		r := Report{Groups: []Group{{Name: "g", Findings: []pipeline.Finding{{Level: pipeline.Fail, Setting: setting, What: what, Fix: fix}}}}}
		var b bytes.Buffer
		if err := r.Text(&b, Style{Width: width}); err != nil {
			t.Fatal(err)
		}
		for _, c := range b.String() {
			if c < ' ' && c != '\n' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == 0x202e {
				t.Errorf("%q came through", c)
			}
		}
	})
}
