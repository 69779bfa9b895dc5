package larksim_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"mekong/sinks/lark/larksim"
)

const (
	tokenA = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
	tokenB = "3f2504e0-4f89-41d3-9a0c-0305e82c3302"
)

func TestClientToken(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	for _, bad := range []string{"x", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "3f2504e0-4f89-41d3-7a0c-0305e82c3301", "3f2504e04f8941d39a0c0305e82c3301"} {
		w.do("POST", w.records("/batch_create?client_token="+bad), batch(1)).want(t, 1254037)
	}
	first := w.do("POST", w.records("/batch_create?client_token="+tokenA), batch(2))
	first.want(t, 0)
	again := w.do("POST", w.records("/batch_create?client_token="+tokenA), batch(2))
	if again.Code != 0 || !bytes.Equal(again.Data, first.Data) {
		t.Errorf("a replay gives %s, want %s", again.Data, first.Data)
	}
	w.do("POST", w.records("/batch_create?client_token="+tokenA), batch(1)).want(t, 1255006)
	// Another endpoint is another scope.
	w.do("POST", w.records("?client_token="+tokenA), map[string]any{"fields": map[string]any{}}).want(t, 0)
	if n := w.RowCount(baseID, "Leads"); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
	w.Advance(5 * time.Minute)
	w.do("POST", w.records("/batch_create?client_token="+tokenA), batch(1)).want(t, 0)
	if n := w.RowCount(baseID, "Leads"); n != 4 {
		t.Errorf("%d rows after the token was forgotten, want 4", n)
	}
	// A refused request does not use its token up.
	w.do("POST", w.records("/batch_create?client_token="+tokenB), `{"records":[{"fields":{"Số":"x"}}]}`).want(t, 1254061)
	w.do("POST", w.records("/batch_create?client_token="+tokenB), batch(1)).want(t, 0)
}

// until polls a condition, with a deadline.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never came: " + what)
		}
	}
}

func TestOneWriteInFlight(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.SetLatency(time.Hour)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		w.as(ctx, w.token, "POST", w.records("/batch_create?client_token="+tokenA), batch(1))
	}()
	until(t, "the first write", func() bool { return w.MaxInFlight(baseID) == 1 })
	w.SetLatency(0)
	w.do("POST", w.records("/batch_create?client_token="+tokenA), batch(1)).want(t, 1254608)
	w.do("POST", w.records("/batch_create?client_token="+tokenB), batch(1)).want(t, 1254291)
	w.do("DELETE", w.records("/recnone"), nil).want(t, 1254291)
	w.do("POST", w.fieldsPath(""), map[string]any{"field_name": "x", "type": 1}).want(t, 1254291)
	w.do("POST", w.records("/search"), nil).want(t, 0)
	if w.Overlaps(baseID) != 3 || w.MaxInFlight(baseID) != 2 {
		t.Errorf("%d overlaps, at most %d in flight", w.Overlaps(baseID), w.MaxInFlight(baseID))
	}
	// A caller who leaves does not stop what the server is doing.
	cancel()
	wg.Wait()
	until(t, "the write of the caller who left", func() bool { return w.RowCount(baseID, "Leads") == 1 })
	w.do("POST", w.records("/batch_create?client_token="+tokenA), batch(1)).want(t, 0)
	if n := w.RowCount(baseID, "Leads"); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}

	release := w.HoldBase(baseID)
	w.do("POST", w.records(""), map[string]any{"fields": map[string]any{}}).want(t, 1254291)
	release()
	release()
	w.do("POST", w.records(""), map[string]any{"fields": map[string]any{}}).want(t, 0)
	if w.Overlaps(baseID) != 3 {
		t.Error("a person's write counted as an overlap")
	}
	w.SetCopying(baseID, true)
	w.do("POST", w.records(""), map[string]any{"fields": map[string]any{}}).want(t, 1254036)
}

func TestLag(t *testing.T) {
	w := newWorld(t, larksim.Options{ReplicaLag: 3 * time.Second, SchemaLag: 2 * time.Second})
	id := w.create(map[string]any{"Tên": "a"})
	count := func() int {
		a := w.do("POST", w.records("/search"), nil)
		a.want(t, 0)
		var d struct{ Total int }
		a.into(t, &d)
		return d.Total
	}
	if count() != 0 {
		t.Error("a new record is seen at once")
	}
	w.do("GET", w.records("/"+id), nil).want(t, 1254043)
	w.Advance(3 * time.Second)
	if count() != 1 {
		t.Error("the record is still not seen")
	}
	w.do("GET", w.records("/"+id), nil).want(t, 0)
	w.do("POST", w.fieldsPath(""), map[string]any{"field_name": "Mekong ID", "type": 1}).want(t, 0)
	body := map[string]any{"fields": map[string]any{"Mekong ID": "1"}}
	w.do("POST", w.records(""), body).want(t, 1254045)
	w.Advance(2 * time.Second)
	w.do("POST", w.records(""), body).want(t, 0)
}

func TestAdvancedPermissions(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.create(map[string]any{"Tên": "a"})
	write := map[string]any{"fields": map[string]any{"Tên": "b"}}
	for _, c := range []struct {
		mode         larksim.Advanced
		role         larksim.Role
		write, read  int
		items, cells int
	}{
		{larksim.AdvancedOff, larksim.CanEdit, 0, 0, 1, 4},
		{larksim.AdvancedDenies, larksim.CanEdit, 1254302, 1254302, 0, 0},
		{larksim.AdvancedEmpty, larksim.CanEdit, 1254302, 0, 0, 0},
		{larksim.AdvancedHides, larksim.CanEdit, 1254045, 0, 1, 0},
		{larksim.AdvancedDenies, larksim.CanManage, 0, 0, 1, 4},
	} {
		w.SetAdvanced(baseID, c.mode)
		w.Grant(appID, baseID, c.role)
		a := w.do("POST", w.records("/search?page_size=1"), nil)
		a.want(t, c.read)
		if c.read == 0 {
			var d struct {
				Items []struct{ Fields map[string]any }
			}
			a.into(t, &d)
			if len(d.Items) != c.items || c.items > 0 && len(d.Items[0].Fields) != c.cells {
				t.Errorf("mode %d: %s", c.mode, a.Data)
			}
		}
		w.do("POST", w.records(""), write).want(t, c.write)
		a = w.do("GET", "/open-apis/bitable/v1/apps/"+baseID, nil)
		a.want(t, 0)
		var d struct {
			App struct {
				Advanced bool   `json:"is_advanced"`
				Name     string `json:"name"`
			} `json:"app"`
		}
		a.into(t, &d)
		if d.App.Advanced != (c.mode != larksim.AdvancedOff) || d.App.Name != "Bán hàng" {
			t.Errorf("metadata %s", a.Data)
		}
	}
	w.Grant(appID, baseID, larksim.CanEdit)
	w.do("POST", w.fieldsPath(""), map[string]any{"field_name": "x", "type": 1}).want(t, 1254304)
}
