package appsscript_test

import (
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/appsscript"
)

// said finds the finding that has words, and demands its level.
func said(t testing.TB, found []pipeline.Finding, level pipeline.Level, words string) {
	t.Helper()
	for _, f := range found {
		if strings.Contains(f.What, words) {
			if f.Level != level || level != pipeline.OK && f.Fix == "" {
				t.Errorf("%q is told as %+v", words, f)
			}
			return
		}
	}
	t.Errorf("nothing says %q: %+v", words, found)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), func(t *testing.T, b backend) {
		b.cell(1, 1, "Số điện thoại", "")
		b.cell(1, 2, "Ghi chú", "")
		b.cell(1, 3, "Ghi chú", "")
		w := newWorld(t, b)
		berlin, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		s := w.sink(t, func(_ *config.AppsScript, o *appsscript.Options) {
			o.Location = berlin
			o.Now = func() time.Time { return time.Now().Add(2 * time.Minute) }
		})
		found := s.Check(t.Context())
		said(t, found, pipeline.OK, "the script answers")
		said(t, found, pipeline.OK, `rows go to the tab "Trang tính1" of the spreadsheet "Khách hàng"; it has 0`)
		said(t, found, pipeline.OK, "the first record makes them")
		said(t, found, pipeline.OK, `phone → "Số điện thoại"`)
		said(t, found, pipeline.Warn, `"Ghi chú" is there twice`)
		said(t, found, pipeline.Warn, "2m0s ahead of")
		said(t, found, pipeline.Warn, "times of Asia/Ho_Chi_Minh, and timezone is Europe/Berlin")
		store(t, s, leads(0, 2)...)
		b.cell(4, b.dump(t).column("Mekong ID"), "lead-00000", "@") // a copy of a row
		found = s.Check(t.Context())
		said(t, found, pipeline.Warn, "1 rows have the key of another row")
		said(t, found, pipeline.OK, "it has 3")
		// The first of two is kept up to date.
		store(t, s, record("u", "lead-00000", 900, map[string]any{"phone": "0911111111"}))
		if d := b.dump(t); d.value(2, 1) != "0911111111" || d.value(4, 1) != "" {
			t.Errorf("the phones read %v and %v", d.value(2, 1), d.value(4, 1))
		}
		// With columns of the operator's choice.
		s = w.sink(t, func(c *config.AppsScript, _ *appsscript.Options) {
			c.Columns = map[string]string{"Số điện thoại": "phone", "Nguồn": "source"}
		})
		said(t, s.Check(t.Context()), pipeline.OK, `makes: "Nguồn"`)
		store(t, s, leads(0, 1)...)
		said(t, s.Check(t.Context()), pipeline.OK, "all 2 columns are there")
		if d := b.dump(t); d.value(2, d.column("Nguồn")) != "landing" {
			t.Errorf("the source is not there: %v", d.Cells[1])
		}
	})
}

func TestProve(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), func(t *testing.T, b backend) {
		w := newWorld(t, b)
		s := w.sink(t, nil)
		for range 2 {
			found := s.Prove(t.Context())
			if len(found) != 1 || found[0].Level != pipeline.OK || found[0].Setting != "sinks.crm.appsscript.url" {
				t.Errorf("the proof is %+v", found)
			}
			if n := len(b.dump(t).Cells); n != 1 {
				t.Errorf("%d rows are left, want the header", n)
			}
		}
		store(t, s, leads(0, 2)...)
		s.Prove(t.Context())
		if n := len(rowsOf(b.dump(t))); n != 2 {
			t.Errorf("%d rows, want 2", n)
		}
	})
}

// TestHealthy: the sink knows the script it came with, and has nothing to complain of.
func TestHealthy(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), func(t *testing.T, b backend) {
		s := newWorld(t, b).sink(t, nil)
		store(t, s, leads(0, 3)...)
		for _, f := range s.Check(t.Context()) {
			if f.Level != pipeline.OK {
				t.Errorf("a healthy script is told as %+v", f)
			}
		}
	})
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s := newWorld(t, onModel(t)).sink(t, nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	held(t, s.Write(t.Context(), leads(0, 1)))
	if err := s.Forget(t.Context(), []string{"a"}); err == nil {
		t.Error("Forget after Close says that it erased")
	}
}
