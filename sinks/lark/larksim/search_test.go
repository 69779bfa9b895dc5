package larksim_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"mekong/sinks/lark/larksim"
)

// people are the rows of the search tests; the first column is what is found.
var people = []map[string]any{
	{"Tên": "an", "Số": 10, "Chọn": "Mới", "Nhãn": []string{"A", "B"}, "Ngày": start.UnixMilli(), "Xong": true, "Người": []map[string]string{{"id": "ou_an"}}, "Điện thoại": "+84900000000"},
	{"Tên": "bình", "Số": 20, "Chọn": "Cũ", "Nhãn": []string{"A"}, "Ngày": start.AddDate(0, 0, -1).UnixMilli(), "Trang": map[string]string{"text": "Xem", "link": "https://example.com"}},
	{"Tên": "chi", "Số": 30, "Ngày": start.AddDate(0, 0, 1).UnixMilli(), "Xong": false},
	{"Tên": "dung"},
}

func peopled(t *testing.T) *world {
	w := newWorld(t, larksim.Options{})
	for _, p := range people {
		w.create(p)
	}
	return w
}

// names is the first column of what a read found.
func names(t *testing.T, a answer) string {
	t.Helper()
	var d struct {
		Total int
		Items []struct{ Fields map[string]any }
	}
	a.into(t, &d)
	var out []string
	for _, it := range d.Items {
		switch v := it.Fields["Tên"].(type) {
		case string:
			out = append(out, v)
		case []any:
			out = append(out, v[0].(map[string]any)["text"].(string))
		}
	}
	if d.Total != len(out) {
		t.Errorf("total %d, %d rows", d.Total, len(out))
	}
	return strings.Join(out, " ")
}

func TestFilters(t *testing.T) {
	w := peopled(t)
	for _, c := range []struct {
		field, op string
		value     []string
		want      string
		code      int
	}{
		{"Tên", "is", []string{"an"}, "an", 0},
		{"Tên", "isNot", []string{"an"}, "bình chi dung", 0},
		{"Tên", "contains", []string{"n"}, "an bình dung", 0},
		{"Tên", "doesNotContain", []string{"n"}, "chi", 0},
		{"Tên", "isEmpty", []string{}, "", 0},
		{"Tên", "is", []string{}, "", 1254018},
		{"Tên", "is", []string{"a", "b"}, "", 1254018},
		{"Tên", "isEmpty", nil, "", 1254018},
		{"Tên", "isGreater", []string{"a"}, "", 1254018},
		{"Tên", "like", []string{"a"}, "", 1254018},
		{"Tên", "in", []string{"a"}, "", 1254018},
		{"Không", "is", []string{"a"}, "", 1254018},
		{"Số", "is", []string{"20"}, "bình", 0},
		{"Số", "isNot", []string{"20"}, "an chi dung", 0},
		{"Số", "isGreater", []string{"10"}, "bình chi", 0},
		{"Số", "isGreaterEqual", []string{"20.0"}, "bình chi", 0},
		{"Số", "isLess", []string{"20"}, "an", 0},
		{"Số", "isLessEqual", []string{"20"}, "an bình", 0},
		{"Số", "isEmpty", []string{}, "dung", 0},
		{"Số", "is", []string{"x"}, "", 1254018},
		{"Số", "contains", []string{"1"}, "", 1254018},
		{"Chọn", "is", []string{"Mới"}, "an", 0},
		{"Chọn", "isNot", []string{"Mới"}, "bình chi dung", 0},
		{"Chọn", "contains", []string{"Mới", "Cũ"}, "an bình", 0},
		{"Chọn", "doesNotContain", []string{"Mới", "Cũ"}, "chi dung", 0},
		{"Chọn", "isEmpty", []string{}, "chi dung", 0},
		{"Nhãn", "is", []string{"B", "A"}, "an", 0},
		{"Nhãn", "contains", []string{"A"}, "an bình", 0},
		{"Nhãn", "isNotEmpty", []string{}, "an bình", 0},
		{"Ngày", "is", []string{"ExactDate", fmt.Sprint(start.UnixMilli() - 3_600_000)}, "an", 0},
		{"Ngày", "is", []string{"Today"}, "an", 0},
		{"Ngày", "is", []string{"Yesterday"}, "bình", 0},
		{"Ngày", "is", []string{"Tomorrow"}, "chi", 0},
		{"Ngày", "is", []string{"TheLastWeek"}, "an bình", 0},
		{"Ngày", "is", []string{"CurrentWeek"}, "an bình chi", 0},
		{"Ngày", "is", []string{"LastMonth"}, "", 0},
		{"Ngày", "isGreater", []string{"Today"}, "chi", 0},
		{"Ngày", "isLess", []string{"Today"}, "bình", 0},
		{"Ngày", "isEmpty", []string{}, "dung", 0},
		{"Ngày", "isNot", []string{"Today"}, "", 1254018},
		{"Ngày", "isGreaterEqual", []string{"Today"}, "", 1254018},
		{"Ngày", "is", []string{"Someday"}, "", 1254018},
		{"Ngày", "is", []string{"ExactDate", "x"}, "", 1254018},
		{"Xong", "is", []string{"true"}, "an", 0},
		{"Xong", "is", []string{"false"}, "bình chi dung", 0},
		{"Xong", "is", []string{"1"}, "", 1254018},
		{"Xong", "isEmpty", []string{}, "", 1254018},
		{"Người", "contains", []string{"ou_an"}, "an", 0},
		{"Người", "isEmpty", []string{}, "bình chi dung", 0},
		{"Điện thoại", "is", []string{"+84900000000"}, "an", 0},
		{"Trang", "is", []string{"Xem"}, "bình", 0},
		{"STT", "is", []string{"3"}, "chi", 0},
		{"Tạo lúc", "is", []string{"Today"}, "an bình chi dung", 0},
		{"Tạo bởi", "is", []string{appID}, "an bình chi dung", 0},
		{"Công thức", "is", []string{"x"}, "", 1254018},
		{"Tệp", "is", []string{"x"}, "", 1254018},
		{"Tệp", "isEmpty", []string{}, "an bình chi dung", 0},
		{"Tên", "contains", slices.Repeat([]string{"x"}, 11), "", 1254018},
	} {
		t.Run(fmt.Sprint(c.field, " ", c.op, " ", c.value), func(t *testing.T) {
			cond := map[string]any{"field_name": c.field, "operator": c.op}
			if c.value != nil {
				cond["value"] = c.value
			}
			for _, conj := range []string{"and", "or"} {
				a := w.do("POST", w.records("/search"), map[string]any{"filter": map[string]any{"conjunction": conj, "conditions": []any{cond}}})
				a.want(t, c.code)
				if c.code == 0 {
					if got := names(t, a); got != c.want {
						t.Errorf("%s: found %q, want %q", conj, got, c.want)
					}
				}
			}
		})
	}
}

func TestFilterTrees(t *testing.T) {
	w := peopled(t)
	is := func(field, value string) any {
		return map[string]any{"field_name": field, "operator": "is", "value": []string{value}}
	}
	many := make([]any, 51)
	for i := range many {
		many[i] = is("Tên", fmt.Sprint("no", i))
	}
	fifty := append(slices.Clone(many[:48]), is("Tên", "an"), is("Số", "30"))
	for _, c := range []struct {
		name   string
		filter any
		want   string
		code   int
	}{
		{"fifty keys", map[string]any{"conjunction": "or", "conditions": fifty}, "an chi", 0},
		{"fifty-one", map[string]any{"conjunction": "or", "conditions": many}, "", 1254018},
		{"children", map[string]any{"conjunction": "and", "conditions": []any{is("Xong", "false")}, "children": []any{
			map[string]any{"conjunction": "or", "conditions": []any{is("Tên", "an"), is("Tên", "chi")}}}}, "chi", 0},
		{"grandchildren", map[string]any{"conjunction": "and", "children": []any{map[string]any{"conjunction": "or",
			"children": []any{map[string]any{"conjunction": "or", "conditions": []any{is("Tên", "an")}}}}}}, "", 1254018},
		{"no conjunction", map[string]any{"conditions": []any{is("Tên", "an")}}, "", 1254018},
		{"not an object", "Tên", "", 1254018},
		{"value not a list", map[string]any{"conjunction": "and", "conditions": []any{map[string]any{"field_name": "Số", "operator": "is", "value": 3}}}, "", 1254018},
		{"empty", map[string]any{}, "an bình chi dung", 0},
		{"null", nil, "an bình chi dung", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := w.do("POST", w.records("/search"), map[string]any{"filter": c.filter})
			a.want(t, c.code)
			if c.code == 0 && names(t, a) != c.want {
				t.Errorf("found %q, want %q", names(t, a), c.want)
			}
		})
	}
}

func TestSortPagesAndNames(t *testing.T) {
	w := peopled(t)
	by := func(field string, desc bool) map[string]any {
		return map[string]any{"sort": []any{map[string]any{"field_name": field, "desc": desc}}}
	}
	for _, c := range []struct {
		body map[string]any
		want string
		code int
	}{
		{by("Số", true), "chi bình an dung", 0},
		{by("Số", false), "an bình chi dung", 0},
		{by("Tên", true), "dung chi bình an", 0},
		{by("Ngày", false), "bình an chi dung", 0},
		{by("Không", false), "", 1254016},
		{map[string]any{"field_names": []string{"Tên"}}, "an bình chi dung", 0},
		{map[string]any{"field_names": []string{"Không"}}, "", 1254024},
		{map[string]any{"view_id": "vewnone"}, "", 1254042},
		{map[string]any{"view_id": "x"}, "", 1254005},
		{map[string]any{"view_id": "x", "sort": by("Số", false)["sort"]}, "an bình chi dung", 0},
	} {
		a := w.do("POST", w.records("/search"), c.body)
		a.want(t, c.code)
		if c.code == 0 && names(t, a) != c.want {
			t.Errorf("%v: found %q, want %q", c.body, names(t, a), c.want)
		}
	}
	// The page is asked for in the query; in the body it means nothing.
	if got := names(t, w.do("POST", w.records("/search"), map[string]any{"page_size": 1})); got != "an bình chi dung" {
		t.Errorf("page_size in the body was minded: %q", got)
	}
	var all []string
	token := ""
	for {
		a := w.do("POST", w.records("/search?page_size=3&page_token="+token), nil)
		a.want(t, 0)
		var d struct {
			More  bool   `json:"has_more"`
			Token string `json:"page_token"`
			Total int
			Items []struct {
				ID string `json:"record_id"`
			}
		}
		a.into(t, &d)
		for _, it := range d.Items {
			all = append(all, it.ID)
		}
		if d.Total != 4 || d.More != (d.Token != "") {
			t.Fatalf("page: %s", a.Data)
		}
		if token = d.Token; !d.More {
			break
		}
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != 4 {
		t.Errorf("pages show %v", all)
	}
	w.do("POST", w.records("/search?page_token=nonsense"), nil).want(t, 1254030)
	w.do("POST", w.records("/search?page_size=0"), nil).want(t, 1254011)
	w.do("POST", w.records("/search?page_size=x"), nil).want(t, 99992402)
	w.SetOldStatus(true)
	w.do("POST", w.records("/search?page_token=nonsense"), nil).want(t, 1254002)
}

func TestDeprecatedList(t *testing.T) {
	w := peopled(t)
	for _, c := range []struct {
		query, want string
		code        int
	}{
		{"", "an bình chi dung", 0},
		{`filter=CurrentValue.[Tên]="an"`, "an", 0},
		{`filter=CurrentValue.[Tên]!="an"`, "bình chi dung", 0},
		{`filter=OR(CurrentValue.[Số]>=20, CurrentValue.[Chọn] = "Mới")`, "an bình chi", 0},
		{`filter=AND(CurrentValue.[Số]<30,NOT(CurrentValue.[Tên]="an"))`, "bình", 0},
		{`filter=CurrentValue.[Tên].contains("ch", "un")`, "chi dung", 0},
		{`filter=CurrentValue.[Số]=""`, "dung", 0},
		{`filter=CurrentValue.[Không]="x"`, "", 1254018},
		{`filter=CurrentValue.[Tên]>"x"`, "", 1254018},
		{`filter=Tên="x"`, "", 1254018},
		{`filter=AND(CurrentValue.[Tên]="x"`, "", 1254018},
		{"filter=" + strings.Repeat("x", 2001), "", 1254107},
		{`sort=["Số DESC"]`, "chi bình an dung", 0},
		{`sort=["Số"]`, "", 1254016},
		{"sort=" + strings.Repeat("x", 1001), "", 1254108},
		{`field_names=["Tên"]`, "an bình chi dung", 0},
		{`field_names=Tên`, "", 1254024},
		{`text_field_as_array=true`, "an bình chi dung", 0},
	} {
		k, v, _ := strings.Cut(c.query, "=")
		a := w.do("GET", w.records("?"+url.Values{k: {v}}.Encode()), nil)
		if a.Code != c.code {
			t.Errorf("%.60s: code %d, want %d", c.query, a.Code, c.code)
		} else if c.code == 0 && names(t, a) != c.want {
			t.Errorf("%s: found %q, want %q", c.query, names(t, a), c.want)
		}
	}
}
