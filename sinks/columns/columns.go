// Package columns says which column a field of a record goes to by its name, where
// the configuration names none: in English or Vietnamese, with or without marks.
//
// It knows names only, and no destination. Everything in it is a pure function.
package columns

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// aliases are the names, beside its own, of the column that a field goes to; best
// first, and folded.
var aliases = map[string][]string{
	"phone":    {"sodienthoai", "sdt", "dienthoai", "phonenumber", "mobile", "tel"},
	"name":     {"hoten", "hovaten", "fullname", "tenkhachhang", "khachhang", "ten", "customer", "customername"},
	"email":    {"thudientu", "mail", "emailaddress", "diachiemail"},
	"address":  {"diachi"},
	"province": {"tinhthanhpho", "tinhthanh", "tinh", "thanhpho", "city"},
	"district": {"quanhuyen", "quan", "huyen"},
	"ward":     {"phuongxa", "phuong", "xa"},
	"country":  {"quocgia"},
	"note":     {"ghichu", "notes"},
	"message":  {"tinnhan", "noidung", "loinhan"},
	"text":     {"tinnhan", "noidung", "message"},
	"product":  {"sanpham"},
	"quantity": {"soluong"},
	"price":    {"gia", "dongia"},
	"amount":   {"sotien", "thanhtien"},
	"form":     {"bieumau", "formid"},
	"page":     {"trang", "landingpage", "trangdich"},
	"link":     {"duongdan", "lienket", "url"},
	"state":    {"trangthai", "status"},
	"flags":    {"canhbao", "luuy"},
	"consent":  {"dongy", "dongydieukhoan"},
	"ip":       {"diachiip", "ipaddress"},
	"source":   {"nguon"},
	"kind":     {"loai"},
	"occurred": {"thoigian", "thoidiem", "ngaygui", "ngay", "date", "time"},
	"received": {"ngaynhan", "thoigiannhan", "nhanluc", "receivedat"},
	"id":       {"recordid", "maban"},
}

// Fields are the fields whose columns have other names than their own, in order.
func Fields() []string {
	var out []string
	for f := range aliases {
		out = append(out, f)
	}
	slices.Sort(out)
	return out
}

// OfRecord are what a record has beside its fields, and so can be put into a column.
func OfRecord() []string { return []string{"id", "key", "kind", "source", "occurred", "received"} }

// No is the rank of a column that a field does not go to.
const No = 1 << 30

// Rank says how well column suits a field: 0 is the field's own name, [No] not at all.
func Rank(field, column string) int {
	if field == column {
		return 0
	}
	f, c := Fold(field), Fold(column)
	switch {
	case c == "":
		return No
	case c == f:
		return 1
	}
	if i := slices.Index(aliases[field], c); i >= 0 {
		return 2 + i
	}
	return No
}

// Fold is a name without case, marks, spaces and signs: "Số điện thoại" is
// sodienthoai.
func Fold(name string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(name) {
		switch r = unicode.ToLower(r); {
		case r == 'đ':
			b.WriteByte('d')
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Heading is a column's name as a person compares it: spaces around and inside are
// easily overlooked, and so is which of two encodings an accent has.
func Heading(name string) string {
	return strings.Join(strings.Fields(norm.NFC.String(name)), " ")
}
