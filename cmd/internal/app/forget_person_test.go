package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/bus/local"
	"mekong/sinks/lark/larksim"
)

func soughtFor(t testing.TB, terms ...string) sought {
	t.Helper()
	p, err := newSought()
	if err != nil {
		t.Fatal(err)
	}
	for _, term := range terms {
		if !p.learn(term) {
			t.Fatalf("%q is nobody", term)
		}
	}
	return p
}

func TestWhoIsSought(t *testing.T) {
	p := soughtFor(t, "0321234567", "Lan@Example.com")
	for _, body := range []string{
		"phone=0321234567", "phone=%2B84321234567", "phone=032+123+4567", "phone=032%20123%2E4567", "sdt 321234567 nhé", "+84 (32) 123-45-67",
		"01621234567", // as it was before 2018
		`{"phone":"0321234567"}`, `{"a":["\u0030321234567"]}`, "email=lan%40example.com", "LAN@EXAMPLE.COM", "mail lan@example.com.",
		"link=https%3A%2F%2Fx.example%2F%3Fphone%3D0321234567%26bad%3D%zz", "032123456７", "0900000001 0321234567", "0321234567 0900000001 0900000002",
	} {
		if !p.inBody([]byte(body)) {
			t.Errorf("not seen in %q", body)
		}
	}
	for _, body := range []string{
		"", "phone=0321234568", "id=120321234567123", "x0321234567890123", "ylan@example.com", "lan@example.community", "1234567", "lan", "%", `\`, "84",
	} {
		if p.inBody([]byte(body)) {
			t.Errorf("seen in %q", body)
		}
	}
	if !p.another(pipeline.Record{Fields: map[string]any{"phone": "+84900000001"}}) ||
		p.another(pipeline.Record{Fields: map[string]any{"phone": "+84321234567"}}) || p.another(pipeline.Record{}) {
		t.Error("who is another is wrong")
	}
	if p, err := newSought(); err != nil || p.learn("nobody") || p.learn("a@b") || p.learn("") || p.known() {
		t.Error("it learns what is nothing", err)
	}
}

func FuzzWhoIsSought(f *testing.F) {
	for _, s := range []string{"phone=%2B84321234567", `{"a":["\u0030321234567"]}`, "０３２ 1234567", "a%", "lan@example.com", "+++ 0-0-0", "\xff\xfe1234567"} {
		f.Add(s)
	}
	p := soughtFor(f, "0321234567", "lan@example.com")
	f.Fuzz(func(t *testing.T, s string) {
		p.inBody([]byte(s))
		if !p.inBody([]byte("phone: 0321234567\n")) {
			t.Error("it forgot whom it looks for")
		}
	})
}

// The list of forgotten people holds with its own key only, and in every process.
func TestSuppression(t *testing.T) {
	dir := t.TempDir()
	s, err := local.Start(t.Context(), local.Options{Dir: filepath.Join(dir, "nats")})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bus.Open(t.Context(), bus.Options{Server: s, Dir: dir, MaxBytes: 256 << 20})
	if err != nil {
		s.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(); s.Close() })
	one, err := openSuppression(t.Context(), b, dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, suppressFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	other, err := openSuppression(t.Context(), b, dir)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = other.follow(t.Context(), nil) }() // it ends with the test
	her := pipeline.Record{Fields: map[string]any{"x": []string{"+84321234567"}}}
	if one.Has(her) {
		t.Error("somebody is forgotten before anybody was")
	}
	p := soughtFor(t, "0321234567", "lan@example.com")
	marks, err := one.add(t.Context(), p, time.Now())
	if err != nil || len(marks) != 2 {
		t.Fatal(marks, err)
	}
	poll(t, 10*time.Second, func() string {
		if !other.Has(her) || !other.Has(pipeline.Record{Fields: map[string]any{"x": "lan@example.com"}}) {
			return "the other process does not know"
		}
		return ""
	})
	for _, c := range []struct {
		fields map[string]any
		want   bool
	}{
		{map[string]any{"email": "LAN@example.com"}, true}, {map[string]any{"phone": "+84321234568"}, false},
		{map[string]any{"phone": 5.0, "name": "Lan"}, false}, {nil, false},
	} {
		if got := other.Has(pipeline.Record{Fields: c.fields}); got != c.want {
			t.Errorf("%v: %v", c.fields, got)
		}
	}
	if again, err := openSuppression(t.Context(), b, dir); err != nil || !again.Has(her) {
		t.Error("after a start she is not known", err)
	}
	if _, err := openSuppression(t.Context(), b, t.TempDir()); err == nil {
		t.Error("it goes on without the key")
	}
	path := filepath.Join(t.TempDir(), suppressFile)
	if _, err := suppressKey(path, true); err != nil {
		t.Fatal(err)
	}
	if _, err := openSuppression(t.Context(), b, filepath.Dir(path)); err == nil {
		t.Error("it goes on with another key")
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := suppressKey(path, true); err == nil {
		t.Error("it takes anything for a key")
	}
}

// While a destination cannot erase, the streams keep what it takes to know the rows.
func TestForgetGoesOn(t *testing.T) {
	e := newEverywhere(t)
	c := configured(t, filepath.Join(e.dir, "data"), e.text)
	r := start(t, c, Options{})
	r.submit("Quên", "0912345678")
	r.submit("Khách", "0987700000")
	r.settled("archive", "crm", "sales")
	op := r.Operator()
	f, err := op.Find(t.Context(), "0912345678")
	if err != nil {
		t.Fatal(err)
	}
	e.base.Grant("cli_a", everyBase, larksim.NoRole)
	proof, err := op.Forget(t.Context(), f, ForgetOptions{})
	if err == nil || proof.Complete || proof.Failed["crm"] == "" || proof.Rows["sales"] != 1 || len(proof.Streams) > 0 {
		t.Fatalf("%+v, %v", proof, err)
	}
	e.base.Grant("cli_a", everyBase, larksim.CanEdit)
	if f, err = op.Find(t.Context(), "0912345678"); err != nil || f.Places[bus.Deliveries] != 1 {
		t.Fatalf("%+v, %v", f, err)
	}
	if proof, err = op.Forget(t.Context(), f, ForgetOptions{}); err != nil || !proof.Complete {
		t.Fatalf("%+v, %v", proof, err)
	}
	if left := e.traces(r); len(left) > 0 {
		t.Errorf("it is still in %q", left)
	}
	if _, err := op.Forget(t.Context(), f, ForgetOptions{ByHand: []string{"nowhere"}}); err == nil {
		t.Error("a sink that is not there is no error")
	}
}

// What waits for a sink that is held would be written later, so it is not passed over.
func TestForgetWaitsForWhatIsInHand(t *testing.T) {
	r := start(t, configured(t, t.TempDir(), oneSink), Options{Wrap: func(_ string, s pipeline.Sink) pipeline.Sink { return holding{s} }})
	r.submit("Quên", "0912345678")
	op := r.Operator()
	var f *Found
	poll(t, 20*time.Second, func() (lack string) {
		var err error
		if f, err = op.Find(t.Context(), "0912345678"); err != nil {
			t.Fatal(err)
		}
		if f.Places[bus.Records] != 1 {
			return "there is no record yet"
		}
		return ""
	})
	proof, err := op.Forget(t.Context(), f, ForgetOptions{Wait: time.Millisecond})
	if err == nil || proof.Failed["archive"] == "" || len(proof.Streams) > 0 {
		t.Errorf("%+v, %v", proof, err)
	}
}

func TestWorkingDays(t *testing.T) {
	friday := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	if got := workingDays(friday, 2); got.Day() != 1 || got.Month() != 12 {
		t.Errorf("two working days after a Friday: %s", got)
	}
}

var errHeld = pipeline.Hold(errors.New("it is down"), time.Second)

// holding takes nothing and asks for a pause.
type holding struct{ pipeline.Sink }

func (holding) Write(_ context.Context, batch []pipeline.Record) []pipeline.Outcome {
	return pipeline.Outcomes(len(batch), errHeld)
}
