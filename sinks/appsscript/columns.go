package appsscript

import (
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// versionHeader is the script's own; see Code.gs.
const versionHeader = "Mekong version"

// column is one that the script is asked to find, and to make when it is not there.
type column struct {
	Header string   `json:"header"`
	Names  []string `json:"names,omitempty"` // other names that it may go by, folded
	Make   bool     `json:"make,omitempty"`

	fields []string // what goes there: the first that has something
}

// guessed is a column whose header may also be another name of the field. Names is
// there even if it is empty: it allows for accents.
type guessed struct {
	Header string   `json:"header"`
	Names  []string `json:"names"`
	Make   bool     `json:"make,omitempty"`
}

// aliases are the names, beside its own, of the column that a field goes to where the
// configuration names no columns; best first, without case, accents, spaces and signs.
// Names of columns that people keep for themselves, such as Trạng thái, are not among
// them.
var aliases = map[string][]string{
	"phone":    {"sodienthoai", "sdt", "dienthoai", "phonenumber", "mobile", "tel"},
	"name":     {"hoten", "hovaten", "fullname", "tenkhachhang", "khachhang", "ten", "customername"},
	"email":    {"thudientu", "mail", "emailaddress", "diachiemail"},
	"address":  {"diachi"},
	"province": {"tinhthanhpho", "tinhthanh", "tinh", "thanhpho", "city"},
	"district": {"quanhuyen", "quan", "huyen"},
	"ward":     {"phuongxa", "phuong", "xa"},
	"country":  {"quocgia"},
	"message":  {"tinnhan", "noidung", "loinhan"},
	"text":     {"tinnhan", "noidung"},
	"product":  {"sanpham"},
	"quantity": {"soluong"},
	"price":    {"gia", "dongia"},
	"amount":   {"sotien", "thanhtien"},
	"form":     {"bieumau"},
	"page":     {"trang", "landingpage", "trangdich"},
	"link":     {"duongdan", "lienket", "url"},
	"consent":  {"dongy", "dongydieukhoan"},
	"source":   {"nguon"},
	"occurred": {"thoigian", "thoidiem", "ngaygui"},
	"received": {"ngaynhan", "thoigiannhan", "nhanluc"},
}

// ofRecord are what a record has beside its fields, and goes into a column of its name
// without being asked for. Only received gets a column when there is none: whoever
// looks at a sheet wants to know since when a row is there.
var ofRecord = []string{"received", "occurred", "source"}

// columns are those that entries need, and how many values have no header to go under.
func (s *Sink) columns(entries []*entry) (list []*column, left int) {
	if len(s.conf.Columns) > 0 {
		for _, header := range slices.Sorted(maps.Keys(s.conf.Columns)) {
			list = append(list, &column{Header: header, Make: true, fields: []string{s.conf.Columns[header]}})
		}
		return list, 0
	}
	has := map[string]int{}
	for _, e := range entries {
		for field, v := range e.record.Fields {
			if c, _ := cell(v); c != nil {
				has[field]++
			}
		}
	}
	by := map[string]*column{}
	add := func(field string, make bool) bool {
		h := header(field)
		if h == "" || h == heading(s.conf.KeyColumn) || h == versionHeader {
			return false
		}
		if c := by[h]; c != nil {
			c.fields = append(c.fields, field)
			return true
		}
		names := aliases[field]
		if names == nil {
			names = []string{}
		}
		by[h] = &column{Header: h, Names: names, Make: make, fields: []string{field}}
		list = append(list, by[h])
		return true
	}
	if has["received"] == 0 {
		add("received", true)
	}
	for _, field := range slices.Sorted(maps.Keys(has)) {
		if !add(field, true) {
			left += has[field]
		}
	}
	for _, field := range ofRecord[1:] {
		if has[field] == 0 {
			add(field, false)
		}
	}
	return list, left
}

// header is the header of the column that is made for a field.
func header(field string) string {
	h := heading(strings.ReplaceAll(strings.ToValidUTF8(field, "\uFFFD"), "\x00", ""))
	if len(h) > maxHeader {
		h = heading(strings.ToValidUTF8(h[:maxHeader], ""))
	}
	return h
}

// heading compares headers as a person does: spaces around and inside are easily
// overlooked, and so is which of two encodings an accent has.
func heading(name string) string {
	return strings.Join(strings.Fields(norm.NFC.String(name)), " ")
}
