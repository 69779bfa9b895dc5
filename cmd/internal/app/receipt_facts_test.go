package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/receipt"
	"mekong/pipeline/trace"
)

func TestConsentOf(t *testing.T) {
	raw := func(body string) *pipeline.Raw {
		return &pipeline.Raw{Body: []byte(body), Meta: map[string]string{"content_type": urlencoded}}
	}
	of := func(fields map[string]any) []*pipeline.Record {
		return []*pipeline.Record{{Fields: map[string]any{}}, {Fields: fields}}
	}
	for name, c := range map[string]struct {
		raw     *pipeline.Raw
		records []*pipeline.Record
		given   receipt.Answer
		wording string
		sent    string
	}{
		"nothing at all":     {nil, nil, receipt.Empty, "", "[]"},
		"nothing was sent":   {raw("name=An"), of(map[string]any{"name": "An"}), receipt.Empty, "", "[]"},
		"ticked":             {raw("agree=on"), of(map[string]any{"consent": true, "consent_text": "on"}), receipt.Yes, "", "[{agree on}]"},
		"bare words":         {raw("toi_dong_y=Đồng ý"), of(map[string]any{"consent": true, "consent_text": "Đồng ý"}), receipt.Yes, "", "[{toi_dong_y Đồng ý}]"},
		"worded":             {raw("agree=" + wording), of(map[string]any{"consent": true, "consent_text": wording}), receipt.Yes, wording, "[{agree " + wording + "}]"},
		"under any name":     {raw("f1=" + wording + "&f2=x"), of(map[string]any{"consent": true, "consent_raw": wording}), receipt.Yes, wording, "[{f1 " + wording + "}]"},
		"empty box":          {raw("agree="), of(map[string]any{"consent": false}), receipt.No, "", "[{agree }]"},
		"refused":            {raw("agree=Tôi không đồng ý"), of(map[string]any{"consent": false, "consent_text": "Tôi không đồng ý"}), receipt.No, "Tôi không đồng ý", "[{agree Tôi không đồng ý}]"},
		"configured as text": {raw("a=1"), of(map[string]any{"consent": wording}), receipt.Yes, wording, "[]"},
		"no, as text":        {raw("a=1"), of(map[string]any{"consent": "Không đồng ý"}), receipt.No, "", "[]"},
		"not, in a sentence": {raw("a=1"), of(map[string]any{"consent": "tôi không đồng ý nhận tin"}), receipt.No, "tôi không đồng ý nhận tin", "[]"},
		"body is no form":    {raw("\x00\x01\x02\x03"), of(map[string]any{"consent": true}), receipt.Yes, "", "[]"},
		"raw is gone":        {nil, of(map[string]any{"consent": true, "consent_text": wording}), receipt.Yes, wording, "[]"},
		"too long":           {raw("agree=" + strings.Repeat("x", sentValueMost+1)), of(nil), receipt.Empty, "", "[]"},
		"too many":           {raw(strings.Repeat("agree_%=1&", 1) + manyConsents()), of(nil), receipt.Empty, "", ""},
	} {
		got := consentOf(c.raw, c.records)
		if got.Given != c.given || got.Wording != c.wording || c.sent != "" && fmt.Sprint(got.Sent) != c.sent || len(got.Sent) > sentMost {
			t.Errorf("%s: %+v", name, got)
		}
		if (got.SHA256 == "") != (got.Wording == "") {
			t.Errorf("%s: the hash is %q", name, got.SHA256)
		}
	}
	page := consentOf(nil, []*pipeline.Record{{Fields: map[string]any{"link": "https://a.example/p?x=1", "page": "a.example/p", "form": "F"}}})
	if page.URL == "" || page.Page == "" || page.Form != "F" {
		t.Errorf("where nothing was said, it is not said where: %+v", page)
	}
}

func manyConsents() string {
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, "agree_%d=1&", i)
	}
	return b.String()
}

func TestHistoryKnowsWhatWasSentAgain(t *testing.T) {
	h := history{"landing-1": nil, "a:b": nil, "x/2": nil}
	run := strings.Repeat("A7", 13)
	for in, want := range map[string]string{
		"landing-1": "landing-1", "landing-1:r12": "landing-1", "landing-1:" + run + ":archive": "landing-1", "landing-1:" + run + ":archive:r3": "landing-1",
		"a:b": "a:b", "a:b:r1": "a:b", "x/2:r9": "x/2", "": "", "landing-2": "", "landing-1:other": "", "landing-1:r": "", "landing-1:" + run + ":": "", "a": "", ":r1": "",
	} {
		if got := h.of(in); got != want {
			t.Errorf("%q is of %q, want %q", in, got, want)
		}
	}
}

// Where TRACE has nothing any more, the index may; what waits is said last.
func TestOutcomesFromTheIndex(t *testing.T) {
	g := &gathering{r: &Receipts{app: &App{config: configured(t, t.TempDir(), oneSink)}, zone: time.UTC}}
	at := time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)
	p := trace.Path{ID: "a", Records: []trace.Traced{{Entered: trace.Entered{ID: "a", Steps: []trace.Step{
		{Sink: "archive", State: trace.Stored, At: at, Ref: "here"}, {Sink: "crm", State: trace.Waiting}, {Sink: "sales", State: trace.Waiting}, {Sink: "old", State: trace.Waiting}}}}}}
	h := history{"a": {g.outcome("a", "sales", receipt.Buried, at), g.outcome("a", "sales", receipt.Unburied, at.Add(time.Second)), g.outcome("a", "old", receipt.Stored, at)}}
	var got []string
	for _, f := range h.outcomes(g, p) {
		got = append(got, f.Outcome.Sink+" "+string(f.Outcome.State))
		if f.Lead != "a" {
			t.Errorf("%+v is of no delivery", f)
		}
	}
	want := []string{"sales buried", "old stored", "archive stored", "sales unburied", "crm waiting", "sales waiting"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	p = trace.Path{ID: "b", Step: &trace.Step{Sink: TransformStage, State: trace.Filtered, Why: "forgotten", At: at}}
	if got := (history{}).outcomes(g, p); len(got) != 1 || got[0].Outcome.Sink != receipt.TransformStage || got[0].Outcome.Why != "forgotten" {
		t.Errorf("%+v", got)
	}
}

// A delivery that the index does not know of is looked for before it is said to be gone.
func TestReceiptOfWhatTheIndexDoesNotKnow(t *testing.T) {
	r := start(t, configured(t, t.TempDir(), oneSink), Options{})
	var ids []string
	for i := range 3 {
		ids = append(ids, r.submit("An", fmt.Sprint("090000000", i)))
	}
	r.settled("archive")
	for i, id := range ids {
		e, ok, err := r.lookForSent(t.Context(), id, "landing", time.Now().Add(-time.Minute), time.Now().Add(time.Minute))
		if err != nil || !ok || e.Seq != uint64(i+1) || e.Value.ID != id || e.Stored.IsZero() {
			t.Errorf("%d: %+v %v %v", i, e, ok, err)
		}
		if _, ok, err := r.lookForSent(t.Context(), id, "landing", time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)); err != nil || ok {
			t.Errorf("%d: found before it came, %v", i, err)
		}
	}
	if _, ok, err := r.lookForSent(t.Context(), "other", "landing", time.Time{}, time.Now()); err != nil || ok {
		t.Errorf("somebody else's is found: %v", err)
	}
}

// Where a time is in TRACE is found without reading it all.
func TestTraceSince(t *testing.T) {
	r := start(t, configured(t, t.TempDir(), oneSink), Options{})
	var times []time.Time
	for i := range 9 {
		times = append(times, time.Now())
		err := r.Bus.Trace(bus.Settlement{Stage: "sink-none", At: time.Now(), Settled: []bus.Settled{{Seq: uint64(i + 1), ID: "x", State: bus.Filtered}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, at := range append(times, time.Now().Add(time.Hour)) {
		after, err := traceSince(t.Context(), r.Bus, at)
		if err != nil || after != uint64(i) {
			t.Errorf("%d: it is behind %d, %v", i, after, err)
		}
	}
	if after, err := traceSince(t.Context(), r.Bus, time.Time{}); err != nil || after != 0 {
		t.Error(after, err)
	}
}

func TestLongFieldsAreBounded(t *testing.T) {
	got := bounded(map[string]any{"a": strings.Repeat("ễ", fieldMost), "b": "short", "c": nil})
	if text, _ := got["a"].(string); len(text) > fieldMost+200 || !strings.Contains(text, "SHA-256") || got["b"] != "short" {
		t.Errorf("%d bytes", len(text))
	}
	if bounded(nil) == nil {
		t.Error("a record without fields looks like one that is gone")
	}
}
