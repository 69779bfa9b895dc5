package console

import (
	"os"
	"strings"
	"testing"
)

func TestAuditKeepsWhatWasDone(t *testing.T) {
	path := t.TempDir() + "/audit.jsonl"
	a, err := OpenAudit(path)
	if err != nil {
		t.Fatal(err)
	}
	k := newClock()
	for i := range 11 {
		if err := a.Add(Entry{At: k.now(), Who: "an", What: "dropped", On: "sink-crm", Count: i + 1, Reason: strings.Repeat("dài ", 200)}); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	got, err := a.Latest(3)
	if err != nil || len(got) != 3 || got[0].Count != 11 || got[2].Count != 9 {
		t.Errorf("the latest are %+v, %v", got, err)
	}
	if n := len([]rune(got[0].Reason)); n > textMost {
		t.Errorf("a reason is %d characters long", n)
	}
	// A second process adds to it, and a line that was cut off spoils no other.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("{\"at\":\"20\n" + strings.Repeat("x", tailMost) + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Add(Entry{At: k.now(), Who: "an", What: "signed in"}); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Latest(10); err != nil || len(got) != 1 || got[0].What != "signed in" {
		t.Errorf("beyond a long line the latest are %+v, %v", got, err)
	}
}

func TestActivityTellsWhoSignedIn(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	if page := w.get(b, "/activity").body; !strings.Contains(page, "<td>an</td><td>đăng nhập</td>") || !strings.Contains(page, "10:42:07 24/11/2026") {
		t.Errorf("the page says\n%s", page)
	}
}
