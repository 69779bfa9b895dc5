package appsscript_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// sign is the signature of the protocol, told by itself.
func sign(text string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

func seal(t testing.TB, ts int64, batch, payload string) string {
	body, err := json.Marshal(map[string]any{"mekong": 1, "ts": ts, "batch": batch, "payload": payload,
		"sig": sign(fmt.Sprintf("%d.%s.%s", ts, batch, payload))})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

const onerow = `{"op":"write","keyColumn":"Mekong ID","columns":[{"header":"name","make":true}],"rows":[{"k":"a","v":"1","c":[[0,"An"]]}]}`

// reply is an answer, and whether it is signed.
func reply(t testing.TB, text, request string) (data map[string]any, signed bool) {
	t.Helper()
	var e struct {
		Mekong           int
		Batch, Data, Sig string
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil || e.Mekong != 1 {
		t.Fatalf("the answer is none: %q", text)
	}
	if err := json.Unmarshal([]byte(e.Data), &data); err != nil {
		t.Fatalf("the answer says nothing: %q", text)
	}
	for _, r := range text {
		if r > '~' {
			t.Fatalf("the answer is not ASCII: %q", text)
		}
	}
	var q struct{ Sig string }
	_ = json.Unmarshal([]byte(request), &q) // what is no request has no signature
	return data, e.Sig != "" && e.Sig == sign("answer."+q.Sig+"."+e.Data)
}

// TestRefusals: who does not know the secret, is late, or speaks otherwise is refused
// with an answer, and nothing is written.
func TestRefusals(t *testing.T) {
	t.Parallel()
	now := time.Now().UnixMilli()
	good := seal(t, now, "B1", onerow)
	for _, c := range []struct{ name, body, code string }{
		{"nothing", "", "parse"},
		{"no JSON", "secret=1&x=2", "parse"},
		{"null", "null", "parse"},
		{"a number", "7", "parse"},
		{"another protocol", strings.Replace(good, `"mekong":1`, `"mekong":2`, 1), "version"},
		{"no protocol", `{}`, "version"},
		{"no signature", strings.Replace(good, `"sig":"`, `"was":"`, 1), "auth"},
		{"half a signature", good[:len(good)-34] + `"}`, "auth"},
		{"another batch", strings.Replace(good, `"B1"`, `"B2"`, 1), "auth"},
		{"another payload", strings.Replace(good, "An", "Em", 1), "auth"},
		{"another time", strings.Replace(good, fmt.Sprint(now), fmt.Sprint(now+1), 1), "auth"},
		{"too old", seal(t, now-6*60_000, "B1", onerow), "clock"},
		{"too new", seal(t, now+6*60_000, "B1", onerow), "clock"},
		{"unknown", seal(t, now, "B1", `{"op":"drop"}`), "op"},
		{"too many rows", seal(t, now, "B1", `{"op":"write","rows":[`+strings.Repeat("{},", 500)+`{}]}`), "toomany"},
		{"no JSON inside", seal(t, now, "B1", `{"op":`), "internal"},
		{"no such tab", seal(t, now, "B1", `{"op":"write","tab":"Tháng 9","keyColumn":"Mekong ID"}`), "tab"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, defaults(), func(t *testing.T, b backend) {
				text := b.Post(c.body)
				data, signed := reply(t, text, c.body)
				if data["ok"] != false || data["code"] != c.code {
					t.Errorf("the answer is %v, want code %q", data, c.code)
				}
				trusted := c.code != "parse" && c.code != "version" && c.code != "auth"
				if signed != trusted {
					t.Errorf("signed is %v", signed)
				}
				if strings.Contains(text, secret) {
					t.Error("the answer shows the secret")
				}
				if d := b.dump(t); len(d.Cells) != 0 {
					t.Errorf("the sheet has %v", d.Cells)
				}
			})
		})
	}
}

// TestReplays: a request that comes again does nothing, and is answered.
func TestReplays(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), func(t *testing.T, b backend) {
		body := seal(t, time.Now().UnixMilli(), "B1", onerow)
		for i := range 3 {
			data, signed := reply(t, b.Post(body), body)
			if data["ok"] != true || !signed || data["replay"] != (i > 0) || fmt.Sprint(data["rows"]) != "[2]" {
				t.Errorf("try %d: %v", i, data)
			}
		}
		b.deleteRow(2)
		if data, _ := reply(t, b.Post(body), body); fmt.Sprint(data["rows"]) != "[0]" || len(b.dump(t).Cells) != 1 {
			t.Errorf("a row that was deleted came back: %v", data)
		}
		// The ledger holds fifty; then the rows are looked up all the same.
		for i := range 60 {
			other := seal(t, time.Now().UnixMilli(), fmt.Sprint("C", i), strings.Replace(onerow, `"a"`, `"b"`, 1))
			if data, _ := reply(t, b.Post(other), other); data["ok"] != true || data["replay"] != false {
				t.Fatalf("request %d: %v", i, data)
			}
		}
		if data, _ := reply(t, b.Post(body), body); data["replay"] != false {
			t.Error("a request of long ago is still remembered")
		}
		if n := len(b.dump(t).Cells); n != 3 {
			t.Errorf("%d rows, want 3", n)
		}
	})
}

// TestBadRows: rows that are none are told by their place, and the others are written.
func TestBadRows(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), func(t *testing.T, b backend) {
		body := seal(t, time.Now().UnixMilli(), "B1", `{"op":"write","keyColumn":"Mekong ID","columns":[{"header":"name","make":true}],"rows":[`+
			`{"k":"","v":"1","c":[]},{"k":"a","v":"1","c":[[0,"An"]]},{"k":7,"v":"1","c":[]},{"k":"b","c":[]},{"k":"c","v":"1","c":[[9,"x"]]}]}`)
		data, _ := reply(t, b.Post(body), body)
		if got := fmt.Sprint(data["errors"], data["rows"], data["left"]); got != "[map[code:row i:0] map[code:row i:2] map[code:row i:3]] [0 2 0 0 3] 1" {
			t.Errorf("the answer is %s", got)
		}
		if d := b.dump(t); len(d.Cells) != 3 || d.value(2, 3) != "An" {
			t.Errorf("the sheet has %v", d.Cells)
		}
	})
}

// TestCallsOfGoogle: their number does not grow with the rows of a request, and the
// ledger is hidden.
func TestCallsOfGoogle(t *testing.T) {
	t.Parallel()
	b := newNode(t, defaults())
	if b == nil {
		return
	}
	s := newWorld(t, b).sink(t, nil)
	store(t, s, leads(0, 10)...)
	w := b.whole(t)
	if len(w.Tabs) != 2 || w.Tabs[1].Name != "_mekong" || !w.Tabs[1].Hidden || w.Tabs[0].Hidden {
		t.Errorf("the tabs are %+v", w.Tabs)
	}
	before := w.Calls
	store(t, s, leads(10, 300)...)
	w = b.whole(t)
	if n := w.Calls - before; n > 30 {
		t.Errorf("%d calls of Google for 300 rows", n)
	}
	t.Logf("300 new rows take %d calls of Google", w.Calls-before)
	before = w.Calls
	updates := leads(10, 300)
	for i := range updates {
		updates[i].Occurred = updates[i].Occurred.Add(time.Hour * 24)
		updates[i].Fields = map[string]any{"phone": "0911111111"}
	}
	store(t, s, updates...)
	w = b.whole(t)
	if n := w.Calls - before; n > 40 {
		t.Errorf("%d calls of Google for 300 updates", n)
	}
	t.Logf("300 updates take %d", w.Calls-before)
	wrote := w.Writes
	store(t, s, updates...) // again: nothing is new, dates least of all
	w = b.whole(t)
	if n := w.Writes - wrote; n != 1 {
		t.Errorf("%d writes of what is there already, want the ledger's one", n)
	}
	if w.Reads != 4 {
		t.Errorf("%d reads of properties for 4 requests: their number a day is limited", w.Reads)
	}
}

// TestTabs: rows go to the first tab that is to be seen, or to the one of that name.
func TestTabs(t *testing.T) {
	t.Parallel()
	b := newNode(t, defaults())
	if b == nil {
		return
	}
	b.do("tab", map[string]any{"name": "Ẩn", "at": 0, "hidden": true})
	b.do("tab", map[string]any{"name": "Khách tháng 3"})
	for i, payload := range []string{onerow, strings.Replace(onerow, `"op"`, `"tab":"Khách tháng 3","op"`, 1)} {
		body := seal(t, time.Now().UnixMilli(), fmt.Sprint("B", i), payload)
		if data, _ := reply(t, b.Post(body), body); data["ok"] != true {
			t.Fatalf("%v", data)
		}
	}
	for _, tab := range b.whole(t).Tabs {
		if want := map[string]int{"Ẩn": 0, "Trang tính1": 2, "Khách tháng 3": 2, "_mekong": 2}[tab.Name]; len(tab.Cells) != want {
			t.Errorf("tab %q has %d rows, want %d", tab.Name, len(tab.Cells), want)
		}
	}
}

// TestSameTakesEveryLength compares signatures of any length.
func TestSameTakesEveryLength(t *testing.T) {
	t.Parallel()
	b := newNode(t, defaults())
	if b == nil {
		return
	}
	for _, c := range []struct {
		a, b string
		want string
	}{{"", "", "true"}, {"a", "", "false"}, {"", "a", "false"}, {"ab", "ab", "true"}, {"ab", "ac", "false"}, {"abab", "ab", "false"}, {"ab", "abab", "false"}} {
		if got := string(b.do("call", map[string]any{"name": "same_", "args": []string{c.a, c.b}})); got != c.want {
			t.Errorf("same_(%q, %q) is %s", c.a, c.b, got)
		}
	}
}

// TestDoGet: whoever opens the address in a browser learns nothing.
func TestDoGet(t *testing.T) {
	t.Parallel()
	b := newNode(t, defaults())
	if b == nil {
		return
	}
	var text string
	if err := json.Unmarshal(b.do("get", nil), &text); err != nil {
		t.Fatal(err)
	}
	if data, signed := reply(t, text, ""); data["code"] != "get" || signed || len(data) != 4 {
		t.Errorf("doGet says %v", data)
	}
}
