package appsscript_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestPeoplesColumns: what people keep beside ours stays theirs, wherever it stands.
func TestPeoplesColumns(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), func(t *testing.T, b backend) {
		for j, h := range []string{"Trạng thái", "Số điện thoại", "Người gọi", "Họ và tên"} {
			b.cell(1, j+1, h, "")
		}
		s := newWorld(t, b).sink(t, nil)
		refs := store(t, s, leads(0, 5)...)
		d := b.dump(t)
		if d.column("phone") != 0 || d.value(3, 2) != "0900000001" || d.value(3, 4) != "Khách lead-00001" {
			t.Fatalf("the columns were not found by their Vietnamese names: %v", d.Cells[:3])
		}
		if want := "https://docs.google.com/spreadsheets/d/1AbC_d-E/edit#gid=0&range=A4"; refs[2] != want {
			t.Errorf("the link is %q, want %q", refs[2], want)
		}
		// They work, sort, insert, move and delete.
		for row := 2; row <= 6; row++ {
			b.cell(row, 1, fmt.Sprint("đã gọi ", row), "")
			b.cell(row, 3, "Lan", "")
		}
		b.moveRow(2, 6)
		b.insertRow(3)
		b.moveColumn(1, 6)
		b.deleteRow(2)
		store(t, s, record("u0", "lead-00000", 90, map[string]any{"phone": "0911111111"}), leads(9, 1)[0])
		store(t, s, record("u4", "lead-00004", 90, map[string]any{"name": "mới"}))
		d = b.dump(t)
		rows := map[string]int{}
		for i := range d.Cells {
			if key, _ := d.value(i+1, d.column("Mekong ID")).(string); key != "" {
				if rows[key] != 0 {
					t.Errorf("%s has two rows", key)
				}
				rows[key] = i + 1
			}
		}
		state, phone := d.column("Trạng thái"), d.column("Số điện thoại")
		if got := d.value(rows["lead-00000"], phone); got != "0911111111" {
			t.Errorf("the row that was moved reads %v", got)
		}
		if got := d.value(rows["lead-00000"], state); got != "đã gọi 2" {
			t.Errorf("what people wrote in it reads %v", got)
		}
		if got := d.value(rows["lead-00009"], state); got != "" {
			t.Errorf("a new row has %v in a column of people's", got)
		}
		for row := 2; row <= len(d.Cells); row++ {
			if key := d.value(row, d.column("Mekong ID")); key != "" && key != "lead-00009" && d.value(row, d.column("Người gọi")) != "Lan" {
				t.Errorf("row %d of %v lost what people wrote", row, key)
			}
		}
	})
}

// TestPreparedRows: formulas and check boxes that somebody has dragged down to the end
// neither push rows down nor are lost; what somebody has typed below is not run over.
func TestPreparedRows(t *testing.T) {
	t.Parallel()
	b := newNode(t, defaults())
	if b == nil {
		return
	}
	b.cell(1, 1, "Đã gọi", "")
	b.cell(1, 2, "name", "")
	b.cell(1, 3, "Dài", "")
	for row := 2; row <= 40; row++ {
		b.cell(row, 1, false, "")
		b.cell(row, 3, fmt.Sprintf("=LEN(B%d)", row), "")
	}
	s := newWorld(t, b).sink(t, nil)
	store(t, s, leads(0, 3)...)
	d := b.dump(t)
	if d.value(2, 2) != "Khách lead-00000" || d.value(4, 2) != "Khách lead-00002" {
		t.Errorf("rows are not the first free ones: %v", d.Cells[1:5])
	}
	if d.Cells[2][2][2] != "=LEN(B3)" || d.value(3, 1) != false {
		t.Errorf("what was prepared is gone: %v", d.Cells[2])
	}
	b.cell(9, 2, "gõ tay", "@")
	store(t, s, leads(3, 1)...)
	d = b.dump(t)
	if d.value(9, 2) != "gõ tay" || d.value(10, 2) != "Khách lead-00003" {
		t.Errorf("what somebody typed was run over: %v", d.Cells[8:11])
	}
}

// TestHeaders: an empty sheet gets a header row that stays in sight; a column that was
// deleted or renamed is made again at the right end.
func TestHeaders(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), func(t *testing.T, b backend) {
		s := newWorld(t, b).sink(t, nil)
		store(t, s, leads(0, 1)...)
		d := b.dump(t)
		var got []string
		for _, c := range d.Cells[0] {
			got = append(got, c[0].(string))
		}
		if want := "Mekong ID|Mekong version|received|name|phone"; strings.Join(got, "|") != want {
			t.Errorf("headers %q, want %q", got, want)
		}
		if d.Frozen != 1 || len(d.HiddenColumns) != 1 || d.HiddenColumns[0] != 2 {
			t.Errorf("%d frozen rows, hidden columns %v", d.Frozen, d.HiddenColumns)
		}
		b.cell(1, 4, "Tên gọi", "@")
		store(t, s, leads(1, 1)...)
		d = b.dump(t)
		if d.column("name") != 6 || d.value(3, 6) != "Khách lead-00001" || d.value(2, 4) != "Khách lead-00000" {
			t.Errorf("after a column was renamed: %v", d.Cells)
		}
	})
}

// TestSmallGrid: the grid grows where it must, and may be emptied.
func TestSmallGrid(t *testing.T) {
	t.Parallel()
	o := defaults()
	o.Rows, o.Columns = 2, 1
	b := newNode(t, o)
	if b == nil {
		return
	}
	s := newWorld(t, b).sink(t, nil)
	batch := leads(0, 30)
	store(t, s, batch...)
	if got := len(rowsOf(b.dump(t))); got != 30 {
		t.Fatalf("%d rows", got)
	}
	var keys []string
	for _, r := range batch {
		keys = append(keys, r.Key)
	}
	if err := s.Forget(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	if d := b.dump(t); len(d.Cells) != 1 {
		t.Errorf("%d rows are left, want the header", len(d.Cells))
	}
	store(t, s, batch[0])
	b.set(map[string]any{"most": 100})
	if err := held(t, s.Write(t.Context(), leads(100, 300))); err == nil {
		t.Error("a full spreadsheet is no error")
	}
}
