package sheetsim_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/sheets/v4"

	"mekong/sinks/sheets/sheetsim"
)

// TestFaultsBeforeAndAfterTheEffect: what a client sees of each, and whether its
// row is there.
func TestFaultsBeforeAndAfterTheEffect(t *testing.T) {
	for name, c := range map[string]struct {
		fault sheetsim.Fault
		code  int // 0: no HTTP answer that could be read
		says  string
	}{
		"503":       {sheetsim.Fault{Kind: sheetsim.Unavailable}, 503, "The service is currently unavailable."},
		"500":       {sheetsim.Fault{Kind: sheetsim.Internal}, 500, "Internal error encountered."},
		"504":       {sheetsim.Fault{Kind: sheetsim.Timeout}, 504, "Deadline"},
		"429":       {sheetsim.Fault{Kind: sheetsim.RateLimited}, 429, "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per user'"},
		"429 older": {sheetsim.Fault{Kind: sheetsim.RateLimited, Legacy: true}, 429, "Insufficient tokens for quota 'WriteGroup' and limit 'USER-100s'"},
		"401":       {sheetsim.Fault{Kind: sheetsim.Unauthorized}, 401, "invalid authentication credentials"},
		"502 page":  {sheetsim.Fault{Kind: sheetsim.Page}, 502, ""},
		"array":     {sheetsim.Fault{Kind: sheetsim.Unavailable, Style: &sheetsim.ErrorStyle{Array: true, Plain: true}}, 503, "The service is currently unavailable."},
		"reset":     {sheetsim.Fault{Kind: sheetsim.Reset}, 0, ""},
		"hang":      {sheetsim.Fault{Kind: sheetsim.Hang}, 0, ""},
		"cut":       {sheetsim.Fault{Kind: sheetsim.Cut}, 0, ""},
		"short":     {sheetsim.Fault{Kind: sheetsim.Short}, 0, ""},
	} {
		for _, applied := range []bool{false, true} {
			w := newWorld(t, sheetsim.Options{})
			f := c.fault
			f.Applied, f.Next, f.Writes = applied, 1, true
			armed := w.Fault(f)
			if _, err := w.client.Spreadsheets.Values.Get(bookID, "A1").Do(); err != nil { // the token; reads are not struck
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			_, err := w.client.Spreadsheets.BatchUpdate(bookID, &sheets.BatchUpdateSpreadsheetRequest{Requests: []*sheets.Request{put(0, 0, 0, cells(text("a")))}}).Context(ctx).Do()
			cancel()
			var g *googleapi.Error
			switch {
			case err == nil:
				t.Errorf("%s: no error", name)
			case c.code != 0:
				refusal(t, name, err, c.code, c.says)
			case errors.As(err, &g):
				t.Errorf("%s: an answer came: %v", name, err)
			}
			if n := w.Tabs(bookID)[0].Filled; n != map[bool]int{true: 1}[applied] {
				t.Errorf("%s, applied %v: %d rows", name, applied, n)
			}
			if armed.Struck() != 1 {
				t.Errorf("%s struck %d times", name, armed.Struck())
			}
			if _, err := w.batch(put(0, 1, 0, cells(text("b")))); err != nil {
				t.Errorf("%s: the next call: %v", name, err)
			}
		}
	}
}

func TestAnAppliedFaultWaitsForACallThatSucceeds(t *testing.T) {
	w := newWorld(t, sheetsim.Options{})
	f := w.Fault(sheetsim.Fault{Kind: sheetsim.Unavailable, Applied: true, Next: 1, On: []sheetsim.Method{sheetsim.BatchUpdate}})
	_, err := w.batch(put(99, 0, 0, cells(text("a"))))
	refusal(t, "a bad call", err, 400, "No grid with id")
	if f.Struck() != 0 {
		t.Error("it struck a call that was refused")
	}
	_, err = w.batch(put(0, 0, 0, cells(text("a"))))
	refusal(t, "a good call", err, 503, "")
	f.Remove()
	chance := w.Fault(sheetsim.Fault{Kind: sheetsim.Unavailable, Chance: 0.5, Account: writer, Spreadsheet: bookID, Reads: true})
	for range 40 {
		_, _ = w.client.Spreadsheets.Values.Get(bookID, "A1").Do()
	}
	if n := chance.Struck(); n < 5 || n > 35 {
		t.Errorf("a chance of one half struck %d of 40", n)
	}
	w.ClearFaults()
}

func TestSlowAndLate404(t *testing.T) {
	w := newWorld(t, sheetsim.Options{Scale: 0.001})
	w.Fault(sheetsim.Fault{Kind: sheetsim.Slow, Next: 1})
	began := time.Now()
	if _, err := w.client.Spreadsheets.Get(bookID).Do(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Errorf("180 s at 1:1000 took %v", took)
	}
	w.Fault(sheetsim.Fault{Kind: sheetsim.Late404})
	_, err := w.client.Spreadsheets.Get("gone").Do()
	refusal(t, "first", err, 503, "")
	_, err = w.client.Spreadsheets.Get("gone").Do()
	refusal(t, "then", err, 404, "Requested entity was not found.")
}

func TestQuotasPerUserAndProjectByTheMinute(t *testing.T) {
	w := newWorld(t, sheetsim.Options{Now: sheetsim.Frozen(start), AnyTime: true, Quotas: sheetsim.Quotas{WritesPerUser: 3, ReadsPerUser: 2, WritesPerProject: 5}})
	second := w.service(w.AddAccount("second@example.com"))
	w.Share(bookID, "second@example.com", sheetsim.Writer)
	write := func(c *sheets.Service) error {
		_, err := c.Spreadsheets.Values.Update(bookID, "A1", &sheets.ValueRange{Values: [][]any{{1}}}).ValueInputOption("RAW").Do()
		return err
	}
	for i := range 3 {
		if err := write(w.client); err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	err := write(w.client)
	refusal(t, "per user", err, 429, "limit 'Write requests per minute per user'")
	detail(t, err, "RATE_LIMIT_EXCEEDED", "WriteRequestsPerMinutePerUser")
	for range 2 {
		if _, err := w.client.Spreadsheets.Get(bookID).Do(); err != nil {
			t.Errorf("reads are counted apart: %v", err)
		}
	}
	_, err = w.client.Spreadsheets.Get(bookID).Do()
	refusal(t, "reads", err, 429, "Read requests")
	for range 2 {
		if err := write(second); err != nil {
			t.Errorf("another user: %v", err)
		}
	}
	refusal(t, "per project", write(second), 429, "limit 'Write requests per minute' of service")
	if n := w.Quota429s(); n != 3 {
		t.Errorf("%d refused by quota, want 3", n)
	}
	if _, left := w.Left(sheetsim.ProjectOf(writer), writer); left != 0 {
		t.Errorf("%d writes left", left)
	}
	w.Advance(time.Minute)
	if err := write(w.client); err != nil {
		t.Errorf("in the next minute: %v", err)
	}
	if c := w.Calls(); len(c.ByMinute) != 2 || c.ByMinute[0].Writes != 7 || c.ByMinute[1].Writes != 1 || c.Failed[429] != 3 || c.ByMethod[sheetsim.ValuesUpdate] != 8 {
		t.Errorf("counted %+v", c)
	}
	w.SetQuotas(sheetsim.Quotas{}, true)
	for range 10 {
		if err := write(w.client); err != nil {
			t.Errorf("without quotas: %v", err)
		}
	}
}

func TestTheTransportBehavesAsAConnection(t *testing.T) {
	w := newWorld(t, sheetsim.Options{})
	for kind, want := range map[sheetsim.Kind]string{sheetsim.Reset: "closed without an answer", sheetsim.Hang: "deadline exceeded"} {
		w.Fault(sheetsim.Fault{Kind: kind, Next: 1})
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/v4/spreadsheets/"+bookID, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.token())
		resp, err := w.Client().Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("kind %d: %v, want %s", kind, err, want)
		}
		cancel()
	}
}
