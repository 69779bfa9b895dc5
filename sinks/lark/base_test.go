package lark

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"mekong/sinks/lark/larksim"
)

func TestRecordsComeAndGo(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	ctx := t.Context()
	token := UUIDv4("batch", "1")
	rows := []Row{
		{Fields: map[string]any{"Tên": "Nguyễn Văn An <&>", "Số": 1.5, "Mekong ID": "a1", "Ngày": 1674206443000}},
		{Fields: map[string]any{"Tên": "Bình", "Mekong ID": "b2"}},
		{},
	}
	made, err := w.BatchCreate(ctx, testBase, w.table, "Tên", rows, WriteOptions{ClientToken: token})
	if err != nil || len(made) != 3 || made[0].ID == "" {
		t.Fatalf("%+v, %v", made, err)
	}
	if made[0].Cell != "Nguyễn Văn An <&>" || !made[0].OK || made[2].OK {
		t.Errorf("echoed %+v", made)
	}
	again, err := w.BatchCreate(ctx, testBase, w.table, "Tên", rows, WriteOptions{ClientToken: token})
	if err != nil || again[0].ID != made[0].ID || w.sim.RowCount(testBase, w.table) != 3 {
		t.Errorf("the same client_token made other rows: %v", err)
	}
	if _, err := w.BatchCreate(ctx, testBase, w.table, "Tên", rows[:1], WriteOptions{ClientToken: token}); ClassOf(err) != Repeat || !IsAmbiguous(err) {
		t.Errorf("other rows by the same client_token: %v", err)
	}
	page, err := w.Search(ctx, testBase, w.table, Query{Filter: AnyOf("Mekong ID", []string{"b2", "a1", "none"}), FieldNames: []string{"Mekong ID", "Tên"}})
	if err != nil || len(page.Records) != 2 || page.Total != 2 || page.More {
		t.Fatalf("%+v, %v", page, err)
	}
	if s, ok := Text(page.Records[0].Fields["Tên"]); !ok || s != "Nguyễn Văn An <&>" {
		t.Errorf("read %s", page.Records[0].Fields["Tên"])
	}
	if err := w.BatchUpdate(ctx, testBase, w.table, []Row{{ID: made[1].ID, Fields: map[string]any{"Số": 7, "Tên": nil}}}, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := w.BatchGet(ctx, testBase, w.table, []string{made[1].ID, "recnone"}, false)
	if err != nil || len(got.Records) != 1 || len(got.Absent) != 1 || string(got.Records[0].Fields["Số"]) != "7" || got.Records[0].Fields["Tên"] != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if err := w.BatchDelete(ctx, testBase, w.table, []string{made[0].ID, made[2].ID}); err != nil || w.sim.RowCount(testBase, w.table) != 1 {
		t.Errorf("%v", err)
	}
	if err := w.BatchUpdate(ctx, testBase, w.table, []Row{{ID: made[0].ID, Fields: map[string]any{"Số": 1}}}, WriteOptions{}); ClassOf(err) != Gone {
		t.Errorf("a row that is gone: %v", err)
	}
	if _, err := w.BatchCreate(ctx, testBase, w.table, "Tên", []Row{{Fields: map[string]any{"Số": "0900000000"}}}, WriteOptions{}); verdictOf(err) != "permanent" || strings.Contains(err.Error(), "0900000000") {
		t.Errorf("a text for a number: %v", err)
	}
	if _, err := w.BatchCreate(ctx, testBase, w.table, "Tên", []Row{{Fields: map[string]any{"Nhầm": "x"}}}, WriteOptions{}); verdictOf(err) != "hold" || ClassOf(err) != Shape {
		t.Errorf("an unknown column: %v", err)
	}
}

func TestSearchPages(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	if err := w.create(7); err != nil {
		t.Fatal(err)
	}
	q, seen := Query{PageSize: 3}, map[string]bool{}
	for range 5 {
		page, err := w.Search(t.Context(), testBase, w.table, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			seen[r.ID] = true
		}
		if !page.More {
			break
		}
		q.PageToken = page.Next
	}
	if len(seen) != 7 {
		t.Errorf("%d of 7 rows", len(seen))
	}
}

func TestTheShapeOfABase(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	ctx := t.Context()
	if b, err := w.Base(ctx, testBase); err != nil || b.Token != testBase || b.Name != "Bán hàng" || b.Advanced {
		t.Errorf("%+v, %v", b, err)
	}
	id, err := w.CreateTable(ctx, testBase, NewTable{Name: "Mới", Fields: []Field{{Name: "Tên", Type: TypeText, UIType: "Text"}}})
	if err != nil || !strings.HasPrefix(id, "tbl") {
		t.Fatalf("%q, %v", id, err)
	}
	tables, err := w.Tables(ctx, testBase)
	if err != nil || len(tables) != 2 || tables[1].ID != id || tables[1].Name != "Mới" {
		t.Errorf("%+v, %v", tables, err)
	}
	for i := range 120 { // two pages
		if _, err := w.CreateField(ctx, testBase, id, Field{Name: fmt.Sprint("Cột ", i), Type: TypeNumber, UIType: "Number", Property: map[string]any{"formatter": "0"}}, UUIDv4("column", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	fields, err := w.Client.Fields(ctx, testBase, id)
	if err != nil || len(fields) != 121 || !fields[0].Primary || fields[120].Name != "Cột 119" || fields[120].Property["formatter"] != "0" || fields[1].ReadOnly() {
		t.Errorf("%d fields, %v", len(fields), err)
	}
	if !(Field{Type: TypeFormula}).ReadOnly() || !(Field{Type: TypeAutoNumber}).ReadOnly() {
		t.Error("columns that the platform fills can be written")
	}
}

func TestAListWithoutEnd(t *testing.T) {
	n := 0
	c := scripted(t, answering(200, `{"code":0,"data":{"items":[{"table_id":"tbl1"}],"has_more":true,"page_token":"same"}}`), func(o *Options) {
		o.OnCall = func(Call) { n++ }
	})
	if tables, err := c.Tables(t.Context(), testBase); err != nil || len(tables) != 2 || n != 2 {
		t.Errorf("a page token that stays the same: %d calls, %v", n, err)
	}
}

func TestWikiLinks(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.sim.AddWikiNode(larksim.WikiNode{Token: "wikcnBase", ObjType: "bitable", ObjToken: testBase, Title: "Bán hàng"})
	w.sim.AddWikiNode(larksim.WikiNode{Token: "wikcnDoc", ObjType: "docx", ObjToken: "doxcn"})
	l, err := ParseLink("https://example.larksuite.com/wiki/wikcnBase?table=" + w.table)
	if err != nil {
		t.Fatal(err)
	}
	if l, err = w.Resolve(t.Context(), l); err != nil || l.AppToken != testBase || l.TableID != w.table {
		t.Errorf("%+v, %v", l, err)
	}
	if same, err := w.Resolve(t.Context(), l); err != nil || same != l || w.sim.Calls()[larksim.OpWikiNode].Total != 1 {
		t.Errorf("resolved again: %+v, %v", same, err)
	}
	l, _ = ParseLink("https://example.larksuite.com/wiki/wikcnDoc")
	if _, err := w.Resolve(t.Context(), l); !errors.Is(err, ErrNotABase) || verdictOf(err) != "hold" || !strings.Contains(err.Error(), "docx") {
		t.Errorf("a document: %v", err)
	}
	l, _ = ParseLink("https://example.larksuite.com/wiki/wikcnNone")
	if _, err := w.Resolve(t.Context(), l); CodeOf(err) != 131005 || verdictOf(err) != "hold" {
		t.Errorf("no page: %v", err)
	}
}

func TestMessages(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.sim.AddGroup("oc_sales", testApp)
	w.sim.AddGroup("oc_other")
	uuid := UUIDv4("notice", "1")
	sent, err := w.Send(t.Context(), "chat_id", "oc_sales", TextMessage("Khách mới", uuid))
	if err != nil || sent.ID == "" || sent.ChatID != "oc_sales" {
		t.Fatalf("%+v, %v", sent, err)
	}
	if again, err := w.Send(t.Context(), "chat_id", "oc_sales", TextMessage("Khách mới", uuid)); err != nil || again.ID != sent.ID {
		t.Errorf("said twice: %v", err)
	}
	asked := w.sim.Say("oc_sales", "ou_an", "còn hàng không?")
	if reply, err := w.Reply(t.Context(), asked, TextMessage("còn", "")); err != nil || reply.RootID != asked {
		t.Errorf("%+v, %v", reply, err)
	}
	w.sim.Recall(asked)
	if _, err := w.Reply(t.Context(), asked, TextMessage("còn", "")); verdictOf(err) != "permanent" {
		t.Errorf("to a message that was taken back: %v", err)
	}
	if n := len(w.sim.Messages()); n != 3 {
		t.Errorf("%d messages", n)
	}
	if _, err := w.Send(t.Context(), "chat_id", "oc_other", TextMessage("x", "")); verdictOf(err) != "hold" {
		t.Errorf("to a group it is not in: %v", err)
	}
	if _, err := w.Send(t.Context(), "chat_id", "oc_sales", Message{Type: "text", Content: func() {}}); ClassOf(err) != Bug {
		t.Errorf("no JSON: %v", err)
	}
}

func TestUserIDs(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	ids, err := w.UserIDs(t.Context(), []string{"an@example.com", "nobody@example.com"})
	if err != nil || len(ids) != 1 || ids["an@example.com"] != "ou_an" {
		t.Errorf("%v, %v", ids, err)
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		`"plain"`: "plain", `[{"text":"a","type":"text"},{"text":"b","link":"https://x","type":"url"}]`: "ab", `[]`: "", `""`: "",
	} {
		if got, ok := Text(json.RawMessage(in)); !ok || got != want {
			t.Errorf("%s is %q, %t", in, got, ok)
		}
	}
	for _, in := range []string{`1`, `{"link":"x"}`, `[{"id":"ou_1"}]`, ``, `[1]`} {
		if got, ok := Text(json.RawMessage(in)); ok {
			t.Errorf("%s is taken for the text %q", in, got)
		}
	}
}

func TestUUIDv4(t *testing.T) {
	a := UUIDv4("a", "bc")
	if len(a) != 36 || a[14] != '4' || !strings.ContainsRune("89ab", rune(a[19])) {
		t.Errorf("%s is no UUIDv4", a)
	}
	if a != UUIDv4("a", "bc") || a == UUIDv4("ab", "c") || a == UUIDv4("abc") {
		t.Error("not the same for the same parts, or the same for others")
	}
}
