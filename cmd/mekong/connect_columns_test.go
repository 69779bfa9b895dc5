package main

import (
	"testing"

	"mekong/sinks/lark"
)

func TestPropose(t *testing.T) {
	for name, c := range map[string]struct {
		kind        int
		field, word string
	}{
		"Số điện thoại":         {lark.TypePhone, "phone", sure},
		"SĐT":                   {lark.TypeText, "phone", sure},
		"Phone number":          {lark.TypePhone, "phone", sure},
		"Số điện thoại khách":   {lark.TypePhone, "phone", likely},
		"Customer phone":        {lark.TypeText, "phone", likely},
		"Điện thoại":            {lark.TypeNumber, "phone", likely}, // a number loses the leading 0
		"Họ và tên":             {lark.TypeText, "name", sure},
		"HỌ TÊN":                {lark.TypeText, "name", sure},
		"Ho\u0323 te\u0302n":    {lark.TypeText, "name", sure}, // the other encoding of the same
		"Tên khóa học":          {lark.TypeText, "Tên khóa học", perhaps},
		"Nguồn khách hàng":      {lark.TypeSingleSelect, "source", likely},
		"Loại khách hàng":       {lark.TypeSingleSelect, "", ""},
		"Ngày nhận":             {lark.TypeDateTime, "received", sure},
		"Ngày đăng ký":          {lark.TypeDateTime, "occurred", sure},
		"utm_campaign":          {lark.TypeText, "utm_campaign", sure},
		"Chiến dịch":            {lark.TypeText, "utm_campaign", sure},
		"Địa chỉ":               {lark.TypeText, "Địa chỉ", perhaps},
		"Tệp":                   {lark.TypeAttachment, "", "nothing in a lead is one"},
		"Số thứ tự":             {lark.TypeAutoNumber, "", "filled by Lark"},
		"Email ":                {lark.TypeText, "", "its name has a space or line break at its end: rename it to use it"},
		"Mekong ID":             {lark.TypeText, "", "filled by Mekong: which lead the row is"},
		"Đã gọi":                {lark.TypeCheckbox, "", ""},
		"客户":                    {lark.TypeText, "", ""},
		"":                      {lark.TypeText, "", ""},
		"Người phụ trách email": {lark.TypePerson, "", ""},
	} {
		got := propose([]column{larkColumn(lark.Field{Name: name, Type: c.kind})}, "Mekong ID")
		if len(got) != 1 || got[0].Field != c.field || got[0].Word != c.word {
			t.Errorf("%q: %+v, want %q %q", name, got, c.field, c.word)
		}
	}
}

// A field goes to one column, the one that fits best, whatever the order.
func TestProposeOnce(t *testing.T) {
	a := larkColumn(lark.Field{Name: "Số điện thoại phụ", Type: lark.TypePhone})
	b := larkColumn(lark.Field{Name: "Số điện thoại", Type: lark.TypePhone})
	c := larkColumn(lark.Field{Name: "Phone", Type: lark.TypePhone})
	for _, columns := range [][]column{{a, b, c}, {b, c, a}, {b, a, c}} {
		n := 0
		for _, p := range propose(columns, "") {
			if p.Field == "phone" {
				n++
				if p.Column.name != b.name || p.Word != sure {
					t.Errorf("it is %q %s", p.Column.name, p.Word)
				}
			} else if p.Field != "" || p.Word != "" {
				t.Errorf("%q goes to %q (%s)", p.Field, p.Column.name, p.Word)
			}
		}
		if n != 1 {
			t.Errorf("the phone goes to %d", n)
		}
	}
}

func FuzzPropose(f *testing.F) {
	f.Add("Số điện thoại", 13, "Phone", 1)
	f.Add("\xff", 0, "", -1)
	f.Fuzz(func(t *testing.T, a string, ka int, b string, kb int) {
		got := propose([]column{larkColumn(lark.Field{Name: a, Type: ka}), larkColumn(lark.Field{Name: b, Type: kb})}, "Mekong ID")
		if len(got) != 2 || got[0].Field != "" && got[0].Field == got[1].Field {
			t.Errorf("%+v", got)
		}
		for _, p := range got {
			if p.Field != "" && p.Word == "" {
				t.Errorf("%+v has no word", p)
			}
		}
	})
}
