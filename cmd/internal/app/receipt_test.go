package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/receipt"
)

const wording = "Tôi đồng ý để trung tâm dùng thông tin này để tư vấn khóa học."

// receiptsOf waits until the index knows so many deliveries of a person.
func receiptsOf(t *testing.T, r *running, term string, n int) *Receipts {
	t.Helper()
	rs, err := r.Receipts()
	if err != nil {
		t.Fatal(err)
	}
	poll(t, 30*time.Second, func() string {
		if found, _, err := rs.Find(t.Context(), term, 100); err != nil || len(found) != n {
			return fmt.Sprintf("%d are found, %v", len(found), err)
		}
		return ""
	})
	return rs
}

func page(t *testing.T, r *receipt.Receipt) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := receipt.WriteHTML(&b, r, receipt.VI); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// judged is what is said of a file beside the data.
func judged(t *testing.T, c *config.Config, file []byte) (ok bool, says string) {
	t.Helper()
	v, err := VerifyReceipt(t.Context(), c, nil, file, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range v.Findings {
		says += f.Setting + ": " + f.What + "\n"
	}
	return v.OK(), says
}

// wants fails where a judgement is another, or does not say something.
func wants(t *testing.T, c *config.Config, file []byte, want bool, parts ...string) {
	t.Helper()
	ok, says := judged(t, c, file)
	if ok != want {
		t.Errorf("it is judged %v, want %v:\n%s", ok, want, says)
	}
	for _, part := range parts {
		if !strings.Contains(says, part) {
			t.Errorf("it should say %q:\n%s", part, says)
		}
	}
}

// A lead that was buried, sent on again and stored: all of it is in the receipt, which
// anybody can check, and which is held against what is kept, also when nothing runs.
func TestReceiptOfALead(t *testing.T) {
	content := &atomic.Bool{}
	c := configured(t, t.TempDir(), oneSink)
	r := start(t, c, Options{Wrap: func(_ string, s pipeline.Sink) pipeline.Sink {
		return choosy{s, content, func(pipeline.Record) error { return errors.New("it is odd") }}
	}})
	sent := form("Nguyễn Thị Ánh", "0900 000 001", "i_agree_terms_and_conditions", wording, "link", "https://a.example/p?utm_source=fb", "form_id", "F1")
	id := r.post(urlencoded, sent).ID
	r.settled("archive")
	if _, err := r.Operator().ReplayBuried(t.Context(), BuriedFilter{}, false, nil); err != nil {
		t.Fatal(err)
	}
	content.Store(true)
	poll(t, 30*time.Second, func() string {
		if n := len(r.documents("mekong", "records")); n != 1 {
			// It may have been buried once more before the sink was content.
			if _, err := r.Operator().ReplayBuried(t.Context(), BuriedFilter{}, false, nil); err != nil {
				return err.Error()
			}
			return fmt.Sprint(n, " documents")
		}
		return ""
	})
	r.settled("archive")
	rs := receiptsOf(t, r, "0900000001", 1)
	before := time.Now()
	got, err := rs.Issue(t.Context(), ReceiptOptions{IDs: []string{id, id}, By: "Trung tâm A", Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	var states []receipt.State
	var kinds []string
	for _, f := range got.Facts {
		if _, offset := f.At.Zone(); offset != 7*3600 {
			t.Errorf("a time is not Vietnam's: %s", f.At)
		}
		switch {
		case f.Received != nil:
			kinds = append(kinds, "received")
			sum := sha256.Sum256(sent)
			if f.Received.SHA256 != hex.EncodeToString(sum[:]) || f.Received.Bytes != len(sent) || f.Received.Number != 1 || f.Received.Facts["client_ip"] == "" {
				t.Errorf("received: %+v", f.Received)
			}
		case f.Consent != nil:
			kinds = append(kinds, "consent")
			want := receipt.Pair{Name: "i_agree_terms_and_conditions", Value: wording}
			if c := f.Consent; c.Given != receipt.Yes || c.Wording != wording || len(c.Sent) != 1 || c.Sent[0] != want || c.Form != "F1" ||
				c.URL != "https://a.example/p?utm_source=fb" || c.At == "" || c.SHA256 == "" {
				t.Errorf("consent: %+v", c)
			}
		case f.Record != nil:
			kinds = append(kinds, "record")
			if f.Record.Name != "Nguyễn Thị Ánh" || f.Record.Phone != "0900000001" || f.Record.Fields["phone"] != "+84900000001" {
				t.Errorf("record: %+v", f.Record)
			}
		case f.Outcome != nil:
			kinds = append(kinds, "outcome")
			states = append(states, f.Outcome.State)
			if o := f.Outcome; o.Sink != "archive" || o.Type != "mongodb" || o.State == receipt.Buried && o.Why != "it is odd" || o.State == receipt.Stored && o.Ref == "" {
				t.Errorf("outcome: %+v", o)
			}
		}
	}
	if n := len(states); n < 3 || states[0] != receipt.Buried || states[1] != receipt.Unburied || states[n-1] != receipt.Stored {
		t.Errorf("it was %v", states)
	}
	if !slices.Equal(kinds[:4], []string{"received", "consent", "record", "outcome"}) {
		t.Errorf("the order is %v", kinds)
	}
	if at := got.At(); at.Before(before) || got.Number != 1 || got.Issued().By != "Trung tâm A" {
		t.Errorf("%s %+v", at, got.Issued())
	}
	file := page(t, got)
	beside := []string{"what was sent is still kept here, with the hash of the receipt (1 delivery)", "it is receipt 1 of 1 in the ledger here"}
	wants(t, c, file, true, beside...)

	// What somebody with the key makes up does not fit what is kept.
	if info, err := os.Stat(filepath.Join(c.DataDir, receiptKeyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	key, err := receipt.LoadKey(filepath.Join(c.DataDir, receiptKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if public, err := ReceiptKey(c); err != nil || public != key.Public() {
		t.Error(public, err)
	}
	ledger, err := receiptLedger(t.Context(), r.Bus)
	if err != nil {
		t.Fatal(err)
	}
	false1 := slices.Clone(got.Facts[:len(got.Facts)-1])
	said := *false1[0].Received
	said.SHA256 = strings.Repeat("0", 64)
	false1[0].Received = &said
	other, err := receipt.Issue(t.Context(), ledger, key, time.Now(), "", false1)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, c, page(t, other), false, "delivery of entry 1 is not what the receipt says")
	// A restored stream has other numbers.
	said.SHA256, said.Number = got.Facts[0].Received.SHA256, 77
	if other, err = receipt.Issue(t.Context(), ledger, key, time.Now(), "", false1); err != nil {
		t.Fatal(err)
	}
	wants(t, c, page(t, other), true, beside[0])

	r.stop()
	wants(t, c, file, true, beside[0], "receipt 1 of 3")
	empty := configured(t, t.TempDir(), oneSink)
	wants(t, empty, file, false, "whose seal it is is not known", "nothing was ever kept in data_dir")
	wants(t, nil, file, false, "whose seal it is is not known")
	if left, err := os.ReadDir(empty.DataDir); err != nil || len(left) > 0 {
		t.Errorf("to verify made %v, %v", left, err)
	}
	// A command issues one where nothing runs, and the ledger goes on.
	rs, done, err := OpenReceipts(t.Context(), c, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	last, err := rs.Issue(t.Context(), ReceiptOptions{IDs: []string{id}, Now: time.Now()})
	if err != nil || last.Number != 4 {
		t.Errorf("%+v %v", last, err)
	}
	audit, err := os.ReadFile(filepath.Join(c.DataDir, auditFile))
	if err != nil || !bytes.Contains(audit, []byte(`"exported","on":"receipt 4","count":1`)) || bytes.Contains(audit, []byte("900000001")) {
		t.Errorf("it is written down as %s, %v", audit, err)
	}
	if _, err := rs.Issue(t.Context(), ReceiptOptions{IDs: []string{"nobody"}, Now: time.Now()}); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
	if _, err := rs.Issue(t.Context(), ReceiptOptions{Of: "nobody", Now: time.Now()}); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
	if _, err := rs.Issue(t.Context(), ReceiptOptions{Of: "0900000009", Now: time.Now()}); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
	done()
}

// Of whoever asked to be forgotten the receipt says so, holds nothing of the person, and
// does not wait for the erasing to be done.
func TestReceiptOfSomebodyForgotten(t *testing.T) {
	c := configured(t, t.TempDir(), oneSink)
	r := start(t, c, Options{})
	id := r.submit("Quên Tôi", "0900000001", "email", "quen@example.com")
	r.settled("archive")
	rs := receiptsOf(t, r, "0900000001", 1)
	earlier, err := rs.Issue(t.Context(), ReceiptOptions{IDs: []string{id}, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	gone, err := openSuppression(t.Context(), r.Bus, c.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	forgotten := func(o ReceiptOptions) {
		t.Helper()
		o.Now = time.Now()
		got, err := rs.Issue(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Facts) != 2 || got.Facts[0].Forgotten == nil || got.Facts[0].Forgotten.Since {
			t.Errorf("%+v", got.Facts)
		}
		file := page(t, got)
		for _, bad := range []string{"Quên Tôi", "900000001", "quen@", id} {
			if bytes.Contains(file, []byte(bad)) {
				t.Errorf("it holds %q", bad)
			}
		}
		wants(t, c, file, true)
	}
	// The erasing has begun, and something is still there.
	p := soughtFor(t, "0900000001")
	if _, err := gone.add(t.Context(), p, time.Now()); err != nil {
		t.Fatal(err)
	}
	forgotten(ReceiptOptions{IDs: []string{id}})
	op := r.Operator()
	f, err := op.Find(t.Context(), "0900000001")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.Forget(t.Context(), f, ForgetOptions{}); err != nil {
		t.Fatal(err)
	}
	receiptsOf(t, r, "0900000001", 0)
	forgotten(ReceiptOptions{Of: "+84 900 000 001"})
	wants(t, c, page(t, earlier), true, "is not kept here any more (1 delivery)")
	// Who comes again is there again, and it is said what was before.
	again := r.submit("Quên Tôi", "0900000001", "course", "IELTS")
	r.settled("archive")
	receiptsOf(t, r, "0900000001", 1)
	got, err := rs.Issue(t.Context(), ReceiptOptions{IDs: []string{again}, Now: time.Now()})
	if err != nil || got.Facts[0].Forgotten == nil || !got.Facts[0].Forgotten.Since || got.Facts[1].Lead != again {
		t.Errorf("%+v %v", got, err)
	}
}

// Everything of one person is hers alone, and all of it.
func TestReceiptOfAPerson(t *testing.T) {
	r := start(t, configured(t, t.TempDir(), oneSink), Options{})
	first := r.submit("An", "0900345678", "course", "1")
	second := r.submit("Chị An", "+84 900 345 678", "course", "2", "email", "an@example.com")
	third := r.submit("Bình", "0911345678", "course", "3", "message", "gọi số 0900345679")
	r.settled("archive")
	rs := receiptsOf(t, r, "345678", 3)
	for _, term := range []string{"0900345678", "an@example.com", second} {
		ids, err := rs.OfPerson(t.Context(), term)
		want := []string{second, first}
		if term == "an@example.com" {
			want = want[:1]
		}
		if err != nil || !slices.Equal(ids, want) {
			t.Errorf("%q: %q %v, want %q", term, ids, err, want)
		}
	}
	if ids, err := rs.OfPerson(t.Context(), "0900345679"); err != nil || len(ids) > 0 && !slices.Equal(ids, []string{third}) {
		t.Errorf("%q %v", ids, err)
	}
	for _, nobody := range []string{"345678", "An", "x"} {
		if ids, err := rs.OfPerson(t.Context(), nobody); err == nil {
			t.Errorf("%q is %q", nobody, ids)
		}
	}
	got, err := rs.Issue(t.Context(), ReceiptOptions{IDs: []string{second, first}, Now: time.Now()})
	if err != nil || got.Facts[0].Lead != first {
		t.Errorf("the oldest is not the first: %+v %v", got, err)
	}
	if found, more, err := rs.Find(t.Context(), "345678", 2); err != nil || len(found) != 2 || !more {
		t.Errorf("%d, more %v, %v", len(found), more, err)
	}
	if found, _, err := rs.Find(t.Context(), first, 2); err != nil || len(found) != 1 || found[0].ID != first {
		t.Errorf("%+v %v", found, err)
	}
}
